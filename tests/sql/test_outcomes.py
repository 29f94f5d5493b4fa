"""Outcomes in PostgreSQL: the closed list, and rows of the version that stored sentences."""

import re
from collections.abc import AsyncIterator
from typing import Any

import pytest
from psycopg import AsyncConnection
from psycopg.rows import dict_row

from spandsp_bridge.i18n import sentence
from spandsp_bridge.reasons import DETAILS, Reason
from spandsp_bridge.store import migrate as store_migrate
from spandsp_bridge.store.migrate import create_database, migrate
from spandsp_bridge.store.pool import Database

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
insert into peer_profiles (brand_id, number, ecm, reason) values
    (1, '+15550000002', false, 'fax 2 went through ECM off'),
    (1, '+15550000003', true, 'An operator wrote this.');
"""


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
    await migrate(url)
    cursor = await c.execute(
        "select table_name, column_name from information_schema.columns"
        " where table_schema = 'public' and column_name in ('explanation', 'answer')"
    )
    assert await cursor.fetchall() == []
