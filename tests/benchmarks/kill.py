"""Kill bridges at random moments, and count: every page that was confirmed has to be there.

    python -m tests.benchmarks.kill [--quick] [--json] [--kills N]

Callers fax to bridges that are killed (`kill -9`): the whole bridge, one engine process of it,
or the process that those are forked from. A caller knows which pages were confirmed to it
(MCF). After each kill the bridge comes back, its spool goes into PostgreSQL, and the pages
kept are held against the pages confirmed.
"""

import argparse
import asyncio
import json
import os
import random
import signal
import sys
import tempfile
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from PIL import Image
from rich.console import Console
from rich.progress import Progress, TaskID
from rich.table import Table

from spandsp_bridge import log
from spandsp_bridge.demo.stack import Stack
from spandsp_bridge.demo.supervisor import Service
from spandsp_bridge.store.migrate import migrate
from tests.benchmarks.engine import tree
from tests.support.peers.fax_caller import FaxCaller, Sent, bridge_service, fax_caller

PORT = 28060
CALLS = 6  #: at a time, at each bridge
PAGES = 5
BRIDGES = 12  #: at most, side by side
VIRTUAL_FAX = 900
DDI = "+34919000001"
WORLD = """
insert into brands (id, name) overriding system value values (900, 'Killed');
insert into companies (id, brand_id, name) overriding system value values (900, 900, 'Killed');
insert into virtual_faxes (id, brand_id, company_id, name)
    overriding system value values (900, 900, 900, 'killed');
"""


@dataclass
class Tally:
    """What became of the pages."""

    kills: dict[str, int] = field(default_factory=dict)
    calls: int = 0
    confirmed: int = 0  #: pages whose MCF reached the caller
    kept: int = 0  #: pages in PostgreSQL
    unheard: int = 0  #: pages kept whose MCF did not reach the caller any more
    lost: int = 0
    twice: int = 0  #: calls that are there more than once


def document(path: Path) -> None:
    """Write a fax of small pages, two seconds each."""
    images = []
    for number in range(PAGES):
        image = Image.new("1", (1728, 500), 1)
        image.paste(0, (100 * number, 50, 100 * number + 300, 120))
        images.append(image)
    images[0].save(path, compression="group4", save_all=True, append_images=images[1:],
                   dpi=(204, 196), tiffinfo={278: 500})  # fmt: skip


def stored(stack: Stack, call_ids: list[str]) -> dict[str, list[int]]:
    """Return the pages of each fax that a call brought."""
    found: dict[str, list[int]] = {}
    with psycopg.connect(stack.database_url) as connection:
        connection.execute("set role vfax_service")
        for call_id, pages in connection.execute(
            "select a.sip_call_id, (select count(*) from pages p where p.fax_id = f.id)"
            " from attempts a join faxes f on f.id = a.fax_id where a.sip_call_id = any(%s)",
            [call_ids],
        ):
            found.setdefault(call_id, []).append(pages)
    return found


async def emptied(stack: Stack, name: str) -> None:
    """Wait until a bridge's spool is empty."""
    spool = stack.var / "spool" / name
    async with asyncio.timeout(60):
        while any(spool.iterdir()):
            await asyncio.sleep(0.1)


def victim(bridge: Service, dice: random.Random) -> tuple[str, int]:
    """Choose whom to kill."""
    assert bridge.process is not None
    root, *below = tree(bridge.process.pid)
    if len(below) < 2:  # a killed parent is only replaced when another engine has to be forked
        return "bridge", root
    parent, *engines = below
    kind = dice.choices(["bridge", "engine", "parent of engines"], [6, 3, 1])[0]
    pids = {"bridge": root, "parent of engines": parent, "engine": dice.choice(engines)}
    return kind, pids[kind]


async def restarted(stack: Stack, bridge: Service) -> None:
    """Wait for the end of a killed bridge, and start it again."""
    assert bridge.process is not None
    await bridge.process.wait()
    await stack.supervisor.stop(bridge)
    await stack.supervisor.start(bridge)


async def storm(
    stack: Stack, number: int, kills: int, tiff: Path, tally: Tally, progress: Progress, bar: TaskID
) -> None:
    """Kill one bridge so many times while it receives."""
    dice = random.Random(number)
    host = f"127.0.0.{20 + number}"
    listen, caller_at = (host, PORT + 1), (f"127.0.0.{40 + number}", PORT)
    name = f"killed-{number}"
    bridge = bridge_service(stack, name, listen, caller_at, VFAX_ENGINE_PROCESSES="4")
    await stack.supervisor.start(bridge)
    ports = (30000, 33999)
    async with fax_caller(
        caller_at, listen, ports, virtual_fax=VIRTUAL_FAX, ddi=DDI, processes=2
    ) as caller:
        for _ in range(kills):
            sent = await one_kill(stack, bridge, caller, tiff, dice, tally)
            await emptied(stack, name)
            count(stack, sent, tally)
            progress.advance(bar)
    await stack.supervisor.stop(bridge)


async def one_kill(
    stack: Stack, bridge: Service, caller: FaxCaller, tiff: Path, dice: random.Random, tally: Tally
) -> list[Sent]:
    """Fax, kill at a random moment of the faxes, wait for the end of all calls."""
    page = asyncio.Event()

    async def on_page() -> None:
        page.set()

    calls = []
    for _ in range(CALLS):
        calls.append(asyncio.create_task(caller.fax(tiff, on_page)))
        await asyncio.sleep(dice.uniform(0, 0.3))
    if dice.random() < 0.5:  # around a confirmation, where it hurts most
        await asyncio.wait([asyncio.create_task(page.wait())], timeout=20)
        await asyncio.sleep(dice.uniform(0, 3))
    else:
        await asyncio.sleep(dice.uniform(0.5, 14))
    kind, pid = victim(bridge, dice)
    os.kill(pid, signal.SIGKILL)
    tally.kills[kind] = tally.kills.get(kind, 0) + 1
    if kind == "bridge":
        await restarted(stack, bridge)
    return list(await asyncio.gather(*calls))


def count(stack: Stack, sent: list[Sent], tally: Tally) -> None:
    """Hold what is stored against what was confirmed."""
    kept = stored(stack, [s.call_id for s in sent])
    for call in sent:
        pages = kept.get(call.call_id, [])
        tally.calls += 1
        tally.confirmed += call.pages
        tally.kept += sum(pages)
        tally.twice += len(pages) > 1
        tally.lost += max(0, call.pages - sum(pages))
        tally.unheard += max(0, sum(pages) - call.pages)


async def run(stack: Stack, kills: int, bridges: int, folder: Path) -> Tally:
    """Run storms side by side on a stack with PostgreSQL and Redis."""
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        connection.execute("set role vfax_service")
        connection.execute(WORLD)
    tiff = folder / "document.tif"
    document(tiff)
    tally = Tally()
    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("kills", total=kills)
        async with asyncio.TaskGroup() as group:
            for number in range(min(bridges, kills)):
                share = kills // bridges + (number < kills % bridges)
                group.create_task(storm(stack, number, share, tiff, tally, progress, bar))
    return tally


def figures(tally: Tally) -> dict[str, Any]:
    """Return the tally as flat figures."""
    values = asdict(tally)
    kinds = values.pop("kills")
    return {
        "kills": sum(kinds.values()),
        **{f"of {kind}": n for kind, n in kinds.items()},
        **values,
    }


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="end in under a minute")
    parser.add_argument("--json", action="store_true", help="print one JSON object last")
    parser.add_argument("--kills", type=int, help="how many")
    arguments = parser.parse_args()
    kills = arguments.kills or (4 if arguments.quick else 200)
    log.configure("error")
    with tempfile.TemporaryDirectory(prefix="vfax-kill-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        stack = Stack(folder / "var", PORT)
        for part in ("log", "run", "spool", "sending"):
            (stack.var / part).mkdir(parents=True)
        try:
            await stack.start_postgres()
            await stack.start_redis()
            await migrate(stack.database_url)
            result = figures(await run(stack, kills, BRIDGES, folder))
        finally:
            await stack.stop()
    table = Table(title="Pages through killed bridges", title_justify="left")
    for column in result:
        table.add_column(column, justify="right")
    table.add_row(*(str(value) for value in result.values()))
    Console().print(table)
    if arguments.json:
        print(json.dumps(result))
    return 1 if result["lost"] or result["twice"] else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
