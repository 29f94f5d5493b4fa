"""Kill sending workers at random, and count what the receiving machines have of each fax.

    python -m tests.benchmarks.kill_worker [--quick] [--json] [--kills N]

A broadcast, one worker process that is killed (`kill -9`) again and again and started
anew, and fax machines that write down which pages of which fax they got. At the end each fax
is done, or says why not; none is there twice with all its pages.
"""

import argparse
import asyncio
import json
import os
import random
import signal
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psycopg
from fpdf import FPDF
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from spandsp_bridge import log
from spandsp_bridge.demo.probes import options_answered
from spandsp_bridge.demo.stack import Stack
from spandsp_bridge.demo.stack import vfax as vfax_command
from spandsp_bridge.demo.supervisor import Service
from spandsp_bridge.model import Finished, Media, PageDone, SessionOptions
from spandsp_bridge.native.client import EngineClient
from spandsp_bridge.sip.call import Refusal
from spandsp_bridge.sip.transport import LoopTimers, UdpTransport
from spandsp_bridge.sip.uas import IncomingCall
from spandsp_bridge.sip.user_agent import UserAgent
from spandsp_bridge.store.faxes import FaxStore
from spandsp_bridge.store.migrate import migrate
from spandsp_bridge.store.pool import Database
from spandsp_bridge.t38.negotiation import LocalMedia, read, t38_peer

PORT = 27960
WORKER, MACHINES = ("127.0.0.81", PORT + 1), ("127.0.0.82", PORT)
PAGES = 4
AT_A_TIME = 8
WORLD = """
insert into brands (id, name) overriding system value values (950, 'Killed');
insert into companies (id, brand_id, name) overriding system value values (950, 950, 'Killed');
insert into virtual_faxes (id, brand_id, company_id, name)
    overriding system value values (950, 950, 950, 'killed');
insert into ddis (id, brand_id, company_id, number, virtual_fax_id)
    overriding system value values (950, 950, 950, '+34919500001', 950);
update companies set outgoing_ddi_id = 950 where id = 950;
insert into retry_rules (brand_id, reason, action, delay, tries) values
    (950, 'worker_lost', 'retry', 1, 12), (950, 'receiver_call_dropped', 'retry', 1, 12),
    (950, 'engine_lost', 'retry', 1, 12);
"""


@dataclass
class Machines:
    """Fax machines that answer every call; they count the pages of each call, by fax."""

    engine: EngineClient
    folder: Path
    got: dict[int, list[int]] = field(default_factory=dict)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def take(self, call: IncomingCall) -> None:
        task = asyncio.create_task(self._receive(call))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _receive(self, call: IncomingCall) -> None:
        assert call.invite is not None
        fax = int(call.invite.headers.get("X-Vfax-Fax") or 0)
        calls = self.got.setdefault(fax, [])
        calls.append(0)
        mine = len(calls) - 1
        file = self.folder / f"{fax}-{mine}.tif"
        session = await self.engine.open(
            SessionOptions(file=file, sending=False, calling=False, silence_seconds=8)
        )
        local = LocalMedia(MACHINES[0], session.audio_port, session.t38_port)
        call.handler = _Owner(local)
        call.accept(local.audio())
        try:
            await call.acknowledged()
            description = read((await call.reinvite(local.image())).body)
            if description is None or description.t38 is None:
                return
            session.start(Media.T38, t38_peer(description.t38))
            async for event in session.events():
                if isinstance(event, PageDone):
                    session.page_verdict(durable=True)
                    calls[mine] = event.page
                if isinstance(event, Finished):
                    break
        except Exception as error:
            log_line = str(error)
            assert log_line
        finally:
            call.hang_up()
            session.close()
            file.unlink(missing_ok=True)


@dataclass
class _Owner:
    local: LocalMedia

    def on_offer(self, sdp: bytes) -> bytes | Refusal:
        return self.local.current if not sdp else Refusal(488)

    def on_ended(self, by_peer: bool, reason: str) -> None:
        pass


@asynccontextmanager
async def machines(folder: Path) -> AsyncIterator[Machines]:
    """Yield machines that the worker reaches as its outbound proxy."""
    transport = await UdpTransport.bind(MACHINES, {WORKER[0]})
    async with EngineClient(4, MACHINES[0], (34000, 37999)) as engine:
        made = Machines(engine, folder)
        agent = UserAgent(
            local=MACHINES, outbound_proxy=WORKER, send=transport.send, timers=LoopTimers(),
            on_call=made.take,
        )  # fmt: skip
        transport.serve(agent.receive)
        try:
            yield made
        finally:
            transport.close()


def document(path: Path) -> bytes:
    """Write a fax of a few words a page."""
    pdf = FPDF(format="A4")
    pdf.set_font("Times", "", 20)
    for number in range(PAGES):
        pdf.add_page()
        pdf.cell(0, 20, f"Page {number + 1}")
    pdf.output(str(path))
    return path.read_bytes()


def worker_service(stack: Stack) -> Service:
    """Return a worker that sends to the machines."""

    async def ready() -> bool:
        return await asyncio.to_thread(options_answered, *WORKER, MACHINES[0])

    return Service(
        name="worker",
        command=vfax_command("serve", "worker"),
        ready=ready,
        environment={
            **stack.environment("worker", WORKER),
            "VFAX_OUTBOUND_PROXY": f"{MACHINES[0]}:{MACHINES[1]}",
            "VFAX_SMTP_SERVER": "",
            "VFAX_MAX_CALLS": str(AT_A_TIME),
            "VFAX_ENGINE_PROCESSES": "4",
        },
    )


def states(stack: Stack) -> dict[str, int]:
    """Return how many faxes are in each state."""
    with psycopg.connect(stack.database_url) as connection:
        connection.execute("set role vfax_service")
        rows = connection.execute(
            "select status::text, count(*) from faxes where company_id = 950 group by 1"
        )
        return {str(status): int(count) for status, count in rows}


async def run(stack: Stack, kills: int, faxes: int, folder: Path) -> dict[str, Any]:
    """Kill the worker so many times while it sends; then let it finish."""
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        connection.execute("set role vfax_service")
        connection.execute(WORLD)
    original = document(folder / "document.pdf")
    async with Database(stack.database_url) as database:
        store = FaxStore(database)
        sender = await store.find_virtual_fax("950")
        destinations = [(f"+3460095{number:04d}", "") for number in range(faxes)]
        await store.submit_broadcast(sender, destinations, [("a.pdf", original)])
    dice = random.Random(7)
    worker = worker_service(stack)
    async with machines(folder) as receivers:
        await stack.supervisor.start(worker)
        with Progress(console=Console(stderr=True), transient=True) as progress:
            bar = progress.add_task("kills", total=kills)
            for _ in range(kills):
                await asyncio.sleep(dice.uniform(1, 9))
                assert worker.process is not None
                os.kill(worker.process.pid, signal.SIGKILL)
                await worker.process.wait()
                await stack.supervisor.stop(worker)
                await stack.supervisor.start(worker)
                progress.advance(bar)
            bar = progress.add_task("faxes done", total=faxes)
            async with asyncio.timeout(900):
                while (now := states(stack)).get("pending", 0) + now.get("inprogress", 0):
                    progress.update(bar, completed=faxes - now.get("pending", 0))
                    await asyncio.sleep(1)
        got = dict(receivers.got)
    await stack.supervisor.stop(worker)
    with psycopg.connect(stack.database_url) as connection:
        connection.execute("set role vfax_service")
        ends = connection.execute(
            "select id, status::text, pages_confirmed from faxes where company_id = 950"
        ).fetchall()
    whole = {fax: sum(pages == PAGES for pages in calls) for fax, calls in got.items()}
    return {
        "kills": kills,
        "faxes": faxes,
        "calls": sum(map(len, got.values())),
        "completed": sum(status == "completed" for _, status, _ in ends),
        "error": sum(status == "error" for _, status, _ in ends),
        "lost": faxes - len(ends),
        "pages received": sum(map(sum, got.values())),
        "pages again": sum(max(0, sum(calls) - PAGES) for calls in got.values()),
        "completed, pages missing": sum(
            status == "completed" and sum(got.get(fax, [])) < PAGES for fax, status, _ in ends
        ),
        "whole twice": sum(times > 1 for times in whole.values()),
    }


async def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="end in two minutes")
    parser.add_argument("--json", action="store_true", help="print one JSON object last")
    parser.add_argument("--kills", type=int, help="how many")
    arguments = parser.parse_args()
    kills = arguments.kills or (3 if arguments.quick else 100)
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
            result = await run(stack, kills, max(8, 2 * kills), folder)
        finally:
            await stack.stop()
    table = Table(title="Faxes through killed workers", title_justify="left")
    for column in result:
        table.add_column(column, justify="right")
    table.add_row(*(str(value) for value in result.values()))
    Console().print(table)
    if arguments.json:
        print(json.dumps(result))
    bad = result["lost"] + result["completed, pages missing"] + result["whole twice"]
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
