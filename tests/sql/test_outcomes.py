"""Outcomes in PostgreSQL: the closed list, and rows of the version that stored sentences."""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from spandsp_bridge.i18n import languages, sentence
from spandsp_bridge.i18n.rule_texts import FAILOVER_PHRASES, RETRY_PHRASES
from spandsp_bridge.reasons import DETAILS, Reason
from spandsp_bridge.store import migrate as store_migrate
from spandsp_bridge.store.audit import AuditLog
from spandsp_bridge.store.errors import CheckViolation
from spandsp_bridge.store.faxes import FaxStore
from spandsp_bridge.store.migrate import create_database, migrate
from spandsp_bridge.store.pool import Database
from spandsp_bridge.store.retry_rules import RetryRules

OLD_ROWS = """
insert into brands (id, name) overriding system value values (1, 'B');
insert into companies (id, brand_id, name) overriding system value values (1, 1, 'C');
insert into virtual_faxes (id, brand_id, company_id, name) overriding system value
    values (1, 1, 1, 'F');
insert into faxes (id, brand_id, company_id, virtual_fax_id, direction, status, reason,
                   explanation, local_number, remote_number, pages, pages_confirmed)
    overriding system value values
    (1, 1, 1, 1, 'out', 'error', 'user_busy', 'The line is busy. (SIP 486 Busy Here)',
     '+15550000001', '+15550000002', 5, 0),
    (2, 1, 1, 1, 'out', 'error', 'page_refused', 'It hung up, with 3 of 5 pages confirmed.',
     '+15550000001', '+15550000002', 5, 3),
    (3, 1, 1, 1, 'in', 'completed', 'completed', 'Every page was received.', '+15550000001',
     '+15550000002', 2, 2),
    (4, 1, 1, 1, 'out', 'error', 'document_encrypted', 'a.pdf is protected.', '+15550000001',
     '+15550000002', null, 0);
insert into attempts (brand_id, company_id, fax_id, number, bridge, reason, explanation,
                      sip_status, sip_reason, t30_code, pages_confirmed) values
    (1, 1, 1, 1, 'b', 'user_busy', 'Busy.', 486, 'Busy Here', null, 0),
    (1, 1, 2, 1, 'b', 'receiver_call_dropped', 'Dropped.', 200, 'OK', 49, 2),
    (1, 1, 2, 2, 'b', 'page_refused', 'Hung up.', 200, 'OK', 15, 1),
    (1, 1, 3, 1, 'b', 'completed', 'All.', 200, 'OK', 0, 2);
insert into deliveries (brand_id, company_id, fax_id, channel, event, state, tries, answer) values
    (1, 1, 3, 'mail', 'received', 'done', 1, '250 Ok'),
    (1, 1, 3, 'mail', 'received', 'pending', 0, '');
insert into audit_log (brand_id, company_id, who, action, fax_id, detail) values
    (1, 1, 'cli:ann', 'document_read', 3, 'pdf'),
    (1, 1, 'ann', 'document_read', 3, 'mailed to a@b.example, c@d.example'),
    (1, 1, 'ann', 'fax_resent', 1, 'as fax 2'),
    (1, 1, 'retention', 'document_deleted', 3, 'older than 30 days'),
    (1, 1, 'ann', 'fax_deleted', 3, '');
insert into peer_profiles (brand_id, number, ecm, reason) values
    (1, '+15550000002', false, 'fax 2 went through ECM off'),
    (1, '+15550000003', true, 'An operator wrote this.');
"""


@pytest.fixture
def store(database: Database) -> FaxStore:
    """The queries, on the module's database."""
    return FaxStore(database)


async def test_the_list_of_reasons_is_that_of_the_code(database: Database) -> None:
    async with database.transaction() as c:
        row = await (
            await c.execute(
                "select pg_get_constraintdef(oid) as definition from pg_constraint"
                " where conname = 'outcome_reason_is_known'"
            )
        ).fetchone()
    assert row is not None
    assert set(re.findall(r"'(\w+)'", row["definition"])) == set(Reason)


@pytest.fixture
async def old_database(
    database_url: str, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[AsyncConnection[Any]]:
    """A connection to a database of the version before outcomes were data, with rows."""
    server, _, _ = database_url.rpartition("/")
    await create_database(database_url, "old_outcomes")
    url = f"{server}/old_outcomes"
    with monkeypatch.context() as patch:
        patch.setattr(store_migrate, "REPEATABLE", ())
        await migrate(url, "0007")
    async with await AsyncConnection.connect(url, autocommit=True, row_factory=dict_row) as c:
        await c.execute(OLD_ROWS.encode())
        yield c


async def test_old_rows_become_data_and_old_processes_may_run_meanwhile(
    old_database: AsyncConnection[Any],
) -> None:
    c = old_database
    url = f"{c.info.dsn} password={c.info.password}"
    await migrate(url, "0008")
    cursor = await c.execute("select id, reason, detail from faxes order by id")
    assert [(row["reason"], row["detail"]) for row in await cursor.fetchall()] == [
        ("user_busy", {"sip": 486, "sip_phrase": "Busy Here", "pages": 5, "confirmed": 0}),
        ("page_refused", {"t30": 15, "pages": 5, "confirmed": 3}),
        ("completed", {"received": 2}),
        ("document_encrypted", {}),
    ]
    cursor = await c.execute("select reason, detail from attempts order by fax_id, number")
    attempts = await cursor.fetchall()
    assert attempts[1]["detail"] == {"t30": 49, "pages": 5, "confirmed": 2}
    assert attempts[2]["detail"] == {"t30": 15, "pages": 5, "confirmed": 3}
    for row in attempts:
        assert set(row["detail"]) <= set(DETAILS[Reason(row["reason"])])
        assert sentence(row["reason"], row["detail"], "de")
    cursor = await c.execute("select reason, detail from deliveries order by id")
    assert await cursor.fetchall() == [
        {"reason": "delivered", "detail": {"answer": "250 Ok"}},
        {"reason": None, "detail": {}},
    ]
    cursor = await c.execute(
        "select reason, learned_from, changes from peer_profiles order by number"
    )
    assert await cursor.fetchall() == [
        {"reason": "", "learned_from": 2, "changes": ["ecm_off"]},
        {"reason": "An operator wrote this.", "learned_from": None, "changes": []},
    ]
    # A process of the version before goes on writing as it did.
    await c.execute(
        "update faxes set reason = 'user_busy', explanation = 'The line is busy.' where id = 1"
    )
    # And a process of this version writes where the columns are still the old ones.
    async with Database(url, size=1) as pool:
        fax = await FaxStore(pool).fax(3)
        assert fax is not None
        await AuditLog(pool).audit(fax, "bob", "document_read", {"document": "tiff"})
        assert len(await RetryRules(pool).retry_rules(1)) > 20
    await migrate(url)
    cursor = await c.execute(
        "select table_name, column_name from information_schema.columns"
        " where table_schema = 'public' and column_name in ('explanation', 'answer', 'why')"
    )
    assert await cursor.fetchall() == []
    cursor = await c.execute("select detail from audit_log order by id")
    assert [row["detail"] for row in await cursor.fetchall()] == [
        {"document": "pdf"},
        {"recipients": ["a@b.example", "c@d.example"]},
        {"new_fax": 2},
        {"days": 30},
        {},
        {"document": "tiff"},
    ]


@pytest.mark.parametrize("table", ["faxes", "attempts", "deliveries"])
async def test_a_row_has_any_reason_and_is_a_sentence_in_every_language(
    database: Database, store: FaxStore, table: str
) -> None:
    sender = await store.find_virtual_fax("Acme/Sales")
    fax = await store.submit(sender, "+34911000002", [("x.pdf", b"%PDF")])
    insert = {
        "faxes": "select from faxes where id = %(fax)s",
        "attempts": "insert into attempts (brand_id, company_id, fax_id, number, bridge)"
        " select brand_id, company_id, id, 1, 'b' from faxes where id = %(fax)s",
        "deliveries": "insert into deliveries (brand_id, company_id, fax_id, channel, event)"
        " select brand_id, company_id, id, 'mail', 'sent' from faxes where id = %(fax)s",
    }[table]
    key = "id" if table == "faxes" else "fax_id"
    async with database.transaction() as c:
        await c.execute(insert.encode(), {"fax": fax})
        for reason in Reason:
            cursor = await c.execute(
                f"update {table} set reason = %(reason)s, detail = %(detail)s where {key} = %(fax)s"
                " returning reason, detail".encode(),
                {"reason": reason, "detail": Jsonb({"pages": 5}), "fax": fax},
            )
            row = await cursor.fetchone()
            assert row is not None
            for language in languages():
                assert sentence(row["reason"], row["detail"], language).endswith(".")
    with pytest.raises(CheckViolation):
        async with database.transaction() as c:
            await c.execute(
                f"update {table} set reason = 'The line is busy.' where {key} = %(fax)s".encode(),
                {"fax": fax},
            )


async def test_every_default_rule_has_its_sentence(database: Database) -> None:
    rules = RetryRules(database)
    for resource, phrases in (
        ("retry-rules", RETRY_PHRASES),
        ("failover-rules", FAILOVER_PHRASES),
    ):
        defaults = await rules.defaults(resource)
        assert {row[0] for row in defaults.rows} == set(phrases)


async def test_a_brands_own_rule_is_known_as_such(database: Database) -> None:
    rules = RetryRules(database)
    async with database.transaction() as c:
        await c.execute(
            "insert into retry_rules (brand_id, reason, action)"
            " select min(id), 'user_busy', 'stop' from brands"
        )
    found = {rule.reason: rule for rule in await rules.retry_rules(None)}
    assert (found["user_busy"].own, found["user_busy"].action) == (True, "stop")
    assert not found["page_refused"].own
