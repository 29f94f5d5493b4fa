"""The border between two brands: every table, every view, every verb, every role."""

import json
from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
from psycopg import AsyncConnection
from psycopg.errors import ForeignKeyViolation, InsufficientPrivilege

OURS, THEIRS = 5550001, 8880001  # every id of a tenant is its brand's, so that none is overlooked

#: One row in each table, for a brand :b whose letter is :x.
WORLD = """
insert into brands (id, name) overriding system value values (:b, 'brand :b');
insert into operator_logins (login, brand_id) values ('operator:b', :b);
insert into brand_countries (id, brand_id, country) overriding system value values (:b, :b, 'ES');
insert into companies (id, brand_id, name, sip_domain) overriding system value values (:b, :b, 'company :b', 'd:b.example');
insert into users (id, brand_id, company_id, email, role) overriding system value values (:b, :b, :b, 'u:b@x', 'user');
insert into virtual_faxes (id, brand_id, company_id, name) overriding system value values (:b, :b, :b, 'fax :b');
insert into virtual_fax_callers (id, brand_id, company_id, virtual_fax_id, prefix, action) overriding system value values (:b, :b, :b, :b, '+:b', 'deny');
insert into virtual_fax_hours (id, brand_id, company_id, virtual_fax_id, weekday, opens, closes) overriding system value values (:b, :b, :b, :b, 1, '08:00', '24:00');
insert into number_transformations (id, brand_id, name) overriding system value values (:b, :b, 'n :b');
insert into number_transformation_rules (id, brand_id, transformation_id, direction) overriding system value values (:b, :b, :b, 'callee_in');
insert into ddi_providers (id, brand_id, name) overriding system value values (:b, :b, 'provider :b');
insert into ddi_provider_addresses (id, brand_id, ddi_provider_id, address) overriding system value values (:b, :b, :b, inet '2001:db8::' + :b);
insert into sip_accounts (id, brand_id, company_id, username, ha1) overriding system value values (:b, :b, :b, 'account:b', md5(':b'));
insert into ddis (id, brand_id, company_id, number, virtual_fax_id) overriding system value values (:b, :b, :b, '+1:b', :b);
insert into carriers (id, brand_id, name) overriding system value values (:b, :b, 'carrier :b');
insert into carrier_servers (id, brand_id, carrier_id, host, auth_user, auth_realm, auth_ha1) overriding system value
    values (:b, :b, :b, 'h:b.example', 'u:b', 'r:b', md5(':b'));
insert into carrier_registrations (id, brand_id, carrier_server_id, username, domain) overriding system value values (:b, :b, :b, 'u:b', 'd:b.example');
insert into carrier_rates (id, brand_id, carrier_id, prefix, price) overriding system value values (:b, :b, :b, '+:b', 1);
insert into failover_rules (id, brand_id, carrier_id, class, action) overriding system value values (:b, :b, :b, '503', 'stop');
insert into retry_rules (id, brand_id, reason, action) overriding system value values (:b, :b, 'user_busy', 'stop');
insert into routing_patterns (id, brand_id, name, prefix) overriding system value values (:b, :b, 'pattern :b', '+:b');
insert into routing_pattern_groups (id, brand_id, name) overriding system value values (:b, :b, 'group :b');
insert into routing_pattern_group_members (brand_id, group_id, pattern_id) values (:b, :b, :b);
insert into routing_tags (id, brand_id, name, tag) overriding system value values (:b, :b, 'tag :b', '12#');
insert into company_routing_tags (brand_id, company_id, routing_tag_id) values (:b, :b, :b);
insert into outgoing_routes (id, brand_id, company_id, type, mode, pattern_id) overriding system value values (:b, :b, :b, 'pattern', 'lcr', :b);
insert into outgoing_route_carriers (brand_id, route_id, carrier_id) values (:b, :b, :b);
insert into faxes (id, brand_id, company_id, virtual_fax_id, direction, local_number, remote_number) overriding system value
    values (:b, :b, :b, :b, 'in', '+1:b', '+1:b');
insert into attempts (id, brand_id, company_id, fax_id, number, bridge) overriding system value values (:b, :b, :b, :b, 1, 'b');
insert into pages (brand_id, company_id, fax_id, page, width, length) values (:b, :b, :b, 1, 1, 1);
insert into documents (brand_id, company_id, fax_id, kind, sha256, size, data) values (:b, :b, :b, 'pdf', sha256('x'), 1, 'x');
insert into cover_pages (id, brand_id, company_id, name, html) overriding system value values (:b, :b, :b, 'cover :b', '');
insert into sending_hours (id, brand_id, company_id, weekday, opens, closes) overriding system value values (:b, :b, :b, 1, '08:00', '24:00');
insert into virtual_fax_senders (brand_id, company_id, virtual_fax_id, email) values (:b, :b, :b, 'u:b@x');
insert into broadcasts (id, brand_id, company_id, virtual_fax_id, total) overriding system value values (:b, :b, :b, :b, 1);
insert into fax_queues (company_id, brand_id) values (:b, :b) on conflict do nothing;
insert into peer_profiles (id, brand_id, number) overriding system value values (:b, :b, '+1555000:b');
insert into mail_templates (id, brand_id, company_id, event, language, subject, text) overriding system value values (:b, :b, :b, 'sent', 'en', '', '');
insert into webhooks (id, brand_id, company_id, url) overriding system value values (:b, :b, :b, 'https://h:b.example/');
insert into deliveries (id, brand_id, company_id, fax_id, channel, event, webhook_id, state) overriding system value
    values (:b, :b, :b, :b, 'webhook', 'fax.sent', :b, 'done');
insert into virtual_fax_users (brand_id, company_id, virtual_fax_id, user_id) values (:b, :b, :b, :b);
insert into api_keys (id, brand_id, company_id, name, secret, shown) overriding system value values (:b, :b, :b, 'key :b', sha256(':b'), 'vfax_:b');
insert into audit_log (id, brand_id, company_id, who, action) overriding system value values (:b, :b, :b, 'u:b', 'document_read');
"""  # noqa: E501

TENANT_TABLES = """
select c.relname::text as name, exists (
           select from pg_attribute where attrelid = c.oid and attname = 'company_id' and not attisdropped) as of_company
from pg_class c
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p') and not c.relispartition
  and (c.relname = 'brands' or exists (
      select from pg_attribute where attrelid = c.oid and attname in ('brand_id', 'company_id') and not attisdropped))
order by 1
"""  # noqa: E501

#: Functions with their owner's rights that tenants may call: each looks whose row it touches.
RUN_AS_OWNER = ["faxes_found", "forward_fax", "operator_brand", "replay_delivery", "write_audit"]

UNGUARDED = """
select c.relname::text from pg_class c
where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p')
  and (c.relname = 'brands' or exists (
      select from pg_attribute where attrelid = c.oid and attname in ('brand_id', 'company_id') and not attisdropped))
  and (not c.relrowsecurity or not c.relforcerowsecurity
       or not c.relispartition and not exists (
           select from pg_policy p where p.polrelid = c.oid and p.polname = 'brand'))
"""  # noqa: E501


@pytest.fixture
async def world(database_url: str) -> AsyncIterator[AsyncConnection[Any]]:
    """Two brands with a row in every table, in a transaction that is undone."""
    connection = await AsyncConnection.connect(database_url)
    async with connection:
        for brand in (OURS, THEIRS):
            for statement in filter(str.strip, WORLD.replace(":b", str(brand)).split(";\n")):
                await connection.execute(statement.encode())
        yield connection
        await connection.rollback()


async def tables(connection: AsyncConnection[Any]) -> list[tuple[str, bool]]:
    rows = await (await connection.execute(TENANT_TABLES.encode())).fetchall()
    return [(name, of_company) for name, of_company in rows]


async def become(connection: AsyncConnection[Any], role: str) -> None:
    """Act as a brand operator, or as a company's user, of ours."""
    await connection.execute(
        b"select set_config('vfax.brand_id', %s, true), set_config('vfax.company_id', %s, true)",
        [str(OURS) if role == "brand" else "", str(OURS) if role != "brand" else ""],
    )
    await connection.execute(
        b"select set_config('vfax.user_id', %s, true)", [str(OURS) if role == "user" else ""]
    )
    await connection.execute(f"set local role vfax_{role}".encode())


async def attempt(connection: AsyncConnection[Any], sql: str, *values: Any) -> int | str:
    """Run a statement; return its row count, or its SQLSTATE, and undo it."""
    try:
        async with connection.transaction(force_rollback=True):
            return (await connection.execute(sql.encode(), values or None)).rowcount
    except psycopg.Error as error:
        return error.sqlstate or "?"


async def test_every_tenant_table_is_guarded(world: AsyncConnection[Any]) -> None:
    assert await (await world.execute(UNGUARDED.encode())).fetchall() == []
    await world.execute(b"create table forgotten (id bigint, brand_id bigint)")
    assert await (await world.execute(UNGUARDED.encode())).fetchall() == [("forgotten",)]


@pytest.mark.parametrize("role", ["brand", "company", "user"])
async def test_no_verb_crosses_the_border(world: AsyncConnection[Any], role: str) -> None:
    found = await tables(world)
    assert len(found) > 25
    rows: dict[str, str] = {}
    for table, _ in found:
        column = "id" if table == "brands" else "brand_id"
        cursor = await world.execute(
            f"select row_to_json(t)::text from {table} t where {column} = {THEIRS}".encode()
        )
        foreign = await cursor.fetchone()
        assert foreign is not None, f"{table}: no row in this test's world; add one"
        rows[table] = foreign[0]
    await become(world, role)
    denied = InsufficientPrivilege.sqlstate
    for table, _ in found:
        column = "id" if table == "brands" else "brand_id"
        where = f"where {column} = {THEIRS}"
        touched = "fall_back_after_failure" if table == "brands" else column
        for verb in (
            f"select {column} from {table} {where}",
            f"update {table} set {touched} = {touched} {where}",
            f"delete from {table} {where}",
        ):
            assert await attempt(world, verb) in (0, denied), verb
        inserted = await attempt(
            world,
            f"insert into {table} overriding system value"
            f" select * from json_populate_record(null::{table}, %s::json)",
            rows[table],
        )
        assert inserted == denied, f"insert into {table}: {inserted}"
        if table != "brands":  # whose id can never be changed
            moved = await attempt(world, f"update {table} set {column} = {THEIRS}")
            # Refused by the policy, or by the foreign key that carries the tenant along.
            assert moved in (denied, ForeignKeyViolation.sqlstate), f"{table}: {moved}"


@pytest.mark.parametrize("role", ["brand", "company", "user"])
async def test_nothing_foreign_is_copied_out(world: AsyncConnection[Any], role: str) -> None:
    """COPY of every table and view, whole rows: no id or name of theirs is in it."""
    cursor = await world.execute(
        b"select relname::text from pg_class where relnamespace = 'public'::regnamespace"
        b" and relkind in ('r', 'p', 'v') and relname <> 'schema_files' order by 1"
    )
    names = [name for (name,) in await cursor.fetchall()]
    assert {"routing_ddi", "routing_carrier", "routing_route", "documents"} <= set(names)
    await become(world, role)
    readable = 0
    for name in names:
        try:
            async with world.transaction(force_rollback=True):
                text = b""
                async with world.cursor().copy(
                    f"copy (select * from {name}) to stdout".encode()
                ) as c:
                    async for block in c:
                        text += bytes(block)
        except InsufficientPrivilege:
            continue
        readable += 1
        assert str(THEIRS).encode() not in text, f"{name} shows {role} what is not its own"
        if name in ("routing_ddi", "ddis") and role == "brand":
            assert str(OURS).encode() in text
    assert readable > 10
    assert await attempt(world, "copy ddis (brand_id, number) from stdin") != 0


@pytest.mark.parametrize("role", ["brand", "company", "user"])
async def test_without_a_setting_there_is_nothing(world: AsyncConnection[Any], role: str) -> None:
    found = await tables(world)
    await world.execute(f"set local role vfax_{role}".encode())
    for table, _ in found:
        assert await attempt(world, f"select 1 from {table}") in (0, InsufficientPrivilege.sqlstate)


@pytest.mark.parametrize("role", ["brand", "company"])
async def test_secrets_are_written_and_never_read(world: AsyncConnection[Any], role: str) -> None:
    await become(world, role)
    for column, table in (
        ("ha1", "sip_accounts"), ("auth_ha1", "carrier_servers"), ("password_hash", "users"),
        ("value", "routing_account"), ("value", "routing_secret"),
        ("value", "routing_registration"),
    ):  # fmt: skip
        assert await attempt(world, f"select {column} from {table}") == "42501", table


async def test_a_user_sees_the_faxes_of_its_own_virtual_faxes(
    world: AsyncConnection[Any],
) -> None:
    """Of the same company: another virtual fax, its faxes, documents and users stay unseen."""
    other = OURS + 1
    for statement in (
        f"insert into virtual_faxes (id, brand_id, company_id, name) overriding system value"
        f" values ({other}, {OURS}, {OURS}, 'other')",
        f"insert into users (id, brand_id, company_id, email, role) overriding system value"
        f" values ({other}, {OURS}, {OURS}, 'other@x', 'user')",
        f"insert into faxes (id, brand_id, company_id, virtual_fax_id, direction, local_number,"
        f" remote_number) overriding system value values ({other}, {OURS}, {OURS}, {other}, 'in',"
        " '+15550001', '+15550001')",
        f"insert into documents (brand_id, company_id, fax_id, kind, sha256, size, data)"
        f" values ({OURS}, {OURS}, {other}, 'pdf', sha256('x'), 1, 'x')",
        f"insert into attempts (brand_id, company_id, fax_id, number, bridge)"
        f" values ({OURS}, {OURS}, {other}, 1, 'b')",
    ):
        await world.execute(statement.encode())
    await become(world, "user")
    for table, column in (("virtual_faxes", "id"), ("faxes", "id"), ("documents", "fax_id"),
                          ("attempts", "fax_id"), ("users", "id")):  # fmt: skip
        cursor = await world.execute(f"select distinct {column} from {table}".encode())
        assert await cursor.fetchall() == [(OURS,)], table
    inserted = await attempt(
        world,
        "insert into faxes (brand_id, company_id, virtual_fax_id, direction, local_number,"
        f" remote_number) values ({OURS}, {OURS}, {other}, 'out', '+15550001', '+15550002')",
    )
    assert inserted == InsufficientPrivilege.sqlstate
    for grab in ("role = 'company'", "role = 'platform'", "password_hash = 'x'"):
        assert await attempt(world, f"update users set {grab}") == "42501", grab


async def test_nobody_rises_above_their_role(world: AsyncConnection[Any]) -> None:
    await become(world, "company")
    for role, brand, company in (("platform", "null", "null"), ("brand", OURS, "null"),
                                 ("company", THEIRS, THEIRS)):  # fmt: skip
        made = await attempt(
            world,
            "insert into users (brand_id, company_id, email, role)"
            f" values ({brand}, {company}, 'new@x', '{role}')",
        )
        assert made == "42501", role
        moved = await attempt(
            world, f"update users set role = '{role}', brand_id = {brand}, company_id = {company}"
        )
        assert moved == "42501", role


async def test_functions_stay_inside_too(world: AsyncConnection[Any]) -> None:
    cursor = await world.execute(
        b"select p.proname::text from pg_proc p where p.pronamespace = 'public'::regnamespace"
        b" and p.prosecdef and p.prorettype <> 'trigger'::regtype"
        b" and (has_function_privilege('vfax_brand', p.oid, 'execute')"
        b"      or has_function_privilege('vfax_company', p.oid, 'execute'))"
    )
    runs_as_owner = [next(iter(row)) for row in await cursor.fetchall()]
    assert sorted(runs_as_owner) == RUN_AS_OWNER, "runs as owner: look at it"
    await become(world, "company")
    find = "select * from faxes_found({}, '+%', null, 10)"
    assert await attempt(world, find.format(OURS)) == 1
    for other in (THEIRS, "null"):
        assert await attempt(world, find.format(other)) == "42501", other
    await become(world, "brand")
    assert await attempt(world, find.format(OURS)) == "42501"
    told = await (
        await world.execute(b"select explain_route(%s, '+34911234567')", [OURS])
    ).fetchone()
    assert told is not None
    assert json.loads(json.dumps(told[0]))["number"] == "+34911234567"
    assert await attempt(world, f"select explain_route({THEIRS}, '+34911234567')") not in (0, 1)
    for call in (
        "claim_fax('x', '1 min')",
        "forget_routing_changes()",
        "take_over_claims('x', '1 min')",
    ):
        assert await attempt(world, f"select {call}") == "42501", call
