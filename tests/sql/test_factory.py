"""The factory of test rows: what it creates is unique, and `remove` leaves nothing of it."""

from spandsp_bridge.store.pool import Database
from tests.support.factory import Factory, loopback_address, number_block, remove

COUNTS = """
    select c.relname::text as table, (xpath('/row/n/text()', query_to_xml(format(
        'select count(*) as n from %I', c.relname), false, true, '')))[1]::text::int as rows
    from pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
      and not c.relispartition and c.relname <> 'routing_changes'
      and has_table_privilege(c.oid, 'select')
    order by 1
"""


async def rows(database: Database) -> dict[str, int]:
    """Return how many rows each table has, as the owner's services see them."""
    async with database.transaction() as c:
        found = await (await c.execute(COUNTS.encode())).fetchall()
    return {row["table"]: row["rows"] for row in found}


async def test_what_is_made_can_be_removed(database: Database) -> None:
    before = await rows(database)
    async with database.transaction() as c:
        make = Factory(c)
        brand = await make.brand()
        company = await make.company(brand, max_calls=2)
        fax = await make.virtual_fax(brand, company)
        number = f"{number_block()}0000"
        ddi = await make.ddi(brand, company, number, virtual_fax_id=fax)
        await c.execute("update companies set outgoing_ddi_id = %s where id = %s", [ddi, company])
        await make.ddi_provider(brand, loopback_address())
        await make.fax_route(brand, await make.carrier(brand, ("127.0.0.1", 5060)))
        bridge = await make.calling_bridge(("127.0.0.1", 5061))
        await make.insert(
            "faxes", brand_id=brand, company_id=company, virtual_fax_id=fax, direction="in",
            local_number=number, remote_number="+34600000000",
        )  # fmt: skip
    assert await rows(database) != before
    async with database.transaction() as c:
        await remove(c, brand, bridge)
    assert await rows(database) == before


def test_numbers_and_addresses_are_given_once() -> None:
    assert len({number_block() for _ in range(300)}) == 300
    assert len({loopback_address() for _ in range(300)}) == 300
