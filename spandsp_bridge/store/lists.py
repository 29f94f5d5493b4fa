"""Lists of faxes, the newest first, as people look through them: filters, search, pages.

Each filter has an index that keeps it fast at ten million faxes
(sql/migrations/0006_portal.sql, tests/benchmarks/queue.py).
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import sql

from spandsp_bridge.store.database import Transactions
from spandsp_bridge.store.faxes import Fax, fax_of

MOST = 200  #: rows of one page


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which faxes; None: no matter."""

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
    before: tuple[datetime, int] | None = None  #: (created_at, id) of the last one of a page


@dataclass(frozen=True, slots=True)
class Listed:
    """One row of a list: the fax, and what a list shows beside it."""

    fax: Fax
    virtual_fax: str
    unread: bool


_COLUMNS = sql.SQL(", ").join(sql.SQL("f.{}").format(sql.Identifier(n)) for n in Fax.__slots__)


def _escaped(text: str) -> str:
    return "%" + text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"


def _conditions(wanted: Wanted) -> Iterator[tuple[str, Any]]:
    """Yield conditions in SQL with the value of each: only what is asked for is in the query."""
    yield "f.deleted_at is null", None
    if wanted.company is not None:
        yield "f.company_id = {}", wanted.company
    if wanted.fax is not None:
        yield "f.id = {}", wanted.fax
    if wanted.direction is not None:
        yield "f.direction = {}::fax_direction", wanted.direction
    if wanted.status:
        if set(wanted.status) <= {"pending", "inprogress"}:
            yield "f.status in ('pending', 'inprogress')", None  # the partial index
        if wanted.status == ("error",):
            yield "f.status = 'error'", None
        else:
            yield "f.status = any({}::fax_status[])", list(wanted.status)
    if wanted.virtual_fax is not None:
        yield "f.virtual_fax_id = {}", wanted.virtual_fax
    if wanted.broadcast is not None:
        yield "f.broadcast_id = {}", wanted.broadcast
    if wanted.number:
        yield "f.remote_number like {}", _escaped(wanted.number)
    if wanted.station:
        begins = _escaped(wanted.station.replace(" ", "").upper())[1:]
        yield "f.remote_station_id <> ''", None
        yield "upper(replace(f.remote_station_id, ' ', '')) like {}", begins
    if wanted.since is not None:
        yield "f.created_at >= {}", wanted.since
    if wanted.until is not None:
        yield "f.created_at < {}", wanted.until
    if wanted.unread:
        yield "f.direction = 'in' and f.read_at is null", None
    if wanted.before is not None:
        at, fax = (sql.Literal(v).as_string() for v in wanted.before)
        yield f"(f.created_at, f.id) < ({at}, {fax})", None


def where(wanted: Wanted) -> sql.Composed:
    """Return the conditions of a list."""
    parts = [
        sql.SQL(text).format(sql.Literal(value)) if value is not None else sql.SQL(text)
        for text, value in _conditions(wanted)
    ]
    return sql.SQL(" and ").join(parts)


class FaxLists:
    """The queries of lists; the tenant's own rows where they run in a tenant's database."""

    def __init__(self, database: Transactions) -> None:
        self._db = database

    async def page(self, wanted: Wanted, limit: int = 50) -> list[Listed]:
        """Return the newest faxes that are wanted, `limit` at most."""
        query = sql.SQL(
            "select {columns}, v.name as virtual_fax, f.direction = 'in' and f.read_at is null"
            " as unread from faxes f join virtual_faxes v on v.id = f.virtual_fax_id"
            " where {where} order by f.created_at desc, f.id desc limit {limit}"
        ).format(columns=_COLUMNS, where=where(wanted), limit=sql.Literal(max(1, min(limit, MOST))))
        async with self._db.transaction() as c:
            rows = await (await c.execute(query)).fetchall()
        return [Listed(fax_of(row), row["virtual_fax"], row["unread"]) for row in rows]

    async def unread(self, company: int) -> int:
        """Return how many received faxes nobody has opened, 100 at most."""
        query = sql.SQL(
            "select count(*) as n from (select from faxes f where {} limit 100) few"
        ).format(where(Wanted(company=company, unread=True)))
        async with self._db.transaction() as c:
            row = await (await c.execute(query)).fetchone()
        return int(row["n"]) if row else 0
