"""A long run of many calls: memory, descriptors and threads must not grow.

    python -m tests.benchmarks.soak [--quick] [--json] [--minutes N] [--calls N]

A real bridge takes so many faxes at a time, one after the other, of good and of bad callers:
one in eight hangs up in the middle of a fax. Its processes are measured all the while.
"""

import argparse
import asyncio
import json
import random
import resource
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from spandsp_bridge import log
from spandsp_bridge.demo.stack import Stack
from spandsp_bridge.store.migrate import migrate
from tests.benchmarks.engine import dense_document, memory_kb, tree
from tests.benchmarks.kill import DDI, VIRTUAL_FAX, WORLD
from tests.support.peers.fax_caller import FaxCaller, bridge_service, fax_caller

PORT = 26060
BRIDGE, CALLERS = ("127.0.0.60", PORT + 1), ("127.0.0.61", PORT)


def sample(root: int) -> dict[str, int]:
    """Return what the processes of a bridge hold now."""
    pids = tree(root)
    return {
        "memory_mb": sum(memory_kb(pid) for pid in pids) // 1024,
        "control_mb": memory_kb(root) // 1024,
        "descriptors": sum(len(list(Path(f"/proc/{pid}/fd").iterdir())) for pid in pids),
        "threads": sum(len(list(Path(f"/proc/{pid}/task").iterdir())) for pid in pids),
        "processes": len(pids),
    }


async def keep_faxing(
    caller: FaxCaller,
    documents: list[Path],
    until: float,
    dice: random.Random,
    count: dict[str, int],
) -> None:
    """Send one fax after the other."""
    await asyncio.sleep(dice.uniform(0, 40))
    while time.monotonic() < until:
        fax = asyncio.create_task(caller.fax(dice.choice(documents)))
        if dice.random() < 1 / 8:
            await asyncio.wait([fax], timeout=dice.uniform(0, 40))
            fax.cancel()
            await asyncio.wait([fax])
            count["broken off"] += 1
            continue
        result = await fax
        count["failed" if result.failed else "sent"] += 1
        if result.failed:
            count[f"failed: {result.failed}"] = count.get(f"failed: {result.failed}", 0) + 1
        count["pages"] += result.pages


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="end in under a minute")
    parser.add_argument("--json", action="store_true", help="print one JSON object last")
    parser.add_argument("--minutes", type=float, help="how long; one hour by default")
    parser.add_argument("--calls", type=int, default=200, help="how many at a time")
    arguments = parser.parse_args()
    minutes = arguments.minutes or (0.5 if arguments.quick else 60.0)
    log.configure("error")
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    samples: list[dict[str, int]] = []
    count = {"sent": 0, "failed": 0, "broken off": 0, "pages": 0}
    with tempfile.TemporaryDirectory(prefix="vfax-soak-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        documents = [folder / f"{number}.tif" for number in range(3)]
        for number, path in enumerate(documents):
            dense_document(path, 1 + number % 2, number)
        stack = Stack(folder / "var", PORT)
        for part in ("log", "run", "spool", "sending"):
            (stack.var / part).mkdir(parents=True)
        try:
            await stack.start_postgres()
            await stack.start_redis()
            await migrate(stack.database_url)
            with psycopg.connect(stack.database_url, autocommit=True) as connection:
                connection.execute("set role vfax_service")
                connection.execute(WORLD)
            bridge = bridge_service(
                stack, "soak", BRIDGE, CALLERS,
                VFAX_MEDIA_PORTS="47000-48999", VFAX_MAX_CALLS="1000",
            )  # fmt: skip
            await stack.supervisor.start(bridge)
            assert bridge.process is not None
            began = time.monotonic()
            until = began + 60 * minutes
            async with fax_caller(
                CALLERS, BRIDGE, (49000, 50999), virtual_fax=VIRTUAL_FAX, ddi=DDI
            ) as caller:
                calls = [
                    asyncio.create_task(
                        keep_faxing(caller, documents, until, random.Random(number), count)
                    )
                    for number in range(arguments.calls)
                ]
                with Progress(console=Console(stderr=True), transient=True) as progress:
                    bar = progress.add_task("minutes", total=minutes)
                    while not all(call.done() for call in calls):
                        await asyncio.sleep(min(10.0, 6 * minutes))
                        samples.append(await asyncio.to_thread(sample, bridge.process.pid))
                        progress.update(bar, completed=(time.monotonic() - began) / 60)
                await asyncio.gather(*calls)
            await asyncio.sleep(5)
            after = sample(bridge.process.pid)
        finally:
            await stack.stop()
    figures = summary(samples, after, count, minutes)
    table = Table(
        title=f"{minutes:g} minutes, {arguments.calls} calls at a time", title_justify="left"
    )
    many = len(figures["threads"]["sixths"])
    for column in ("", *(f"sixth {n + 1}" for n in range(many)), "all calls over"):
        table.add_column(column, justify="right")
    for held in after:
        sixths = (f"{value:g}" for value in figures[held]["sixths"])
        table.add_row(held, *sixths, str(figures[held]["after"]))
    console = Console(width=110)
    console.print(table)
    console.print(count)
    if arguments.json:
        print(json.dumps(figures))
    return 1 if count["failed"] else 0


def summary(
    samples: list[dict[str, int]], after: dict[str, int], count: dict[str, int], minutes: float
) -> dict[str, Any]:
    """Compare the median of each sixth; the first one has the warming up in it."""
    sixth = max(1, len(samples) // 6)
    figures: dict[str, Any] = {"minutes": minutes, **count}
    for held in after:
        sixths = [
            statistics.median(s[held] for s in samples[start : start + sixth])
            for start in range(0, max(1, len(samples) - sixth + 1), sixth)
        ]
        figures[held] = {"sixths": sixths[:6], "after": after[held]}
    return figures


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
