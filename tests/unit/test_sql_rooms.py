"""SQL stands in two packages: the store, and the publisher that copies tables to Kamailio."""

import re

from spandsp_bridge.settings import ROOT

ROOMS = {"store", "publisher"}
STATEMENT = re.compile(
    r"\.execute(many)?\(|\.fetch(one|all|many)\(|^\s*(import|from) psycopg\b", re.M
)


def test_no_other_package_executes_sql() -> None:
    bridge = ROOT / "spandsp_bridge"
    files = [f for f in bridge.rglob("*.py") if f.relative_to(bridge).parts[0] not in ROOMS]
    assert len(files) > 100
    found = [str(f.relative_to(ROOT)) for f in files if STATEMENT.search(f.read_text())]
    assert found == []
