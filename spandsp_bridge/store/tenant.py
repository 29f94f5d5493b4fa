"""The database as a tenant sees it, by the row-level security of sql/policies."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Literal

from psycopg import sql

from spandsp_bridge.store.transactions import Connection, Transactions

Role = Literal["platform", "brand", "company", "user"]  #: of a tenant


class Tenant:
    """The database in a tenant's role and with its settings."""

    def __init__(
        self,
        database: Transactions,
        role: Role,
        brand: int | None = None,
        company: int | None = None,
        user: int | None = None,
    ) -> None:
        self._database = database
        self._role = sql.Identifier(f"vfax_{role}")
        self._settings = {
            name: "" if value is None else str(value)
            for name, value in (("brand", brand), ("company", company), ("user", user))
        }

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Yield a connection inside a transaction that sees the tenant's rows alone."""
        async with self._database.transaction() as connection:
            await connection.execute(
                """
                select set_config('vfax.brand_id', %(brand)s, true),
                       set_config('vfax.company_id', %(company)s, true),
                       set_config('vfax.user_id', %(user)s, true)
                """,
                self._settings,
            )
            await connection.execute(sql.SQL("set local role {}").format(self._role))
            yield connection
