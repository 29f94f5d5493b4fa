"""The routing core over rows: what a transaction sees, committed or not.

`explain_route()` runs this very text inside PostgreSQL (PL/Python), `vfax route diff` runs
it on a connection. It imports nothing but the core.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

NUMBERED = frozenset(("brand", "carrier", "company", "fax", "numbers", "route"))
#: Runs a query with $1, $2 parameters of the given types; returns rows as sequences.
Query = Callable[[str, list[str], list[Any]], Iterable[Sequence[Any]]]


class SqlSource:
    """The views routing_KIND as a source of entries; each is read once."""

    def __init__(self, query: Query) -> None:
        self._query = query
        self._entries: dict[tuple[str, str], str | None] = {}
        self._routes: dict[tuple[int, int | None], list[str]] = {}

    def get(self, kind: str, name: str) -> str | None:
        """Return the value of an entry."""
        key = (kind, name)
        if key not in self._entries:
            sort = "bigint" if kind in NUMBERED else "text"
            rows = list(
                self._query(
                    f"select value from routing_{kind} where id = $1",  # noqa: S608
                    [sort],
                    [int(name) if sort == "bigint" else name],
                )
            )
            self._entries[key] = str(rows[0][0]) if rows else None
        return self._entries[key]

    def routes(self, brand: int, company: int | None, number: str | None) -> list[str]:
        """Return all routes of a company; the core itself looks which ones match."""
        key = (brand, company)
        if key not in self._routes:
            rows = self._query(
                "select v.value from routing_route v join outgoing_routes r on r.id = v.id"
                " where r.brand_id = $1 and r.company_id is not distinct from $2",
                ["bigint", "bigint"],
                [brand, company],
            )
            self._routes[key] = [str(row[0]) for row in rows]
        return self._routes[key]
