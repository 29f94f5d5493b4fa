"""Lists of faxes, one fax with all that happened to it, its documents, live news."""

import asyncio
import base64
import csv
import io
import re
from collections.abc import AsyncIterator
from dataclasses import asdict, replace
from datetime import datetime, time, timedelta
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from spandsp_bridge.calls.stored_documents import tiff_of
from spandsp_bridge.documents.tiff import TiffError, page_sizes
from spandsp_bridge.errors import NotFoundError, UserError
from spandsp_bridge.i18n import sentence
from spandsp_bridge.model import FaxStatus
from spandsp_bridge.numbers import zone_of
from spandsp_bridge.portal.charts import SAYS, ladder, page_png
from spandsp_bridge.portal.page import fragment, page, translator
from spandsp_bridge.store.deliveries import DeliveryStore
from spandsp_bridge.store.fax_rows import Fax
from spandsp_bridge.store.faxes import FaxStore
from spandsp_bridge.store.lists import (
    NEWEST,
    NUMBER,
    ORDERS,
    PAGES,
    TIME,
    FaxFilter,
    FaxListItem,
    FaxLists,
)
from spandsp_bridge.store.lists import (
    cursor_of as position_of,
)
from spandsp_bridge.web.access import USER, FaxPerson, Principal
from spandsp_bridge.web.faxes import (
    cursor_of,
    document_of,
    event_stream,
    existing,
    place_of,
    trace_of,
)
from spandsp_bridge.web.live import News
from spandsp_bridge.web.state import web_of

faxes = APIRouter()
STATUSES = ("completed", "inprogress", "pending", "error")
OVER = (FaxStatus.COMPLETED, FaxStatus.ERROR)
MOST_EXPORTED = 10_000
DIRECTIONS = ("in", "out")
COLUMNS = ("id", "time", "our_number", "their_number", "station_id", "virtual_fax", "pages",
           "pages_confirmed", "status", "reason", "explanation")  # fmt: skip
GOOD_WORDS = {"in": "received", "out": "sent"}


def status_word(fax: Fax) -> str:
    """Return what a status is called for a reader, in English."""
    if fax.status is FaxStatus.COMPLETED:
        return GOOD_WORDS[fax.direction]
    if fax.direction == "in" and fax.status is FaxStatus.ERROR and fax.pages_confirmed:
        return "partial"
    return f"status: {fax.status}"


def _day(text: str, me: Principal, days: int = 0) -> datetime | None:
    try:
        day = datetime.fromisoformat(text).date() + timedelta(days=days)
    except (ValueError, OverflowError):
        return None
    return datetime.combine(day, time(), zone_of(me.time_zone))


def _asked(
    me: Principal, direction: str, number: str, station: str, status: str, since: str, until: str,
    unread: str, broadcast: str, sort: str, cursor: str,
) -> FaxFilter:  # fmt: skip
    order = sort if sort in ORDERS else NEWEST
    return FaxFilter(
        company=me.company,
        direction=direction,
        status=(status,) if status in STATUSES else (),
        broadcast=int(broadcast) if broadcast.isdigit() and len(broadcast) < 19 else None,
        number=re.sub(r"[^+0-9A-Za-z]", "", number)[:40] or None,
        station=station.replace("\0", "")[:40] or None,
        since=_day(since, me),
        until=_day(until, me, 1),
        unread=bool(unread),
        order=order,
        after=place_of(cursor, order) if cursor else None,
    )


Text = Annotated[str, Query(max_length=200)]


# ---- one fax -------------------------------------------------------------------------------------


SAID = {"cancelled": "It is being ended.", "forwarded": "It is on its way by mail.",
        "again": "It is made once more.", "sent": "It is in the queue.",
        "resent": "This is the new fax; the old one stays as it was."}  # fmt: skip


@faxes.get("/faxes/{fax_id:int}")
async def show(request: Request, me: FaxPerson, fax_id: int, said: Text = "") -> Response:
    """Show one fax with all that happened to it."""
    web = web_of(request)
    tenant = me.tenant(web)
    store = FaxStore(tenant)
    fax = await existing(store, fax_id)
    virtual_fax = await store.virtual_fax(fax.virtual_fax_id)
    attempts = [asdict(attempt) for attempt in await store.attempts(fax)]
    t = translator(me.language)
    says = {word: t(text) for word, text in SAYS.items()}
    for a in attempts:
        ours = t("us")
        theirs = a["remote_station_id"] or t("them")
        a["picture"] = ladder(a["trace"], ours, theirs, says) if a["trace"] else ""
    news = None
    if fax.status is FaxStatus.IN_PROGRESS:
        live = (await web.hub.progress.get_many([fax.id])).get(fax.id, {})
        if live:
            news = {"stage": live.get("stage"), "page": live.get("page") or 0,
                    "bit_rate": live.get("bit_rate") or 0}  # fmt: skip
    position = await store.queue_position(fax) if fax.status is FaxStatus.PENDING else None
    if fax.direction == "in":
        await store.mark_read(fax)
    return page(
        request, me, "fax.html", fax=fax, virtual_fax=virtual_fax.name if virtual_fax else "",
        attempts=attempts, pages=await store.pages(fax), over=fax.status in OVER, news=news,
        position=position, has_document=await store.has_document(fax),
        deliveries=await DeliveryStore(tenant).deliveries(fax.id),
        said=t(SAID[said]) if said in SAID else "", status_word=status_word,
    )  # fmt: skip


# ---- lists ---------------------------------------------------------------------------------------


@faxes.get("/faxes/{direction}.csv")
async def export(
    request: Request, me: FaxPerson, direction: str, number: Text = "", station: Text = "",
    status: Text = "", since: Text = "", until: Text = "", unread: Text = "", broadcast: Text = "",
    sort: Text = "",
) -> Response:  # fmt: skip
    """Return what a list shows as CSV, its first 10,000 at the most."""
    if direction not in DIRECTIONS:
        raise NotFoundError("there is no such list")
    wanted = _asked(
        me, direction, number, station, status, since, until, unread, broadcast, sort, ""
    )
    lists = FaxLists(me.tenant(web_of(request)))
    zone = zone_of(me.time_zone)
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(COLUMNS)
    written = 0
    while written < MOST_EXPORTED:
        rows = await lists.page(wanted, 200)
        for row in rows:
            f = row.fax
            table.writerow(_safe(v) for v in (
                f.id, f"{f.created_at.astimezone(zone):%Y-%m-%d %H:%M:%S}", f.local_number,
                f.remote_number, f.remote_station_id, row.virtual_fax, f.pages or "",
                f.pages_confirmed, f.status, f.reason or "",
                sentence(f.reason, f.detail, me.language),
            ))  # fmt: skip
        written += len(rows)
        if len(rows) < 200:
            break
        wanted = replace(wanted, after=position_of(rows[-1].fax, wanted.order))
    return Response(
        out.getvalue(), media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="faxes-{direction}.csv"'},
    )  # fmt: skip


def _safe(value: object) -> str:
    """Return a cell that a spreadsheet takes for text, not for a formula; numbers keep their +."""
    text = str(value)
    dangerous = text[:1] in ("=", "@", "\t", "\r", "-") or (
        text[:1] == "+" and not text[1:].isdigit()
    )
    return f"'{text}" if dangerous else text


@faxes.get("/faxes/{fax_id:int}/live")
async def live_fax(request: Request, me: FaxPerson, fax_id: int) -> Response:
    """Stream the state of one fax until it is over."""
    web = web_of(request)
    store = FaxStore(me.tenant(web))
    fax = await existing(store, fax_id)

    async def stream() -> AsyncIterator[str]:
        async for news in web.hub.watch(fax.company_id, fax.id):
            if news is None:
                yield ": nothing new\n\n"
                continue
            now = await existing(store, fax_id)
            yield _event("fax", await _live(request, me, store, now, news))
            if now.status in OVER:
                yield _event("end", "over")
                return

    return event_stream(stream())


@faxes.get("/faxes/{direction}/live")
async def live_list(request: Request, me: FaxPerson, direction: str) -> Response:
    """Stream rows of a list as they change."""
    web = web_of(request)
    if direction not in DIRECTIONS:
        raise NotFoundError("there is no such list")
    company = me.company
    assert company is not None
    allowed = await _virtual_faxes(request, me) if me.role == USER else None

    async def stream() -> AsyncIterator[str]:
        yield ": rows\n\n"
        lists = FaxLists(me.tenant(web))
        async for news in web.hub.watch(company, None, allowed):
            if news is None:
                yield ": nothing new\n\n"
                continue
            if news.direction != direction:
                continue
            wanted = FaxFilter(company=company, direction=direction, fax=news.fax_id)
            found = await lists.page(wanted, 1)
            if found:
                yield _event(
                    "fax", fragment(request, me, "_row.html", row=found[0], status_word=status_word)
                )

    return event_stream(stream())


async def _virtual_faxes(request: Request, me: Principal) -> frozenset[int]:
    return await FaxStore(me.tenant(web_of(request))).virtual_fax_ids()


async def _live(
    request: Request, me: Principal, store: FaxStore, fax: Fax, news: News | None
) -> str:
    position = await store.queue_position(fax) if fax.status is FaxStatus.PENDING else None
    return fragment(
        request, me, "_live.html", fax=fax, news=news, position=position, status_word=status_word
    )


def _event(name: str, html: str) -> str:
    lines = "".join(f"data: {line}\n" for line in html.splitlines() if line.strip())
    return f"event: {name}\n{lines}\n"


@faxes.get("/faxes/{direction}")
async def listing(
    request: Request, me: FaxPerson, direction: str, number: Text = "", station: Text = "",
    status: Text = "", since: Text = "", until: Text = "", unread: Text = "", broadcast: Text = "",
    sort: Text = "", cursor: Text = "",
) -> Response:  # fmt: skip
    """List received or sent faxes."""
    if direction not in DIRECTIONS:
        raise NotFoundError("there is no such list")
    wanted = _asked(
        me, direction, number, station, status, since, until, unread, broadcast, sort, cursor
    )
    rows: list[FaxListItem] = await FaxLists(me.tenant(web_of(request))).page(wanted, 50)
    given = {"number": number, "station": station, "status": status, "since": since,
             "until": until, "unread": unread, "broadcast": broadcast}  # fmt: skip
    filters = {name: value for name, value in given.items() if value}
    asked = {**filters, "sort": wanted.order} if wanted.order != NEWEST else filters
    more = ""
    if len(rows) == 50:
        more = urlencode({**asked, "cursor": cursor_of(rows[-1].fax, wanted.order)})
    return page(
        request, me, "faxes.html", direction=direction, rows=rows, asked=wanted, next=more,
        query=urlencode(asked), statuses=STATUSES, chosen_status=status, since=since, until=until,
        filtered=bool(filters), live=not asked and not cursor, status_word=status_word,
        orders=[_order(key, wanted.order, filters) for key in (TIME, NUMBER, PAGES)],
    )  # fmt: skip


def _order(key: str, now: str, filters: dict[str, str]) -> dict[str, str]:
    """Return a heading's link, which turns the order round, and what it is now for ARIA."""
    down = now == f"-{key}"
    other = key if down or (now != key and key == NUMBER) else f"-{key}"
    state = "descending" if down else "ascending" if now == key else ""
    return {"query": urlencode({**filters, "sort": other}), "state": state}


# ---- documents -----------------------------------------------------------------------------------


@faxes.get("/faxes/{fax_id:int}/view")
async def view(request: Request, me: FaxPerson, fax_id: int) -> Response:
    """Show the pages, one at a time."""
    store = FaxStore(me.tenant(web_of(request)))
    fax = await existing(store, fax_id)
    tiff = await _tiff(store, fax)
    await store.audit(fax, me.who, "document_read", "viewer")
    return page(request, me, "viewer.html", fax=fax, count=len(page_sizes(tiff)))


async def _tiff(store: FaxStore, fax: Fax) -> bytes:
    try:
        return await tiff_of(store, fax)
    except UserError as error:
        raise NotFoundError("{problem}", problem=error) from error


PRIVATE = {"Cache-Control": "private, max-age=3600"}


@faxes.get("/faxes/{fax_id:int}/page/{number}.png")
async def picture(
    request: Request, me: FaxPerson, fax_id: int, number: int,
    width: Annotated[int, Query(ge=16, le=1728)] = 864,
) -> Response:  # fmt: skip
    """Return one page as PNG."""
    store = FaxStore(me.tenant(web_of(request)))
    tiff = await _tiff(store, await existing(store, fax_id))
    try:
        data = await asyncio.to_thread(page_png, tiff, number, width)
    except TiffError as error:
        raise NotFoundError("{problem}", problem=error) from error
    return Response(data, media_type="image/png", headers=PRIVATE)


@faxes.get("/faxes/{fax_id:int}/thumbnail.png")
async def thumbnail(request: Request, me: FaxPerson, fax_id: int) -> Response:
    """Return the first page in small."""
    store = FaxStore(me.tenant(web_of(request)))
    data = await store.document(await existing(store, fax_id), "thumbnail")
    if data is None:
        return Response(_NOTHING, media_type="image/png", headers=PRIVATE)
    return Response(data, media_type="image/png", headers=PRIVATE)


_NOTHING = base64.b64decode(  # one white pixel
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABAQAAAAA3bvkkAAAACklEQVR4nGP4DwABAQEAGLbwlwAAAABJRU5ErkJggg=="
)


@faxes.get("/faxes/{fax_id:int}/document.pdf")
async def document_pdf(request: Request, me: FaxPerson, fax_id: int) -> Response:
    """Return the fax as PDF."""
    return await _download(request, me, fax_id, "pdf")


@faxes.get("/faxes/{fax_id:int}/document.tiff")
async def document_tiff(request: Request, me: FaxPerson, fax_id: int) -> Response:
    """Return the fax as TIFF-F."""
    return await _download(request, me, fax_id, "tiff")


@faxes.get("/faxes/{fax_id:int}/receipt.pdf")
async def receipt(request: Request, me: FaxPerson, fax_id: int) -> Response:
    """Return the delivery receipt."""
    return await _download(request, me, fax_id, "receipt")


async def _download(request: Request, me: Principal, fax_id: int, kind: str) -> Response:
    store = FaxStore(me.tenant(web_of(request)))
    fax = await existing(store, fax_id)
    endings = {"pdf": ".pdf", "tiff": ".tiff", "receipt": "-receipt.pdf"}
    return await document_of(store, fax, me.who, kind, f"fax-{fax.id}{endings[kind]}", me.language)


@faxes.get("/faxes/{fax_id:int}/trace.txt")
async def trace(request: Request, me: FaxPerson, fax_id: int) -> Response:
    """Return the T.30 messages of every call."""
    store = FaxStore(me.tenant(web_of(request)))
    text = trace_of(await store.attempts(await existing(store, fax_id)), me.language)
    headers = {"Content-Disposition": f'attachment; filename="fax-{fax_id}-trace.txt"'}
    return Response(text, media_type="text/plain; charset=utf-8", headers=headers)


# ---- doing ---------------------------------------------------------------------------------------


@faxes.post("/faxes/{fax_id:int}/cancel")
async def cancel(request: Request, me: FaxPerson, fax_id: int) -> Response:
    """End a fax."""
    store = FaxStore(me.tenant(web_of(request)))
    await store.cancel(await existing(store, fax_id), me.who)
    return RedirectResponse(f"/faxes/{fax_id}?said=cancelled", 303)


@faxes.post("/faxes/{fax_id:int}/resend")
async def resend(request: Request, me: FaxPerson, fax_id: int) -> Response:
    """Send a fax once more, as a new one."""
    store = FaxStore(me.tenant(web_of(request)))
    made = await store.resend(await existing(store, fax_id), me.who)
    return RedirectResponse(f"/faxes/{made}?said=resent", 303)


@faxes.post("/faxes/{fax_id:int}/delete")
async def delete(request: Request, me: FaxPerson, fax_id: int) -> Response:
    """Delete the pages of a fax."""
    store = FaxStore(me.tenant(web_of(request)))
    fax = await existing(store, fax_id)
    await store.delete(fax, me.who)
    return RedirectResponse(f"/faxes/{fax.direction}", 303)


@faxes.post("/faxes/{fax_id:int}/forward")
async def forward(
    request: Request, me: FaxPerson, fax_id: int, to: Annotated[str, Form(max_length=2000)]
) -> Response:
    """Mail a fax to somebody."""
    tenant = me.tenant(web_of(request))
    fax = await existing(FaxStore(tenant), fax_id)
    await DeliveryStore(tenant).forward(fax, re.split(r"[,;\s]+", to.strip()), me.who)
    return RedirectResponse(f"/faxes/{fax_id}?said=forwarded", 303)


@faxes.post("/faxes/{fax_id:int}/deliveries/{delivery_id}/replay")
async def replay(request: Request, me: FaxPerson, fax_id: int, delivery_id: int) -> Response:
    """Make a mail or a webhook call once more."""
    tenant = me.tenant(web_of(request))
    await existing(FaxStore(tenant), fax_id)
    await DeliveryStore(tenant).replay(delivery_id)
    return RedirectResponse(f"/faxes/{fax_id}?said=again", 303)
