"""Periodic maintenance: partitions, lost jobs, retention."""

from spandsp_bridge.store.transactions import Transactions


class Maintenance:
    """The SQL functions that jobs call."""

    def __init__(self, database: Transactions) -> None:
        self._db = database

    async def ensure_partitions(self) -> None:
        """Create the partitions that documents of this month and the next go into."""
        async with self._db.transaction() as c:
            await c.execute("select ensure_document_partitions()")

    async def sweep(self) -> None:
        """Defer jobs again for faxes and deliveries whose job was lost."""
        async with self._db.transaction() as c:
            await c.execute("select sweep()")

    async def apply_retention(self) -> int:
        """Delete documents after their company's retention time; return the number of faxes."""
        async with self._db.transaction() as c:
            row = await (await c.execute("select apply_retention() as faxes")).fetchone()
        return int(row["faxes"]) if row else 0
