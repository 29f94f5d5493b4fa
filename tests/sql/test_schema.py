"""The schema on a real PostgreSQL: constraints, tenants, comments, migrations."""

import hashlib
from typing import Any

import psycopg
import pytest
from psycopg import AsyncConnection

from spandsp_bridge.errors import SetupError
from spandsp_bridge.store import migrate as store_migrate
from spandsp_bridge.store.migrate import migrate
from spandsp_bridge.store.plpython import rendered
from spandsp_bridge.store.pool import Database

WORLD = """
    insert into brands (id, name) overriding system value values (901, 'B1'), (902, 'B2');
    insert into companies (id, brand_id, name) overriding system value
        values (911, 901, 'C1'), (912, 901, 'C1b'), (921, 902, 'C2');
    insert into virtual_faxes (id, brand_id, company_id, name) overriding system value
        values (931, 901, 911, 'F1'), (932, 902, 921, 'F2');
    insert into ddis (id, brand_id, company_id, number) overriding system value
        values (941, 901, 911, '+15550000001'), (942, 902, 921, '+15550000002');
    insert into carriers (id, brand_id, name) overriding system value
        values (951, 901, 'K1'), (952, 902, 'K2');
    insert into ddi_providers (id, brand_id, name) overriding system value
        values (961, 901, 'P1'), (962, 902, 'P2');
    insert into routing_patterns (id, brand_id, name, prefix) overriding system value
        values (971, 901, 'all', '+'), (972, 902, 'all', '+');
    insert into faxes (id, brand_id, company_id, virtual_fax_id, direction, local_number,
                       remote_number) overriding system value
        values (981, 901, 911, 931, 'in', '+15550000001', '+1'),
               (982, 902, 921, 932, 'in', '+15550000002', '+1');
"""


class Undo(Exception):
    """Ends a test's transaction."""


async def owner(database_url: str) -> AsyncConnection[Any]:
    return await AsyncConnection.connect(database_url)


@pytest.mark.parametrize(
    ("sql", "constraint"),
    [
        ("insert into ddis (brand_id, company_id, number) values (901, 911, '0911')",
         "e164_is_plus_and_7_to_15_digits"),
        ("insert into ddis (brand_id, company_id, number) values (901, 912, '+15550000001')",
         "ddi_number_is_unique"),
        ("insert into ddis (brand_id, company_id, number) values (901, 921, '+15550000009')",
         "ddi_company_is_of_the_same_brand"),
        ("insert into ddis (brand_id, company_id, number, virtual_fax_id) "
         "values (901, 912, '+15550000009', 931)", "ddi_virtual_fax_is_of_the_same_company"),
        ("insert into ddis (brand_id, company_id, number, ddi_provider_id) "
         "values (901, 911, '+15550000009', 962)", "ddi_provider_is_of_the_same_brand"),
        ("update companies set outgoing_ddi_id = 942 where id = 911",
         "company_outgoing_ddi_is_of_the_same_company"),
        ("update virtual_faxes set outgoing_ddi_id = 942 where id = 931",
         "virtual_fax_outgoing_ddi_is_of_the_same_company"),
        ("update virtual_faxes set name = 'a/b' where id = 931", "virtual_fax_name_has_no_slash"),
        ("update virtual_faxes set send_by_email = true where id = 931",
         "email_is_needed_to_send_by_email"),
        ("insert into outgoing_routes (brand_id, type, carrier_id) values (901, 'fax', 952)",
         "route_carrier_is_of_the_same_brand"),
        ("insert into outgoing_routes (brand_id, company_id, type, carrier_id) "
         "values (901, 921, 'fax', 951)", "route_company_is_of_the_same_brand"),
        ("insert into outgoing_routes (brand_id, type, carrier_id, pattern_id) "
         "values (901, 'pattern', 951, 972)", "route_pattern_is_of_the_same_brand"),
        ("insert into outgoing_routes (brand_id, type, carrier_id) values (901, 'pattern', 951)",
         "pattern_route_has_a_pattern"),
        ("insert into outgoing_routes (brand_id, type) values (901, 'fax')",
         "static_route_has_a_carrier_block_route_has_none"),
        ("insert into outgoing_routes (brand_id, type, carrier_id, weight) "
         "values (901, 'fax', 951, 21)", "route_weight_is_1_to_20"),
        ("insert into outgoing_routes (brand_id, type, carrier_id, priority) "
         "values (901, 'fax', 951, 255)", "route_priority_is_0_to_254"),
        ("insert into carrier_servers (brand_id, carrier_id, address) "
         "values (901, 952, '192.0.2.1')",
         "carrier_server_is_of_the_same_brand"),
        ("insert into ddi_provider_addresses (brand_id, ddi_provider_id, address) "
         "values (901, 961, '192.0.2.0/24')", "provider_address_is_one_host"),
        ("update faxes set status = 'completed', pages = 2, pages_confirmed = 1 where id = 981",
         "completed_means_every_page_was_confirmed"),
        ("update faxes set status = 'completed' where id = 981",
         "completed_means_every_page_was_confirmed"),
        ("update faxes set status = 'error' where id = 981", "error_has_a_reason"),
    ],
)  # fmt: skip
async def test_nonsense_is_refused_by_a_constraint_with_a_telling_name(
    database_url: str, sql: str, constraint: str
) -> None:
    connection = await owner(database_url)
    async with connection:
        with pytest.raises(Undo):
            async with connection.transaction():
                await connection.execute(WORLD.encode())
                with pytest.raises(psycopg.errors.IntegrityError) as failure:
                    async with connection.transaction():
                        await connection.execute(sql.encode())
                assert failure.value.diag.constraint_name == constraint
                raise Undo


TENANT_TABLES = """
    select c.relname, c.relrowsecurity and c.relforcerowsecurity as secured,
           exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'brand_id')
             or c.relname = 'brands' as of_brand,
           exists (select from pg_attribute a where a.attrelid = c.oid and a.attname = 'company_id')
             or c.relname = 'companies' as of_company
    from pg_class c join pg_namespace n on n.oid = c.relnamespace
    where n.nspname = 'public' and c.relkind in ('r', 'p') and c.relname <> 'schema_files'
"""


async def test_row_security_is_enabled_and_forced_on_every_table(database: Database) -> None:
    async with database.transaction() as c:
        rows = await (await c.execute(TENANT_TABLES)).fetchall()
    assert len(rows) > 15
    assert [row["relname"] for row in rows if not row["secured"]] == []


async def test_tenants_do_not_see_each_other(database_url: str) -> None:
    """In every table: a brand sees its rows alone, a company too, nobody sees any unasked."""
    connection = await owner(database_url)
    async with connection:
        with pytest.raises(Undo):
            async with connection.transaction():
                await connection.execute(WORLD.encode())
                rows = await (await connection.execute(TENANT_TABLES.encode())).fetchall()
                for table, _, of_brand, of_company in rows:
                    if of_brand:
                        column = "id" if table == "brands" else "brand_id"
                        await seen(connection, "brand", 901, table, column)
                    if of_company and table != "outgoing_routes":
                        column = "id" if table == "companies" else "company_id"
                        await seen(connection, "company", 911, table, column)
                raise Undo


async def seen(
    connection: AsyncConnection[Any], role: str, tenant: int, table: str, column: str
) -> None:
    """Count foreign rows that a role sees in a table: none with its setting, none without."""
    await connection.execute(f"set local role vfax_{role}".encode())
    cursor = await connection.execute(
        b"select has_any_column_privilege(current_user, %s, 'select')", [table]
    )
    if await cursor.fetchone() == (False,):
        await connection.execute(b"reset role")
        return
    query = (
        f"select count(*), count(*) filter (where {column} is distinct from {tenant}) from {table}"
    )
    for setting in ("", str(tenant)):
        await connection.execute(f"select set_config('vfax.{role}_id', '{setting}', true)".encode())
        row = await (await connection.execute(query.encode())).fetchone()
        assert row is not None
        total, of_others = row
        assert of_others == 0, f"{role} {tenant} sees rows of others in {table}"
        if not setting:
            assert total == 0, f"{table} shows rows to a {role} without a setting"
        elif table in ("faxes", "virtual_faxes", "ddis"):
            assert total == 1
    await connection.execute(b"reset role")


async def test_secrets_and_documents_are_not_granted(database: Database) -> None:
    async with database.transaction() as c:
        cursor = await c.execute(
            "select has_column_privilege('vfax_brand', 'users', 'password_hash', 'select') as hash,"
            " has_column_privilege('vfax_company', 'users', 'password_hash', 'select') as own_hash,"
            " has_any_column_privilege('vfax_brand', 'documents', 'select') as documents,"
            " has_any_column_privilege('vfax_company', 'documents', 'select') as own_documents"
        )
        row = await cursor.fetchone()
    assert row == {"hash": False, "own_hash": False, "documents": False, "own_documents": True}


async def test_documents_go_into_the_partition_of_their_month(database: Database) -> None:
    async with database.transaction() as c:
        cursor = await c.execute(
            "select to_regclass(to_char(now(), '\"documents_\"YYYYMM')) is not null as this_month,"
            " to_regclass(to_char(now() + interval '1 month', '\"documents_\"YYYYMM')) is not null"
            " as next, (select count(*) from documents_other) as elsewhere"
        )
        row = await cursor.fetchone()
    assert row == {"this_month": True, "next": True, "elsewhere": 0}


async def test_a_brand_cannot_write_across_the_border(database_url: str) -> None:
    connection = await owner(database_url)
    async with connection:
        with pytest.raises(Undo):
            async with connection.transaction():
                await connection.execute(WORLD.encode())
                await connection.execute(b"set local role vfax_brand")
                await connection.execute(b"select set_config('vfax.brand_id', '901', true)")
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    async with connection.transaction():
                        await connection.execute(
                            b"insert into carriers (brand_id, name) values (902, 'mine')"
                        )
                for sql in (b"update carriers set name = 'x' where id = 952",
                            b"delete from ddis where id = 942"):  # fmt: skip
                    assert (await connection.execute(sql)).rowcount == 0
                raise Undo


async def test_what_operators_read_is_commented(database: Database) -> None:
    plain = ("id", "brand_id", "company_id", "fax_id", "created_at", "name")
    async with database.transaction() as c:
        cursor = await c.execute(
            "select c.relname, a.attname from pg_class c"
            " join pg_namespace n on n.oid = c.relnamespace and n.nspname = 'public'"
            " left join pg_attribute a on a.attrelid = c.oid and a.attnum > 0"
            "   and not a.attisdropped and a.attname <> all(%s)"
            " where c.relkind in ('r', 'p', 'v') and not c.relispartition"
            "   and c.relname <> 'schema_files'"
            "   and (obj_description(c.oid) is null"
            "        or c.relkind <> 'v' and a.attnum is not null"
            "           and col_description(c.oid, a.attnum) is null)",
            [list(plain)],
        )
        rows = await cursor.fetchall()
    assert [f"{row['relname']}.{row['attname']}" for row in rows] == []


async def test_migrations_run_once_and_may_not_change(
    database_url: str, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert await migrate(database_url) == []
    connection = await owner(database_url)
    async with connection:
        rows = await (
            await connection.execute(
                "select name, sha256 from schema_files where name not like 'procrastinate/%'"
            )
        ).fetchall()
    for name, digest in rows:
        text = rendered(store_migrate.SQL / name)
        assert hashlib.sha256(text.encode()).hexdigest() == digest
    changed = tmp_path / "sql"
    (changed / "migrations").mkdir(parents=True)
    (changed / "migrations" / "0001_tables.sql").write_text("select 1;")
    monkeypatch.setattr(store_migrate, "SQL", changed)
    with pytest.raises(SetupError, match="0001_tables"):
        await migrate(database_url)
