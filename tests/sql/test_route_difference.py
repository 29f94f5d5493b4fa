"""What some SQL does to the routes, and that it is undone unless it is to be committed."""

import asyncio

import pytest

from spandsp_bridge.errors import UserError
from spandsp_bridge.store.pool import Database
from spandsp_bridge.store.route_difference import RouteDifference, compare
from tests.support.factory import Factory


@pytest.fixture(scope="module")
async def brand(database: Database) -> int:
    """A brand with a pattern, which one carrier takes."""
    async with database.transaction() as connection:
        make = Factory(connection)
        brand = await make.brand()
        await make.company(brand)
        carrier = await make.carrier(brand, ("192.0.2.10", 5060))
        await make.insert("routing_patterns", brand_id=brand, name="Spain", prefix="+34")
        await make.fax_route(brand, carrier)
    return brand


async def difference(url: str, sql: str, brand: int, *, commit: bool = False) -> RouteDifference:
    return await asyncio.to_thread(
        compare, url, sql, brand=brand, fax=True, sample=10, commit=commit
    )


async def test_what_changes_is_counted_and_undone(database_url: str, brand: int) -> None:
    sql = "update carriers set enabled = false"
    for _ in range(2):  # the second finds what the first found: nothing was kept
        found = await difference(database_url, sql, brand)
        [change] = found.changes
        assert (found.destinations, found.changed, found.committed) == (1, 1, False)
        assert change.number == "+34555555555"[: len(change.number)]
        assert change.before.startswith("Carrier")
        assert change.after.startswith("503")
        [move] = found.moves
        assert (move.before, move.after, move.destinations) == (change.before, change.after, 1)


async def test_sql_without_effect_changes_nothing(database_url: str, brand: int) -> None:
    found = await difference(database_url, "update carriers set name = name", brand)
    assert (found.destinations, found.changed, found.moves, found.changes) == (1, 0, [], [])


async def test_sql_that_fails_or_ends_the_transaction_is_an_error(
    database_url: str, brand: int
) -> None:
    for sql in ("update nothing", "commit"):
        with pytest.raises(UserError):
            await difference(database_url, sql, brand)


async def test_a_committed_change_stays(database_url: str, brand: int) -> None:
    sql = "update carriers set enabled = false"
    assert (await difference(database_url, sql, brand, commit=True)).committed
    assert (await difference(database_url, sql, brand)).changed == 0
