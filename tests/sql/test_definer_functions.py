"""Functions that run with their owner's rights: no caller bends what they touch."""

from collections.abc import AsyncIterator
from typing import Any

import psycopg
import pytest
from psycopg import AsyncConnection

from spandsp_bridge.store.migrate import SQL
from tests.sql.test_tenants import OURS, WORLD
from tests.support.operators import operator_login, value

#: Definer functions that a caller could bend: tables of its own come first, or anybody may attach
#: them to a table of its own, or they run with more rights than the owner of the tables has.
UNSAFE = """
    select p.oid::regprocedure::text from pg_proc p join pg_roles r on r.oid = p.proowner
    where p.prosecdef and p.pronamespace in ('public'::regnamespace, 'jobs'::regnamespace)
      and (not exists (select from unnest(p.proconfig) c (setting)
                       where c.setting ~ '^search_path=pg_catalog, (jobs, )?public, pg_temp$')
           or exists (select from aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) a
                      where a.grantee = 0)
           or r.oid <> (select relowner from pg_class where oid = 'schema_files'::regclass))
    order by 1
"""

DEFINERS = """
    select oid::regprocedure::text from pg_proc
    where prosecdef and pronamespace in ('public'::regnamespace, 'jobs'::regnamespace)
"""

#: In the caller's session: a table of each name, and a trigger that notices its use.
SHADOWS = """
do $$
declare
    t record;
begin
    create function pg_temp.notice_use() returns trigger language plpgsql as $f$
    begin
        raise exception 'a table of the caller was used: %', tg_table_name;
    end $f$;
    for t in
        select n.nspname, c.relname from pg_class c join pg_namespace n on n.oid = c.relnamespace
        where n.nspname in ('public', 'jobs') and c.relkind in ('r', 'p') and not c.relispartition
    loop
        execute format('create temp table %I (like %I.%I)', t.relname, t.nspname, t.relname);
        execute format('create trigger bend before insert or update or delete or truncate'
                       ' on pg_temp.%I for each statement execute function pg_temp.notice_use()',
                       t.relname);
    end loop;
end
$$
"""

#: What makes each of them run, and write whatever it can write.
EVERYTHING = f"""
update public.companies set paper = 'a4', retention_days = 1 where id = {OURS};
update public.virtual_faxes set send_by_email = true, email = '{{a@b.example}}',
    mail_events = '{{sent,failed,received,partial}}' where id = {OURS};
update public.webhooks set events = '{{fax.received,fax.sent,fax.progress}}' where id = {OURS};
insert into public.faxes (id, brand_id, company_id, virtual_fax_id, direction, local_number, remote_number)
    overriding system value values ({OURS + 1}, {OURS}, {OURS}, {OURS}, 'out', '+15550001', '+15550002');
update public.faxes set prepared_at = now(), pages = 2 where id = {OURS + 1};
update public.faxes set status = 'inprogress', claimed_by = 'w', claimed_until = now() where id = {OURS + 1};
update public.faxes set pages_confirmed = 1 where id = {OURS + 1};
update public.faxes set status = 'completed', claimed_by = null, claimed_until = null, reason = 'completed', pages_confirmed = 2 where id = {OURS + 1};
insert into public.documents (brand_id, company_id, fax_id, kind, sha256, size, data, created_at)
    values ({OURS}, {OURS}, {OURS + 1}, 'pdf', sha256('x'), 1, 'x', '2001-01-01');
select public.apply_retention();
select public.write_audit({OURS}, {OURS}, 'w', 'document_read', '{{}}');
select public.replay_delivery({OURS});
select public.forward_fax({OURS}, {OURS}, 'received', '{{a@b.example}}');
select public.operator_brand();
select public.ensure_document_partitions();
select * from public.faxes_found({OURS}, '+%', null, 10);
"""  # noqa: E501


@pytest.fixture
async def attacker(database_url: str) -> AsyncIterator[AsyncConnection[Any]]:
    """An operator's session that of the demo's brand that may even create temporary tables."""
    async with (
        operator_login(database_url, 1, temporary=True) as url,
        await AsyncConnection.connect(url, autocommit=True) as connection,
    ):
        yield connection


async def test_no_definer_function_can_be_bent(database_url: str) -> None:
    async with await AsyncConnection.connect(database_url) as owner:
        assert await (await owner.execute(UNSAFE.encode())).fetchall() == []
        for change in ("set search_path = public", "set search_path = pg_catalog, public",
                       "set search_path = pg_temp, pg_catalog, public, pg_temp",
                       "reset search_path"):  # fmt: skip
            async with owner.transaction(force_rollback=True):
                await owner.execute(f"alter function count_queues() {change}".encode())
                found = await (await owner.execute(UNSAFE.encode())).fetchall()
                assert found == [("count_queues()",)], change
        await owner.execute("grant execute on function count_queues to public")
        assert await (await owner.execute(UNSAFE.encode())).fetchall() == [("count_queues()",)]
        await owner.rollback()


async def test_an_operator_does_not_become_superuser(attacker: AsyncConnection[Any]) -> None:
    """The trigger of a temporary table would run as the owner of the function that writes to it."""
    login = attacker.info.user
    await attacker.execute("create temp table routing_changes (kind text, ids text[])")
    await attacker.execute(
        "create function pg_temp.rise() returns trigger language plpgsql as $$ begin"
        f" execute 'alter role {login} superuser'; return new; end $$".encode()
    )
    await attacker.execute(
        "create trigger rise before insert on pg_temp.routing_changes"
        " for each row execute function pg_temp.rise()"
    )
    updated = await attacker.execute("update companies set paper = paper")
    assert updated.rowcount > 0
    assert await value(attacker, "select rolsuper from pg_roles where rolname = %s", login) is False


async def test_trigger_functions_are_not_attached_to_an_operators_table(
    attacker: AsyncConnection[Any],
) -> None:
    """note_routing_change() runs a query that its trigger names."""
    await attacker.execute("create temp table mine (id bigint, company_id bigint)")
    for function in (
        "note_routing_change('x', 'select 1')", "prepare_fax()", "note_fax_end()",
        "note_fax_progress()", "defer_delivery()", "count_queues()",
    ):  # fmt: skip
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await attacker.execute(
                f"create trigger t after insert on mine for each row execute function {function}"
                .encode()
            )  # fmt: skip


async def test_every_definer_function_writes_to_our_tables(database_url: str) -> None:
    """Each of them runs in a session that has a table of its own for each name of ours."""
    async with await AsyncConnection.connect(database_url) as owner:
        await owner.execute("set local track_functions = 'all'")
        for statement in filter(str.strip, WORLD.replace(":b", str(OURS)).split(";\n")):
            await owner.execute(statement.encode())
        await owner.execute(SHADOWS.encode())
        with pytest.raises(psycopg.errors.RaiseException, match="of the caller was used: deliver"):
            async with owner.transaction():
                await owner.execute("update deliveries set id = id")
        for statement in filter(str.strip, EVERYTHING.split(";\n")):
            await owner.execute(statement.encode())
        idle = await owner.execute(
            f"select f from ({DEFINERS}) as d (f)"
            " where coalesce(pg_stat_get_xact_function_calls(f::regprocedure), 0) = 0".encode()
        )
        assert await idle.fetchall() == [], "was not run: add what makes it run"
        for table in ("deliveries", "audit_log", "fax_queues", "routing_changes",
                      "procrastinate_jobs"):  # fmt: skip
            schema = "jobs" if table == "procrastinate_jobs" else "public"
            assert await value(owner, f"select count(*) from {schema}.{table}") > 0, table
        await owner.rollback()


async def test_operators_create_nothing(database_url: str) -> None:
    async with await AsyncConnection.connect(database_url, autocommit=True) as owner:
        # A copy of a database has none of its grants.
        await owner.execute((SQL / "policies" / "0_roles.sql").read_bytes())
    async with (
        operator_login(database_url, 1) as url,
        await AsyncConnection.connect(url, autocommit=True) as operator,
    ):
        for statement in (
            "create temp table t (id bigint)", "create table t (id bigint)",
            "create table public.t (id bigint)", "create schema s",
            "create function public.f() returns int language sql return 1",
            "create view public.v as select 1",
        ):  # fmt: skip
            with pytest.raises(psycopg.errors.Error) as refused:
                await operator.execute(statement.encode())
            assert refused.value.sqlstate == "42501", statement
