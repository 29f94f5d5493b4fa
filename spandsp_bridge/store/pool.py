"""The connection pool.

Services act as the role `vfax_service`; row-level security is forced on every
table, so a connection that forgot its role sees nothing.
"""

import logging
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from psycopg import AsyncConnection
from psycopg.rows import TupleRow, dict_row
from psycopg_pool import AsyncConnectionPool

from spandsp_bridge.store.errors import translated, unusable
from spandsp_bridge.store.tenant import Role, Tenant
from spandsp_bridge.store.transactions import Connection

# Callers get the error itself: the pool's own warnings of each retry would repeat it.
logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)

CONNECT_SECONDS = 5  #: to one connection
WAIT_SECONDS = 5  #: for a free connection of the pool


async def connect(url: str, *, autocommit: bool = False) -> AsyncConnection[TupleRow]:
    """Connect once, outside a pool, as the role of the URL. Raises SetupError."""
    try:
        return await AsyncConnection.connect(
            url, autocommit=autocommit, connect_timeout=CONNECT_SECONDS
        )
    except psycopg.Error as error:
        raise unusable(error) from error


async def _act_as_service(connection: Connection) -> None:
    await connection.execute("set role vfax_service")
    await connection.commit()


class Database:
    """A pool of connections that act as `vfax_service`. An async context manager."""

    def __init__(self, url: str, size: int = 8) -> None:
        self.url = url
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            url,
            connection_class=AsyncConnection[dict[str, Any]],
            kwargs={"row_factory": dict_row, "connect_timeout": CONNECT_SECONDS},
            configure=_act_as_service,
            check=AsyncConnectionPool.check_connection,  # notices a restart
            min_size=1,
            max_size=size,
            timeout=WAIT_SECONDS,
            open=False,
        )

    async def __aenter__(self) -> "Database":
        await self._pool.open()  # connects in the background: the server may start later
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._pool.close()

    async def ready(self) -> None:
        """Connect once, outside the pool. Raises SetupError with the reason when that fails."""
        async with await connect(self.url) as connection:
            try:
                await connection.execute("set role vfax_service")
            except psycopg.Error as error:
                raise unusable(error) from error

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Yield a connection inside a transaction. Raises DatabaseError."""
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                yield connection

    async def server_version(self) -> str:
        """Return PostgreSQL's version, such as 15.14. Raises DatabaseError, also without tables."""
        async with self.transaction() as c:
            await c.execute("select from faxes limit 1")
            row = await (await c.execute("show server_version")).fetchone()
        return str(row["server_version"]) if row else ""

    async def ping(self) -> None:
        """Run an empty query. Raises DatabaseError."""
        async with self.transaction() as c:
            await c.execute("select 1")

    def tenant(
        self,
        role: Role,
        brand: int | None = None,
        company: int | None = None,
        user: int | None = None,
    ) -> Tenant:
        """Return the database as a tenant sees it, by row-level security."""
        return Tenant(self, role, brand, company, user)
