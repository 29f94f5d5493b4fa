"""`vfax demo`: start the system, send a fax through it, print the proof."""

import asyncio
import contextlib
import os
import signal
import time
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.live import Live
from rich.panel import Panel
from rich.table import Table

from spandsp_bridge.demo import document
from spandsp_bridge.demo.progress import follow
from spandsp_bridge.demo.stack import Stack
from spandsp_bridge.demo.supervisor import Supervisor
from spandsp_bridge.documents.bitmaps import page_bitmaps
from spandsp_bridge.errors import SetupError, VfaxError
from spandsp_bridge.i18n import ENGLISH, sentence
from spandsp_bridge.model import FaxStatus
from spandsp_bridge.services.connection import open_store
from spandsp_bridge.store.attempts import Attempt
from spandsp_bridge.store.fax_rows import Fax
from spandsp_bridge.store.faxes import FaxStore
from spandsp_bridge.store.progress import Progress as LiveProgress

# The carrier moves +34 922 numbers to +34 911: the call leaves, and comes back in to a DDI.
SENDER, RECEIVER_NUMBER = "Acme/Sales", "+34922000002"
RECEIVING_DDI = "+34911000002"
FAX_SECONDS = 420.0
STATES = {
    "waiting": "[dim]waiting[/]",
    "starting": "[yellow]starting[/]",
    "up": "[green]up[/]",
    "stopped": "[dim]stopped[/]",
    "died": "[bold red]died[/]",
}


class DemoFailed(VfaxError):
    """The fax of the demo did not arrive as it was sent."""


@dataclass(frozen=True, slots=True)
class Proof:
    """What the demo prints of its fax."""

    sent: Fax
    received: Fax
    attempt: Attempt
    pdf: Path
    pages_equal: int
    seconds: float


def services_table(supervisor: Supervisor) -> Table:
    """Return the table of services and their states."""
    table = Table(title="virtual fax system", title_justify="left", expand=False)
    table.add_column("service")
    table.add_column("state")
    table.add_column("address", style="cyan")
    for service in supervisor.services:
        table.add_row(service.name, STATES[service.state], service.address)
    return table


class StoredFax:
    """A fax of the demo's own database, for the progress bar."""

    def __init__(self, store: FaxStore, live: LiveProgress) -> None:
        self._store = store
        self._live = live

    async def fax(self, fax_id: int) -> Fax:
        """Return the fax."""
        fax = await self._store.fax(fax_id)
        assert fax is not None
        return fax

    async def stage(self, fax_id: int) -> str:
        """Return what its call is doing."""
        return (await self._live.get(fax_id)).stage


async def _received(store: FaxStore, sent: Fax) -> Fax:
    """Return the received side of a fax, once it is stored. Raises DemoFailed."""
    for _ in range(100):
        for fax in await store.faxes(20):
            if (
                fax.direction == "in"
                and fax.local_number == RECEIVING_DDI
                and sent.started_at is not None
                and fax.created_at >= sent.started_at
            ):
                return fax
        await asyncio.sleep(0.1)
    raise DemoFailed(
        "fax {fax} was not stored by its receiver; see var/log/bridge-*.log", fax=sent.id
    )


async def send_one(stack: Stack, console: Console) -> Proof:
    """Send the demo's document and compare it with what was received. Raises DemoFailed."""
    settings = stack.settings()
    folder = stack.var / "demo"
    folder.mkdir(exist_ok=True)
    original = folder / "sent.pdf"
    pages = document.write(original)
    began = time.monotonic()
    live = LiveProgress(settings.redis_url)
    async with open_store(settings) as store:
        sender = await store.find_virtual_fax(SENDER)
        fax_id = await store.submit(
            sender, RECEIVER_NUMBER, [(original.name, original.read_bytes())]
        )
        try:
            async with asyncio.timeout(FAX_SECONDS):
                sent = await follow(StoredFax(store, live), fax_id, console)
        except TimeoutError:
            raise DemoFailed(
                "fax {fax} did not end within {seconds:.0f} s; see {folder}",
                fax=fax_id,
                seconds=FAX_SECONDS,
                folder=stack.var / "log",
            ) from None
        finally:
            await live.close()
        if sent.status is not FaxStatus.COMPLETED:
            raise DemoFailed(
                "fax {fax} failed: {explanation}",
                fax=sent.id,
                explanation=sentence(sent.reason, sent.detail, ENGLISH),
            )
        received = await _received(store, sent)
        original_tiff, received_tiff = (
            await store.document(sent, "tiff"),
            await store.document(received, "tiff"),
        )
        pdf = await store.document(received, "pdf")
        if original_tiff is None or received_tiff is None or pdf is None:
            raise DemoFailed("a document of fax {fax} is missing", fax=sent.id)
        received_file = folder / "received.pdf"
        received_file.write_bytes(pdf)
        before, after = page_bitmaps(original_tiff), page_bitmaps(received_tiff)
        equal = sum(a == b for a, b in zip(before, after, strict=False))
        if len(before) != len(after) or equal != len(before) or len(before) != pages:
            raise DemoFailed(
                "{equal} of {pages} pages are equal: sent {sent}, received {received}",
                equal=equal,
                pages=pages,
                sent=len(before),
                received=len(after),
            )
        attempt = (await store.attempts(sent))[-1]
    return Proof(sent, received, attempt, received_file, equal, time.monotonic() - began)


def _short(path: Path) -> str:
    """Return a path relative to the current folder where it is inside it."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def proof_panel(proof: Proof) -> Panel:
    """Return the proof as a panel."""
    a = proof.attempt
    route = a.route or {}
    grid = Table.grid(padding=(0, 2))
    grid.add_column(style="bold")
    grid.add_column()
    for name, value in (
        ("status", f"[green]{proof.sent.status}[/]"),
        ("pages confirmed", f"{proof.sent.pages_confirmed} of {proof.sent.pages}"),
        ("remote station id", a.remote_station_id),
        (
            "bit rate, ECM",
            f"{a.bit_rate} bit/s, ECM {'on' if a.ecm else 'off'}, {a.encoding}",
        ),
        (
            "route",
            f"route {route.get('route')}, carrier {route.get('carrier')}, {route.get('uri')}",
        ),
        ("received as", f"fax {proof.received.id}, {proof.received.status}"),
        ("PDF", _short(proof.pdf)),
        (
            "pixels",
            f"[green]{proof.pages_equal} of {proof.sent.pages} pages equal, pixel for pixel[/]",
        ),
        ("time", f"{proof.seconds:.0f} s"),
    ):
        grid.add_row(name, str(value))
    return Panel(grid, title="proof", title_align="left", border_style="green", expand=False)


async def demo(var: Path, port_base: int) -> None:
    """Run the demo until interrupted. Raises VfaxError when its fax does not arrive intact."""
    console = Console()
    once = os.environ.get("DEMO_ONCE") == "1"
    stack = Stack(var, port_base)
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    main = asyncio.current_task()
    assert main is not None

    def interrupt() -> None:
        stop.set()
        main.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, interrupt)
    try:
        with Live(services_table(stack.supervisor), console=console, refresh_per_second=8) as live:

            async def refresh() -> None:
                while True:
                    live.update(services_table(stack.supervisor))
                    await asyncio.sleep(0.1)

            refreshing = asyncio.create_task(refresh())
            try:
                await stack.start()
            finally:
                refreshing.cancel()
                live.update(services_table(stack.supervisor))
        console.print()
        proof = await send_one(stack, console)
        console.print(proof_panel(proof))
        if once:
            return
        console.print(
            "The system runs until Ctrl-C. In another terminal:\n"
            f"  .venv/bin/vfax send {_short(proof.pdf.with_name('sent.pdf'))} --from Globex/Office"
            " --to +34911000001 --wait\n"
            "  .venv/bin/vfax faxes\n"
            f"The portal: {stack.portal_url}, as ann@acme.example (Acme's administrator), "
            "bob@globex.example,\noperator@demo.example or platform@demo.example, with the "
            f"password in {_short(stack.var / 'portal.password')}"
        )
        await stack.supervisor.died.wait()
        dead = [s.name for s in stack.supervisor.services if s.state == "died"]
        raise SetupError(
            "{services} ended; see {folder}", services=", ".join(dead), folder=var / "log"
        )
    except asyncio.CancelledError:
        if not stop.is_set():
            raise
        console.print("stopping")
        if once:
            raise DemoFailed("interrupted before the fax had arrived") from None
    finally:
        if main.cancelling():
            main.uncancel()
        with contextlib.suppress(NotImplementedError):
            for number in (signal.SIGINT, signal.SIGTERM):
                loop.add_signal_handler(number, lambda: None)
        await stack.stop()
