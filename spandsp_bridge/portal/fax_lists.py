"""Lists of received and sent faxes: as pages, as CSV, and live."""

import csv
import io
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import datetime, time, timedelta
from typing import Annotated
from urllib.parse import urlencode

from fastapi import APIRouter, Depends, Query, Request, Response

from spandsp_bridge.errors import NotFoundError
from spandsp_bridge.i18n import sentence
from spandsp_bridge.numbers import zone_of
from spandsp_bridge.portal.page import fragment, page, server_event
from spandsp_bridge.store.faxes import FaxStore
from spandsp_bridge.store.lists import NEWEST, NUMBER, ORDERS, PAGES, TIME, FaxFilter, FaxLists
from spandsp_bridge.store.lists import cursor_of as position_of
from spandsp_bridge.web.access import USER, FaxUser, Principal
from spandsp_bridge.web.faxes import cursor_of, event_stream, place_of
from spandsp_bridge.web.state import web_of

lists = APIRouter()

STATUSES = ("completed", "inprogress", "pending", "error")
DIRECTIONS = ("in", "out")
PAGE_ROWS = 50
MAX_EXPORTED = 10_000
EXPORT_BATCH = 200
#: Of an exported list, for programs: not translated.
COLUMNS = (
    "id",
    "time",
    "our_number",
    "their_number",
    "station_id",
    "virtual_fax",
    "pages",
    "pages_confirmed",
    "status",
    "reason",
    "explanation",
)
Text = Annotated[str, Query(max_length=200)]


@dataclass(frozen=True, slots=True)
class ListQuery:
    """The filters and the order of a list, as its address has them; each may be empty."""

    number: str
    station: str
    status: str
    since: str  #: ISO 8601 day in the reader's zone
    until: str  #: the same, inclusive
    unread: str
    broadcast: str
    sort: str

    @property
    def filters(self) -> dict[str, str]:
        """Return the filters that are set."""
        names = ("number", "station", "status", "since", "until", "unread", "broadcast")
        return {name: value for name in names if (value := getattr(self, name))}

    def filter(self, me: Principal, direction: str, cursor: str = "") -> FaxFilter:
        """Return the query of the store; values that are not valid are ignored.

        Raises UserError for a cursor that is not valid.
        """
        order = self.sort if self.sort in ORDERS else NEWEST
        broadcast = self.broadcast
        return FaxFilter(
            company=me.company,
            direction=direction,
            status=(self.status,) if self.status in STATUSES else (),
            broadcast=int(broadcast) if broadcast.isdigit() and len(broadcast) < 19 else None,
            number=re.sub(r"[^+0-9A-Za-z]", "", self.number)[:40] or None,
            station=self.station.replace("\0", "")[:40] or None,
            since=_day(self.since, me),
            until=_day(self.until, me, 1),
            unread=bool(self.unread),
            order=order,
            after=place_of(cursor, order) if cursor else None,
        )


def _day(text: str, me: Principal, days: int = 0) -> datetime | None:
    try:
        day = datetime.fromisoformat(text).date() + timedelta(days=days)
    except (ValueError, OverflowError):
        return None
    return datetime.combine(day, time(), zone_of(me.time_zone))


def _list_query(
    number: Text = "",
    station: Text = "",
    status: Text = "",
    since: Text = "",
    until: Text = "",
    unread: Text = "",
    broadcast: Text = "",
    sort: Text = "",
) -> ListQuery:
    return ListQuery(number, station, status, since, until, unread, broadcast, sort)


Listing = Annotated[ListQuery, Depends(_list_query)]


def _check(direction: str) -> None:
    if direction not in DIRECTIONS:
        raise NotFoundError("there is no list {name!r}", name=direction[:40])


@lists.get("/faxes/{direction}.csv")
async def export(request: Request, me: FaxUser, direction: str, query: Listing) -> Response:
    """Return a list as CSV, MAX_EXPORTED rows at most."""
    _check(direction)
    selected = query.filter(me, direction)
    store = FaxLists(me.tenant(web_of(request)))
    zone = zone_of(me.time_zone)
    out = io.StringIO()
    table = csv.writer(out)
    table.writerow(COLUMNS)
    written = 0
    while written < MAX_EXPORTED:
        rows = await store.page(selected, EXPORT_BATCH)
        for row in rows:
            fax = row.fax
            values = (
                fax.id,
                f"{fax.created_at.astimezone(zone):%Y-%m-%d %H:%M:%S}",
                fax.local_number,
                fax.remote_number,
                fax.remote_station_id,
                row.virtual_fax,
                fax.pages or "",
                fax.pages_confirmed,
                fax.status,
                fax.reason or "",
                sentence(fax.reason, fax.detail, me.language),
            )
            table.writerow(map(_cell, values))
        written += len(rows)
        if len(rows) < EXPORT_BATCH:
            break
        selected = replace(selected, after=position_of(rows[-1].fax, selected.order))
    return Response(
        out.getvalue(),
        media_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="faxes-{direction}.csv"'},
    )


def _cell(value: object) -> str:
    """Return a cell that a spreadsheet takes for text, not for a formula; numbers keep their +."""
    text = str(value)
    dangerous = text[:1] in ("=", "@", "\t", "\r", "-") or (
        text[:1] == "+" and not text[1:].isdigit()
    )
    return f"'{text}" if dangerous else text


@lists.get("/faxes/{direction}/live")
async def live_list(request: Request, me: FaxUser, direction: str) -> Response:
    """Stream rows of a list as they change."""
    web = web_of(request)
    _check(direction)
    company = me.company
    assert company is not None
    # An administrator sees every virtual fax of the company.
    visible = await FaxStore(me.tenant(web)).virtual_fax_ids() if me.role == USER else None

    async def stream() -> AsyncIterator[str]:
        yield ": rows\n\n"
        store = FaxLists(me.tenant(web))
        async for news in web.hub.watch(company, None, visible):
            if news is None:
                yield ": no change\n\n"
                continue
            if news.direction != direction:
                continue
            selected = FaxFilter(company=company, direction=direction, fax=news.fax_id)
            rows = await store.page(selected, 1)
            if rows:
                yield server_event("fax", fragment(request, me, "_row.html", row=rows[0]))

    return event_stream(stream())


@lists.get("/faxes/{direction}")
async def listing(
    request: Request, me: FaxUser, direction: str, query: Listing, cursor: Text = ""
) -> Response:
    """List received or sent faxes."""
    _check(direction)
    selected = query.filter(me, direction, cursor)
    rows = await FaxLists(me.tenant(web_of(request))).page(selected, PAGE_ROWS)
    filters = query.filters
    current = {**filters, "sort": selected.order} if selected.order != NEWEST else filters
    following = ""
    if len(rows) == PAGE_ROWS:
        following = urlencode({**current, "cursor": cursor_of(rows[-1].fax, selected.order)})
    return page(
        request,
        me,
        "faxes.html",
        direction=direction,
        rows=rows,
        selected=selected,
        next=following,
        query=urlencode(current),
        statuses=STATUSES,
        chosen_status=query.status,
        since=query.since,
        until=query.until,
        filtered=bool(filters),
        live=not current and not cursor,
        orders=[_order(key, selected.order, filters) for key in (TIME, NUMBER, PAGES)],
    )


def _order(key: str, now: str, filters: dict[str, str]) -> dict[str, str]:
    """Return the link of a heading, which reverses the order, and its aria-sort."""
    descending = now == f"-{key}"
    other = key if descending or (now != key and key == NUMBER) else f"-{key}"
    state = "descending" if descending else "ascending" if now == key else ""
    return {"query": urlencode({**filters, "sort": other}), "state": state}
