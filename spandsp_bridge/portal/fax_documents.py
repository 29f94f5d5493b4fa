"""The document of a fax: its viewer, pages as PNG, and downloads."""

import asyncio
import base64
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from spandsp_bridge.calls.stored_documents import tiff_of
from spandsp_bridge.documents.tiff import TiffError, page_sizes
from spandsp_bridge.errors import NotFoundError, UserError
from spandsp_bridge.portal.charts import page_png
from spandsp_bridge.portal.page import page
from spandsp_bridge.store.fax_rows import Fax
from spandsp_bridge.store.faxes import FaxStore
from spandsp_bridge.web.access import FaxUser, Principal
from spandsp_bridge.web.faxes import document_of, existing, trace_of
from spandsp_bridge.web.state import web_of

documents = APIRouter()

PRIVATE = {"Cache-Control": "private, max-age=3600"}
ENDINGS = {"pdf": ".pdf", "tiff": ".tiff", "receipt": "-receipt.pdf"}
WHITE_PIXEL = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABAQAAAAA3bvkkAAAACklEQVR4nGP4DwABAQEAGLbwlwAAAABJRU5ErkJggg=="
)


@documents.get("/faxes/{fax_id:int}/view")
async def view(request: Request, me: FaxUser, fax_id: int) -> Response:
    """Show the pages, one at a time."""
    store = FaxStore(me.tenant(web_of(request)))
    fax = await existing(store, fax_id)
    tiff = await _tiff(store, fax)
    await store.audit(fax, me.who, "document_read", {"document": "viewer"})
    return page(request, me, "viewer.html", fax=fax, count=len(page_sizes(tiff)))


async def _tiff(store: FaxStore, fax: Fax) -> bytes:
    try:
        return await tiff_of(store, fax)
    except UserError as error:
        raise NotFoundError("{problem}", problem=error) from error


@documents.get("/faxes/{fax_id:int}/page/{number}.png")
async def picture(
    request: Request,
    me: FaxUser,
    fax_id: int,
    number: int,
    width: Annotated[int, Query(ge=16, le=1728)] = 864,
) -> Response:
    """Return one page, counted from 1, as PNG of `width` pixels at most."""
    store = FaxStore(me.tenant(web_of(request)))
    tiff = await _tiff(store, await existing(store, fax_id))
    try:
        data = await asyncio.to_thread(page_png, tiff, number, width)
    except TiffError as error:
        raise NotFoundError(
            "page {page} of fax {fax} cannot be shown", page=number, fax=fax_id
        ) from error
    return Response(data, media_type="image/png", headers=PRIVATE)


@documents.get("/faxes/{fax_id:int}/thumbnail.png")
async def thumbnail(request: Request, me: FaxUser, fax_id: int) -> Response:
    """Return the first page as a thumbnail; a white pixel where there is none."""
    store = FaxStore(me.tenant(web_of(request)))
    data = await store.document(await existing(store, fax_id), "thumbnail")
    return Response(data or WHITE_PIXEL, media_type="image/png", headers=PRIVATE)


@documents.get("/faxes/{fax_id:int}/document.pdf")
async def document_pdf(request: Request, me: FaxUser, fax_id: int) -> Response:
    """Return the fax as PDF."""
    return await _download(request, me, fax_id, "pdf")


@documents.get("/faxes/{fax_id:int}/document.tiff")
async def document_tiff(request: Request, me: FaxUser, fax_id: int) -> Response:
    """Return the fax as TIFF-F."""
    return await _download(request, me, fax_id, "tiff")


@documents.get("/faxes/{fax_id:int}/receipt.pdf")
async def receipt(request: Request, me: FaxUser, fax_id: int) -> Response:
    """Return the delivery receipt."""
    return await _download(request, me, fax_id, "receipt")


async def _download(request: Request, me: Principal, fax_id: int, kind: str) -> Response:
    store = FaxStore(me.tenant(web_of(request)))
    fax = await existing(store, fax_id)
    return await document_of(store, fax, me.who, kind, f"fax-{fax.id}{ENDINGS[kind]}", me.language)


@documents.get("/faxes/{fax_id:int}/trace.txt")
async def trace(request: Request, me: FaxUser, fax_id: int) -> Response:
    """Return the T.30 messages of every call."""
    store = FaxStore(me.tenant(web_of(request)))
    text = trace_of(await store.attempts(await existing(store, fax_id)), me.language)
    headers = {"Content-Disposition": f'attachment; filename="fax-{fax_id}-trace.txt"'}
    return Response(text, media_type="text/plain; charset=utf-8", headers=headers)
