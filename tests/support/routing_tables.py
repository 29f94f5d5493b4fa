"""Changes of the configuration, and the moment when Kamailio's tables follow."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from kemi.tables import Tables
from spandsp_bridge.demo.stack import Stack
from spandsp_bridge.store.pool import Database
from spandsp_bridge.store.transactions import Connection

PUBLISHED_SECONDS = 5  #: the publisher needs milliseconds
POLL = 0.01


def version_in_force(stack: Stack) -> int:
    """Return the version of the routing tables that Kamailio reads."""
    settings = stack.settings()
    tables = Tables(settings.routes_file, settings.routes_map_size)
    try:
        return int(tables.meta()["version"])
    finally:
        tables.close()


@asynccontextmanager
async def changes(stack: Stack, database: Database) -> AsyncIterator[Connection]:
    """Yield a connection; commit at the end and wait until Kamailio's tables follow.

    It reads the tables themselves: `vfax routes status` takes seconds of a busy machine for
    its imports, which hid what the publisher needed.
    """
    before = version_in_force(stack)
    async with database.transaction() as connection:
        yield connection
    async with asyncio.timeout(PUBLISHED_SECONDS):
        while version_in_force(stack) == before:
            await asyncio.sleep(POLL)


async def versions_after(stack: Stack, database: Database, *statements: str) -> None:
    """Commit changes that are written as SQL, and wait until Kamailio's tables follow."""
    async with changes(stack, database) as connection:
        for statement in statements:
            await connection.execute(statement.encode())
