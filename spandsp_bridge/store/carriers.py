"""Carriers and their servers."""

from spandsp_bridge.store.transactions import Transactions


class Carriers:
    """The queries on carriers."""

    def __init__(self, database: Transactions) -> None:
        self._db = database

    async def server_addresses(self, carrier: int) -> dict[int, str]:
        """Return ``HOST:PORT`` of each server of a carrier by its id, as the dispatcher has it."""
        async with self._db.transaction() as c:
            cursor = await c.execute(
                """
                select id, coalesce(host(address), host) || ':' || coalesce(port, 5060) as address
                from carrier_servers where carrier_id = %(carrier)s
                """,
                {"carrier": carrier},
            )
            return {int(row["id"]): str(row["address"]) for row in await cursor.fetchall()}
