"""Makes the pages of faxes, before they are sent: documents, cover pages, expected call time."""

import asyncio
from pathlib import Path
from typing import Any

import structlog

from spandsp_bridge.documents import cover
from spandsp_bridge.documents.bitmaps import thumbnail
from spandsp_bridge.documents.job import PageOptions
from spandsp_bridge.documents.render import Rendered, render
from spandsp_bridge.documents.tiff import call_seconds, line_bytes
from spandsp_bridge.errors import DocumentError, UnavailableError, UserError
from spandsp_bridge.model import FaxStatus
from spandsp_bridge.numbers import zone_of
from spandsp_bridge.reasons import Reason
from spandsp_bridge.store.fax_rows import Fax
from spandsp_bridge.store.faxes import FaxStore
from spandsp_bridge.store.preparation import Prepared
from spandsp_bridge.store.queue import FaxQueue
from spandsp_bridge.store.virtual_faxes import VirtualFax

log = structlog.get_logger(__name__)

COVER_PAGES = 5


class NotYetError(UnavailableError):
    """The document that a fax shares is not ready."""


def document_failure(error: UserError) -> tuple[Reason, dict[str, Any]]:
    """Return the outcome of a fax whose document cannot be sent, as a reason and a detail."""
    if isinstance(error, DocumentError):
        return error.reason, dict(error.detail)
    return Reason.DOCUMENT_MISSING, {}


class Preparer:
    """Makes pages and stores them; safe to run twice for a fax."""

    def __init__(self, store: FaxStore, queue: FaxQueue, scratch: Path, max_pages: int) -> None:
        self._store = store
        self._queue = queue
        self._scratch = scratch
        self._max_pages = max_pages
        scratch.mkdir(parents=True, exist_ok=True)

    async def prepare(self, fax_id: int) -> None:
        """Make the pages of a fax, or end it with the reason. Raises NotYetError."""
        fax = await self._store.fax(fax_id)
        if fax is None or fax.status is not FaxStatus.PENDING or fax.prepared_at is not None:
            return
        try:
            made = await self._make(fax)
        except UserError as error:
            reason, detail = document_failure(error)
            await self._queue.fail_prepared(fax, reason, detail)
            log.info("document rejected", fax_id=fax.id, reason=reason, detail=detail)
            return
        await self._queue.set_prepared(fax, made)
        log.info("prepared", fax_id=fax.id, pages=made.pages, seconds=made.seconds)

    async def give_up(self, fax_id: int) -> None:
        """End a fax whose pages could not be made, through a fault of ours."""
        fax = await self._store.fax(fax_id)
        if fax is not None:
            await self._queue.fail_prepared(fax, Reason.INTERNAL_ERROR, {})

    async def _make(self, fax: Fax) -> Prepared:
        sender = await self._store.virtual_fax(fax.virtual_fax_id)
        if sender is None:
            raise DocumentError(Reason.DOCUMENT_MISSING)
        options = PageOptions(sender.paper, fax.resolution or sender.resolution,
                    fax.pictures or sender.pictures, sender.long_pages)  # fmt: skip
        documents: list[tuple[str, bytes, int | None]] = []
        octets: list[int] = []
        first = b""
        if fax.cover is not None:
            made = await self._cover(fax, sender, options)
            documents.append(("cover", made.tiff, made.pages))
            octets += made.line_bytes
            first = made.tiff
        shared = await self._shared(fax, sender, options)
        if shared is not None:
            octets += line_bytes(shared)
        elif files := await self._store.documents(fax, "original"):
            made = await render(files, options, self._max_pages, self._scratch, facts=True)
            documents.append(("tiff", made.tiff, made.pages))
            octets += made.line_bytes
            first = first or made.tiff
        elif first:  # the cover page is all there is
            documents = [("tiff", first, len(octets))]
        else:
            raise DocumentError(Reason.DOCUMENT_MISSING)
        if len(octets) > self._max_pages:
            raise DocumentError(
                Reason.PAGE_COUNT_LIMIT_EXCEEDED,
                problem="with_cover",
                pages=len(octets),
                limit=self._max_pages,
            )
        if first:
            documents.append(("thumbnail", await asyncio.to_thread(thumbnail, first), None))
        return Prepared(documents, len(octets), call_seconds(octets))

    async def _cover(self, fax: Fax, sender: VirtualFax, options: PageOptions) -> Rendered:
        said = fax.cover or {}
        page = cover.Cover(
            to_number=fax.remote_number,
            from_number=fax.local_number,
            date=f"{fax.created_at.astimezone(zone_of(sender.time_zone)):%Y-%m-%d %H:%M}",
            **{name: str(said.get(name) or "") for name in cover.WRITTEN},
        )
        first = cover.page(page, sender.cover_template, sender.language)
        return await render([], options, COVER_PAGES, self._scratch, cover=first)

    async def _shared(self, fax: Fax, sender: VirtualFax, options: PageOptions) -> bytes | None:
        """Return the pages that another fax has of the same document, if they will do."""
        if fax.document_fax_id is None:
            return None
        owner = await self._store.fax(fax.document_fax_id)
        if owner is None:
            raise DocumentError(Reason.DOCUMENT_MISSING)
        if (owner.resolution or sender.resolution, owner.pictures or sender.pictures) != (
            options.resolution, options.pictures
        ):  # fmt: skip
            return None
        tiff = await self._store.document(owner, "tiff")
        if tiff is None and owner.status is FaxStatus.PENDING:
            raise NotYetError("fax {id} has no pages yet", id=owner.id)
        if tiff is None and isinstance(owner.reason, Reason):
            raise DocumentError(owner.reason, **owner.detail)
        return tiff
