"""The queue: claims a second, fairness between companies, lists and retention at any size.

    python -m tests.benchmarks.queue [--quick] [--json] [--faxes N]

A PostgreSQL of its own. Claims are made by the function that the workers call, ends as the
workers write them; calls themselves take a simulated time. Which indexes are used is what
PostgreSQL says of the very statements that ran (auto_explain), nested ones included.
"""

import argparse
import asyncio
import json
import random
import re
import statistics
import tempfile
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from spandsp_bridge import log
from spandsp_bridge.demo.stack import Stack
from spandsp_bridge.model import Outcome
from spandsp_bridge.reasons import Reason
from spandsp_bridge.store.faxes import FaxStore
from spandsp_bridge.store.lists import FaxFilter, FaxLists
from spandsp_bridge.store.migrate import migrate
from spandsp_bridge.store.pool import Database
from spandsp_bridge.store.queue import FaxQueue

PORT = 26960
COMPANIES = 1000
WORLD = f"""
insert into brands (id, name) overriding system value values (1, 'Busy');
insert into companies (id, brand_id, name) overriding system value
    select n, 1, 'company ' || n from generate_series(1, {COMPANIES}) n;
insert into virtual_faxes (id, brand_id, company_id, name) overriding system value
    select n, 1, n, 'fax' from generate_series(1, {COMPANIES}) n;
"""
#: Faxes that wait, ready to be sent, spread over the companies.
PENDING = """
insert into faxes (brand_id, company_id, virtual_fax_id, direction, local_number, remote_number,
                   pages, expected_seconds, prepared_at)
    select 1, 1 + n %% %(companies)s::bigint, 1 + n %% %(companies)s::bigint, 'out', '+34911000001',
           '+346' || lpad(n::text, 8, '0'), 1, 30, now()
    from generate_series(1, %(count)s) n
"""
#: Faxes that are over: two years of them, in the proportions of a busy platform. One company has
#: a tenth of them, so that a long list is among the lists.
OVER = """
insert into faxes (brand_id, company_id, virtual_fax_id, direction, local_number, remote_number,
                   remote_station_id, pages, pages_confirmed, status, reason,
                   created_at, finished_at, prepared_at, read_at)
    select 1, company, company, case when n % 5 < 2 then 'in' else 'out' end::fax_direction,
           '+34911000001', '+34' || (600000000 + (n * 7919) % 99999999), 'STATION ' || n % 5000,
           2, case when n % 50 = 0 then 0 else 2 end,
           case when n % 50 = 0 then 'error' else 'completed' end::fax_status,
           case when n % 50 = 0 then 'user_busy' else 'completed' end,
           at, at, at, case when n % 5 < 2 and n % 1000 > 1 then at end
    from (select n, case when n % 10 = 0 then 1 else 1 + (n * 31) % 1000 end as company,
                 now() - interval '2 years' * (1 - (n - {first})::float / {total}) as at
          from generate_series({start}::bigint, {end}) n) as numbers
"""
BATCH = 500_000


# ---- claims ------------------------------------------------------------------------------------


async def claims(database: Database, workers: int, seconds: float) -> float:
    """Return the faxes a second that so many workers claim and end."""
    queue = FaxQueue(database)
    until = time.monotonic() + seconds
    done = 0

    async def work(number: int) -> None:
        nonlocal done
        while time.monotonic() < until:
            fax = await queue.claim(f"worker {number}")
            assert fax is not None, "the queue has run dry"
            await queue.end_fax(fax, Outcome(True, Reason.COMPLETED, pages=1))
            done += 1

    began = time.monotonic()
    await asyncio.gather(*(work(number) for number in range(workers)))
    return done / (time.monotonic() - began)


# ---- fairness ----------------------------------------------------------------------------------


async def fairness(
    database: Database, broadcast: int, singles: int, slots: int, call_seconds: float
) -> dict[str, Any]:
    """Return the delays of single faxes behind a broadcast, in calls' times."""
    queue = FaxQueue(database)
    dice = random.Random(3)
    asked: dict[int, float] = {}
    delays: dict[int, float] = {}
    broadcast_done = 0
    over = False
    async with database.transaction() as c:
        await c.execute("reset role")
        await c.execute("truncate faxes cascade")
        await c.execute("update fax_queues set waiting = 0, running = 0")
        await c.execute("set local role vfax_service")
        await c.execute(PENDING, {"companies": 1, "count": broadcast})  # all of company 1

    async def slot() -> None:
        nonlocal broadcast_done
        while not over:
            fax = await queue.claim("worker")
            if fax is None:
                await asyncio.sleep(0.01)
                continue
            if fax.company_id == 1:
                broadcast_done += 1
            else:
                delays[fax.id] = (time.monotonic() - asked[fax.id]) / call_seconds
            await asyncio.sleep(call_seconds * dice.uniform(0.8, 1.2))
            await queue.end_fax(fax, Outcome(True, Reason.COMPLETED, pages=1))

    calls = [asyncio.create_task(slot()) for _ in range(slots)]
    await asyncio.sleep(3 * call_seconds)  # every slot is taken by the broadcast
    for number in range(singles):
        company = 2 + number % (COMPANIES - 1)
        async with database.transaction() as c:
            row = await (
                await c.execute(
                    "insert into faxes (brand_id, company_id, virtual_fax_id, direction,"
                    " local_number, remote_number, pages, prepared_at)"
                    " values (1, %(c)s, %(c)s, 'out', '+34911000001', %(n)s, 1, now())"
                    " returning id",
                    {"c": company, "n": f"+3591{number:07d}"},
                )
            ).fetchone()
            assert row is not None
            asked[int(row["id"])] = time.monotonic()
        await asyncio.sleep(dice.expovariate(slots * 0.4 / call_seconds))
    async with asyncio.timeout(60 * call_seconds):
        while len(delays) < singles:
            await asyncio.sleep(call_seconds / 10)
    over = True
    await asyncio.gather(*calls)
    found = sorted(delays.values())
    return {
        "broadcast": broadcast,
        "singles": singles,
        "slots": slots,
        "broadcast_faxes_sent_meanwhile": broadcast_done,
        "delay_p50_calls": round(statistics.median(found), 3),
        "delay_p99_calls": round(found[int(len(found) * 0.99)], 3),
        "delay_worst_calls": round(found[-1], 3),
    }


# ---- which indexes -----------------------------------------------------------------------------


async def indexes_of_a_claim(database: Database) -> dict[str, list[str]]:
    """Claim a fax; return how PostgreSQL reached each table meanwhile."""
    found: dict[str, set[str]] = {}

    def note(diagnostic: psycopg.errors.Diagnostic) -> None:
        for line in (diagnostic.message_primary or "").splitlines():
            whole = re.search(r"Seq Scan on (\w+)", line)
            index = re.search(r"Index.* Scan (?:Backward )?using (\w+) on (\w+)", line)
            bitmap = re.search(r"Bitmap Index Scan on (\w+)", line)
            if whole:
                found.setdefault(whole[1], set()).add("all rows")
            elif index:
                found.setdefault(index[2], set()).add(index[1])
            elif bitmap:
                found.setdefault(bitmap[1].partition("_")[0], set()).add(bitmap[1])

    async with database.transaction() as c:
        c.add_notice_handler(note)
        await c.execute("reset role")
        await c.execute("load 'auto_explain'")
        await c.execute("set local auto_explain.log_min_duration = 0")
        await c.execute("set local auto_explain.log_nested_statements = on")
        await c.execute("set local client_min_messages = log")
        await c.execute("set local role vfax_service")
        await c.execute("select * from claim_fax('explained', '1 minute')")
        c.remove_notice_handler(note)
    return {table: sorted(names) for table, names in sorted(found.items())}


# ---- lists -------------------------------------------------------------------------------------


async def generate(url: str, total: int, progress: Progress) -> float:
    """Write faxes that are over, without triggers; return the seconds that it took."""
    began = time.monotonic()
    bar = progress.add_task(f"{total:,} faxes", total=total)
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as c:
        await c.execute("truncate faxes cascade")
        await c.execute("set session_replication_role = replica")
        cursor = await c.execute(
            "select indexdef, indexname from pg_indexes where tablename = 'faxes' and indexname in"
            " ('faxes_by_number', 'faxes_by_station', 'faxes_in_by_number', 'faxes_out_by_number',"
            " 'faxes_in_by_pages', 'faxes_out_by_pages')"
        )
        later = await cursor.fetchall()
        for _, name in later:  # what is sorted at once is sorted sooner
            await c.execute(f"drop index {name}".encode())
        for start in range(1, total + 1, BATCH):
            end = min(start + BATCH - 1, total)
            await c.execute(OVER.format(first=1, total=total, start=start, end=end).encode())
            progress.advance(bar, end - start + 1)
        await c.execute("set maintenance_work_mem = '1GB'")
        for definition, _ in later:
            await c.execute(definition.encode())
        await c.execute("vacuum analyze faxes")
    return time.monotonic() - began


async def lists(database: Database, rounds: int) -> dict[str, float]:
    """Return the median milliseconds of each list that people look at, as the portal asks."""
    # As the portal does, in the tenant's role: row-level security has its price.
    found = FaxLists(database.tenant("company", company=1))
    short = FaxLists(database.tenant("company", company=7))
    store = FaxStore(database)
    week = datetime.now(UTC) - timedelta(days=400)
    some = await found.page(FaxFilter(company=1), 50)
    deep = some[-1].fax
    for _ in range(40):  # far down the list of the long one
        page = await found.page(FaxFilter(company=1, after=(deep.created_at, deep.id)), 200)
        deep = page[-1].fax
    kinds: dict[str, Callable[[], Awaitable[object]]] = {
        "newest of all": lambda: store.faxes(50),
        "newest of a company": lambda: store.faxes(50, 7),
        "received, long company": lambda: found.page(FaxFilter(company=1, direction="in")),
        "sent, short company": lambda: short.page(FaxFilter(company=7, direction="out")),
        "far down": lambda: found.page(FaxFilter(company=1, after=(deep.created_at, deep.id))),
        "failed": lambda: found.page(FaxFilter(company=1, status=("error",))),
        "under way, none": lambda: found.page(
            FaxFilter(company=1, status=("pending", "inprogress"))
        ),
        "unread": lambda: found.page(FaxFilter(company=1, unread=True)),
        "unread, counted": lambda: found.unread(1),
        "a month a year ago": lambda: found.page(
            FaxFilter(company=1, since=week, until=week + timedelta(days=30))
        ),
        "by number": lambda: found.page(FaxFilter(company=1, direction="in", order="number")),
        "by pages, most first": lambda: found.page(
            FaxFilter(company=1, direction="out", order="-pages")
        ),
        "by pages, failed": lambda: found.page(
            FaxFilter(company=1, direction="out", order="-pages", status=("error",))
        ),
        "part of a number": lambda: found.page(FaxFilter(company=1, number="123456")),
        "number, short company": lambda: short.page(FaxFilter(company=7, number="23456")),
        "station id": lambda: found.page(FaxFilter(company=1, station="station 4321")),
        "beginning of a station id": lambda: found.page(FaxFilter(company=1, station="station 43")),
        "a virtual fax": lambda: short.page(FaxFilter(company=7, virtual_fax=7)),
    }
    took: dict[str, float] = {}
    for name, run in kinds.items():
        times = []
        await run()
        for _ in range(rounds):
            began = time.perf_counter()
            await run()
            times.append(1000 * (time.perf_counter() - began))
        took[name] = round(statistics.median(times), 2)
    return took


# ---- retention -----------------------------------------------------------------------------------


async def retention(database: Database, documents: int) -> dict[str, float]:
    """Return the seconds that retention takes for a month that nobody keeps, and its documents."""
    async with database.transaction() as c:
        await c.execute("reset role")
        await c.execute(
            "create table documents_200001 partition of documents"
            " for values from ('2000-01-01') to ('2000-02-01')"
        )
        await c.execute("set local session_replication_role = replica")
        await c.execute(
            "insert into documents (brand_id, company_id, fax_id, kind, sha256, size, data,"
            " created_at) select brand_id, company_id, id, 'pdf', sha256('x'), 20000,"
            " convert_to(repeat(md5(id::text), 625), 'SQL_ASCII'), '2000-01-15'"
            " from faxes order by company_id, id limit %s",
            [documents],
        )
        await c.execute("update companies set retention_days = 365")
    began = time.perf_counter()
    deleted = await FaxQueue(database).apply_retention()
    took = time.perf_counter() - began
    async with database.transaction() as c:
        row = await (
            await c.execute("select to_regclass('documents_200001') is null as gone")
        ).fetchone()
    assert row is not None
    assert row["gone"], "the month was not dropped"
    return {"documents": documents, "faxes": deleted, "seconds": round(took, 2)}


# ---- all of it -----------------------------------------------------------------------------------


async def run(stack: Stack, total: int, *, quick: bool) -> dict[str, Any]:
    figures: dict[str, Any] = {}
    with Progress(console=Console(stderr=True), transient=True) as progress:
        async with await psycopg.AsyncConnection.connect(stack.database_url) as c:
            await c.execute(WORLD.encode())
        async with Database(stack.database_url, size=64) as database:
            pending = 10_000 if quick else 100_000
            async with database.transaction() as c:
                began = time.monotonic()
                await c.execute(PENDING, {"companies": COMPANIES, "count": pending})
            figures["pending"] = pending
            figures["submitted_per_second"] = round(pending / (time.monotonic() - began))
            async with await psycopg.AsyncConnection.connect(
                stack.database_url, autocommit=True
            ) as owner:
                await owner.execute("vacuum analyze")
            figures["claimed_and_ended_per_second"] = {}
            bar = progress.add_task("claims", total=3)
            for workers in (1, 4, 16):
                rate = await claims(database, workers, 2 if quick else 10)
                figures["claimed_and_ended_per_second"][workers] = round(rate)
                progress.advance(bar)
            figures["indexes_of_a_claim"] = await indexes_of_a_claim(database)
            bar = progress.add_task("fairness", total=1)
            figures["fairness"] = await fairness(
                database, 2_000 if quick else 10_000, 60 if quick else 500, 20,
                0.3 if quick else 1.0,
            )  # fmt: skip
            progress.advance(bar)
            figures["faxes"] = total
            figures["generated_in_seconds"] = round(
                await generate(stack.database_url, total, progress)
            )
            bar = progress.add_task("lists", total=1)
            figures["lists_ms"] = await lists(database, 5 if quick else 20)
            progress.advance(bar)
            figures["retention"] = await retention(database, 2_000 if quick else 50_000)
    return figures


def show(figures: dict[str, Any]) -> None:
    """Print the figures as tables."""
    console = Console()
    console.print(
        f"{figures['pending']:,} pending faxes of {COMPANIES:,} companies, put in at "
        f"{figures['submitted_per_second']:,} a second"
    )
    table = Table(title="Claimed and ended", title_justify="left")
    for column in ("workers", "faxes a second"):
        table.add_column(column, justify="right")
    for workers, rate in figures["claimed_and_ended_per_second"].items():
        table.add_row(str(workers), f"{rate:,}")
    console.print(table)
    console.print("A claim reads:", figures["indexes_of_a_claim"])
    console.print("Fairness:", figures["fairness"])
    table = Table(title=f"Lists of {figures['faxes']:,} faxes", title_justify="left")
    table.add_column("list")
    table.add_column("ms", justify="right")
    for name, took in figures["lists_ms"].items():
        table.add_row(name, str(took))
    console.print(table)
    console.print("Retention of a month:", figures["retention"])


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="end in under a minute")
    parser.add_argument("--json", action="store_true", help="print one JSON object last")
    parser.add_argument("--faxes", type=int, help="faxes that are over; ten million by default")
    arguments = parser.parse_args()
    total = arguments.faxes or (100_000 if arguments.quick else 10_000_000)
    log.configure("error")
    with tempfile.TemporaryDirectory(prefix="vfax-queue-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        stack = Stack(folder / "var", PORT)
        for part in ("log", "run"):
            (stack.var / part).mkdir(parents=True)
        try:
            await stack.start_postgres()
            await migrate(stack.database_url)
            figures = await run(stack, total, quick=arguments.quick)
        finally:
            await stack.stop()
    show(figures)
    if arguments.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    asyncio.run(main())
