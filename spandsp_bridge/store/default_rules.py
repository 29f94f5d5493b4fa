"""The default retry rules as the migrations write them, for the reference of the documentation."""

import re
import sqlite3
from collections.abc import Mapping
from typing import Any

from spandsp_bridge.settings import ROOT

MIGRATIONS = ROOT / "sql" / "migrations"
#: A statement about the default retry rules; semicolons stand in its strings too.
STATEMENT = re.compile(r"(?:insert into|update) retry_defaults(?:'[^']*'|[^';])*;")


def retry_defaults() -> dict[str, Mapping[str, Any]]:
    """Return the retry rules of the migrations by reason: action, delay (s), tries, steps.

    Their statements are standard SQL: SQLite runs them.
    """
    connection = sqlite3.connect(":memory:")
    connection.row_factory = sqlite3.Row
    connection.execute(
        "create table retry_defaults (reason text primary key, action text,"
        " delay integer default 0, tries integer default 1, steps text default '{}', why text)"
    )
    for migration in sorted(MIGRATIONS.glob("*.sql")):
        for statement in STATEMENT.findall(migration.read_text()):
            connection.execute(statement)
    rows = connection.execute("select * from retry_defaults").fetchall()
    return {row["reason"]: dict(row) for row in rows}
