"""A progress bar for a fax, in the terminal."""

import asyncio
from typing import Protocol

from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from spandsp_bridge.model import FaxStatus
from spandsp_bridge.store.fax_rows import Fax

POLL_SECONDS = 0.5
STAGES = ("rendering", "dialling")  #: of a call that does not send pages yet


class FaxSource(Protocol):
    """Where the state of a fax is read from."""

    async def fax(self, fax_id: int) -> Fax:
        """Return the fax. Raises UserError when it does not exist."""

    async def stage(self, fax_id: int) -> str:
        """Return what its call is doing; empty when that is not known."""


async def follow(source: FaxSource, fax_id: int, console: Console) -> Fax:
    """Show the confirmed pages of a fax until it has ended; return it then."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        TextColumn("{task.completed}/{task.total} pages confirmed"),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=console) as bar:
        task = bar.add_task(f"fax {fax_id}", total=1)
        while True:
            fax = await source.fax(fax_id)
            bar.update(
                task,
                total=fax.pages or 1,
                completed=fax.pages_confirmed,
                description=f"fax {fax_id}: {await _state(source, fax)}",
            )
            if fax.status in (FaxStatus.COMPLETED, FaxStatus.ERROR):
                return fax
            await asyncio.sleep(POLL_SECONDS)


async def _state(source: FaxSource, fax: Fax) -> str:
    match fax.status:
        case FaxStatus.PENDING:
            return "waiting"
        case FaxStatus.IN_PROGRESS:
            stage = await source.stage(fax.id)
            return stage if stage in STAGES else "sending"
        case _:
            return fax.status.value
