"""A fax's stored documents, as they are read: all pages as TIFF-F, as PDF/A, and the receipt.

This stands in `calls`, the lowest layer that sees both `store`, which keeps the parts, and
`documents`, which puts them together: neither of the two may import the other.
"""

import asyncio
import hashlib
from datetime import datetime

from spandsp_bridge.documents.pdfa import fax_to_pdf
from spandsp_bridge.documents.receipt import Receipt, ReceiptPage, make
from spandsp_bridge.documents.tiff import TiffError, join_files
from spandsp_bridge.errors import UserError
from spandsp_bridge.i18n import ENGLISH, label, sentence
from spandsp_bridge.model import FaxStatus
from spandsp_bridge.numbers import zone_of
from spandsp_bridge.store.fax_rows import Fax
from spandsp_bridge.store.faxes import FaxStore


async def tiff_of(store: FaxStore, fax: Fax) -> bytes:
    """Return all pages of a fax as TIFF-F. Raises UserError when they are gone."""
    tiff = await store.document(fax, "tiff")
    if tiff is None:
        if fax.prepared_at or fax.direction == "in":
            raise UserError("fax {id} has no document: it was deleted", id=fax.id)
        raise UserError("fax {id} has no document yet: its pages are not ready", id=fax.id)
    cover = await store.document(fax, "cover")
    if cover is None:
        return tiff
    return await asyncio.to_thread(join_files, cover, tiff)


async def pdf_of(store: FaxStore, fax: Fax) -> bytes:
    """Return a fax as PDF/A. Raises UserError when its document is gone."""
    stored = await store.document(fax, "pdf")
    if stored:
        return stored
    tiff = await tiff_of(store, fax)
    ours, theirs = fax.local_number, fax.remote_number
    sender, receiver = (ours, theirs) if fax.direction == "out" else (theirs, ours)
    try:
        return await asyncio.to_thread(
            fax_to_pdf,
            tiff,
            sender=sender,
            receiver=receiver,
            pages=fax.pages_confirmed,
            partial=fax.pages_confirmed != fax.pages,
            at=fax.created_at,
        )
    except TiffError as error:
        raise UserError(
            "the pages of fax {id} cannot be converted to PDF: {error}", id=fax.id, error=error
        ) from error


async def receipt_of(store: FaxStore, fax: Fax, language: str = ENGLISH) -> bytes:
    """Return the delivery receipt of a fax as PDF, times in its company's zone.

    Raises UserError.
    """
    virtual_fax = await store.virtual_fax(fax.virtual_fax_id)
    zone = zone_of(virtual_fax.time_zone if virtual_fax else "UTC")

    def local(at: datetime | None) -> datetime | None:
        return at.astimezone(zone) if at else None

    ours = f"{virtual_fax.company}, {virtual_fax.name}" if virtual_fax else ""
    here, there = f"{fax.local_number} {ours}".strip(), fax.remote_number
    sending = fax.direction == "out"
    confirmed = {row.page: row for row in await store.pages(fax)}
    pages = [
        ReceiptPage(
            number,
            local(row.confirmed) if (row := confirmed.get(number)) else None,
            row.line_bytes if row else None,
            row.seconds if row else None,
            row.retransmissions if row else 0,
        )
        for number in range(1, (fax.pages or 0) + 1)
    ]
    made = Receipt(
        fax_id=fax.id,
        sending=sending,
        complete=fax.status is FaxStatus.COMPLETED,
        explanation=sentence(fax.reason, fax.detail, language),
        sender=here if sending else there,
        receiver=there if sending else here,
        station_id=fax.remote_station_id,
        created=fax.created_at.astimezone(zone),
        finished=local(fax.finished_at),
        sha256=hashlib.sha256(await tiff_of(store, fax)).hexdigest(),
        pages=fax.pages or 0,
        attempts=[
            (
                a.number,
                a.started_at.astimezone(zone),
                label(a.reason, language) if a.reason else "",
                sentence(a.reason, a.detail, language),
            )
            for a in await store.attempts(fax)
        ],
    )
    thumbnail = await store.document(fax, "thumbnail") or b""
    return await asyncio.to_thread(make, made, pages, thumbnail, language)
