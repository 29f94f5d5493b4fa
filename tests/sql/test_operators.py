"""Two operators of two brands, as real logins: neither reaches what is the other's."""

import json
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from typing import Any

import psycopg
import pytest
from psycopg import AsyncConnection, sql
from psycopg.conninfo import make_conninfo

from spandsp_bridge.errors import ConflictError, NotFoundError
from spandsp_bridge.store.operators import OperatorLogins
from tests.sql.test_tenants import OURS, TENANT_TABLES, THEIRS, WORLD
from tests.support.operators import PASSWORD, operator_login, value

#: What a login may try, before each look, to be somebody else.
DISGUISES = (
    "set vfax.brand_id = '{theirs}'",
    "set vfax.company_id = '{theirs}'",
    "set vfax.user_id = '{theirs}'",
    "select set_config('vfax.brand_id', '{theirs}', false)",
    "set role vfax_brand",
    "reset role",
    "alter role {login} set vfax.brand_id = '{theirs}'",
    "alter role {login} set role = 'vfax_brand'",
    "set session authorization {login}",
    "set search_path = pg_temp, public",
    "set row_security = off",
    "reset row_security",
)
FORBIDDEN = (
    "set session authorization vfax",
    "set role vfax",
    "set role vfax_service",
    "set role vfax_platform",
    "set role vfax_company",
    "set role vfax_user",
    "alter role {login} bypassrls",
    "alter role {login} createrole",
    "grant vfax_service to {login}",
    "insert into operator_logins (login, brand_id) values ('{login}x', {theirs})",
    "set session_replication_role = replica",
    "alter table faxes disable row level security",
    "drop policy brand on faxes",
)


@pytest.fixture(scope="module")
async def two_brands(database_url: str) -> str:
    """The URL of a database in which two brands have a row in every table."""
    async with await AsyncConnection.connect(database_url) as owner:
        for brand in (OURS, THEIRS):
            for statement in filter(str.strip, WORLD.replace(":b", str(brand)).split(";\n")):
                await owner.execute(statement.encode())
    return database_url


@pytest.fixture
async def operators(two_brands: str) -> AsyncIterator[dict[int, AsyncConnection[Any]]]:
    """A session of an operator of each brand, by brand."""
    async with AsyncExitStack() as stack:
        sessions: dict[int, AsyncConnection[Any]] = {}
        for brand in (OURS, THEIRS):
            url = await stack.enter_async_context(operator_login(two_brands, brand))
            session = await AsyncConnection.connect(url, autocommit=True)
            sessions[brand] = await stack.enter_async_context(session)
        yield sessions


async def rows_of(owner: AsyncConnection[Any], brand: int) -> dict[str, str]:
    """Return every row of a brand as text, by table."""
    found = {}
    for table, _ in await (await owner.execute(TENANT_TABLES.encode())).fetchall():
        column = "id" if table == "brands" else "brand_id"
        found[table] = await value(
            owner,
            f"select coalesce(jsonb_agg(to_jsonb(t) order by to_jsonb(t))::text, '')"
            f" from {table} t where {column} = {brand}",
        )
    return found


async def attempted(session: AsyncConnection[Any], statement: str, *values: Any) -> int | str:
    """Run a statement; return its row count, or its SQLSTATE."""
    try:
        return (await session.execute(statement.encode(), values or None)).rowcount
    except psycopg.Error as error:
        return error.sqlstate or "?"


@pytest.mark.parametrize(("us", "them"), [(OURS, THEIRS), (THEIRS, OURS)])
async def test_no_disguise_shows_or_changes_the_other_brand(
    two_brands: str, operators: dict[int, AsyncConnection[Any]], us: int, them: int
) -> None:
    session = operators[us]
    names = {"theirs": them, "login": session.info.user}
    async with await AsyncConnection.connect(two_brands, autocommit=True) as owner:
        before = await rows_of(owner, them)
        assert len(before) > 25
        assert await value(session, "select current_brand()") == us
        assert await value(session, f"select count(*) from carriers where brand_id = {us}") == 1
        for disguise in DISGUISES:
            done = await attempted(session, disguise.format(**names))
            assert isinstance(done, int) or done == "42501", (disguise, done)
            assert await value(session, "select current_brand()") == us, disguise
            assert await value(session, "select current_company()") is None, disguise
            for table in before:
                column = "id" if table == "brands" else "brand_id"
                where = f"where {column} = {them}"
                touched = "fall_back_after_failure" if table == "brands" else column
                for verb in (
                    f"select {column} from public.{table} {where}",
                    f"update public.{table} set {touched} = {touched} {where}",
                    f"delete from public.{table} {where}",
                ):
                    assert await attempted(session, verb) in (0, "42501"), (disguise, verb)
        for table, rows in before.items():
            refused = await attempted(
                session,
                f"insert into {table} overriding system value"
                f" select * from jsonb_populate_recordset(null::{table}, %s::jsonb)",
                rows,
            )
            assert refused == "42501", f"insert into {table}: {refused}"
        for forbidden in FORBIDDEN:
            assert await attempted(session, forbidden.format(**names)) == "42501", forbidden
        assert await rows_of(owner, them) == before


async def test_no_function_crosses_the_border(
    two_brands: str, operators: dict[int, AsyncConnection[Any]]
) -> None:
    """Every function of ours that an operator may call, with ids of the other brand."""
    session = operators[OURS]
    await session.execute(f"set vfax.brand_id = '{THEIRS}'")
    arguments = {
        "bigint": str(THEIRS), "integer": "1", "text": "'+34911234567'", "interval": "'1 min'",
        "timestamp with time zone": "now()", "boolean": "true", "jsonb": "'{}'",
        "name": "'x'", "anyelement": "1",
    }  # fmt: skip
    async with await AsyncConnection.connect(two_brands, autocommit=True) as owner:
        before = await rows_of(owner, THEIRS)
        cursor = await session.execute(
            "select p.oid::regproc::text, array(select format_type(t, null)"
            "  from unnest(p.proargtypes) with ordinality as a (t, n) order by n)"
            " from pg_proc p where p.pronamespace = 'public'::regnamespace and p.prokind = 'f'"
            "  and p.prorettype <> 'trigger'::regtype"
            "  and has_function_privilege(p.oid, 'execute')"
            "  and not exists (select from pg_depend where objid = p.oid and deptype = 'e')"
        )
        called = []
        for function, types in await cursor.fetchall():
            if not set(types) <= set(arguments):
                continue  # takes rows that the caller has to have
            called.append(function)
            call = f"{function}({', '.join(arguments[each] for each in types)})"
            try:
                rows = await (await session.execute(f"select {call}".encode())).fetchall()
            except psycopg.Error:
                continue
            assert str(THEIRS) not in json.dumps(rows, default=str), call
        assert {"cancel_fax", "delete_fax", "current_brand", "explain_route"} <= set(called)
        assert await rows_of(owner, THEIRS) == before


async def test_an_operator_is_added_listed_and_removed(two_brands: str) -> None:
    logins = OperatorLogins(two_brands)
    login = 'operator of "x"'
    added = await logins.add(login, PASSWORD, f"brand {OURS}")
    try:
        assert (added.login, added.brand_id) == (login, OURS)
        assert added in await logins.logins()
        with pytest.raises(ConflictError):
            await logins.add(login, PASSWORD, str(THEIRS))
        with pytest.raises(NotFoundError):
            await logins.add("operator_of_none", PASSWORD, "no such brand")
        url = make_conninfo(two_brands, user=login, password=PASSWORD)
        async with await AsyncConnection.connect(url, autocommit=True) as session:
            assert await value(session, "select array_agg(id) from brands") == [OURS]
            await logins.remove(login)
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                await session.execute("select from brands")
            with pytest.raises(NotFoundError):
                await logins.remove(login)
    finally:
        async with await AsyncConnection.connect(two_brands, autocommit=True) as owner:
            await owner.execute(sql.SQL("drop role if exists {}").format(sql.Identifier(login)))


async def test_a_brand_is_looked_up_once_for_a_query(
    operators: dict[int, AsyncConnection[Any]],
) -> None:
    plan = await (
        await operators[OURS].execute("explain (costs off) select count(*) from faxes")
    ).fetchall()
    text = "\n".join(line for (line,) in plan)
    assert "InitPlan" in text
    assert text.count("operator_brand()") <= 1, text
