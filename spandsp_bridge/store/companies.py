"""Brands and companies: who exists."""

from dataclasses import dataclass

from spandsp_bridge.store.transactions import Transactions


@dataclass(frozen=True, slots=True)
class Company:
    """One row of `companies`, without its configuration."""

    id: int
    brand_id: int
    name: str


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
        """Return every company, the oldest first."""
        async with self._db.transaction() as c:
            cursor = await c.execute("select id, brand_id, name from companies order by id")
            return [Company(**row) for row in await cursor.fetchall()]

    async def brand_exists(self, brand_id: int) -> bool:
        """Return whether there is a brand with this id."""
        async with self._db.transaction() as c:
            cursor = await c.execute("select from brands where id = %(id)s", {"id": brand_id})
            return await cursor.fetchone() is not None
