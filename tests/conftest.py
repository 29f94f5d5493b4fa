"""The whole system, started once for all tests that need it."""

import os
import shutil
from collections.abc import AsyncIterator
from typing import Any

import hypothesis
import pytest
from xdist.scheduler import LoadScopeScheduling

from spandsp_bridge.demo.stack import Stack
from spandsp_bridge.settings import ROOT
from spandsp_bridge.store.pool import Database
from tests.support.peers.certificate import self_signed

PROCESS = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw"))
FIRST_PORT = int(os.environ.get("VFAX_PORT_BASE", "22060"))
PORT_BASE = FIRST_PORT + 1000 * PROCESS
ROOT_VAR = ROOT / "var"
VAR = ROOT_VAR / ("test" if PROCESS == 0 else f"test-{PROCESS}")
hypothesis.settings.register_profile("busy machine", deadline=None)
hypothesis.settings.load_profile("busy machine")
TLS_PORT, DNS_PORT, METRICS_PORT, HTTP_PORT = (PORT_BASE + n for n in (40, 41, 42, 43))


#: Where tests need the stack. Two processes run the tests, and each starts a stack of its own when
#: it comes to one of these; the other files are spread over both.
NEED_THE_STACK = {
    "tests/stack/calls/": "calls",
    **dict.fromkeys(("tests/stack/api/", "tests/stack/portal/", "tests/browser/"), "people"),
}


class TwoStacks(LoadScopeScheduling):  # type: ignore[misc]
    """Gives one process the tests of calls, another those of people; spreads the rest by file."""

    def _split_scope(self, nodeid: str) -> str:
        for place, group in NEED_THE_STACK.items():
            if nodeid.startswith(place):
                return group
        return nodeid.partition("::")[0]


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> TwoStacks:
    """Return who decides where a test runs."""
    return TwoStacks(config, log)


@pytest.fixture(scope="session")
async def stack() -> AsyncIterator[Stack]:
    """PostgreSQL, Redis, Kamailio, publisher, two bridges, worker, carrier: on loopback."""
    var = VAR
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
