"""Rows for tests, with ids, names, numbers and addresses that no other test has.

    async with changes(stack, database) as connection:
        make = Factory(connection)
        brand = await make.brand()
        company = await make.company(brand, max_calls=2)

The database gives the ids; counters of the process give everything else.
"""

import itertools

from psycopg import sql

from spandsp_bridge.store.transactions import Connection

Address = tuple[str, int]

_names = itertools.count(1)
_blocks = itertools.count(1)
_addresses = itertools.count(1)

#: What holds rows of a brand and does not go with it, in the order in which it can be deleted.
_OF_BRAND = ("attempts", "documents", "faxes", "ddis", "sip_accounts", "virtual_faxes",
             "outgoing_routes", "carriers", "ddi_providers", "companies",
             "number_transformations")  # fmt: skip


def unique_name(word: str) -> str:
    """Return a name that no other row has."""
    return f"{word} {next(_names)}"


def number_block() -> str:
    """Return the first digits of 10,000 telephone numbers of nobody else: four more follow."""
    return f"+3497{next(_blocks):03}"


def loopback_address() -> str:
    """Return an address of 127.2.0.0/16 that nobody else uses."""
    high, low = divmod(next(_addresses), 250)
    return f"127.2.{high}.{low + 1}"


class Factory:
    """Inserts rows within a transaction of the caller's."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def insert(self, table: str, **columns: object) -> int:
        """Insert a row of any table that has an id; return that."""
        statement = sql.SQL("insert into {} ({}) values ({}) returning id").format(
            sql.Identifier(table),
            sql.SQL(", ").join(map(sql.Identifier, columns)),
            sql.SQL(", ").join(map(sql.Placeholder, columns)),
        )
        row = await (await self._connection.execute(statement, columns)).fetchone()
        assert row is not None
        return int(row["id"])

    async def brand(self, **columns: object) -> int:
        """Insert a brand."""
        return await self.insert("brands", **{"name": unique_name("Brand"), **columns})

    async def company(self, brand: int, **columns: object) -> int:
        """Insert a company."""
        name = unique_name("Company")
        return await self.insert("companies", **{"brand_id": brand, "name": name, **columns})

    async def virtual_fax(self, brand: int, company: int, **columns: object) -> int:
        """Insert a virtual fax."""
        known = {"brand_id": brand, "company_id": company, "name": unique_name("Fax")}
        return await self.insert("virtual_faxes", **{**known, **columns})

    async def ddi(self, brand: int, company: int, number: str, **columns: object) -> int:
        """Insert a DDI."""
        return await self.insert(
            "ddis", brand_id=brand, company_id=company, number=number, **columns
        )

    async def ddi_provider(self, brand: int, address: str) -> int:
        """Insert a DDI provider with one address."""
        provider = await self.insert("ddi_providers", brand_id=brand, name=unique_name("Provider"))
        await self.insert(
            "ddi_provider_addresses", brand_id=brand, ddi_provider_id=provider, address=address
        )
        return provider

    async def carrier(self, brand: int, *servers: Address) -> int:
        """Insert a carrier with these servers."""
        carrier = await self.insert("carriers", brand_id=brand, name=unique_name("Carrier"))
        for address, port in servers:
            await self.insert(
                "carrier_servers", brand_id=brand, carrier_id=carrier, address=address, port=port
            )
        return carrier

    async def fax_route(self, brand: int, carrier: int, **columns: object) -> int:
        """Insert a route that all faxes of the brand take."""
        known = {"brand_id": brand, "type": "fax", "carrier_id": carrier}
        return await self.insert("outgoing_routes", **{**known, **columns})

    async def calling_bridge(self, address: Address) -> int:
        """Insert a bridge that places calls and takes none."""
        host, port = address
        return await self.insert(
            "bridges", name=unique_name("bridge"), sip_address=host, sip_port=port, receives=False
        )


async def remove(connection: Connection, brand: int, *bridges: int) -> None:
    """Delete a brand with all that is of it, and bridges."""
    for table in ("sip_accounts", "companies", "virtual_faxes"):
        await connection.execute(
            sql.SQL("update {} set outgoing_ddi_id = null where brand_id = %s").format(
                sql.Identifier(table)
            ),
            [brand],
        )
    for table in _OF_BRAND:
        await connection.execute(
            sql.SQL("delete from {} where brand_id = %s").format(sql.Identifier(table)), [brand]
        )
    await connection.execute("delete from brands where id = %s", [brand])
    await connection.execute("delete from bridges where id = any(%s)", [list(bridges)])
