"""The state of faxes in live views: by id, or the newest of companies."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from spandsp_bridge.store.transactions import Transactions


@dataclass(frozen=True, slots=True)
class FaxState:
    """The columns of a fax that live views show."""

    fax_id: int
    company_id: int
    virtual_fax_id: int
    direction: str
    status: str
    reason: str | None
    detail: dict[str, Any]
    pages: int | None
    pages_confirmed: int
    remote_number: str


_COLUMNS = """
    f.id as fax_id, f.company_id, f.virtual_fax_id, f.direction::text, f.status::text, f.reason,
    f.detail, f.pages, f.pages_confirmed, f.remote_number
"""
# A lateral join takes the newest few of each company by its index.
_SELECT = f"""
    select {_COLUMNS} from faxes f where f.id = any(%(faxes)s)
    union
    select n.* from unnest(%(companies)s::bigint[]) w (company), lateral (
      select {_COLUMNS} from faxes f
      where f.company_id = w.company and f.deleted_at is null
      order by f.created_at desc, f.id desc limit %(newest)s
    ) n
    order by fax_id desc
"""  # noqa: S608 - our own names


class FaxStates:
    """The query of the live view."""

    def __init__(self, database: Transactions) -> None:
        self._db = database

    async def watched(
        self, faxes: Sequence[int], companies: Sequence[int], newest: int
    ) -> list[FaxState]:
        """Return these faxes and the `newest` faxes of these companies, newest first."""
        async with self._db.transaction() as c:
            cursor = await c.execute(
                _SELECT, {"faxes": list(faxes), "companies": list(companies), "newest": newest}
            )
            return [FaxState(**row) for row in await cursor.fetchall()]
