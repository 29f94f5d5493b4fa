"""The whole system, started once for all tests that need it."""

import shutil
from collections.abc import AsyncIterator

import hypothesis
import pytest

from spandsp_bridge.demo.stack import Stack
from spandsp_bridge.settings import ROOT
from spandsp_bridge.store.database import Database
from tests.peers.certificate import self_signed

PORT_BASE = 27060
hypothesis.settings.register_profile("busy machine", deadline=None)
hypothesis.settings.load_profile("busy machine")
TLS_PORT, DNS_PORT, METRICS_PORT, HTTP_PORT = (PORT_BASE + n for n in (40, 41, 42, 43))


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep all tests that need the stack in one process; the others run beside them."""
    for item in items:
        if "stack" in getattr(item, "fixturenames", ()):
            item.add_marker(pytest.mark.xdist_group("stack"))


@pytest.fixture(scope="session")
async def stack() -> AsyncIterator[Stack]:
    """PostgreSQL, Redis, Kamailio, publisher, two bridges, worker, carrier: on loopback."""
    var = ROOT / "var" / "test"
    shutil.rmtree(var, ignore_errors=True)
    var.mkdir(parents=True)
    certificate, key = self_signed(var)
    more = {
        "VFAX_API_RATE": "10000",
        "VFAX_SIP_TLS_LISTEN": f"127.0.0.1:{TLS_PORT}",
        "VFAX_TLS_CERTIFICATE": str(certificate),
        "VFAX_TLS_KEY": str(key),
        "VFAX_TLS_CA": str(certificate),
        "VFAX_DNS_SERVERS": f"127.0.0.1:{DNS_PORT}",
        "VFAX_METRICS_LISTEN": f"127.0.0.1:{METRICS_PORT}",
    }
    async with Stack(var, PORT_BASE, more) as running:
        yield running
        dead = [s.name for s in running.supervisor.services if s.state == "died"]
        assert not dead, f"{dead} died during the tests; see {var / 'log'}"


@pytest.fixture(scope="session")
async def database(stack: Stack) -> AsyncIterator[Database]:
    """A pool that acts as the services do."""
    async with Database(stack.database_url) as pool:
        yield pool
