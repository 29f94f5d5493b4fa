"""The form to send a fax: documents, preview, numbers."""

import asyncio
import base64
from dataclasses import dataclass
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from starlette.datastructures import FormData, UploadFile

from spandsp_bridge.documents import cover
from spandsp_bridge.documents.job import CoverPage
from spandsp_bridge.documents.render import MAX_BYTES, check_sizes, render
from spandsp_bridge.documents.tiff import call_seconds
from spandsp_bridge.errors import DocumentError, UserError
from spandsp_bridge.model import PICTURES, RESOLUTIONS
from spandsp_bridge.numbers import country_of, written, zone_of
from spandsp_bridge.outbound.submit import (
    checked,
    one_of,
    page_options,
    sender_of,
    time_of,
)
from spandsp_bridge.portal.charts import page_png
from spandsp_bridge.portal.page import fragment, page
from spandsp_bridge.reasons import Reason
from spandsp_bridge.store.documents import File
from spandsp_bridge.store.faxes import FaxStore
from spandsp_bridge.store.submissions import SendOptions
from spandsp_bridge.store.virtual_faxes import VirtualFax, VirtualFaxes
from spandsp_bridge.web.access import FaxUser, Principal
from spandsp_bridge.web.state import Web, web_of

sending = APIRouter()
PREVIEW_PAGES = 12
PREVIEW_WIDTH = 640
VALUES = (
    "sender",
    "to",
    "resolution",
    "pictures",
    "subject",
    "text",
    "to_name",
    "send_at",
    "priority",
)
MAX_NUMBERS = 1000
SHOWN_NUMBERS = 20


@dataclass(frozen=True, slots=True)
class SendForm:
    """The fields and files of the form."""

    values: dict[str, str]
    files: list[File]


async def _form(request: Request) -> SendForm:
    """Read the form. Raises UserError."""
    if int(request.headers.get("content-length") or 0) > 2 * MAX_BYTES:
        raise DocumentError(Reason.DOCUMENT_TOO_LARGE, limit=MAX_BYTES // 2**20)
    sent: FormData = await request.form(max_files=50, max_fields=30)
    values = {name: str(sent.get(name) or "").replace("\0", "") for name in VALUES}
    files = [
        (upload.filename or "document", await upload.read())
        for upload in sent.getlist("files")
        if isinstance(upload, UploadFile) and upload.filename
    ]
    return SendForm(values, files)


async def _senders(me: Principal, web: Web) -> tuple[list[tuple[int, str]], str, list[str]]:
    """Return the senders (id, label), the company's country, and the permitted countries."""
    found = await VirtualFaxes(me.tenant(web)).senders()
    senders = [(sender.id, sender.label) for sender in found]
    return senders, *((found[0].country, list(found[0].countries)) if found else ("", []))


def _options(form: SendForm, me: Principal) -> SendOptions:
    v = form.values
    one_of("resolution", v["resolution"] or None, RESOLUTIONS)
    one_of("pictures", v["pictures"] or None, PICTURES)
    at = time_of(v["send_at"] or None)
    if at is not None:
        at = at.replace(tzinfo=zone_of(me.time_zone))
    words = {name: v[name] for name in ("subject", "text", "to_name")}
    if len(v["text"]) > cover.MAX_TEXT:
        raise UserError(
            "the text of the cover page is too long: at most {limit} characters",
            limit=cover.MAX_TEXT,
        )
    return SendOptions(
        words if any(words.values()) else None,
        v["resolution"] or None,
        v["pictures"] or None,
        int(v["priority"]) if v["priority"] in ("0", "5", "9") else 5,
        at,
    )


async def _page(
    request: Request,
    me: Principal,
    values: dict[str, str],
    error: UserError | None = None,
    status: int = 200,
) -> Response:
    senders, country, countries = await _senders(me, web_of(request))
    return page(
        request,
        me,
        "send.html",
        status,
        senders=senders,
        country=country,
        countries=countries,
        values={name: values.get(name, "") for name in VALUES},
        error=error,
    )


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.replace(";", "\n").splitlines() if line.strip()]


def _numbers(text: str, sender: VirtualFax) -> list[str]:
    numbers = list(dict.fromkeys(map(sender.destination, _lines(text))))
    if not 1 <= len(numbers) <= MAX_NUMBERS:
        raise UserError("enter 1 to {limit} fax numbers", limit=MAX_NUMBERS)
    return numbers


@sending.get("/send")
async def empty_form(request: Request, me: FaxUser) -> Response:
    """Show the form."""
    return await _page(request, me, {})


@sending.get("/send/numbers")
async def check_numbers(
    request: Request,
    me: FaxUser,
    to: Annotated[str, Query(max_length=20_000)] = "",
    sender: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """Show the numbers as they will be dialled, and those that are not valid."""
    store = FaxStore(me.tenant(web_of(request)))
    try:
        virtual_fax = await sender_of(store, sender if sender.isdigit() else "0")
    except UserError:
        return HTMLResponse("")
    numbers: list[tuple[str, str, UserError | None]] = []
    lines = _lines(to)
    for line in lines[:SHOWN_NUMBERS]:
        try:
            number = virtual_fax.destination(line)
        except UserError as error:
            numbers.append((line, "", error))
        else:
            numbers.append((written(number), country_of(number), None))
    more = max(0, len(lines) - SHOWN_NUMBERS)
    return HTMLResponse(fragment(request, me, "_numbers.html", numbers=numbers, more=more))


@sending.post("/send/preview")
async def preview(request: Request, me: FaxUser) -> Response:
    """Show the pages as they will arrive."""
    web = web_of(request)
    try:
        form = await _form(request)
        check_sizes(form.files)
        sender = await sender_of(FaxStore(me.tenant(web)), form.values["sender"] or "0")
        options = _options(form, me)
        pages = page_options(sender, options)
        first = _cover(sender, form) if options.cover else None
        rendered = await render(form.files, pages, web.settings.max_pages, web.scratch, cover=first)
        shown = await asyncio.gather(
            *(
                asyncio.to_thread(page_png, rendered.tiff, n, PREVIEW_WIDTH)
                for n in range(1, min(rendered.pages, PREVIEW_PAGES) + 1)
            )
        )
    except UserError as error:
        return HTMLResponse(
            fragment(request, me, "_preview.html", error=error, pictures=[], count=0, seconds=0)
        )
    return HTMLResponse(
        fragment(
            request,
            me,
            "_preview.html",
            error=None,
            count=rendered.pages,
            seconds=call_seconds(rendered.line_bytes),
            pictures=[base64.b64encode(png).decode() for png in shown],
        )
    )


def _cover(sender: VirtualFax, form: SendForm) -> CoverPage:
    v = form.values
    texts = cover.Cover(
        to_number=v["to"].strip().partition("\n")[0][:40],
        from_number=sender.outgoing_number or "",
        from_name=sender.company,
        to_name=v["to_name"],
        subject=v["subject"],
        text=v["text"],
    )
    return cover.page(texts, sender.cover_template, sender.language)


@sending.post("/send")
async def send(request: Request, me: FaxUser) -> Response:
    """Queue a fax, or a broadcast where there are several numbers."""
    web = web_of(request)
    form = SendForm({}, [])
    try:
        form = await _form(request)
        store = FaxStore(me.tenant(web))
        sender = await sender_of(store, form.values["sender"] or "0")
        numbers = _numbers(form.values["to"], sender)
        options = _options(form, me)
        await checked(sender, form.files, options, web.settings.max_pages, web.scratch)
    except UserError as error:
        return await _page(request, me, form.values, error, 422)
    if len(numbers) == 1:
        fax = await store.submit(sender, numbers[0], form.files, options)
        return RedirectResponse(f"/faxes/{fax}?done=sent", 303)
    destinations = [(number, form.values["to_name"]) for number in numbers]
    broadcast = await store.submit_broadcast(
        sender, destinations, form.files, options, form.files[0][0]
    )
    return RedirectResponse(f"/faxes/out?broadcast={broadcast}", 303)
