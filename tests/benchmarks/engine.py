"""The engine: concurrent faxes, CPU, memory and call set-ups of one bridge on one core.

    python -m tests.benchmarks.engine [--quick] [--json] [--calls N] [--pages N]

The bridge is the real one, pinned to one core with its engine processes, PostgreSQL and the
spool on disk; callers with engines of their own send real faxes over loopback from the other
core. In the same run: SpanDSP terminals back to back without sockets, as the limit.
"""

import argparse
import asyncio
import json
import os
import random
import resource
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

import psycopg
from PIL import Image, ImageDraw, ImageFont
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from spandsp_bridge import log
from spandsp_bridge.demo.stack import Stack
from spandsp_bridge.store.migrate import migrate
from tests.support.peers.fax_caller import FaxCaller, Sent, bridge_service, fax_caller

HERE = Path(__file__).parent
PORT = 28060
BRIDGE, CALLERS = ("127.0.0.2", PORT + 1), ("127.0.0.1", PORT)
HERTZ = os.sysconf("SC_CLK_TCK")
VARIANTS = 25  #: of the document
SENDERS = 16  #: engine processes of the callers


def dense_document(path: Path, pages: int, seed: int = 0) -> None:
    """Write pages of small print, 35 seconds each at 14400 bit/s on the average.

    The seed moves print from the first page to the last, so that the pages of many calls do
    not end at the same moments.
    """
    dice = random.Random(seed)
    font = ImageFont.load_default(24)
    images = []
    for page in range(pages):
        image = Image.new("1", (1728, 2290), 1)
        draw = ImageDraw.Draw(image)
        moved = seed % VARIANTS - VARIANTS // 2 if pages > 1 else 0
        rows = 30 + (moved if page == 0 else -moved if page == pages - 1 else 0)
        for row in range(rows):
            words = ("".join(dice.choices("abcdefghiklmnoprstuvw", k=dice.randint(2, 9)))
                     for _ in range(22))  # fmt: skip
            draw.text((60, 40 + 50 * row), " ".join(words), font=font, fill=0)
        images.append(image)
    images[0].save(path, compression="group4", save_all=True, append_images=images[1:],
                   dpi=(204, 196), tiffinfo={278: 2290})  # fmt: skip


# ---- the limit ------------------------------------------------------------------------


def in_memory(document: Path, calls: int, folder: Path) -> dict[str, float]:
    """Fax back to back without sockets; CPU figures of one core."""
    program = folder / "back_to_back"
    subprocess.run(
        ["gcc", "-O2", "-o", str(program), str(HERE / "back_to_back.c"), "-lspandsp"], check=True
    )
    output = subprocess.run(
        [str(program), str(document), str(folder / "limit.tif"), str(calls)],
        capture_output=True, text=True, check=True,
    ).stdout.split()  # fmt: skip
    pages, seconds, sender, receiver = map(float, output[1:])
    return {
        "sender_ms_per_call_second": round(1000 * sender / seconds, 3),
        "receiver_ms_per_call_second": round(1000 * receiver / seconds, 3),
        "sender_ms_per_page": round(1000 * sender / pages, 2),
        "receiver_ms_per_page": round(1000 * receiver / pages, 2),
        "call_seconds": round(seconds / calls, 1),
    }


# ---- what processes cost ------------------------------------------------------------------


def tree(root: int) -> list[int]:
    """Return a process and all its descendants."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        children.setdefault(int(fields[1]), []).append(int(stat.parent.name))
    found, queue = [], [root]
    while queue:
        pid = queue.pop()
        found.append(pid)
        queue += children.get(pid, [])
    return found


def cpu_seconds(pid: int) -> float:
    """Return the CPU time of one process, all its threads."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / HERTZ


def memory_kb(pid: int) -> int:
    """Return a process's share of memory (PSS)."""
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1])
    return 0


def cost(bridge: int) -> tuple[float, float]:
    """Return CPU seconds of (control, engine) of a bridge."""
    control, *engines = tree(bridge)
    return cpu_seconds(control), sum(cpu_seconds(pid) for pid in engines)


# ---- the calls -------------------------------------------------------------------------------


async def start_bridge(stack: Stack) -> int:
    """Start a bridge on the first core; return its process id."""
    await migrate(stack.database_url)
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        connection.execute("set role vfax_service")
        connection.execute("""
            insert into brands (id, name) overriding system value values (1, 'b');
            insert into companies (id, brand_id, name) overriding system value values (1, 1, 'c');
            insert into virtual_faxes (id, brand_id, company_id, name)
                overriding system value values (1, 1, 1, 'f')""")

    service = bridge_service(
        stack, "bridge", BRIDGE, CALLERS, prefix=("taskset", "-c", "0"),
        VFAX_MEDIA_PORTS="20000-27999", VFAX_MAX_CALLS="3000",
    )  # fmt: skip
    await stack.supervisor.start(service)
    assert service.process is not None
    return service.process.pid


async def concurrent(
    stack: Stack, bridge: int, documents: list[Path], pages: int, calls: int, rate: float
) -> dict[str, Any]:
    """Hold so many calls at a time, each with a whole fax; return the figures."""
    sent: list[Sent] = []
    seconds, callers_cpu = 0.0, 0.0
    began_cpu = cost(bridge)
    idle = sum(memory_kb(pid) for pid in tree(bridge))
    peak = idle

    async def one(caller: FaxCaller, document: Path) -> None:
        nonlocal seconds
        began = time.monotonic()
        sent.append(await caller.fax(document))
        seconds += time.monotonic() - began

    async with fax_caller(
        CALLERS, BRIDGE, (30000, 39999), virtual_fax=1, ddi="+34911000001", processes=SENDERS
    ) as caller:
        with Progress(console=Console(stderr=True), transient=True) as progress:
            bar = progress.add_task(f"{calls} calls", total=calls)
            tasks = []
            for number in range(calls):
                document = documents[number % len(documents)]
                task = asyncio.create_task(one(caller, document))
                task.add_done_callback(lambda _: progress.advance(bar))
                tasks.append(task)
                await asyncio.sleep(1 / rate)
            held = sum(not task.done() for task in tasks)
            while not all(task.done() for task in tasks):
                if sum(not task.done() for task in tasks) > held * 0.9:
                    now = await asyncio.to_thread(lambda: sum(memory_kb(p) for p in tree(bridge)))
                    peak = max(peak, now)
                await asyncio.sleep(2)
            await asyncio.gather(*tasks)
        callers_cpu = sum(cpu_seconds(pid) for pid in tree(os.getpid()) if pid in caller.pids)
    failed = [s.failed for s in sent if s.failed]
    confirmed = sum(s.pages for s in sent)
    over_cpu = cost(bridge)
    stored = await all_stored(stack, calls - len(failed))
    stored_cpu = cost(bridge)
    control, engine_cpu = (over - before for over, before in zip(over_cpu, began_cpu, strict=True))
    storing = stored_cpu[0] - over_cpu[0]
    ticks = seconds * 1000 / 60  # at the least: a call with a page on the line has no more
    return {
        "calls": calls,
        "held": held,
        "failed": len(failed),
        "why": sorted(set(failed))[:3],
        "whole": stored["whole"],
        "pages_short": calls * pages - confirmed,
        "call_seconds": round(seconds / calls, 1),
        "engine_ms_per_call_second": round(1000 * engine_cpu / seconds, 3),
        "senders_engine_ms_per_call_second": round(1000 * callers_cpu / seconds, 3),
        "control_ms_per_call_second": round(1000 * (control + storing) / seconds, 3),
        "engine_ms_per_page": round(1000 * engine_cpu / max(1, confirmed), 2),
        "late_ticks_share": round(stored["late_ticks"] / ticks, 6),
        "packets_lost": stored["lost"],
        "kb_per_call": round((peak - idle) / held) if held else None,
    }


async def all_stored(stack: Stack, wanted: int) -> dict[str, int]:
    """Wait until the spool is in PostgreSQL; return what is told of the calls there."""
    with psycopg.connect(stack.database_url, autocommit=True) as connection:
        connection.execute("set role vfax_service")
        async with asyncio.timeout(600):
            while True:
                row = connection.execute(
                    "select count(*), count(*) filter (where f.status = 'completed'),"
                    " coalesce(sum((a.stats->>'late_ticks')::bigint), 0),"
                    " coalesce(sum((a.stats->>'packets_lost')::bigint), 0)"
                    " from faxes f join attempts a on a.fax_id = f.id"
                ).fetchone()
                assert row is not None
                if row[0] >= wanted:
                    break
                await asyncio.sleep(0.5)
        connection.execute("reset role")
        connection.execute("truncate attempts, pages, documents, faxes cascade")
    return {"whole": row[1], "late_ticks": int(row[2]), "lost": int(row[3])}


async def set_ups(stack: Stack, rate: int, calls: int, folder: Path) -> dict[str, Any]:
    """Set calls up and end them at a rate, straight at the bridge, with sipp."""
    (folder / "numbers.csv").write_text("SEQUENTIAL\n+34911000001\n")
    scenario = (HERE / "fax_caller.xml").read_text().replace(
        "Max-Forwards: 70\n      Content-Type",
        "Max-Forwards: 70\n      X-Vfax-Virtual-Fax: 1\n      X-Vfax-Ddi: +34911000001\n"
        "      Content-Type",
    )  # fmt: skip
    (folder / "caller.xml").write_text(scenario)
    began = time.monotonic()
    process = await asyncio.create_subprocess_exec(
        *("sipp", f"{BRIDGE[0]}:{BRIDGE[1]}", "-sf", "caller.xml", "-inf", "numbers.csv"),
        *("-i", CALLERS[0], "-p", str(CALLERS[1]), "-m", str(calls), "-r", str(rate)),
        *("-l", "5000", "-nostdin", "-timeout", "120s", "-timeout_error"),
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    took = time.monotonic() - began
    ok = process.returncode == 0
    if ok:
        await all_stored(stack, calls)
    return {
        "offered_per_s": rate,
        "set_ups_per_s": round(calls / took, 1) if ok else None,
        "failed": "none" if ok else output.decode(errors="replace")[-400:],
    }


# ---- all of it -----------------------------------------------------------------------------


def show(console: Console, title: str, rows: list[dict[str, Any]]) -> None:
    """Print rows of figures."""
    table = Table(title=title, title_justify="left")
    for column in rows[0]:
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(*(str(value) for value in row.values()))
    console.print(table)


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="end in under a minute")
    parser.add_argument("--json", action="store_true", help="print one JSON object last")
    parser.add_argument("--calls", type=int, nargs="*", help="concurrent calls, one run each")
    parser.add_argument("--pages", type=int, help="pages of each fax")
    arguments = parser.parse_args()
    log.configure("error")
    calls = arguments.calls or ([20] if arguments.quick else [100, 500, 1000, 2000])
    pages = arguments.pages or (1 if arguments.quick else 3)
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    os.sched_setaffinity(0, {1})
    console = Console()
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory(prefix="vfax-engine-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        documents = [folder / f"{number}.tif" for number in range(VARIANTS)]
        for number, document in enumerate(documents):
            dense_document(document, pages, number)
        document = documents[VARIANTS // 2]
        figures["document_bytes_per_page"] = document.stat().st_size // pages
        figures["limit"] = in_memory(document, 3 if arguments.quick else 20, folder)
        show(console, "Back to back in memory (the limit)", [figures["limit"]])
        stack = Stack(folder / "var", PORT)
        for part in ("log", "run", "spool", "sending"):
            (stack.var / part).mkdir(parents=True)
        try:
            await stack.start_postgres()
            await stack.start_redis()
            bridge = await start_bridge(stack)
            figures["calls"] = [
                await concurrent(stack, bridge, documents, pages, n, min(100.0, n / 10))
                for n in calls
            ]
            show(console, "Concurrent receptions, one core", figures["calls"])
            rates = [100] if arguments.quick else [50, 100, 150]
            figures["set_ups"] = [
                await set_ups(stack, rate, rate * (5 if arguments.quick else 20), folder)
                for rate in rates
            ]
            show(console, "Call set-ups", figures["set_ups"])
        finally:
            await stack.stop()
    if arguments.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    asyncio.run(main())
