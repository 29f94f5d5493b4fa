"""The task that moves finished calls from the spool to PostgreSQL."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Collection, Iterable
from datetime import UTC, datetime

import structlog

from spandsp_bridge.calls.spool import Spool, SpooledFax, SpoolEntry
from spandsp_bridge.documents.bitmaps import thumbnail, thumbnail_of_grey
from spandsp_bridge.documents.pdfa import fax_to_pdf
from spandsp_bridge.documents.tiff import TiffError, first_pages
from spandsp_bridge.model import Outcome
from spandsp_bridge.reasons import Reason
from spandsp_bridge.store.errors import DatabaseError
from spandsp_bridge.store.faxes import FaxStore
from spandsp_bridge.store.virtual_faxes import VirtualFax

log = structlog.get_logger(__name__)

SCAN_SECONDS = 5.0  #: between scans of the whole spool


class SpoolUploader:
    """Stores finished calls of one node; they stay in the spool until PostgreSQL has them.

    `find` returns a virtual fax by its id, `active` the spool keys of calls in progress.
    """

    def __init__(
        self,
        spool: Spool,
        store: FaxStore,
        node: str,
        *,
        find: Callable[[int], Awaitable[VirtualFax | None]],
        active: Callable[[], Collection[str]],
    ) -> None:
        self._spool = spool
        self._store = store
        self._node = node
        self._find = find
        self._active = active
        self._finished: list[str] = []
        self._wake = asyncio.Event()

    def take(self, key: str) -> None:
        """Store a finished call now, and not at the next scan."""
        self._finished.append(key)
        self._wake.set()

    async def run(self) -> None:
        """Store each call as it ends, and scan the spool every SCAN_SECONDS. Run until cancelled.

        A scan finds what a failed upload or a crash left behind.
        """
        clock = asyncio.get_running_loop().time
        scan_at = clock()
        while True:
            self._wake.clear()
            finished, self._finished = self._finished, []
            if clock() >= scan_at:
                await self._store_all(await asyncio.to_thread(lambda: list(self._spool.entries())))
                scan_at = clock() + SCAN_SECONDS
            else:
                await self._store_all(self._spool.entry(key) for key in finished)
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._wake.wait(), max(0.0, scan_at - clock()))

    async def _store_all(self, entries: Iterable[SpoolEntry]) -> None:
        for entry in entries:
            if entry.key in self._active():
                continue
            try:
                await self._store_entry(entry)
            except (DatabaseError, OSError) as error:
                log.warning("spool upload deferred", key=entry.key, error=str(error)[:200])
                return
            except Exception:
                log.exception("spool upload failed", key=entry.key)

    async def _store_entry(self, entry: SpoolEntry) -> None:
        read = await asyncio.to_thread(_read, entry)
        if read is None:
            return
        spooled, outcome, tiff, pdf, small = read
        number = spooled.facts.virtual_fax
        virtual_fax = await self._find(number) or await self._store.virtual_fax(number)
        if virtual_fax is None:
            log.error("spool upload failed: unknown virtual fax", key=entry.key, virtual_fax=number)
            return
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
        log.info("received fax stored", fax_id=fax_id, pages=len(spooled.pages))


def _read(entry: SpoolEntry) -> tuple[SpooledFax, Outcome, bytes, bytes, bytes] | None:
    """Return a call with its outcome and documents; remove one whose journal is empty."""
    spooled = entry.read()
    if spooled is None:
        if entry.folder.exists():
            log.warning("empty spool entry removed", key=entry.key)
            entry.remove()
        return None
    outcome = spooled.outcome or Outcome(
        False, Reason.BRIDGE_LOST, {"received": len(spooled.pages)}, len(spooled.pages)
    )
    return spooled, outcome, *_documents(spooled, outcome)


def _thumbnail(first_page: bytes, tiff: bytes) -> bytes:
    """Return the first page as a small PNG: of the engine's picture, or else of the TIFF."""
    with contextlib.suppress(TiffError):
        return thumbnail_of_grey(first_page)
    return thumbnail(tiff)


def _documents(spooled: SpooledFax, outcome: Outcome) -> tuple[bytes, bytes, bytes]:
    """Return the confirmed pages as (TIFF-F, PDF, PNG of the first page)."""
    if not spooled.pages:
        return b"", b"", b""
    tiff = first_pages(spooled.tiff, len(spooled.pages))
    facts = spooled.facts
    try:
        pdf = fax_to_pdf(
            tiff,
            sender=facts.remote_number,
            receiver=facts.local_number,
            pages=len(spooled.pages),
            partial=not outcome.ok,
            at=datetime.fromtimestamp(facts.received_at, UTC),
        )
        return tiff, pdf, _thumbnail(spooled.first_page, tiff)
    except TiffError:
        log.exception("PDF conversion failed, TIFF kept", key=spooled.key)
        return tiff, b"", b""
