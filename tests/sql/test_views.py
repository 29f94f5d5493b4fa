"""`vfax migrate` replaces our views and leaves those of an operator alone."""

from pathlib import Path

import pytest
from psycopg import AsyncConnection

from spandsp_bridge.errors import SetupError
from spandsp_bridge.publisher.registrations import compile_registrations
from spandsp_bridge.store import migrate as store_migrate
from spandsp_bridge.store.migrate import migrate

OPERATORS_VIEWS = b"""
    create view routing_report as select count(*) as carriers from carriers;
    create view routing_report_of_numbers as select id from routing_ddi;
"""


@pytest.fixture
async def with_views(database_url: str) -> str:
    """A database with two views of an operator's, one of them on top of one of ours."""
    async with await AsyncConnection.connect(database_url) as connection:
        await connection.execute(b"drop view if exists routing_report, routing_report_of_numbers")
        await connection.execute(OPERATORS_VIEWS)
        await connection.execute(b"delete from schema_files where name like 'views/%'")
    return database_url


async def test_views_of_an_operator_survive_a_migration(with_views: str) -> None:
    assert "views/routing.sql" in await migrate(with_views)
    async with await AsyncConnection.connect(with_views) as connection:
        cursor = await connection.execute(
            b"select viewname from pg_views where viewname like 'routing\\_report%' order by 1"
        )
        assert await cursor.fetchall() == [("routing_report",), ("routing_report_of_numbers",)]
        numbers = await connection.execute(b"select count(*) from routing_report_of_numbers")
        assert await numbers.fetchone() != (0,)


async def test_a_view_on_top_of_one_that_goes_is_named(
    with_views: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    changed = tmp_path / "sql"
    (changed / "migrations").mkdir(parents=True)
    (changed / "migrations" / "9001_gone.sql").write_text("drop view routing_ddi;")
    monkeypatch.setattr(store_migrate, "SQL", changed)
    with pytest.raises(SetupError, match="view routing_report_of_numbers depends on"):
        await migrate(with_views)
    async with await AsyncConnection.connect(with_views) as connection:
        cursor = await connection.execute(b"select count(*) from routing_report_of_numbers")
        assert await cursor.fetchone() != (0,), "nothing was dropped"


async def test_the_view_of_registrations_has_every_key_that_the_publisher_reads(
    database_url: str,
) -> None:
    async with await AsyncConnection.connect(database_url) as connection:
        await connection.execute(
            b"""
            with carrier as (
                insert into carriers (brand_id, name) select min(id), 'Southline' from brands
                returning id, brand_id),
            server as (
                insert into carrier_servers
                    (brand_id, carrier_id, address, auth_user, auth_realm, auth_ha1)
                select brand_id, id, '192.0.2.10', 'acct77', 'southline.example',
                       sip_ha1('acct77', 'southline.example', 'the password') from carrier
                returning id, brand_id)
            insert into carrier_registrations (brand_id, carrier_server_id, username, domain)
            select brand_id, id, 'acct77', 'southline.example' from server
            """
        )
        cursor = await connection.execute(b"select id::text, value from routing_registration")
        rows = await cursor.fetchall()
        await connection.rollback()
    text, rejected = compile_registrations(rows, lambda *_: [])
    assert rejected == {}
    assert text.count("acct77") == 3
