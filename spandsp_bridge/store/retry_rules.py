"""Retry and failover rules: a brand's own, and the defaults."""

from dataclasses import dataclass
from typing import Any

from spandsp_bridge.store.transactions import Transactions


@dataclass(frozen=True, slots=True)
class RetryRule:
    """One row of `effective_retry_rules`."""

    reason: str
    action: str  #: `retry` or `stop`
    delay: int  #: seconds
    tries: int  #: attempts that may end for this reason
    steps: tuple[str, ...]  #: what the next attempts change, one after the other
    own: bool = False  #: the brand's own rule, not a default


@dataclass(frozen=True, slots=True)
class DefaultRules:
    """The rules that apply where a brand has none of its own, as a table."""

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]


_DEFAULTS = {
    "retry-rules": """
        select reason, action::text, delay, tries, steps from retry_defaults order by reason
        """,
    "failover-rules": """
        select class, action::text, retry_after from failover_defaults order by class
        """,
}


class RetryRules:
    """The queries on retry and failover rules."""

    def __init__(self, database: Transactions) -> None:
        self._db = database

    async def retry_rules(self, brand: int | None) -> list[RetryRule]:
        """Return the rules of a brand by reason; None: those of the first brand."""
        async with self._db.transaction() as c:
            cursor = await c.execute(
                """
                select reason, action, delay, tries, steps, own from effective_retry_rules
                where brand_id = coalesce(%(brand)s, (select min(id) from brands))
                order by reason
                """,
                {"brand": brand},
            )
            rows = await cursor.fetchall()
        return [RetryRule(**{**row, "steps": tuple(row["steps"])}) for row in rows]

    async def defaults(self, resource: str) -> DefaultRules:
        """Return the defaults of a resource: `retry-rules` or `failover-rules`."""
        async with self._db.transaction() as c:
            cursor = await c.execute(_DEFAULTS[resource].encode())
            rows = await cursor.fetchall()
            columns = tuple(column.name for column in cursor.description or ())
        return DefaultRules(columns, tuple(tuple(row.values()) for row in rows))
