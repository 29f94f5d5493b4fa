"""The queue on a real PostgreSQL: claims are exclusive, leases end, nothing is sent twice."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime

import psycopg
import pytest

from spandsp_bridge.demo.stack import Stack
from spandsp_bridge.errors import UserError
from spandsp_bridge.model import FaxStatus, Outcome, SessionStats
from spandsp_bridge.outbound.policy import rules_of
from spandsp_bridge.store.database import Database
from spandsp_bridge.store.faxes import Fax, FaxStore, ReceivedPage


@pytest.fixture
async def store(database: Database) -> AsyncIterator[FaxStore]:
    """The queries, on the stack's database."""
    yield FaxStore(database)


async def claimed(database: Database, store: FaxStore, worker: str, lease: str) -> Fax:
    """Put a fax into the queue and claim it in one transaction, before the worker can."""
    sender = await store.find_virtual_fax("Acme/Sales")
    async with database.transaction() as c:
        cursor = await c.execute(
            "insert into faxes (brand_id, company_id, virtual_fax_id, direction, status,"
            " local_number, remote_number, claimed_by, claimed_until)"
            " values (%s, %s, %s, 'out', 'inprogress', '+34911000001', '+34911000099', %s,"
            " now() + %s::interval) returning id",
            [sender.brand_id, sender.company_id, sender.id, worker, lease],
        )
        row = await cursor.fetchone()
    assert row is not None
    fax = await store.fax(row["id"])
    assert fax is not None
    return fax


async def left_behind(
    database: Database, store: FaxStore, *, confirmed: int, dead_before: int = 0
) -> Fax:
    """Return a fax of three pages after its worker died, as expire_claims() leaves it."""
    fax = await claimed(database, store, "dead", "-1 second")
    await store.set_rendered(fax, b"II*\0", b"%PDF-", 3)
    lost = Outcome(False, "worker_lost", "Lost.")
    for _ in range(dead_before):
        await store.end_attempt(fax, await store.begin_attempt(fax, "dead"), lost, "", None)
    attempt = await store.begin_attempt(fax, "dead")
    for page in range(1, confirmed + 1):
        await store.confirm_page(fax, attempt, ReceivedPage(page, 1728, 100, 10, 0))
    assert fax.id in await store.expire_claims()
    after = await store.fax(fax.id)
    assert after is not None
    return after


async def test_what_a_dead_worker_left_goes_on_where_it_was(
    database: Database, store: FaxStore
) -> None:
    fax = await left_behind(database, store, confirmed=1)
    assert (fax.status, fax.reason, fax.pages_confirmed) == (FaxStatus.PENDING, "worker_lost", 1)
    assert fax.explanation is not None
    assert "1 confirmed page" in fax.explanation
    assert await store.reasons(fax) == ["worker_lost"], "the attempt was ended too"
    await store.end_fax(fax, Outcome(False, "test", "The test ended."))


async def test_what_was_confirmed_to_a_dead_worker_is_done(
    database: Database, store: FaxStore
) -> None:
    fax = await left_behind(database, store, confirmed=3)
    assert (fax.status, fax.reason, fax.pages_confirmed) == (FaxStatus.COMPLETED, "completed", 3)


async def test_a_fax_that_kills_workers_ends(database: Database, store: FaxStore) -> None:
    fax = await left_behind(database, store, confirmed=0, dead_before=2)
    assert (fax.status, fax.reason) == (FaxStatus.ERROR, "worker_lost")


async def test_a_brands_own_rule_wins(database: Database, store: FaxStore) -> None:
    sender = await store.find_virtual_fax("Acme/Sales")
    before = rules_of(await store.retry_rules(sender.brand_id))
    assert (before["user_busy"].action, before["user_busy"].tries) == ("retry", 5)
    async with database.transaction() as c:
        await c.execute(
            "insert into retry_rules (brand_id, reason, action) values (%s, 'user_busy', 'stop')",
            [sender.brand_id],
        )
    try:
        assert rules_of(await store.retry_rules(sender.brand_id))["user_busy"].action == "stop"
    finally:
        async with database.transaction() as c:
            await c.execute("delete from retry_rules where brand_id = %s", [sender.brand_id])


async def test_a_living_workers_fax_keeps_its_lease(database: Database, store: FaxStore) -> None:
    fax = await claimed(database, store, "living", "1 second")
    await store.renew("living")
    await asyncio.sleep(1.1)
    await store.expire_claims()
    kept = await store.fax(fax.id)
    assert kept is not None
    assert kept.status is FaxStatus.IN_PROGRESS
    await store.end_fax(kept, Outcome(False, "test", "The test ended."))


async def test_a_fax_cannot_be_called_completed_with_a_page_missing(
    database: Database, store: FaxStore
) -> None:
    fax = await claimed(database, store, "liar", "1 hour")
    await store.set_rendered(fax, b"II*\0", b"%PDF-", 3)
    two_of_three = Outcome(True, "completed", "All.", 2, SessionStats(pages=2))
    with pytest.raises(psycopg.errors.CheckViolation):
        await store.end_fax(fax, two_of_three)
    await store.end_fax(fax, Outcome(False, "test", "The test ended."))


async def test_many_workers_never_share_a_fax(stack: Stack, store: FaxStore) -> None:
    """claim_fax() itself, by 20 sessions at once, while the stack's worker is away."""
    worker = stack.supervisor.get("worker")
    await stack.supervisor.stop(worker)
    try:
        sender = await store.find_virtual_fax("Acme/Sales")
        made = {await store.submit(sender, "+34911000099", b"%PDF-") for _ in range(12)}
        claims = await asyncio.gather(*(store.claim(f"worker-{n}") for n in range(20)))
        ids = [fax.id for fax in claims if fax is not None]
        assert sorted(ids) == sorted(made), "each fax was claimed, by one worker"
        for fax in claims:
            if fax is not None:
                await store.end_fax(fax, Outcome(False, "test", "The test ended."))
    finally:
        await stack.start_worker()


async def test_a_received_call_is_stored_once(store: FaxStore) -> None:
    fax = await store.find_virtual_fax("Globex/Office")

    async def put() -> int | None:
        return await store.store_received(
            spool_key="the-same-call",
            virtual_fax=fax,
            local_number="+34911000002",
            remote_number="+34911000001",
            bridge="test",
            call_id="x",
            outcome=Outcome(False, "sender_call_dropped", "The sender hung up.", 0),
            pages=[],
            tiff=b"",
            pdf=b"",
            received_at=datetime.now(UTC),
        )

    ids = await asyncio.gather(*(put() for _ in range(5)))
    assert len([i for i in ids if i is not None]) == 1


async def test_a_renamed_node_takes_over_its_address(database: Database, store: FaxStore) -> None:
    for name in ("before", "after", "after"):
        await store.register_bridge(name, "192.0.2.50", 5070, receives=False)
    async with database.transaction() as c:
        cursor = await c.execute("select name from bridges where sip_address = '192.0.2.50'")
        assert [row["name"] for row in await cursor.fetchall()] == ["after"]
        await c.execute("delete from bridges where name = 'after'")


@pytest.mark.parametrize(
    ("text", "problem"),
    [("Acme/Nobody", "there is no virtual fax"), ("Sales", "neither"), ("999999", "no virtual fax"),
     ("'; drop table faxes; --/x", "there is no virtual fax")],
)  # fmt: skip
async def test_an_unknown_virtual_fax_is_a_clear_error(
    store: FaxStore, text: str, problem: str
) -> None:
    with pytest.raises(UserError, match=problem):
        await store.find_virtual_fax(text)
