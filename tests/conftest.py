"""The whole system, started once for all tests that need it."""

import shutil
from collections.abc import AsyncIterator

import pytest

from spandsp_bridge.demo.stack import Stack
from spandsp_bridge.settings import ROOT
from spandsp_bridge.store.database import Database

PORT_BASE = 27060


@pytest.fixture(scope="session")
async def stack() -> AsyncIterator[Stack]:
    """PostgreSQL, Redis, Kamailio, publisher, two bridges, worker, carrier: on loopback."""
    var = ROOT / "var" / "test"
    shutil.rmtree(var, ignore_errors=True)
    async with Stack(var, PORT_BASE) as running:
        yield running
        dead = [s.name for s in running.supervisor.services if s.state == "died"]
        assert not dead, f"{dead} died during the tests; see {var / 'log'}"


@pytest.fixture(scope="session")
async def database(stack: Stack) -> AsyncIterator[Database]:
    """A pool that acts as the services do."""
    async with Database(stack.database_url) as pool:
        yield pool
