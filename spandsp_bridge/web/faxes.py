"""Faxes, cursors, documents and event streams, for the portal and the API alike."""

import base64
import binascii
from collections.abc import AsyncIterator, Sequence
from datetime import datetime

from fastapi import Response
from fastapi.responses import StreamingResponse

from spandsp_bridge.calls.stored_documents import pdf_of, receipt_of, tiff_of
from spandsp_bridge.errors import NotFoundError, UserError
from spandsp_bridge.i18n import sentence
from spandsp_bridge.store.attempts import Attempt
from spandsp_bridge.store.fax_rows import Fax
from spandsp_bridge.store.faxes import FaxStore
from spandsp_bridge.store.lists import NEWEST, Cursor
from spandsp_bridge.store.lists import cursor_of as position_of

PDF, TIFF = "application/pdf", "image/tiff"


async def existing(store: FaxStore, fax_id: int) -> Fax:
    """Return a fax that the tenant sees and that was not deleted. Raises NotFoundError."""
    found = await store.fax(fax_id) if 0 < fax_id < 2**63 else None
    if found is None or found.deleted_at is not None:
        raise NotFoundError("there is no fax {id}", id=fax_id)
    return found


async def document_of(
    store: FaxStore, fax: Fax, who: str, kind: str, name: str, language: str
) -> Response:
    """Answer with a fax as `pdf`, `tiff` or `receipt`; the audit trail gets an entry.

    Raises NotFoundError where the document was deleted.
    """
    try:
        match kind:
            case "receipt":
                data = await receipt_of(store, fax, language)
            case "pdf":
                data = await pdf_of(store, fax)
            case _:
                data = await tiff_of(store, fax)
    except UserError as error:
        raise NotFoundError("{problem}", problem=error) from error
    await store.audit(fax, who, "document_read", {"document": kind})
    return Response(
        data,
        media_type=TIFF if kind == "tiff" else PDF,
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


def event_stream(made: AsyncIterator[str]) -> StreamingResponse:
    """Answer with server-sent events, which proxies may neither cache nor buffer."""
    headers = {"Cache-Control": "no-store", "X-Accel-Buffering": "no"}
    return StreamingResponse(made, media_type="text/event-stream", headers=headers)


def cursor_of(fax: Fax, order: str = NEWEST) -> str:
    """Return the cursor of the page of a list that follows a fax."""
    value, fax_id = position_of(fax, order)
    text = f"{value.isoformat() if isinstance(value, datetime) else value} {fax_id}"
    return base64.urlsafe_b64encode(text.encode()).decode().rstrip("=")


def place_of(cursor: str, order: str = NEWEST) -> Cursor:
    """Return the position that a cursor encodes. Raises UserError."""
    try:
        text = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode()
        value_text, _, fax_id = text.rpartition(" ")
        found = int(fax_id)
        value: datetime | str | int = value_text.replace("\0", "")
        match order.removeprefix("-"):
            case "time":
                value = datetime.fromisoformat(value_text)
                if value.tzinfo is None:
                    raise UserError("invalid cursor: take it from `next`")
            case "pages":
                value = int(value_text)
    except (ValueError, binascii.Error) as error:
        raise UserError("invalid cursor: take it from `next`") from error
    if not 0 <= found < 2**63 or (isinstance(value, int) and not 0 <= value < 2**31):
        raise UserError("invalid cursor: take it from `next`")
    return value, found


def trace_of(attempts: Sequence[Attempt], language: str) -> str:
    """Return the T.30 messages of attempts as text."""
    lines: list[str] = []
    for row in attempts:
        lines.append(f"attempt {row.number} at {row.started_at.isoformat()} by {row.bridge}")
        lines.append(f"  SIP {row.sip_status or '-'} {row.sip_reason or ''}".rstrip())
        lines += [f"  {line}" for line in row.trace or ()]
        ended = sentence(row.reason, row.detail, language)
        lines.append(f"  {row.reason}: {ended}" if ended else "  in progress")
    return "\n".join(lines) + "\n"
