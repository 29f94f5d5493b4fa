"""Rows of a company are tied to its brand and fax; deliveries and audit rows need functions."""

from typing import Any

import psycopg
import pytest
from psycopg import AsyncConnection

from tests.sql.test_tenants import OURS, THEIRS, attempt, become, world
from tests.support.operators import operator_login, value

__all__ = ["world"]

#: Tables with these columns, and without a foreign key of exactly these columns to that table.
UNTIED = """
    select c.relname::text from pg_class c
    where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
      and (select count(*) from pg_attribute a
           where a.attrelid = c.oid and a.attname = any(%(columns)s::text[]) and not a.attisdropped) = 2
      and not exists (
          select from pg_constraint k
          where k.conrelid = c.oid and k.contype = 'f' and k.confrelid = %(parent)s::regclass
            and (select array_agg(a.attname::text order by a.attname) from pg_attribute a
                 where a.attrelid = c.oid and a.attnum = any(k.conkey)) = %(columns)s::text[])
    order by 1
"""  # noqa: E501


@pytest.mark.parametrize(
    ("columns", "parent"),
    [(["brand_id", "company_id"], "companies"), (["company_id", "fax_id"], "faxes")],
)
async def test_every_tenant_table_is_tied_to_its_owner(
    world: AsyncConnection[Any], columns: list[str], parent: str
) -> None:
    values = {"columns": columns, "parent": parent}
    assert await (await world.execute(UNTIED.encode(), values)).fetchall() == []
    await world.execute(
        f"create table forgotten (id bigint, {columns[0]} bigint, {columns[1]} bigint)".encode()
    )
    assert await (await world.execute(UNTIED.encode(), values)).fetchall() == [("forgotten",)]


@pytest.mark.parametrize("table", ["attempts", "pages", "deliveries", "documents", "audit_log"])
async def test_a_row_of_a_company_cannot_name_another_brand(
    world: AsyncConnection[Any], table: str
) -> None:
    """Also with the owner's rights, which no policy stops."""
    for change in (f"brand_id = {THEIRS}", f"company_id = {THEIRS}"):
        changed = await attempt(world, f"update {table} set {change} where company_id = {OURS}")
        assert changed == "23503", change


CALLS = (
    "write_audit({0}, {0}, 'somebody', 'document_read', '{{}}')",
    "forward_fax({0}, {0}, 'sent', '{{evil@evil.example}}')",
    "replay_delivery({0})",
)


@pytest.mark.parametrize("role", ["brand", "company", "user"])
async def test_records_are_written_of_ones_own_faxes_alone(
    world: AsyncConnection[Any], role: str
) -> None:
    await become(world, role)
    for call in CALLS:
        own = await attempt(world, f"select {call.format(OURS)}")
        # Operators do not see documents, so they have none mailed.
        assert own == ("42501" if role == "brand" and "forward" in call else 1), call
        assert await attempt(world, f"select {call.format(THEIRS)}") == "42501", call
    for table in ("deliveries", "audit_log"):
        assert await attempt(world, f"insert into {table} default values") == "42501", table


async def test_a_user_writes_of_its_own_virtual_faxes_alone(world: AsyncConnection[Any]) -> None:
    await world.execute(f"delete from virtual_fax_users where user_id = {OURS}".encode())
    await become(world, "user")
    for call in CALLS:
        assert await attempt(world, f"select {call.format(OURS)}") == "42501", call


async def test_the_platform_and_a_tenant_without_settings_write_nothing(
    world: AsyncConnection[Any],
) -> None:
    for role in ("platform", "brand", "company", "user"):
        async with world.transaction(force_rollback=True):
            await world.execute(f"set local role vfax_{role}".encode())
            for call in CALLS:
                assert await attempt(world, f"select {call.format(OURS)}") == "42501", (role, call)


async def test_no_operator_has_a_fax_mailed(database_url: str) -> None:
    """As a real login, of another brand's company or of its own."""
    async with (
        operator_login(database_url, 1) as url,
        await AsyncConnection.connect(url, autocommit=True) as operator,
        await AsyncConnection.connect(database_url, autocommit=True) as owner,
    ):
        sent = (
            "insert into faxes (brand_id, company_id, virtual_fax_id, direction, local_number,"
            " remote_number) select brand_id, company_id, id, 'in', '+15550001', '+15550001'"
            " from virtual_faxes where brand_id = 1 limit 1 returning id"
        )
        fax = await value(owner, sent)
        company = await value(owner, "select company_id from faxes where id = %s", fax)
        for statement in (
            "insert into deliveries (brand_id, company_id, fax_id, channel, event, recipients)"
            f" values (1, {company}, {fax}, 'mail', 'sent', '{{evil@evil.example}}')",
            f"select forward_fax({company}, {fax}, 'sent', '{{evil@evil.example}}')",
            "update deliveries set recipients = '{evil@evil.example}'",
        ):
            with pytest.raises(psycopg.errors.InsufficientPrivilege):
                await operator.execute(statement.encode())
        await operator.execute(
            "select write_audit(%s, %s, 'somebody else', 'document_read', '{}')", [company, fax]
        )
        who = await value(owner, "select who from audit_log where fax_id = %s", fax)
        assert who == operator.info.user
