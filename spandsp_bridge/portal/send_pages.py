"""Sending: drop documents, see the pages, name numbers."""

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
from spandsp_bridge.i18n import error_text
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
from spandsp_bridge.portal.page import fragment, language_of, page
from spandsp_bridge.reasons import Reason
from spandsp_bridge.store.documents import File
from spandsp_bridge.store.faxes import FaxStore
from spandsp_bridge.store.submissions import SendOptions
from spandsp_bridge.store.virtual_faxes import VirtualFax, VirtualFaxes
from spandsp_bridge.web.access import FaxPerson, Principal
from spandsp_bridge.web.state import Web, web_of

sending = APIRouter()
SHOWN = 12  #: pages of a preview
PREVIEW_WIDTH = 640
VALUES = ("sender", "to", "resolution", "pictures", "subject", "text", "to_name", "send_at",
          "priority")  # fmt: skip
MOST_NUMBERS = 1000
SHOWN_NUMBERS = 20


@dataclass(frozen=True, slots=True)
class Asked:
    """What the form says."""

    values: dict[str, str]
    files: list[File]


async def _form(request: Request) -> Asked:
    """Read the form. Raises UserError."""
    if int(request.headers.get("content-length") or 0) > 2 * MAX_BYTES:
        raise DocumentError(Reason.DOCUMENT_TOO_LARGE, limit=MAX_BYTES // 2**20)
    form: FormData = await request.form(max_files=50, max_fields=30)
    values = {name: str(form.get(name) or "").replace("\0", "") for name in VALUES}
    files = [
        (upload.filename or "document", await upload.read())
        for upload in form.getlist("files")
        if isinstance(upload, UploadFile) and upload.filename
    ]
    return Asked(values, files)


async def _senders(me: Principal, web: Web) -> tuple[list[tuple[int, str]], str, list[str]]:
    """Return (id, label) of who may send, the company's country, and where faxes may go."""
    found = await VirtualFaxes(me.tenant(web)).senders()
    senders = [(sender.id, sender.label) for sender in found]
    return senders, *((found[0].country, list(found[0].countries)) if found else ("", []))


def _wishes(asked: Asked, me: Principal) -> SendOptions:
    v = asked.values
    one_of("resolution", v["resolution"] or None, RESOLUTIONS)
    one_of("pictures", v["pictures"] or None, PICTURES)
    at = time_of(v["send_at"] or None)
    if at is not None:
        at = at.replace(tzinfo=zone_of(me.time_zone))
    words = {name: v[name] for name in ("subject", "text", "to_name")}
    if len(v["text"]) > cover.MAX_TEXT:
        raise UserError(f"the cover page's text is too long: {cover.MAX_TEXT} characters at most")
    return SendOptions(
        words if any(words.values()) else None, v["resolution"] or None, v["pictures"] or None,
        int(v["priority"]) if v["priority"] in ("0", "5", "9") else 5, at,
    )  # fmt: skip


async def _page(
    request: Request, me: Principal, values: dict[str, str], wrong: str = "", status: int = 200
) -> Response:
    senders, country, countries = await _senders(me, web_of(request))
    return page(request, me, "send.html", status, senders=senders, country=country,
                countries=countries,
                values={name: values.get(name, "") for name in VALUES}, wrong=wrong)  # fmt: skip


def _lines(text: str) -> list[str]:
    return [line.strip() for line in text.replace(";", "\n").splitlines() if line.strip()]


def _numbers(text: str, sender: VirtualFax) -> list[str]:
    numbers = list(dict.fromkeys(map(sender.destination, _lines(text))))
    if not 1 <= len(numbers) <= MOST_NUMBERS:
        raise UserError(f"name 1 to {MOST_NUMBERS} numbers to fax to")
    return numbers


@sending.get("/send")
async def form(request: Request, me: FaxPerson) -> Response:
    """Show the form."""
    return await _page(request, me, {})


@sending.get("/send/numbers")
async def numbers(
    request: Request, me: FaxPerson, to: Annotated[str, Query(max_length=20_000)] = "",
    sender: Annotated[str, Query(max_length=20)] = "",
) -> Response:  # fmt: skip
    """Show the numbers as they will be called, and what is wrong with them."""
    store = FaxStore(me.tenant(web_of(request)))
    try:
        virtual_fax = await sender_of(store, sender if sender.isdigit() else "0")
    except UserError:
        return HTMLResponse("")
    told: list[tuple[str, str, str]] = []
    lines = _lines(to)
    for line in lines[:SHOWN_NUMBERS]:
        try:
            number = virtual_fax.destination(line)
        except UserError as error:
            told.append((line, "", f"{error}."))
        else:
            told.append((written(number), country_of(number), ""))
    more = max(0, len(lines) - SHOWN_NUMBERS)
    return HTMLResponse(fragment(request, me, "_numbers.html", told=told, more=more))


@sending.post("/send/preview")
async def preview(request: Request, me: FaxPerson) -> Response:
    """Show the pages as they will arrive."""
    web = web_of(request)
    try:
        asked = await _form(request)
        check_sizes(asked.files)
        sender = await sender_of(FaxStore(me.tenant(web)), asked.values["sender"] or "0")
        wishes = _wishes(asked, me)
        options = page_options(sender, wishes)
        first = _cover(sender, asked) if wishes.cover else None
        made = await render(asked.files, options, web.settings.max_pages, web.scratch, cover=first)
        shown = await asyncio.gather(*(
            asyncio.to_thread(page_png, made.tiff, n, PREVIEW_WIDTH)
            for n in range(1, min(made.pages, SHOWN) + 1)
        ))  # fmt: skip
    except UserError as error:
        wrong = error_text(error, language_of(request, me))
        return HTMLResponse(
            fragment(request, me, "_preview.html", wrong=wrong, pictures=[], count=0, seconds=0)
        )
    return HTMLResponse(fragment(
        request, me, "_preview.html", wrong="", count=made.pages,
        seconds=call_seconds(made.line_bytes),
        pictures=[base64.b64encode(png).decode() for png in shown],
    ))  # fmt: skip


def _cover(sender: VirtualFax, asked: Asked) -> CoverPage:
    v = asked.values
    said = cover.Cover(
        to_number=v["to"].strip().partition("\n")[0][:40],
        from_number=sender.outgoing_number or "",
        from_name=sender.company,
        to_name=v["to_name"], subject=v["subject"], text=v["text"],
    )  # fmt: skip
    return cover.page(said, sender.cover_template, sender.language)


@sending.post("/send")
async def send(request: Request, me: FaxPerson) -> Response:
    """Put a fax into the queue, or a broadcast where there are several numbers."""
    web = web_of(request)
    asked = Asked({}, [])
    try:
        asked = await _form(request)
        store = FaxStore(me.tenant(web))
        sender = await sender_of(store, asked.values["sender"] or "0")
        numbers = _numbers(asked.values["to"], sender)
        wishes = _wishes(asked, me)
        await checked(sender, asked.files, wishes, web.settings.max_pages, web.scratch)
    except UserError as error:
        return await _page(request, me, asked.values, f"{error}.", 422)
    if len(numbers) == 1:
        made = await store.submit(sender, numbers[0], asked.files, wishes)
        return RedirectResponse(f"/faxes/{made}?said=sent", 303)
    destinations = [(number, asked.values["to_name"]) for number in numbers]
    broadcast = await store.submit_broadcast(
        sender, destinations, asked.files, wishes, asked.files[0][0]
    )
    return RedirectResponse(f"/faxes/out?broadcast={broadcast}", 303)
