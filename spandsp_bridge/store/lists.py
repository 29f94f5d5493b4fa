"""Lists of faxes: filters, search, order and pages.

Each filter and each order has an index that keeps it fast at ten million faxes
(sql/migrations/0006_portal.sql, 0007_sending.sql, tests/benchmarks/queue.py).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import sql

from spandsp_bridge.store.fax_rows import Fax, fax_of
from spandsp_bridge.store.transactions import Connection, Transactions

MAX_ROWS = 200  #: rows of one page
SEARCH_LIMIT = 5000  #: faxes that a search by number or station id may find
TIME, NUMBER, PAGES = "time", "number", "pages"
#: What a list may be sorted by, as SQL; a - before the key means descending.
KEYS = {TIME: "f.created_at", NUMBER: "f.remote_number", PAGES: "coalesce(f.pages, 0)"}
NEWEST = f"-{TIME}"
ORDERS = (*KEYS, *(f"-{key}" for key in KEYS))
Cursor = tuple[datetime | str | int, int]  #: the value that a list is sorted by, and the fax's id


@dataclass(frozen=True, slots=True)
class FaxFilter:
    """Which faxes a list has; None: any."""

    company: int | None = None
    fax: int | None = None
    direction: str | None = None  #: in, out
    status: tuple[str, ...] = ()
    virtual_fax: int | None = None
    broadcast: int | None = None
    number: str | None = None  #: a part of the other side's number
    station: str | None = None  #: how its station id begins
    since: datetime | None = None
    until: datetime | None = None  #: not including
    unread: bool = False
    order: str = NEWEST  #: of ORDERS
    after: Cursor | None = None  #: the last one of the page before


@dataclass(frozen=True, slots=True)
class FaxListItem:
    """One row of a list: the fax, the name of its virtual fax, and whether it is unread."""

    fax: Fax
    virtual_fax: str
    unread: bool


_COLUMNS = sql.SQL(", ").join(sql.SQL("f.{}").format(sql.Identifier(n)) for n in Fax.__slots__)


def cursor_of(fax: Fax, order: str) -> Cursor:
    """Return the position of a fax in a list of this order."""
    match order.removeprefix("-"):
        case "number":
            return fax.remote_number, fax.id
        case "pages":
            return fax.pages or 0, fax.id
        case _:
            return fax.created_at, fax.id


def _escaped(text: str) -> str:
    return "%" + text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"


def _station(text: str) -> str:
    return _escaped(text.replace(" ", "").upper())[1:]


def _conditions(selected: FaxFilter) -> Iterator[tuple[str, Any]]:
    """Yield a condition in SQL and its value for each filter that is set."""
    yield "f.deleted_at is null", None
    if selected.company is not None:
        yield "f.company_id = {}", selected.company
    if selected.fax is not None:
        yield "f.id = {}", selected.fax
    if selected.direction is not None:
        yield "f.direction = {}::fax_direction", selected.direction
    if selected.status:
        if set(selected.status) <= {"pending", "inprogress"}:
            yield "f.status in ('pending', 'inprogress')", None  # the partial index
        if selected.status == ("error",):
            yield "f.status = 'error'", None
        else:
            yield "f.status = any({}::fax_status[])", list(selected.status)
    if selected.virtual_fax is not None:
        yield "f.virtual_fax_id = {}", selected.virtual_fax
    if selected.broadcast is not None:
        yield "f.broadcast_id = {}", selected.broadcast
    if selected.number:
        yield "f.remote_number like {}", _escaped(selected.number)
    if selected.station:
        yield "f.remote_station_id <> ''", None
        yield "upper(replace(f.remote_station_id, ' ', '')) like {}", _station(selected.station)
    if selected.since is not None:
        yield "f.created_at >= {}", selected.since
    if selected.until is not None:
        yield "f.created_at < {}", selected.until
    if selected.unread:
        yield "f.direction = 'in' and f.read_at is null", None


def where(selected: FaxFilter, found: list[int] | None = None) -> sql.Composed:
    """Return the conditions of a list; `found` are the ids that a search returned."""
    parts: list[sql.Composable] = [
        sql.SQL(text).format(sql.Literal(value)) if value is not None else sql.SQL(text)
        for text, value in _conditions(selected)
    ]
    if found is not None:
        parts.append(sql.SQL("f.id = any({}::bigint[])").format(sql.Literal(found)))
    if selected.after is not None:
        key, down = _sorted(selected.order)
        parts.append(sql.SQL("({key}, f.id) {than} ({value}, {id})").format(
            key=key, than=sql.SQL("<" if down else ">"), value=sql.Literal(selected.after[0]),
            id=sql.Literal(selected.after[1]),
        ))  # fmt: skip
    return sql.SQL(" and ").join(parts)


def _sorted(order: str) -> tuple[sql.SQL, bool]:
    """Return the expression that a list is sorted by, and whether the order is descending."""
    return sql.SQL(KEYS[order.removeprefix("-")]), order.startswith("-")


class FaxLists:
    """The queries of lists; in a tenant's database they see the tenant's rows alone."""

    def __init__(self, database: Transactions) -> None:
        self._db = database

    async def page(self, selected: FaxFilter, limit: int = 50) -> list[FaxListItem]:
        """Return the first faxes of a filter, `limit` at most."""
        key, down = _sorted(selected.order)
        # The page first, by its index; a join before the limit would cost the index.
        page = sql.SQL(
            "select {columns}, v.name as virtual_fax, f.direction = 'in' and f.read_at is null"
            " as unread from (select * from faxes f where {where} order by {key} {way}, f.id {way}"
            " limit {limit}) f join virtual_faxes v on v.id = f.virtual_fax_id"
            " order by {key} {way}, f.id {way}"
        )
        async with self._db.transaction() as c:
            query = page.format(
                columns=_COLUMNS, where=where(selected, await self._found(c, selected)), key=key,
                way=sql.SQL("desc" if down else "asc"),
                limit=sql.Literal(max(1, min(limit, MAX_ROWS))),
            )  # fmt: skip
            rows = await (await c.execute(query)).fetchall()
        return [FaxListItem(fax_of(row), row["virtual_fax"], row["unread"]) for row in rows]

    @staticmethod
    async def _found(c: Connection, selected: FaxFilter) -> list[int] | None:
        """Return the ids that a search by number or station id finds; None: too many, or no search.

        A tenant's query cannot use the indexes of text search, as PostgreSQL applies row-level
        security first; for a common text the list's own index is fast enough.
        """
        number = selected.number if selected.number and len(selected.number) > 2 else None
        if selected.company is None or not (number or selected.station):
            return None
        pattern = _escaped(number) if number else None
        station = _station(selected.station) if selected.station else None
        cursor = await c.execute(
            """
            select faxes_found(%(company)s, %(number)s, %(station)s, %(limit)s) as id
            """,
            {
                "company": selected.company,
                "number": pattern,
                "station": station,
                "limit": SEARCH_LIMIT + 1,
            },
        )
        ids = [int(row["id"]) for row in await cursor.fetchall()]
        return ids if len(ids) <= SEARCH_LIMIT else None

    async def unread(self, company: int) -> int:
        """Return how many received faxes are unread, 100 at most."""
        query = sql.SQL(
            "select count(*) as n from (select from faxes f where {} limit 100) unread"
        ).format(where(FaxFilter(company=company, unread=True)))
        async with self._db.transaction() as c:
            row = await (await c.execute(query)).fetchone()
        return int(row["n"]) if row else 0
