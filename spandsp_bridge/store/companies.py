"""Brands and companies: lookups, totals and the lengths of queues."""

from dataclasses import dataclass
from datetime import datetime

from spandsp_bridge.store.transactions import Transactions


@dataclass(frozen=True, slots=True)
class Company:
    """A company and its brand."""

    id: int
    brand_id: int
    name: str


@dataclass(frozen=True, slots=True)
class CompanyQueue:
    """How many faxes of a company wait, and how many are being sent."""

    name: str
    waiting: int
    running: int
    served_at: datetime | None


@dataclass(frozen=True, slots=True)
class Totals:
    """How many brands and companies there are."""

    brands: int
    companies: int


class Companies:
    """The queries on brands and companies."""

    def __init__(self, database: Transactions) -> None:
        self._db = database

    async def company(self, company_id: int) -> Company | None:
        """Return a company by id, or None."""
        async with self._db.transaction() as c:
            cursor = await c.execute(
                "select id, brand_id, name from companies where id = %(id)s", {"id": company_id}
            )
            row = await cursor.fetchone()
        return Company(**row) if row else None

    async def companies(self) -> list[Company]:
        """Return every company by id."""
        async with self._db.transaction() as c:
            cursor = await c.execute("select id, brand_id, name from companies order by id")
            return [Company(**row) for row in await cursor.fetchall()]

    async def brand_exists(self, brand_id: int) -> bool:
        """Tell whether there is a brand of this id."""
        async with self._db.transaction() as c:
            cursor = await c.execute("select from brands where id = %(id)s", {"id": brand_id})
            return await cursor.fetchone() is not None

    async def totals(self) -> Totals:
        """Return how many brands and companies the tenant sees."""
        async with self._db.transaction() as c:
            cursor = await c.execute(
                """
                select (select count(*) from brands) as brands,
                       (select count(*) from companies) as companies
                """
            )
            row = await cursor.fetchone()
        assert row is not None
        return Totals(**row)

    async def longest_queues(self, limit: int = 50) -> list[CompanyQueue]:
        """Return the companies with faxes to send, the longest queue first."""
        async with self._db.transaction() as c:
            cursor = await c.execute(
                """
                select c.name, q.waiting, q.running, nullif(q.served_at, '-infinity') as served_at
                from fax_queues q join companies c on c.id = q.company_id
                where q.waiting > 0 or q.running > 0
                order by q.waiting desc limit %(limit)s
                """,
                {"limit": limit},
            )
            return [CompanyQueue(**row) for row in await cursor.fetchall()]
