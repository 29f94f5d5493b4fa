"""The portal under load: people who watch, people who upload, and calls that run beside them.

    python -m tests.benchmarks.portal [--quick] [--json]

The whole system on this machine: 100 faxes on the line, 200 people watching live, 50 uploads a
minute, and readers who open pages. What counts is how long a page takes to come.
"""

import argparse
import asyncio
import json
import random
import tempfile
import time
from collections import defaultdict
from pathlib import Path
from typing import Any

import httpx
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from spandsp_bridge import log
from spandsp_bridge.demo.stack import Stack
from spandsp_bridge.store.faxes import FaxStore
from spandsp_bridge.store.pool import Database
from tests.benchmarks.documents import document

PORT = 23060
#: Page, and how often it is opened among ten.
READ = {"/faxes/in": 4, "/faxes/out": 3, "/faxes/{fax}": 2, "/send": 1}


async def client_of(stack: Stack, email: str, limits: httpx.Limits) -> httpx.AsyncClient:
    """Return a client that is logged in."""
    password = (stack.var / "portal.password").read_text().strip()
    client = httpx.AsyncClient(
        base_url=stack.portal_url, timeout=60, limits=limits,
        headers={"accept": "text/html", "sec-fetch-site": "same-origin"},
    )  # fmt: skip
    answer = await client.post("/login", data={"email": email, "password": password})
    assert answer.status_code == 303, answer.text
    return client


class Load:
    """What people do, and how long it takes."""

    def __init__(self, client: httpx.AsyncClient, faxes: list[int], sender: int) -> None:
        self.client = client
        self.faxes = faxes
        self.sender = sender
        self.took: dict[str, list[float]] = defaultdict(list)
        self.news = 0
        self.failed = 0
        self.dice = random.Random(5)

    async def watch(self, direction: str) -> None:
        """Watch a list until cancelled."""
        async with self.client.stream(
            "GET", f"/faxes/{direction}/live", timeout=httpx.Timeout(60, read=None)
        ) as answer:
            async for line in answer.aiter_lines():
                self.news += line.startswith("event: fax")

    async def read(self, path: str) -> None:
        """Open a page."""
        began = time.perf_counter()
        answer = await self.client.get(path.format(fax=self.dice.choice(self.faxes)))
        self.took[path].append(1000 * (time.perf_counter() - began))
        self.failed += answer.status_code != 200

    async def upload(self, pdf: bytes) -> None:
        """Send a fax that is due next year."""
        began = time.perf_counter()
        answer = await self.client.post(
            "/send",
            data={"sender": str(self.sender), "to": "+34911000002",
                  "send_at": "2099-01-01T08:00"},
            files={"files": ("letter.pdf", pdf, "application/pdf")},
        )  # fmt: skip
        self.took["upload"].append(1000 * (time.perf_counter() - began))
        self.failed += answer.status_code != 303


async def run(stack: Stack, *, quick: bool) -> dict[str, Any]:
    calls, watchers, seconds = (20, 40, 15) if quick else (100, 200, 60)
    uploads_a_minute, pages_a_second = 50, 10
    text = document("load", 1 if quick else 3, with_photos=False).pdf
    letter = document("letter", 1, with_photos=False).pdf
    async with Database(stack.database_url) as database:
        store = FaxStore(database)
        sender = await store.find_virtual_fax("Acme/Sales")
        broadcast = [await store.submit(sender, "+34911000002", [("a.pdf", text)])
                     for _ in range(calls)]  # fmt: skip
        running = 0
        with Progress(console=Console(stderr=True), transient=True) as progress:
            bar = progress.add_task("faxes on the line", total=calls)
            async with asyncio.timeout(300):
                while running < calls * 0.9:
                    async with database.transaction() as c:
                        row = await (
                            await c.execute(
                                "select count(*) as n from faxes where direction = 'out'"
                                " and status = 'inprogress'"
                            )
                        ).fetchone()
                    running = int(row["n"]) if row else 0
                    progress.update(bar, completed=running)
                    await asyncio.sleep(0.5)
            limits = httpx.Limits(max_connections=None, max_keepalive_connections=500)
            client = await client_of(stack, "ann@acme.example", limits)
            load = Load(client, broadcast, sender.id)
            tasks = [
                asyncio.create_task(load.watch("out" if n % 2 else "in")) for n in range(watchers)
            ]
            await asyncio.sleep(3)
            bar = progress.add_task("seconds", total=seconds)
            began = time.monotonic()
            paths = [path for path, often in READ.items() for _ in range(often)]
            acts: list[asyncio.Task[None]] = []
            for number in range(seconds * pages_a_second):
                acts.append(asyncio.create_task(load.read(load.dice.choice(paths))))
                if number % round(600 / uploads_a_minute) == 0:
                    acts.append(asyncio.create_task(load.upload(letter)))
                await asyncio.sleep(
                    max(0, began + (number + 1) / pages_a_second - time.monotonic())
                )
                progress.update(bar, completed=time.monotonic() - began)
            await asyncio.gather(*acts)
            for task in tasks:
                task.cancel()
            await asyncio.wait(tasks)
            lost = sum(1 for task in tasks if not task.cancelled())
            await client.aclose()
        async with database.transaction() as c:
            row = await (
                await c.execute(
                    "select count(*) filter (where status = 'error') as error from faxes"
                    " where direction = 'out'"
                )
            ).fetchone()
    pages = [t for path, times in load.took.items() if path != "upload" for t in times]

    def of(times: list[float]) -> dict[str, float]:
        found = sorted(times)
        places = {"p50": len(found) // 2, "p95": int(len(found) * 0.95), "worst": -1}
        return {name: round(found[place], 1) for name, place in places.items()}

    return {
        "calls": running, "watchers": watchers, "watchers_lost": lost, "seconds": seconds,
        "pages": len(pages), "page_ms": of(pages), "uploads": len(load.took["upload"]),
        "upload_ms": of(load.took["upload"]), "news": load.news, "failed": load.failed,
        "faxes_in_error": row["error"] if row else None,
    }  # fmt: skip


async def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="end in about a minute")
    parser.add_argument("--json", action="store_true", help="print one JSON object last")
    arguments = parser.parse_args()
    log.configure("error")
    with tempfile.TemporaryDirectory(prefix="vfax-portal-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        stack = Stack(folder / "var", PORT)
        (folder / "var").mkdir()
        async with stack:
            figures = await run(stack, quick=arguments.quick)
    table = Table(title="The portal under load", title_justify="left")
    table.add_column("")
    table.add_column("", justify="right")
    for key, value in figures.items():
        table.add_row(key.replace("_", " "), str(value))
    Console().print(table)
    if arguments.json:
        print(json.dumps(figures))


if __name__ == "__main__":
    asyncio.run(main())
