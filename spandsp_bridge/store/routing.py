"""The routing core over the rows that a transaction sees, committed or not.

`explain_route()` runs this very text inside PostgreSQL (PL/Python), `vfax route diff` runs
it on a connection. It imports nothing but the core.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from kemi.routing.decode import NUMBERED

#: Runs a query with $1, $2 parameters of the given types; returns rows as sequences.
Query = Callable[[str, list[str], list[Any]], Iterable[Sequence[Any]]]


class SqlSource:
    """The views routing_KIND as a source of entries; Facts remembers what it has read."""

    def __init__(self, query: Query) -> None:
        self._query = query

    def get(self, kind: str, name: str) -> str | None:
        """Return the value of an entry."""
        sort = "bigint" if kind in NUMBERED else "text"
        rows = list(
            self._query(
                f"select value from routing_{kind} where id = $1",  # noqa: S608
                [sort],
                [int(name) if sort == "bigint" else name],
            )
        )
        return str(rows[0][0]) if rows else None

    def routes(self, brand: int, company: int | None, number: str | None) -> list[int]:
        """Return the ids of all routes of a company; the core selects those that match."""
        rows = self._query(
            "select id from outgoing_routes"
            " where brand_id = $1 and company_id is not distinct from $2 order by id",
            ["bigint", "bigint"],
            [brand, company],
        )
        return [int(row[0]) for row in rows]
