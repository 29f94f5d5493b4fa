"""Retry and failover rules: a brand's own, and the defaults."""

from typing import Any

from spandsp_bridge.store.transactions import Transactions


class RetryRules:
    """The queries on rules of what follows a failure."""

    def __init__(self, database: Transactions) -> None:
        self._db = database

    async def retry_rules(self, brand: int | None) -> list[dict[str, Any]]:
        """Return a brand's rows of `retry_rules_in_force`; None: those of the first brand."""
        async with self._db.transaction() as c:
            cursor = await c.execute(
                """
                select reason, action, delay, tries, steps, why from retry_rules_in_force
                where brand_id = coalesce(%(brand)s, (select min(id) from brands))
                order by reason
                """,
                {"brand": brand},
            )
            return await cursor.fetchall()
