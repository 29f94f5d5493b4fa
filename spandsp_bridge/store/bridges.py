"""Rows of `bridges`: the nodes that Kamailio's dispatcher sends inbound calls to."""

from dataclasses import dataclass

from spandsp_bridge.store.transactions import Transactions


@dataclass(frozen=True, slots=True)
class Bridge:
    """One row of `bridges`."""

    id: int
    name: str
    sip_address: str
    sip_port: int
    receives: bool
    enabled: bool

    @property
    def address(self) -> str:
        """Return ``HOST:PORT`` of its SIP socket."""
        return f"{self.sip_address}:{self.sip_port}"


class Bridges:
    """The queries on bridges."""

    def __init__(self, database: Transactions) -> None:
        self._db = database

    async def register(self, name: str, address: str, port: int, *, receives: bool) -> None:
        """Write this node's row, which puts it into the dispatcher's list.

        A node that was renamed, or took over an address, replaces the row that had it.
        """
        values = {"name": name, "address": address, "port": port, "receives": receives}
        async with self._db.transaction() as c:
            await c.execute(
                """
                delete from bridges
                where sip_address = %(address)s and sip_port = %(port)s and name <> %(name)s
                """,
                values,
            )
            await c.execute(
                """
                insert into bridges (name, sip_address, sip_port, receives)
                values (%(name)s, %(address)s, %(port)s, %(receives)s)
                on conflict (name) do update set
                  sip_address = excluded.sip_address, sip_port = excluded.sip_port,
                  receives = excluded.receives, last_seen = now()
                """,
                values,
            )

    async def all(self) -> list[Bridge]:
        """Return all bridges by name."""
        async with self._db.transaction() as c:
            cursor = await c.execute(
                """
                select id, name, host(sip_address) as sip_address, sip_port, receives, enabled
                from bridges order by name
                """
            )
            return [Bridge(**row) for row in await cursor.fetchall()]

    async def enable(self, bridge_id: int, *, enabled: bool) -> None:
        """Put a bridge into the dispatcher's list, or take it out."""
        async with self._db.transaction() as c:
            await c.execute(
                "update bridges set enabled = %(enabled)s where id = %(id)s",
                {"enabled": enabled, "id": bridge_id},
            )
