"""Tests of the schema and of the queries run on a bare PostgreSQL, a database for each module."""

import os
from collections.abc import AsyncIterator

import pytest

from spandsp_bridge.store.pool import Database
from tests.conftest import ROOT_VAR
from tests.support.ports import POSTGRES_PORT
from tests.support.postgres import TestServer
from tests.support.stored_sentences import stored_sentences


@pytest.fixture(scope="session")
async def postgres() -> AsyncIterator[TestServer]:
    """The bare PostgreSQL that all processes of this run share."""
    run = os.environ.get("PYTEST_XDIST_TESTRUNUID", str(os.getpid()))
    server = TestServer(ROOT_VAR / "test-sql", POSTGRES_PORT, run)
    async with server.running():
        yield server


@pytest.fixture(scope="module")
async def database_url(postgres: TestServer) -> AsyncIterator[str]:
    """URL, as the owner, of a migrated database with the demo's data, for one test module."""
    url = await postgres.new_database()
    yield url
    await postgres.drop_database(url)


@pytest.fixture(scope="module")
async def database(database_url: str) -> AsyncIterator[Database]:
    """A pool that acts as the services do."""
    async with Database(database_url) as pool:
        yield pool
        assert await stored_sentences(pool) == []
