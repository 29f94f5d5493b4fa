"""The whole system, started once in each process that needs it; who runs which tests."""

import os
import shutil
from collections.abc import AsyncIterator
from typing import Any

import hypothesis
import pytest

from spandsp_bridge.demo.stack import Stack
from spandsp_bridge.settings import ROOT
from spandsp_bridge.store.pool import Database
from tests.support.peers.certificate import self_signed
from tests.support.ports import DNS_PORT, METRICS_PORT, PORT_BASE, PROCESS, TLS_PORT
from tests.support.scaled_engine import scaled
from tests.support.scaled_vfax import SCALED_VFAX
from tests.support.schedule import ByModule, longest_first

ROOT_VAR = ROOT / "var"
VAR = ROOT_VAR / ("test" if PROCESS == 0 else f"test-{PROCESS}")
MOST_PROCESSES = 8  #: each has 1000 ports, below those that the system hands out
#: Nothing of a test's database has to outlive a power cut.
POSTGRES_SETTINGS = {"fsync": "off", "full_page_writes": "off"}

hypothesis.settings.register_profile("busy machine", deadline=None)
hypothesis.settings.load_profile("busy machine")


def pytest_xdist_auto_num_workers() -> int:
    """Return how many processes `-n auto` means."""
    return min(len(os.sched_getaffinity(0)), MOST_PROCESSES)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> ByModule:
    """Return who decides where a test runs."""
    return ByModule(config, log)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the modules that take longest."""
    longest_first(items)


@pytest.fixture(scope="session")
async def stack() -> AsyncIterator[Stack]:
    """PostgreSQL, Redis, Kamailio, publisher, two bridges, worker, carrier: on loopback.

    The engines of its bridges and its worker have a clock that runs ten times faster.
    """
    shutil.rmtree(VAR, ignore_errors=True)
    VAR.mkdir(parents=True)
    certificate, key = self_signed(VAR)
    scaled()  # compiled before a service is waited for
    more = {
        "VFAX_API_RATE": "10000",
        "VFAX_MAX_CALLS": "15",  # at ten times the pace these are 150
        "VFAX_SIP_TLS_LISTEN": f"127.0.0.1:{TLS_PORT}",
        "VFAX_TLS_CERTIFICATE": str(certificate),
        "VFAX_TLS_KEY": str(key),
        "VFAX_TLS_CA": str(certificate),
        "VFAX_DNS_SERVERS": f"127.0.0.1:{DNS_PORT}",
        "VFAX_METRICS_LISTEN": f"127.0.0.1:{METRICS_PORT}",
    }
    async with Stack(VAR, PORT_BASE, more, POSTGRES_SETTINGS, SCALED_VFAX) as running:
        yield running
        dead = [s.name for s in running.supervisor.services if s.state == "died"]
        assert not dead, f"{dead} died during the tests; see {VAR / 'log'}"


@pytest.fixture(scope="session")
async def database(stack: Stack) -> AsyncIterator[Database]:
    """A pool that acts as the services do."""
    async with Database(stack.database_url) as pool:
        yield pool
