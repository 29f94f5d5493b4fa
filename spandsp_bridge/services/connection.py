"""PostgreSQL for the length of one command."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from spandsp_bridge.settings import Settings
from spandsp_bridge.store.faxes import FaxStore
from spandsp_bridge.store.pool import Database

COMMAND_CONNECTIONS = 2


@asynccontextmanager
async def open_database(settings: Settings) -> AsyncIterator[Database]:
    """Yield the database. Raises SetupError when PostgreSQL cannot be reached."""
    database = Database(settings.database_url, size=COMMAND_CONNECTIONS)
    await database.ready()
    async with database:
        yield database


@asynccontextmanager
async def open_store(settings: Settings) -> AsyncIterator[FaxStore]:
    """Yield the queries on faxes. Raises SetupError when PostgreSQL cannot be reached."""
    async with open_database(settings) as database:
        yield FaxStore(database)
