"""Which process runs which tests: long modules first, so that all processes end together.

A module is the unit, for its fixtures; tests that share nothing are units of their own. A
process that comes to a test that needs the stack starts one stack, and keeps it.
"""

import pytest
from xdist.scheduler import LoadScopeScheduling

#: Modules whose tests any process may take one by one.
INDEPENDENT = ("tests/browser/",)
#: Rough seconds on two cores, of modules and of folders where it matters.
SECONDS = {
    "tests/stack/calls/test_fax.py": 130,
    "tests/stack/calls/test_live.py": 120,
    "tests/stack/calls/test_limits.py": 110,
    "tests/stack/calls/test_edge.py": 100,
    "tests/stack/calls/test_carriers.py": 90,
    "tests/stack/calls/test_delivery.py": 90,
    "tests/stack/": 60,
    "tests/browser/": 50,
    "tests/engine/": 40,
    "tests/documents/": 30,
    "tests/fuzz/": 30,
    "tests/sql/": 20,
    "tests/unit/": 5,
}


def expected_seconds(nodeid: str) -> int:
    """Return about how long the module of a test takes."""
    return next((s for place, s in SECONDS.items() if nodeid.startswith(place)), 0)


def longest_first(items: list[pytest.Item]) -> None:
    """Sort tests by what their modules take; equal ones stay in their order."""
    items.sort(key=lambda item: -expected_seconds(item.nodeid))


class ByModule(LoadScopeScheduling):  # type: ignore[misc]
    """Hands out modules, or single tests where they are independent."""

    def _split_scope(self, nodeid: str) -> str:
        return nodeid if nodeid.startswith(INDEPENDENT) else nodeid.partition("::")[0]
