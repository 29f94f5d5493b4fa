"""Lists of faxes in every order, page by page: each fax once, none left out."""

from collections.abc import AsyncIterator

import pytest

from spandsp_bridge.errors import UserError
from spandsp_bridge.store.lists import ORDERS, FaxFilter, FaxLists
from spandsp_bridge.store.lists import cursor_of as position_of
from spandsp_bridge.store.pool import Database
from spandsp_bridge.web.faxes import cursor_of, place_of

FAXES = 137


@pytest.fixture(scope="module")
async def company(database: Database) -> AsyncIterator[int]:
    """Make a company with faxes, many of them alike in what lists are sorted by."""
    async with database.transaction() as c:
        row = await (
            await c.execute(
                "with k as (insert into companies (brand_id, name) select brand_id, 'Lists' from"
                " companies where name = 'Acme' returning id, brand_id),"
                " v as (insert into virtual_faxes (brand_id, company_id, name)"
                " select brand_id, id, 'Lists' from k returning id, brand_id, company_id),"
                " f as (insert into faxes (brand_id, company_id, virtual_fax_id, direction,"
                " local_number, remote_number, pages, created_at, remote_station_id)"
                " select brand_id, company_id, id, 'in', '+34911000001',"
                " '+3491100' || (1000 + n * 7 %% 13), nullif(n * 5 %% 11, 0),"
                " now() - make_interval(mins => n / 3), 'Fax ' || n"
                " from v, generate_series(1, %s) n returning 1)"
                " select id, (select count(*) from f) as made from k",
                [FAXES],
            )
        ).fetchone()
    assert row is not None
    yield int(row["id"])
    async with database.transaction() as c:
        for table in ("faxes", "fax_queues", "virtual_faxes"):
            await c.execute(f"delete from {table} where company_id = %s".encode(), [row["id"]])
        await c.execute("delete from companies where id = %s", [row["id"]])


@pytest.mark.parametrize("order", ORDERS)
async def test_every_fax_is_in_the_list_once(database: Database, company: int, order: str) -> None:
    lists = FaxLists(database)
    seen = []
    cursor = ""
    for _ in range(FAXES):
        after = place_of(cursor, order) if cursor else None
        rows = await lists.page(
            FaxFilter(company=company, direction="in", order=order, after=after), 20
        )
        seen += [row.fax for row in rows]
        if len(rows) < 20:
            break
        cursor = cursor_of(rows[-1].fax, order)
    assert len(seen) == len({fax.id for fax in seen}) == FAXES
    places = [position_of(fax, order) for fax in seen]
    assert places == sorted(places, reverse=order.startswith("-"))


@pytest.mark.parametrize("few", [5000, 3])
@pytest.mark.parametrize(
    ("number", "station", "found"),
    [("1012", None, 10), (None, "fax 1", 49), (None, "Fax12", 11), ("1012", "fax 1", 4),
     ("00", None, 137), ("+3491100", None, 137), ("%", None, 0), ("_012", None, 0),
     ("77", None, 0)],
)  # fmt: skip
async def test_a_search_finds_all_there_is(
    database: Database, company: int, monkeypatch: pytest.MonkeyPatch,
    number: str | None, station: str | None, found: int, few: int,
) -> None:  # fmt: skip
    """In the company's own role, whether it finds few or many."""
    monkeypatch.setattr("spandsp_bridge.store.lists.SEARCH_LIMIT", few)
    lists = FaxLists(database.tenant("company", company=company))
    rows = await lists.page(FaxFilter(company=company, number=number, station=station), 200)
    assert len(rows) == found
    assert all(number in row.fax.remote_number for row in rows if number)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("cursor", ["", "AAAA", "eA", "LTEgLTE", "9" * 180, "MjAyNi0xMS0yNSAx"])
def test_a_foreign_cursor_is_refused(order: str, cursor: str) -> None:
    if order.endswith("number") and cursor == "MjAyNi0xMS0yNSAx":
        return  # any text may be a number's place
    with pytest.raises(UserError, match="invalid cursor: take it from `next`"):
        place_of(cursor, order)
