"""explain_route(): the routing core inside PostgreSQL, also over rows of a newer schema."""

from typing import Any

import psycopg
import pytest

from kemi.routing.decode import DECODERS

DDI, ELSEWHERE = "+34911000002", "+34922000002"  # of the demo's data; a number of a carrier


@pytest.fixture
async def owner(database_url: str) -> Any:
    """A connection as the owner of the schema; what it does is undone."""
    async with await psycopg.AsyncConnection.connect(database_url) as connection:
        yield connection
        await connection.rollback()


async def one(owner: psycopg.AsyncConnection[Any], sql: str, *values: object) -> Any:
    row = await (await owner.execute(sql.encode(), values)).fetchone()
    return row[0] if row is not None else None


async def explained(owner: psycopg.AsyncConnection[Any], number: str) -> dict[str, Any]:
    company = await one(owner, "select id from companies where name = 'Acme'")
    told = await one(owner, "select explain_route(%s, %s, seed => 7)", company, number)
    assert isinstance(told, dict)
    return told


async def test_a_call_to_a_carrier_is_explained(owner: psycopg.AsyncConnection[Any]) -> None:
    told = await explained(owner, ELSEWHERE)
    assert told["number"] == ELSEWHERE
    assert told["inside"] is None
    assert told["reply"] is None
    assert told["order"] == [candidate["route"] for candidate in told["candidates"]]
    assert told["candidates"][0]["legs"][0]["number"] == ELSEWHERE


async def test_a_call_to_our_own_ddi_is_explained(owner: psycopg.AsyncConnection[Any]) -> None:
    told = await explained(owner, DDI)
    assert told["inside"]["ddi"] == DDI
    assert told["order"] == []


async def test_a_company_without_routes_gets_503(owner: psycopg.AsyncConnection[Any]) -> None:
    await owner.execute("delete from outgoing_routes")
    told = await explained(owner, ELSEWHERE)
    assert told["reply"] == {"code": 503, "reason": "no route to the number"}


async def test_rows_of_a_newer_schema_are_explained_by_the_older_core(
    owner: psycopg.AsyncConnection[Any],
) -> None:
    """During an upgrade the views get new keys before every process is restarted."""
    before = [await explained(owner, number) for number in (ELSEWHERE, DDI)]
    for kind in sorted(DECODERS.keys() - {"numbers"}):  # its keys are directions
        view = f"routing_{kind}"
        definition = await one(owner, "select pg_get_viewdef(%s::regclass)", view)
        await owner.execute(
            f"create or replace view {view} with (security_invoker = true) as"
            " select id, (case jsonb_typeof(value::jsonb)"
            " when 'object' then value::jsonb || '{\"added_later\": [1]}'"
            " else value::jsonb end)::text as value"
            f" from ({definition.rstrip(';')}) as older".encode()
        )
    company = await one(owner, "select value::jsonb from routing_company limit 1")
    assert company["added_later"] == [1]
    assert [await explained(owner, number) for number in (ELSEWHERE, DDI)] == before
