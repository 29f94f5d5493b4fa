"""Routing: what a decision, a table and a call cost.

    python -m tests.benchmarks.routing [--quick] [--json]

Decisions are timed in processes that only read the mapped file, as a SIP worker does.
Loading and changing are timed on a PostgreSQL of their own. The CPU of our Kamailio is
compared with a native kamailio.cfg that does one htable look-up and one dispatcher
selection for the same calls, and with a Python script that does just that, sipp on both
sides, turn by turn in one run.
"""

import argparse
import asyncio
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import psycopg
from rich.console import Console
from rich.table import Table

from kemi.routing import inbound, outbound
from kemi.tables import Tables
from spandsp_bridge import log
from spandsp_bridge.demo.probes import options_answered
from spandsp_bridge.demo.seeding import seed
from spandsp_bridge.demo.stack import Stack
from spandsp_bridge.publisher.dispatcher import write_atomically
from spandsp_bridge.publisher.follow import Publisher
from spandsp_bridge.publisher.kamailio import ensure_files
from spandsp_bridge.publisher.rpc import KamailioRpc
from spandsp_bridge.publisher.tables import Entry, TableWriter
from spandsp_bridge.services import kamailio_config
from spandsp_bridge.settings import Settings
from spandsp_bridge.store.migrate import migrate

HERE = Path(__file__).parent
MAP_SIZE = 256 << 20
PORT = 28060
KAMAILIO, NATIVE, BRIDGE, PROVIDER = "127.0.0.1", "127.0.0.2", "127.0.0.3", "127.0.0.5"
SCRIPT = "127.0.0.4"

#: In the place of native.cfg's routes: the same in Python.
PYTHON = f"""
loadmodule "kex.so"
loadmodule "kemix.so"
loadmodule "app_python3.so"
modparam("app_python3", "load", "{HERE / "floor.py"}")
cfgengine "python"
kemi.onsend_route_callback="none"
kemi.reply_route_callback="none"
"""


# ---- decisions -------------------------------------------------------------------------


def entries(ddis: int, routes: int) -> tuple[list[tuple[str, str, str]], Iterator[Entry]]:
    """Make a world: 100 companies, DDIs of theirs, routes by prefix on ten carriers."""
    small: list[tuple[str, str, str]] = [("brand", "1", '{"id":1,"fall_back":false}')]
    small += [
        ("company", str(n), json.dumps(
            {"id": n, "brand": 1, "name": f"company {n}", "dial": ["34", "00", ""], "tags": {},
             "zone": "UTC", "least_loaded": False, "caller": "+34911000001"}))
        for n in range(1, 101)
    ]  # fmt: skip
    small += [
        ("carrier", str(n), json.dumps(
            {"id": n, "brand": 1, "name": f"carrier {n}", "servers": [
                {"id": n, "host": f"192.0.2.{n}", "port": 5060, "transport": "udp", "priority": 0,
                 "named": False, "asserted_identity": True, "remote_party_id": False}],
             "failover": {"5xx": ["next", 180], "486": ["stop", 180]}}))
        for n in range(1, 11)
    ]  # fmt: skip
    small.append(("provider", PROVIDER, '[{"id":1,"brand":1,"name":"P"}]'))
    small.append(("bridge", f"{BRIDGE}:{PORT}", '{"id":1,"name":"b","receives":true}'))
    for n in range(routes):
        # Ten for everywhere, the others by ever longer prefixes, a tenth of them a company's own.
        prefix = "+" if n < 10 else f"+{10 + n % 90}{n // 90:0{2 + len(str(n)) // 2}}"
        row = {"id": n + 1, "brand": 1, "type": "pattern", "mode": "static",
               "priority": n % 200, "weight": 1 + n % 20, "stopper": False, "add_prefix": "",
               "carriers": [1 + n % 10], "prefixes": [prefix]}  # fmt: skip
        if n % 10 == 9:
            row["company"] = 1 + n % 100
        small.append(("route", str(n + 1), json.dumps(row)))
    made = (
        (f"ddi:+34{700000000 + n}".encode(), b"1,%d,,f%d" % (1 + n % 100, n + 1))
        for n in range(ddis)
    )
    return small, made


def private_kib() -> int:
    """Return the memory that this process shares with nobody."""
    text = Path("/proc/self/smaps_rollup").read_text()
    fields = dict(line.split(":", 1) for line in text.splitlines()[1:])
    return int(fields["Private_Dirty"].split()[0])


def _read(path: str, count: int, many: int) -> dict[str, float]:
    """In a process of its own: time decisions, in microseconds."""
    ddis = [f"+34{700000000 + n}" for n in range(0, many, max(1, many // 10_000))]
    before = private_kib()
    tables = Tables(Path(path), MAP_SIZE)
    tables.warm()
    dice = random.Random(1)
    provider = "192.0.2.1"

    def decide_inbound() -> None:
        with tables.reading() as facts:
            facts.bridge(PROVIDER, 5060)
            found = inbound.choose_provider(facts.providers(PROVIDER), KAMAILIO, 5060)
            assert found is not None
            called = dice.choice(ddis)
            inbound.decide(facts, found, called=called, calling="+34600000001", now=0.0)

    def decide_outbound() -> None:
        with tables.reading() as facts:
            facts.bridge(BRIDGE, PORT)
            company = facts.company(dice.randint(1, 100))
            assert company is not None
            number = f"+{dice.randint(10, 99)}{dice.randint(10**8, 10**9)}"
            outbound.decide(facts, company, number, fax=True, random=dice.random, now=0.0)
            facts.brand(company.brand)

    for decide in (decide_inbound, decide_outbound):
        for _ in range(5000):
            decide()
    told: dict[str, float] = {"worker_mb": (private_kib() - before) / 1024}
    for name, decide in (("in", decide_inbound), ("out", decide_outbound)):
        times = []
        for _ in range(count):
            began = time.perf_counter_ns()
            decide()
            times.append(time.perf_counter_ns() - began)
        times.sort()
        told[f"{name}_p50_us"] = times[len(times) // 2] / 1000
        told[f"{name}_p99_us"] = times[len(times) * 99 // 100] / 1000
    assert provider
    return told


def decisions(ddis: int, routes: int, count: int, folder: Path) -> dict[str, float]:
    """Fill a file and time decisions on it."""
    path = folder / f"{ddis}-{routes}.lmdb"
    began = time.perf_counter()
    writer = TableWriter(path, MAP_SIZE)
    writer.replace(*entries(ddis, routes))
    filled = time.perf_counter() - began
    updates = []
    for n in range(50):
        began = time.perf_counter()
        writer.update({("ddi", f"+34{700000000 + n}"): f"1,2,,f{n + 7}"})
        updates.append(time.perf_counter() - began)
    writer.close()
    code = (
        "import json; from tests.benchmarks import routing as r;"
        f" print(json.dumps(r._read({str(path)!r}, {count}, {ddis})))"
    )
    made = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)
    size = path.stat().st_size
    path.unlink()
    return {
        "ddis": ddis,
        "routes": routes,
        **json.loads(made.stdout),
        "file_mb": size / 1e6,
        "bytes_per_ddi": size / ddis,
        "fill_s": filled,
        "change_ms": statistics.median(updates) * 1000,
    }


# ---- from PostgreSQL ---------------------------------------------------------------------


async def database(ddis: int, folder: Path) -> dict[str, float]:
    """Time the publisher on a real PostgreSQL: a full load, then changes."""
    stack = Stack(folder, PORT + 100)
    try:
        for sub in ("log", "run"):
            (folder / sub).mkdir(parents=True, exist_ok=True)
        await stack.start_postgres()
        await migrate(stack.database_url)
        await seed(stack.database_url, stack.carrier)
        return await asyncio.to_thread(_publish, stack, ddis)
    finally:
        await stack.stop()


def _publish(stack: Stack, ddis: int) -> dict[str, float]:
    url = stack.database_url
    operator = psycopg.connect(url, autocommit=True)
    operator.execute(
        "insert into ddis (brand_id, company_id, number, virtual_fax_id)"
        " select v.brand_id, v.company_id, '+34' || (700000000 + n), v.id"
        " from generate_series(0, %s) n, virtual_faxes v where v.name = 'Sales'",
        [ddis - 1],
    )
    operator.execute("vacuum analyze ddis")
    publisher = Publisher(stack.settings())
    reader = psycopg.connect(url, autocommit=True)
    reader.execute("set role vfax_service; set jit = off")
    loads = []
    for _ in range(3):
        began = time.perf_counter()
        publisher._read_everything(reader)
        loads.append(time.perf_counter() - began)
    told = {"first_load_s": loads[0], "reload_s": statistics.median(loads[1:])}

    def change(name: str, count: int, sql: Callable[[int], str]) -> None:
        times = []
        for n in range(count):
            operator.execute(sql(n).encode())
            began = time.perf_counter()
            publisher._publish_changes(reader)
            times.append((time.perf_counter() - began) * 1000)
        told[f"{name}_ms"] = statistics.median(times)

    change(
        "ddi",
        50,
        lambda n: f"update ddis set virtual_fax_id = null where number = '+34{700000000 + n}'",
    )
    change("route", 50, lambda n: f"update outgoing_routes set weight = {1 + n % 20}")
    change("ten_thousand_ddis", 3, lambda n:
           "update ddis set ddi_provider_id = "
           + ("null" if n % 2 else "(select min(id) from ddi_providers)")
           + f" where number between '+34{700000100}' and '+34{700000100 + 9999}'")  # fmt: skip
    operator.close()
    reader.close()
    return told


# ---- Kamailio beside a native configuration ----------------------------------------------


def cpu_seconds(config: Path) -> float:
    """Return the CPU that all processes of a Kamailio have used."""
    total = 0
    for process in Path("/proc").iterdir():
        if process.name.isdigit():
            try:
                if str(config).encode() in (process / "cmdline").read_bytes():
                    fields = (process / "stat").read_text().rpartition(") ")[2].split()
                    total += int(fields[11]) + int(fields[12])
            except OSError:
                continue
    return total / os.sysconf("SC_CLK_TCK")


async def started(
    config: Path, runtime: Path, environment: dict[str, str], port: int, host: str
) -> asyncio.subprocess.Process:
    """Start a Kamailio and wait until it answers."""
    runtime.mkdir(parents=True, exist_ok=True)
    process = await asyncio.create_subprocess_exec(
        *kamailio_config.command(config, runtime),
        env={**os.environ, **environment},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    for _ in range(100):
        if await asyncio.to_thread(options_answered, host, port):
            return process
        await asyncio.sleep(0.1)
    raise RuntimeError(f"{config} does not start")


async def load(host: str, rate: int, calls: int, folder: Path) -> None:
    """Place calls through a proxy; every one has to succeed."""
    process = await asyncio.create_subprocess_exec(
        *("sipp", f"{host}:{PORT}", "-sf", str(HERE / "caller.xml")),
        *("-inf", str(folder / "numbers.csv")),
        *("-i", PROVIDER, "-p", str(PORT), "-m", str(calls), "-r", str(rate), "-l", "5000"),
        *("-nostdin", "-buff_size", "4000000", "-timeout", "120s", "-timeout_error"),
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    output, _ = await process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"sipp: {output.decode(errors='replace')[-2000:]}")


async def proxies(ddis: int, rate: int, calls: int, rounds: int, folder: Path) -> dict[str, Any]:
    """Measure the CPU of both proxies, turn by turn."""
    settings = Settings.model_validate(
        {"var": folder, "outbound_proxy": f"{KAMAILIO}:{PORT}", "routes_map_size": MAP_SIZE}
    )
    writer = TableWriter(settings.routes_file, MAP_SIZE)
    writer.replace(*entries(ddis, 1000))
    writer.close()
    (folder / "run").mkdir(exist_ok=True)
    servers = f"1 sip:{BRIDGE}:{PORT} 0 0 bridge=1\n"
    write_atomically(settings.dispatcher_file, servers)
    ensure_files(settings)
    ours = kamailio_config.write(settings, folder / "run")
    native, script = folder / "run" / "native.cfg", folder / "run" / "script.cfg"
    for config, host in ((native, NATIVE), (script, SCRIPT)):
        text = (HERE / "native.cfg").read_text()
        if config is script:
            text = text[: text.index("request_route {")] + PYTHON
        config.write_text(
            text.replace("LISTEN", f"udp:{host}:{PORT}")
            .replace("DISPATCHER", str(settings.dispatcher_file))
            .replace("RPC", str(config.with_suffix(".rpc")))
        )
    called = [f"+34{700000000 + n}" for n in random.Random(1).choices(range(ddis), k=1000)]
    (folder / "numbers.csv").write_text("SEQUENTIAL\n" + "".join(f"{n}\n" for n in called))
    callee = await asyncio.create_subprocess_exec(
        *("sipp", "-sf", str(HERE / "callee.xml"), "-i", BRIDGE, "-p", str(PORT)),
        *("-nostdin", "-buff_size", "4000000"),
        cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    running = []
    try:
        running.append(
            await started(
                ours, folder / "run" / "ours", kamailio_config.environment(settings), PORT, KAMAILIO
            )
        )
        for config, host in ((native, NATIVE), (script, SCRIPT)):
            running.append(await started(config, folder / "run" / config.stem, {}, PORT, host))
            rpc = KamailioRpc(config.with_suffix(".rpc"))
            for number in set(called):
                rpc.call("htable.sets", "ddi", number, "f1")
        cost: dict[str, list[float]] = {"ours": [], "native": [], "script": []}
        for turn in range(rounds + 1):
            for name, host, config in (
                ("ours", KAMAILIO, ours), ("native", NATIVE, native), ("script", SCRIPT, script)
            ):  # fmt: skip
                before = cpu_seconds(config)
                await load(host, rate, calls if turn else 500, folder)
                await asyncio.sleep(0.5)
                if turn:  # the first one warms up
                    cost[name].append((cpu_seconds(config) - before) / calls * 1000)
        decided = KamailioRpc(settings.rpc_socket).table("counts")
    finally:
        for process in (*running, callee):
            process.terminate()
            await process.wait()
    ratios, floor = (
        [round(a / b, 3) for a, b in zip(cost[name], cost["native"], strict=True)]
        for name in ("ours", "script")
    )
    within = {k.rpartition(":")[2]: v for k, v in decided.items() if ":us:" in k}
    return {
        "ddis": ddis,
        "calls_per_s": rate,
        "ours_cpu_s_per_1000": statistics.median(cost["ours"]),
        "native_cpu_s_per_1000": statistics.median(cost["native"]),
        "script_cpu_s_per_1000": statistics.median(cost["script"]),
        "ratio": statistics.median(ratios),
        "script_ratio": statistics.median(floor),
        "ratios": ratios,
        "decisions_within_us": within,
    }


# ---- all of it -----------------------------------------------------------------------------


def show(console: Console, title: str, rows: list[dict[str, Any]]) -> None:
    """Print rows of figures."""
    table = Table(title=title, title_justify="left")
    for column in rows[0]:
        table.add_column(column, justify="right")
    for row in rows:
        table.add_row(*(f"{v:.3g}" if isinstance(v, float) else str(v) for v in row.values()))
    console.print(table)


async def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="smaller, in under a minute")
    parser.add_argument("--json", action="store_true", help="print one object of figures last")
    options = parser.parse_args()
    log.configure("warning")
    console = Console(stderr=options.json, width=160)
    folder = Path(tempfile.mkdtemp(prefix="vfax-", dir="/tmp"))
    try:
        sizes = [(1000, 10), (100_000, 1000)]
        if not options.quick:
            sizes += [(1_000_000, 10), (1_000_000, 1000), (1_000_000, 10_000)]
        count = 10_000 if options.quick else 50_000
        made = [decisions(d, r, count, folder) for d, r in sizes]
        show(console, "decisions in a reading process", made)
        stored = await database(20_000 if options.quick else 1_000_000, folder / "database")
        show(console, "the publisher on PostgreSQL", [stored])
        calls = 3000 if options.quick else 10_000
        live = []
        for ddis in (1000,) if options.quick else (1000, 1_000_000):
            place = folder / f"proxies-{ddis}"
            place.mkdir()
            live.append(await proxies(ddis, 1000, calls, 2 if options.quick else 5, place))
        show(console, "Kamailio beside a native configuration", live)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    if options.json:
        sys.stdout.write(
            json.dumps({"decisions": made, "publisher": stored, "kamailio": live}) + "\n"
        )


if __name__ == "__main__":
    asyncio.run(main())
