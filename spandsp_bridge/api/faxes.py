"""`/v1/faxes`: send, list, show, cancel, resend and delete faxes."""

import json
from collections.abc import AsyncIterator
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Header, Path, Query, Request, Response
from fastapi.responses import StreamingResponse

from spandsp_bridge.api.requests import openapi_body, read
from spandsp_bridge.api.shapes import (
    Attempt,
    Delivery,
    FaxShape,
    Many,
    Moment,
    NewFax,
    One,
    QueuePosition,
    delivery_shape,
    fax_shape,
)
from spandsp_bridge.errors import ConflictError
from spandsp_bridge.i18n import explained
from spandsp_bridge.model import FaxStatus
from spandsp_bridge.numbers import e164
from spandsp_bridge.outbound.submit import checked, sender_of
from spandsp_bridge.store.deliveries import DeliveryStore
from spandsp_bridge.store.faxes import FaxStore
from spandsp_bridge.store.lists import FaxFilter, FaxLists
from spandsp_bridge.store.submissions import SendOptions
from spandsp_bridge.web.access import FAXES, Principal, allow
from spandsp_bridge.web.faxes import (
    PDF,
    TIFF,
    cursor_of,
    document_of,
    event_stream,
    existing,
    place_of,
    trace_of,
)
from spandsp_bridge.web.language import accepted_language
from spandsp_bridge.web.state import web_of

faxes = APIRouter(prefix="/faxes", tags=["faxes"])
Reader = Annotated[Principal, Depends(allow(FAXES, "faxes:read", keys=True))]
Writer = Annotated[Principal, Depends(allow(FAXES, "faxes:write", keys=True))]
FaxId = Annotated[int, Path(ge=1, lt=2**63)]
TEXT: dict[int | str, dict[str, Any]] = {200: {"content": {"text/plain": {}}}}
FILE: dict[int | str, dict[str, Any]] = {200: {"content": {PDF: {}, TIFF: {}}}}


# ---- sending -------------------------------------------------------------------------------------


@faxes.post(
    "",
    status_code=202,
    openapi_extra=openapi_body("NewFax", "fax"),
)
async def send(
    request: Request,
    principal: Writer,
    idempotency_key: Annotated[
        str | None, Header(min_length=1, max_length=255, pattern=r"^[\x20-\x7e]+$")
    ] = None,
) -> One[FaxShape]:
    """Send documents as one fax.

    JSON, with each document in base64 or fetched from a URL; or multipart, with the files as
    `contents` and the rest as JSON in `fax`. A repeated `Idempotency-Key` returns the first fax.
    """
    web = web_of(request)
    new, files = await read(request, web, NewFax, "fax")
    store = FaxStore(principal.tenant(web))
    sender = await sender_of(store, str(new.virtual_fax_id))
    number = e164(new.to, sender.country) if principal.test else sender.destination(new.to)
    options = SendOptions(
        cover=new.cover.model_dump() if new.cover else None,
        resolution=new.resolution,
        pictures=new.pictures,
        priority=new.priority,
        send_at=new.send_at.astimezone() if new.send_at else None,
        idempotency_key=idempotency_key,
        client_state=new.client_state,
        test=principal.test,
    )
    await checked(sender, files, options, web.settings.max_pages, web.scratch)
    fax_id = await store.submit(sender, number, files, options)
    return One(data=fax_shape(await existing(store, fax_id), accepted_language(request)))


# ---- reading -------------------------------------------------------------------------------------


@faxes.get("")
async def listing(
    request: Request,
    principal: Reader,
    direction: Literal["in", "out"] | None = None,
    status: Annotated[
        list[Literal["pending", "inprogress", "completed", "error"]] | None, Query()
    ] = None,
    virtual_fax_id: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
    broadcast_id: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
    number: Annotated[str | None, Query(max_length=40, pattern=r"^[^\x00]*$")] = None,
    station: Annotated[str | None, Query(max_length=40, pattern=r"^[^\x00]*$")] = None,
    since: Moment | None = None,
    until: Moment | None = None,
    cursor: Annotated[str | None, Query(max_length=200)] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Many[FaxShape]:
    """List faxes, the newest first."""
    selected = FaxFilter(
        company=principal.company,
        direction=direction,
        status=tuple(status or ()),
        virtual_fax=virtual_fax_id,
        broadcast=broadcast_id,
        number=number,
        station=station,
        since=_aware(since),
        until=_aware(until),
        after=place_of(cursor) if cursor else None,
    )
    found = await FaxLists(principal.tenant(web_of(request))).page(selected, limit)
    more = cursor_of(found[-1].fax) if len(found) == limit else None
    return Many(data=[fax_shape(row.fax, accepted_language(request)) for row in found], next=more)


def _aware(at: datetime | None) -> datetime | None:
    return at.astimezone() if at else None


@faxes.get("/{fax_id:int}")
async def show(request: Request, principal: Reader, fax_id: FaxId) -> One[FaxShape]:
    """Return one fax."""
    store = FaxStore(principal.tenant(web_of(request)))
    return One(data=fax_shape(await existing(store, fax_id), accepted_language(request)))


@faxes.get("/{fax_id:int}/document.pdf", response_class=Response, responses=FILE)
async def document_pdf(request: Request, principal: Reader, fax_id: FaxId) -> Response:
    """Return the fax as PDF/A."""
    return await _document(request, principal, fax_id, "pdf")


@faxes.get("/{fax_id:int}/document.tiff", response_class=Response, responses=FILE)
async def document_tiff(request: Request, principal: Reader, fax_id: FaxId) -> Response:
    """Return the fax as TIFF-F."""
    return await _document(request, principal, fax_id, "tiff")


@faxes.get("/{fax_id:int}/receipt.pdf", response_class=Response, responses=FILE)
async def receipt(request: Request, principal: Reader, fax_id: FaxId) -> Response:
    """Return the delivery receipt, which lists the confirmation of each page."""
    return await _document(request, principal, fax_id, "receipt")


async def _document(request: Request, principal: Principal, fax_id: int, kind: str) -> Response:
    store = FaxStore(principal.tenant(web_of(request)))
    fax = await existing(store, fax_id)
    ending = "tiff" if kind == "tiff" else "pdf"
    answer = await document_of(
        store, fax, principal.who, kind, f"fax-{fax.id}.{ending}", accepted_language(request)
    )
    await store.mark_read(fax)
    return answer


@faxes.get("/{fax_id:int}/attempts")
async def attempts(request: Request, principal: Reader, fax_id: FaxId) -> Many[Attempt]:
    """Return the calls of a fax, the oldest first."""
    store = FaxStore(principal.tenant(web_of(request)))
    rows = await store.attempts(await existing(store, fax_id))
    language = accepted_language(request)
    return Many(data=[Attempt.model_validate(explained(asdict(row), language)) for row in rows])


@faxes.get("/{fax_id:int}/trace", response_class=Response, responses=TEXT)
async def trace(request: Request, principal: Reader, fax_id: FaxId) -> Response:
    """Return the T.30 messages of every call, as text."""
    store = FaxStore(principal.tenant(web_of(request)))
    rows = await store.attempts(await existing(store, fax_id))
    return Response(trace_of(rows, accepted_language(request)), media_type="text/plain")


@faxes.get("/{fax_id:int}/queue")
async def queue(request: Request, principal: Reader, fax_id: FaxId) -> One[QueuePosition | None]:
    """Return the place of a fax in the queue; null while it has none."""
    store = FaxStore(principal.tenant(web_of(request)))
    fax = await existing(store, fax_id)
    row = await store.queue_position(fax) if fax.status is FaxStatus.PENDING else None
    return One(data=QueuePosition.model_validate(asdict(row)) if row else None)


@faxes.get("/{fax_id:int}/deliveries")
async def deliveries(request: Request, principal: Reader, fax_id: FaxId) -> Many[Delivery]:
    """Return the mails and webhook calls of a fax."""
    tenant = principal.tenant(web_of(request))
    fax = await existing(FaxStore(tenant), fax_id)
    rows = await DeliveryStore(tenant).deliveries(fax.id)
    return Many(data=[delivery_shape(row, accepted_language(request)) for row in rows])


# ---- changing ------------------------------------------------------------------------------------


@faxes.post("/{fax_id:int}/actions/cancel")
async def cancel(request: Request, principal: Writer, fax_id: FaxId) -> One[FaxShape]:
    """Cancel a fax, also in mid-call; 409 for one that has ended."""
    store = FaxStore(principal.tenant(web_of(request)))
    fax = await existing(store, fax_id)
    if fax.direction != "out":
        raise ConflictError(
            "fax {fax} was received: only outbound faxes can be cancelled", fax=fax.id
        )
    result = await store.cancel(fax, principal.who)
    if result != "cancelled":
        raise ConflictError("fax {fax} has already ended: {result}", fax=fax.id, result=result)
    return One(data=fax_shape(await existing(store, fax_id), accepted_language(request)))


@faxes.post("/{fax_id:int}/actions/resend", status_code=202)
async def resend(request: Request, principal: Writer, fax_id: FaxId) -> One[FaxShape]:
    """Send a fax that has ended again, as a new fax."""
    store = FaxStore(principal.tenant(web_of(request)))
    new = await store.resend(await existing(store, fax_id), principal.who)
    return One(data=fax_shape(await existing(store, new), accepted_language(request)))


@faxes.delete("/{fax_id:int}", status_code=204)
async def delete(request: Request, principal: Writer, fax_id: FaxId) -> None:
    """Delete the documents of a fax that has ended; its record is kept."""
    store = FaxStore(principal.tenant(web_of(request)))
    await store.delete(await existing(store, fax_id), principal.who)


# ---- live ----------------------------------------------------------------------------------------

events = APIRouter(tags=["events"])


@events.get(
    "/events",
    response_class=StreamingResponse,
    responses={200: {"content": {"text/event-stream": {}}}},
)
async def live(
    request: Request,
    principal: Reader,
    fax_id: Annotated[int | None, Query(ge=1, lt=2**63)] = None,
) -> StreamingResponse:
    """Stream changes of the company's faxes, or of one fax, as server-sent events named `fax`."""
    web = web_of(request)
    company = principal.company
    assert company is not None
    if fax_id is not None:
        await existing(FaxStore(principal.tenant(web)), fax_id)

    language = accepted_language(request)

    async def stream() -> AsyncIterator[str]:
        yield ": events\n\n"
        async for news in web.hub.watch(company, fax_id):
            if news is None:
                yield ": no change\n\n"
            else:
                data = explained(asdict(news), language)
                yield f"event: fax\ndata: {json.dumps(data)}\n\n"

    return event_stream(stream())
