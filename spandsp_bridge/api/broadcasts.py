"""`/v1/broadcasts`: one document to many destinations."""

from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Request

from spandsp_bridge.api.requests import openapi_body, read
from spandsp_bridge.api.shapes import BroadcastShape, NewBroadcast, One
from spandsp_bridge.errors import NotFoundError
from spandsp_bridge.outbound.submit import Destination, checked, resolve_destinations, sender_of
from spandsp_bridge.store.faxes import FaxStore
from spandsp_bridge.store.submissions import SendOptions
from spandsp_bridge.web.access import FAXES, Principal, allow
from spandsp_bridge.web.state import web_of

broadcasts = APIRouter(prefix="/broadcasts", tags=["broadcasts"])
Reader = Annotated[Principal, Depends(allow(FAXES, "faxes:read", keys=True))]
Writer = Annotated[Principal, Depends(allow(FAXES, "faxes:write", keys=True))]


@broadcasts.post("", status_code=202, openapi_extra=openapi_body("NewBroadcast", "broadcast"))
async def send(request: Request, principal: Writer) -> One[BroadcastShape]:
    """Send documents to many destinations, as one fax to each number.

    JSON, with each document in base64 or fetched from a URL; or multipart, with the files as
    `contents` and the rest as JSON in `broadcast`.
    """
    web = web_of(request)
    new, files = await read(request, web, NewBroadcast, "broadcast")
    store = FaxStore(principal.tenant(web))
    sender = await sender_of(store, str(new.virtual_fax_id))
    rows = [
        Destination(f"destinations.{place}", row.to, row.name)
        for place, row in enumerate(new.destinations)
    ]
    destinations = resolve_destinations(rows, sender, test=principal.test)
    options = SendOptions(
        cover=new.cover.model_dump() if new.cover else None,
        resolution=new.resolution,
        pictures=new.pictures,
        priority=new.priority,
        send_at=new.send_at.astimezone() if new.send_at else None,
        test=principal.test,
    )
    await checked(sender, files, options, web.settings.max_pages, web.scratch)
    name = new.name or files[0][0][:255]
    broadcast = await store.submit_broadcast(sender, destinations, files, options, name)
    return await _progress(store, broadcast)


@broadcasts.get("/{broadcast_id:int}")
async def show(
    request: Request, principal: Reader, broadcast_id: Annotated[int, Path(ge=1, lt=2**63)]
) -> One[BroadcastShape]:
    """Return how many faxes of a broadcast are in which state."""
    return await _progress(FaxStore(principal.tenant(web_of(request))), broadcast_id)


async def _progress(store: FaxStore, broadcast_id: int) -> One[BroadcastShape]:
    row = await store.broadcast(broadcast_id)
    if row is None:
        raise NotFoundError("there is no broadcast {broadcast}", broadcast=broadcast_id)
    return One(data=BroadcastShape.model_validate(asdict(row)))
