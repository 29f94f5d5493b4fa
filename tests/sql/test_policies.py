"""Policies and grants: plain text in sql/policies, and nothing else in the database."""

import re
from typing import Any

from psycopg import AsyncConnection

from spandsp_bridge.store.migrate import SQL

TEXT = "".join(file.read_text() for file in sorted((SQL / "policies").glob("*.sql")))
STATEMENTS = re.sub(r"\s+", " ", re.sub(r"--[^\n]*", "", TEXT))
SECRETS = {"password_hash", "ha1", "auth_ha1", "secret"}
ROLES = ("vfax_platform", "vfax_brand", "vfax_company", "vfax_user")

#: Tables of tenants, or with row-level security, that the services cannot use.
WITHOUT_POLICY = """
    select c.relname from pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
      and not c.relispartition
      and (c.relrowsecurity or exists (
             select from pg_attribute a
             where a.attrelid = c.oid and a.attname in ('brand_id', 'company_id')))
      and not exists (
        select from pg_policies p
        where p.schemaname = 'public' and p.tablename = c.relname and p.policyname = 'service')
    order by 1
"""


async def test_every_tenant_table_has_its_policies(database_url: str) -> None:
    async with await AsyncConnection.connect(database_url) as connection:
        assert await (await connection.execute(WITHOUT_POLICY.encode())).fetchall() == []
        await connection.execute(b"create table forgotten (id bigint, company_id bigint)")
        found = await (await connection.execute(WITHOUT_POLICY.encode())).fetchall()
        assert found == [("forgotten",)]
        await connection.rollback()


async def test_every_policy_is_written_in_plain_text(database_url: str) -> None:
    async with await AsyncConnection.connect(database_url) as connection:
        cursor = await connection.execute(
            b"select policyname, tablename from pg_policies where schemaname = 'public'"
        )
        policies = await cursor.fetchall()
    assert len(policies) > 100
    missing = [
        f"{policy} on {table}"
        for policy, table in policies
        if f"create policy {policy} on {table} " not in STATEMENTS
        or f"drop policy if exists {policy} on {table};" not in STATEMENTS
    ]
    assert missing == []
    assert STATEMENTS.count("create policy ") == len(policies)


async def test_every_grant_is_written_in_plain_text(database_url: str) -> None:
    granted: set[tuple[str, str, str]] = set()
    for privileges, tables, roles in re.findall(
        r"grant ([^;()]*?) on (?!schema|all |function )([\w, ]+?) to ([\w, ]+);", STATEMENTS
    ):
        for table in tables.split(", "):
            for role in roles.split(", "):
                granted |= {(p.upper(), table, role) for p in privileges.split(", ")}
    async with await AsyncConnection.connect(database_url) as connection:
        cursor = await connection.execute(
            b"select privilege_type, table_name, grantee from information_schema.role_table_grants"
            b" join pg_class c on c.relname = table_name and c.relkind in ('r', 'p')"
            b" where table_schema = 'public' and grantee like 'vfax\\_%'"
        )
        assert set(await cursor.fetchall()) == granted


async def test_of_rows_with_secrets_all_but_the_secret_can_be_read(database_url: str) -> None:
    tables = ("users", "sip_accounts", "carrier_servers", "webhooks", "api_keys")
    async with await AsyncConnection.connect(database_url) as connection:
        for table in tables:
            assert await _readable(connection, table, "vfax_brand") == (
                await _columns(connection, table) - SECRETS
            ), f"{table}: a column is granted to be read or is one of the secrets"
            for role in ROLES:
                assert not await _readable(connection, table, role) & SECRETS


async def _columns(connection: AsyncConnection[Any], table: str) -> set[str]:
    cursor = await connection.execute(
        b"select column_name from information_schema.columns"
        b" where table_schema = 'public' and table_name = %s",
        [table],
    )
    return {name for (name,) in await cursor.fetchall()}


async def _readable(connection: AsyncConnection[Any], table: str, role: str) -> set[str]:
    cursor = await connection.execute(
        b"select column_name from information_schema.column_privileges"
        b" where table_schema = 'public' and table_name = %s and grantee = %s"
        b" and privilege_type = 'SELECT'",
        [table, role],
    )
    return {name for (name,) in await cursor.fetchall()}
