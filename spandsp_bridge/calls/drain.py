"""The task that empties the spool into PostgreSQL; a page stays until it is stored."""

import asyncio
from collections.abc import Callable, Collection
from datetime import UTC, datetime

import psycopg
import structlog

from spandsp_bridge.calls.paper import faxed_pdf
from spandsp_bridge.calls.spool import Spool, SpooledFax, SpoolEntry
from spandsp_bridge.documents.tiff import TiffError, first_pages, thumbnail
from spandsp_bridge.model import Outcome
from spandsp_bridge.store.faxes import FaxStore

log = structlog.get_logger(__name__)

RETRY_SECONDS = 5.0

LOST = Outcome(
    ok=False,
    reason="bridge_lost",
    explanation="The fax bridge stopped in the middle of the call; "
    "the confirmed pages were kept. Ask the sender to send again.",
)


class SpoolDrain:
    """Stores calls that are over. Runs until cancelled; the database may be away for hours."""

    def __init__(
        self, spool: Spool, store: FaxStore, node: str, active: Callable[[], Collection[str]]
    ) -> None:
        self._spool = spool
        self._store = store
        self._node = node
        self._active = active
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """Look into the spool now."""
        self._wake.set()

    async def run(self) -> None:
        """Empty the spool for ever."""
        while True:
            self._wake.clear()
            await self.drain_once()
            try:
                await asyncio.wait_for(self._wake.wait(), RETRY_SECONDS)
            except TimeoutError:
                continue

    async def drain_once(self) -> int:
        """Store what is over; return how many calls left the spool."""
        stored = 0
        for entry in await asyncio.to_thread(lambda: list(self._spool.entries())):
            if entry.key in self._active():
                continue
            try:
                stored += await self._store_entry(entry)
            except (psycopg.Error, OSError) as error:
                log.warning("the spool waits for PostgreSQL", key=entry.key, error=str(error)[:200])
                return stored
            except Exception:
                log.exception("a call stays in the spool: it could not be stored", key=entry.key)
        return stored

    async def _store_entry(self, entry: SpoolEntry) -> bool:
        spooled = await asyncio.to_thread(entry.read)
        if spooled is None:
            log.warning("removing an empty call from the spool", key=entry.key)
            await asyncio.to_thread(entry.remove)
            return False
        virtual_fax = await self._store.virtual_fax(spooled.facts.virtual_fax)
        if virtual_fax is None:
            log.error("a call stays in the spool: its virtual fax is gone", key=entry.key)
            return False
        outcome = spooled.outcome or LOST
        tiff, pdf, small = await asyncio.to_thread(_documents, spooled, outcome)
        fax_id = await self._store.store_received(
            spool_key=spooled.key,
            virtual_fax=virtual_fax,
            local_number=spooled.facts.local_number,
            remote_number=spooled.facts.remote_number,
            bridge=self._node,
            call_id=spooled.facts.call_id,
            outcome=outcome,
            pages=spooled.pages,
            tiff=tiff,
            pdf=pdf,
            thumbnail=small,
            received_at=datetime.fromtimestamp(spooled.facts.received_at, UTC),
        )
        await asyncio.to_thread(entry.remove)
        log.info("stored a received fax", fax_id=fax_id, pages=len(spooled.pages))
        return True


def _documents(spooled: SpooledFax, outcome: Outcome) -> tuple[bytes, bytes, bytes]:
    """Return the confirmed pages as (TIFF-F, PDF, PNG of the first page)."""
    if not spooled.pages:
        return b"", b"", b""
    tiff = first_pages(spooled.tiff, len(spooled.pages))
    facts = spooled.facts
    try:
        pdf = faxed_pdf(
            tiff,
            sender=facts.remote_number,
            receiver=facts.local_number,
            pages=len(spooled.pages),
            partial=not outcome.ok,
            at=datetime.fromtimestamp(facts.received_at, UTC),
        )
        return tiff, pdf, thumbnail(tiff)
    except TiffError:
        log.exception("no PDF could be made; the TIFF is kept", key=spooled.key)
        return tiff, b"", b""
