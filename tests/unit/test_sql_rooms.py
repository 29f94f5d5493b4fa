"""SQL stands in two packages: the store, and the publisher that copies tables to Kamailio."""

import ast
import re
from collections.abc import Iterator

import pytest

from spandsp_bridge.settings import ROOT

BRIDGE = ROOT / "spandsp_bridge"
ROOMS = ("store", "publisher")
STATEMENT = re.compile(
    r"\.execute(many)?\(|\.fetch(one|all|many)\(|^\s*(import|from) psycopg\b", re.M
)
QUERY = re.compile(r"\b(select|insert into|update|delete from|values)\b")
MAX_POSITIONAL = 2  #: `%s` of one statement: with more, nobody sees which value belongs to which


def positional(source: str) -> Iterator[tuple[int, int]]:
    """Yield the line and the number of positional parameters of each statement with too many."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Constant) and isinstance(node.value, str | bytes):
            text = node.value if isinstance(node.value, str) else node.value.decode("latin-1")
            count = text.count("%s")
            if count > MAX_POSITIONAL and QUERY.search(text):
                yield node.lineno, count
        elif isinstance(node, ast.Call) and ast.unparse(node).endswith("Placeholder()"):
            yield node.lineno, 0  # as many as there are columns


def test_no_other_package_executes_sql() -> None:
    files = [f for f in BRIDGE.rglob("*.py") if f.relative_to(BRIDGE).parts[0] not in ROOMS]
    assert len(files) > 100
    found = [str(f.relative_to(ROOT)) for f in files if STATEMENT.search(f.read_text())]
    assert found == []


def test_statements_have_named_parameters() -> None:
    files = [file for room in ROOMS for file in sorted((BRIDGE / room).rglob("*.py"))]
    assert len(files) > 30
    found = [
        f"{file.relative_to(ROOT)}:{line}: {count} positional parameters"
        for file in files
        for line, count in positional(file.read_text())
    ]
    assert found == []


@pytest.mark.parametrize(
    ("source", "found"),
    [
        ('c.execute("select %s, %s", [1, 2])', []),
        ('c.execute("select %s,"\n" %s, %s", [1, 2, 3])', [(1, 3)]),
        ('c.execute(b"update t set a = %s where b = %s and c = %s")', [(1, 3)]),
        ('"%s and %s or %s"', []),
        ('sql.SQL(", ").join(sql.Placeholder() * 3)', [(1, 0)]),
        ('sql.SQL(", ").join(map(sql.Placeholder, names))', []),
        ('c.execute("select %(a)s, %(b)s, %(c)s", values)', []),
    ],
)
def test_positional_parameters_are_found(source: str, found: list[tuple[int, int]]) -> None:
    assert list(positional(source)) == found
