"""The queue on a real PostgreSQL: claims are exclusive, leases end, nothing is sent twice."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from spandsp_bridge.errors import UserError
from spandsp_bridge.model import FaxStatus, Outcome, SessionStats
from spandsp_bridge.outbound.policy import MAX_ATTEMPTS, rules_of
from spandsp_bridge.outbound.settle import Judge
from spandsp_bridge.reasons import Reason
from spandsp_bridge.store.attempts import ReceivedPage
from spandsp_bridge.store.bridges import Bridges
from spandsp_bridge.store.errors import CheckViolation
from spandsp_bridge.store.fax_rows import Fax
from spandsp_bridge.store.faxes import FaxStore
from spandsp_bridge.store.peer_profiles import PeerProfile
from spandsp_bridge.store.pool import Database
from spandsp_bridge.store.preparation import Prepared
from spandsp_bridge.store.queue import FaxQueue
from spandsp_bridge.store.submissions import SendOptions


@pytest.fixture
async def queue(database: Database) -> AsyncIterator[FaxQueue]:
    """What workers do, on the module's database."""
    yield FaxQueue(database)


@pytest.fixture
async def store(database: Database) -> AsyncIterator[FaxStore]:
    """The queries, on the module's database."""
    yield FaxStore(database)


class NoProgress:
    """Live progress that nobody watches."""

    async def put(self, fax_id: int, **state: Any) -> None:
        """Publish nothing."""


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


async def prepared(database: Database, fax: Fax) -> None:
    """Give a fax that is being sent three pages."""
    async with database.transaction() as c:
        await c.execute("update faxes set pages = 3, prepared_at = now() where id = %s", [fax.id])


async def left_behind(
    database: Database, store: FaxStore, queue: FaxQueue, *, confirmed: int, dead_before: int = 0
) -> Fax:
    """Return a fax of three pages after its worker died, and another one judged it."""
    fax = await claimed(database, store, "dead", "-1 second")
    await prepared(database, fax)
    lost = Outcome(False, Reason.WORKER_LOST)
    for _ in range(dead_before):
        await queue.end_attempt(fax, await queue.begin_attempt(fax, "dead"), lost, "", None)
    attempt = await queue.begin_attempt(fax, "dead")
    for page in range(1, confirmed + 1):
        await queue.confirm_page(fax, attempt, ReceivedPage(page, 1728, 100, 10, 0))
    await Judge("living", store, queue, NoProgress()).settle_lost()
    after = await store.fax(fax.id)
    assert after is not None
    return after


async def test_what_a_dead_worker_left_goes_on_where_it_was(
    database: Database, store: FaxStore, queue: FaxQueue
) -> None:
    fax = await left_behind(database, store, queue, confirmed=1)
    assert (fax.status, fax.reason, fax.pages_confirmed) == (FaxStatus.PENDING, "worker_lost", 1)
    assert fax.detail == {
        "pages": 3,
        "confirmed": 1,
        "next": {"action": "retry", "attempt": 2},
    }
    [attempt] = await store.attempts(fax)
    assert attempt.detail == {"pages": 3, "confirmed": 1}
    delay = (fax.send_at - datetime.now(UTC)).total_seconds()
    assert 25 < delay < 91, "the rule's 60 s, spread"
    assert (await queue.history(fax)).reasons == ["worker_lost"], "the attempt was ended too"
    await queue.end_fax(fax, Outcome(False, Reason.INTERNAL_ERROR))


async def test_what_was_confirmed_to_a_dead_worker_is_done(
    database: Database, store: FaxStore, queue: FaxQueue
) -> None:
    fax = await left_behind(database, store, queue, confirmed=3)
    assert (fax.status, fax.reason, fax.pages_confirmed) == (FaxStatus.COMPLETED, "completed", 3)


async def test_a_fax_that_kills_workers_ends(
    database: Database, store: FaxStore, queue: FaxQueue
) -> None:
    fax = await left_behind(database, store, queue, confirmed=0, dead_before=2)
    assert (fax.status, fax.reason) == (FaxStatus.ERROR, "worker_lost")
    assert fax.detail["next"] == {"action": "stop", "why": "rule", "attempt": 3}


async def test_a_lost_attempt_keeps_the_retry_delay_of_its_virtual_fax(
    database: Database, store: FaxStore, queue: FaxQueue
) -> None:
    async with database.transaction() as c:
        await c.execute("update virtual_faxes set retry_delay = 3600 where name = 'Sales'")
    try:
        fax = await left_behind(database, store, queue, confirmed=1)
    finally:
        async with database.transaction() as c:
            await c.execute("update virtual_faxes set retry_delay = null where name = 'Sales'")
    assert fax.status is FaxStatus.PENDING
    assert 1700 < (fax.send_at - datetime.now(UTC)).total_seconds() < 5401
    await queue.end_fax(fax, Outcome(False, Reason.INTERNAL_ERROR))


async def test_no_fax_is_attempted_more_often_than_the_limit(
    database: Database, store: FaxStore, queue: FaxQueue
) -> None:
    async with database.transaction() as c:
        await c.execute("insert into retry_rules (brand_id, reason, action, tries) values"
                        " (1, 'worker_lost', 'retry', 12)")  # fmt: skip
    try:
        fax = await left_behind(database, store, queue, confirmed=0, dead_before=MAX_ATTEMPTS - 1)
    finally:
        async with database.transaction() as c:
            await c.execute("delete from retry_rules")
    assert fax.status is FaxStatus.ERROR
    assert fax.detail["next"]["action"] == "stop"


async def test_a_fax_that_was_never_dialled_goes_back_as_it_was(
    database: Database, store: FaxStore, queue: FaxQueue
) -> None:
    fax = await claimed(database, store, "dead", "-1 second")
    await Judge("living", store, queue, NoProgress()).settle_lost()
    after = await store.fax(fax.id)
    assert after is not None
    assert (after.status, after.reason, after.send_at) == (FaxStatus.PENDING, None, fax.send_at)
    await queue.end_fax(fax, Outcome(False, Reason.INTERNAL_ERROR))


async def test_a_failure_that_was_not_judged_any_more_is_judged_as_what_it_was(
    database: Database, store: FaxStore, queue: FaxQueue
) -> None:
    """The worker died between the end of its attempt and the decision."""
    fax = await claimed(database, store, "dead", "-1 second")
    await prepared(database, fax)
    attempt = await queue.begin_attempt(fax, "dead")
    gone = Outcome(False, Reason.RECEIVER_UNALLOCATED_NUMBER, {"sip": 404})
    await queue.end_attempt(fax, attempt, gone, "", None)
    await Judge("living", store, queue, NoProgress()).settle_lost()
    after = await store.fax(fax.id)
    assert after is not None
    assert (after.status, after.reason) == (FaxStatus.ERROR, Reason.RECEIVER_UNALLOCATED_NUMBER)


async def test_a_worker_that_stops_leaves_its_fax_to_the_next_one(
    database: Database, store: FaxStore, queue: FaxQueue
) -> None:
    fax = await claimed(database, store, "stopping", "1 hour")
    await prepared(database, fax)
    await queue.begin_attempt(fax, "stopping")
    await queue.abandon_claims("stopping")
    await Judge("living", store, queue, NoProgress()).settle_lost()
    after = await store.fax(fax.id)
    assert after is not None
    assert (after.status, after.reason) == (FaxStatus.PENDING, Reason.WORKER_STOPPED)
    await queue.end_fax(after, Outcome(False, Reason.INTERNAL_ERROR))


async def test_a_cancelled_fax_of_a_dead_worker_ends(
    database: Database, store: FaxStore, queue: FaxQueue
) -> None:
    fax = await claimed(database, store, "dead", "-1 second")
    await prepared(database, fax)
    await queue.begin_attempt(fax, "dead")
    assert await store.cancel(fax, "test") == "cancelled"
    await Judge("living", store, queue, NoProgress()).settle_lost()
    after = await store.fax(fax.id)
    assert after is not None
    assert (after.status, after.reason) == (FaxStatus.ERROR, Reason.CANCELLED)
    assert after.detail == {"pages": 3, "confirmed": 0}


async def test_a_virtual_fax_that_tries_once_does_not_go_on(
    database: Database, store: FaxStore, queue: FaxQueue
) -> None:
    async with database.transaction() as c:
        await c.execute("update virtual_faxes set max_attempts = 1 where name = 'Sales'")
    try:
        fax = await left_behind(database, store, queue, confirmed=1)
        assert (fax.status, fax.reason) == (FaxStatus.ERROR, "worker_lost")
    finally:
        async with database.transaction() as c:
            await c.execute("update virtual_faxes set max_attempts = null where name = 'Sales'")


async def test_a_brands_own_rule_wins(database: Database, store: FaxStore, queue: FaxQueue) -> None:
    sender = await store.find_virtual_fax("Acme/Sales")
    before = rules_of(await queue.retry_rules(sender.brand_id))
    assert (before["user_busy"].action, before["user_busy"].tries) == ("retry", 5)
    async with database.transaction() as c:
        await c.execute(
            "insert into retry_rules (brand_id, reason, action) values (%s, 'user_busy', 'stop')",
            [sender.brand_id],
        )
    try:
        assert rules_of(await queue.retry_rules(sender.brand_id))["user_busy"].action == "stop"
    finally:
        async with database.transaction() as c:
            await c.execute("delete from retry_rules where brand_id = %s", [sender.brand_id])


async def test_a_living_workers_fax_keeps_its_lease(
    database: Database, store: FaxStore, queue: FaxQueue
) -> None:
    fax = await claimed(database, store, "living", "1 second")
    await queue.renew("living")
    await asyncio.sleep(1.1)
    assert await queue.take_over("another") == []
    kept = await store.fax(fax.id)
    assert kept is not None
    assert kept.status is FaxStatus.IN_PROGRESS
    await queue.end_fax(kept, Outcome(False, Reason.INTERNAL_ERROR))


async def test_a_fax_cannot_be_called_completed_with_a_page_missing(
    database: Database, store: FaxStore, queue: FaxQueue
) -> None:
    fax = await claimed(database, store, "liar", "1 hour")
    await prepared(database, fax)
    two_of_three = Outcome(True, Reason.COMPLETED, {}, 2, SessionStats(pages=2))
    with pytest.raises(CheckViolation):
        await queue.end_fax(fax, two_of_three)
    await queue.end_fax(fax, Outcome(False, Reason.INTERNAL_ERROR))


@pytest.fixture
async def quiet(database: Database) -> AsyncIterator[None]:
    """End what a test leaves in the queue."""
    yield
    async with database.transaction() as c:
        await c.execute(
            "update faxes set status = 'error', reason = 'internal_error',"
            " claimed_by = null, claimed_until = null, finished_at = now()"
            " where status in ('pending', 'inprogress') and direction = 'out'"
        )
        await c.execute("update companies set sending_calls = null")
        await c.execute("delete from sending_hours")
        await c.execute("delete from peer_profiles")


async def waiting(
    database: Database, store: FaxStore, sender: str, number: str, count: int = 1, **columns: object
) -> list[int]:
    """Put faxes with three pages into a company's queue; their numbers count from `number`."""
    of = await store.find_virtual_fax(sender)
    more = "".join(f", {name}" for name in columns)
    async with database.transaction() as c:
        cursor = await c.execute(
            "insert into faxes (brand_id, company_id, virtual_fax_id, direction, local_number,"
            f" remote_number, pages, prepared_at{more})"
            " select %s, %s, %s, 'out', '+34911000001', '+' || (%s::bigint + n), 3, now()"
            f"{', %s' * len(columns)} from generate_series(0, %s) n returning id",
            [of.brand_id, of.company_id, of.id, int(number), *columns.values(), count - 1],
        )
        return [row["id"] for row in await cursor.fetchall()]


async def claims(queue: FaxQueue, count: int) -> list[int]:
    taken = [await queue.claim("test") for _ in range(count)]
    return [fax.id for fax in taken if fax is not None]


SALES, OFFICE = "Acme/Sales", "Globex/Office"


async def test_many_workers_never_share_a_fax(
    quiet: None, database: Database, store: FaxStore, queue: FaxQueue
) -> None:
    """claim_fax() itself, by 20 sessions at once."""
    made = await waiting(database, store, SALES, "34600000000", 12)
    taken = await asyncio.gather(*(queue.claim(f"worker-{n}") for n in range(20)))
    ids = [fax.id for fax in taken if fax is not None]
    assert sorted(ids) == sorted(made), "each fax was claimed, by one worker"


async def test_a_broadcast_does_not_hold_up_another_company(
    quiet: None, database: Database, store: FaxStore, queue: FaxQueue
) -> None:
    await waiting(database, store, SALES, "34600100000", 500)
    await claims(queue, 10)
    [single] = await waiting(database, store, OFFICE, "34600200000")
    assert await claims(queue, 1) == [single], "the next free line is its"


async def test_companies_get_lines_in_turn(
    quiet: None, database: Database, store: FaxStore, queue: FaxQueue
) -> None:
    sales = set(await waiting(database, store, SALES, "34600100000", 40))
    office = set(await waiting(database, store, OFFICE, "34600200000", 40))
    taken = await claims(queue, 30)
    assert (len(sales.intersection(taken)), len(office.intersection(taken))) == (15, 15)


async def test_urgent_ones_come_first_within_a_company(
    quiet: None, database: Database, store: FaxStore, queue: FaxQueue
) -> None:
    usual = await waiting(database, store, SALES, "34600100000", 2)
    late = await waiting(database, store, SALES, "34600200000", 2, priority=7)
    urgent = await waiting(database, store, SALES, "34600300000", 2, priority=1)
    assert await claims(queue, 9) == [*urgent, *usual, *late]


async def test_a_destination_has_one_call_at_a_time_unless_its_profile_allows_more(
    quiet: None, database: Database, store: FaxStore, queue: FaxQueue
) -> None:
    number = "34600400000"
    same = [(await waiting(database, store, of, number))[0] for of in (SALES, SALES, OFFICE, SALES)]
    [first] = await claims(queue, 4)
    assert first in same
    async with database.transaction() as c:
        await c.execute(
            "insert into peer_profiles (brand_id, number, calls)"
            " select id, %s, 3 from brands where name = 'Demo Telecom'", [f"+{number}"],
        )  # fmt: skip
        await c.execute("update fax_queues set next_at = now()")
    assert len(await claims(queue, 4)) == 2
    taken = await queue.claim("test")
    assert taken is None


async def test_our_own_numbers_take_as_many_calls_as_come(
    quiet: None, database: Database, store: FaxStore, queue: FaxQueue
) -> None:
    for _ in range(3):
        await waiting(database, store, SALES, "34911000002")
    assert len(await claims(queue, 3)) == 3


async def test_a_companys_limit_of_calls_holds(
    quiet: None, database: Database, store: FaxStore, queue: FaxQueue
) -> None:
    async with database.transaction() as c:
        await c.execute("update companies set sending_calls = 2 where name = 'Acme'")
    await waiting(database, store, SALES, "34600100000", 5)
    taken = await claims(queue, 5)
    assert len(taken) == 2
    done = await store.fax(taken[0])
    assert done is not None
    await queue.end_fax(done, Outcome(False, Reason.INTERNAL_ERROR))
    assert len(await claims(queue, 5)) == 1


async def test_what_is_to_be_sent_later_waits(
    quiet: None, database: Database, store: FaxStore, queue: FaxQueue
) -> None:
    soon = datetime.now(UTC) + timedelta(seconds=1)
    [later] = await waiting(database, store, SALES, "34600100000", send_at=soon)
    assert await claims(queue, 1) == []
    async with asyncio.timeout(8):
        while not (taken := await claims(queue, 1)):
            await asyncio.sleep(0.2)
    assert taken == [later]
    assert datetime.now(UTC) >= soon


async def test_sending_hours_are_the_companys_own_and_urgent_faxes_ignore_them(
    quiet: None, database: Database, store: FaxStore, queue: FaxQueue
) -> None:
    of = await store.find_virtual_fax(SALES)
    day = datetime.now(ZoneInfo("Europe/Madrid"))
    async with database.transaction() as c:
        await c.execute(
            "insert into sending_hours (brand_id, company_id, weekday, opens, closes)"
            " values (%s, %s, %s, '08:00', '18:00')",
            [of.brand_id, of.company_id, day.isoweekday() % 7 + 1],
        )
        cursor = await c.execute("select sending_opens_at(%s, now()) as opens", [of.company_id])
        row = await cursor.fetchone()
    assert row is not None
    opens = row["opens"].astimezone(ZoneInfo("Europe/Madrid"))
    assert (opens.date() - day.date()).days == 1
    assert (opens.hour, opens.minute) == (8, 0)
    await waiting(database, store, SALES, "34600100000")
    [urgent] = await waiting(database, store, SALES, "34600200000", priority=0)
    assert await claims(queue, 2) == [urgent]


async def test_a_waiting_fax_knows_its_place(
    quiet: None, database: Database, store: FaxStore, queue: FaxQueue
) -> None:
    made = await waiting(database, store, SALES, "34600100000", 4, expected_seconds=60)
    await claims(queue, 1)
    last = await store.fax(made[-1])
    assert last is not None
    place = await store.queue_position(last)
    assert place is not None
    assert place.ahead == 2
    assert place.expected_at is not None
    seconds = (place.expected_at - datetime.now(UTC)).total_seconds()
    assert 110 < seconds < 130, "two calls of a minute, one after the other"


async def test_the_counts_of_the_queues_are_those_of_the_faxes(
    database: Database, quiet: None, store: FaxStore, queue: FaxQueue
) -> None:
    await waiting(database, store, SALES, "34600100000", 7)
    [fax_id, *_] = await claims(queue, 3)
    fax = await store.fax(fax_id)
    assert fax is not None
    await queue.retry_fax(fax, Outcome(False, Reason.USER_BUSY), 60)
    async with database.transaction() as c:
        cursor = await c.execute(
            "select q.company_id, waiting, running,"
            " (select count(*) from faxes f where f.company_id = q.company_id"
            "  and f.status = 'pending' and f.direction = 'out' and prepared_at is not null) as w,"
            " (select count(*) from faxes f where f.company_id = q.company_id"
            "  and f.status = 'inprogress' and f.direction = 'out') as r from fax_queues q"
        )
        rows = await cursor.fetchall()
    assert rows
    assert all((row["waiting"], row["running"]) == (row["w"], row["r"]) for row in rows)


async def test_cancelling_ends_a_waiting_fax_at_once_and_tells_the_worker_of_others(
    quiet: None, database: Database, store: FaxStore, queue: FaxQueue
) -> None:
    first, second = await waiting(database, store, SALES, "34600100000", 2)
    assert await claims(queue, 1) == [first]
    for fax_id in (first, second):
        fax = await store.fax(fax_id)
        assert fax is not None
        assert await store.cancel(fax, "test") == "cancelled"
    ended = await store.fax(second)
    assert ended is not None
    assert (ended.status, ended.reason) == (FaxStatus.ERROR, "cancelled")
    assert await queue.cancelled("test") == [first]
    assert await store.cancel(ended, "test") == "error"


async def test_an_idempotency_key_makes_one_fax(quiet: None, store: FaxStore) -> None:
    sender = await store.find_virtual_fax(SALES)
    file, wishes = [("a.txt", b"Hello")], SendOptions(idempotency_key="order 4711")
    ids = await asyncio.gather(
        *(store.submit(sender, "+34600100000", file, wishes) for _ in range(5))
    )
    assert len(set(ids)) == 1
    with pytest.raises(UserError, match="another request"):
        await store.submit(sender, "+34600100001", file, wishes)


async def test_a_resend_is_a_new_fax_that_shares_the_document(
    quiet: None, database: Database, store: FaxStore, queue: FaxQueue
) -> None:
    sender = await store.find_virtual_fax(SALES)
    old_id = await store.submit(sender, "+34600100000", [("a.txt", b"Hello")])
    old = await store.fax(old_id)
    assert old is not None
    with pytest.raises(UserError, match="not ended"):
        await store.resend(old, "test")
    await queue.set_prepared(old, Prepared([("tiff", b"II*\0", 1)], 1, 20))
    await claims(queue, 1)
    await queue.end_fax(old, Outcome(False, Reason.USER_BUSY))
    old = await store.fax(old_id)
    assert old is not None
    new = await store.fax(await store.resend(old, "test"))
    assert new is not None
    assert (new.resend_of, new.document_fax_id, new.pages) == (old.id, old.id, 1)
    assert await store.document(new, "tiff") == b"II*\0"
    assert await claims(queue, 1) == [new.id]


async def test_what_was_learned_can_be_pinned(database: Database, queue: FaxQueue) -> None:
    brand, number = 1, "+34600500000"
    assert await queue.profile(brand, number) is None
    await queue.learn(brand, number, PeerProfile(ecm=False, learned_from=7, changes=("ecm_off",)))
    await queue.learn(
        brand, number, PeerProfile(max_bit_rate=9600, learned_from=8, changes=("v17_off",))
    )
    known = await queue.profile(brand, number)
    assert known is not None
    assert (known.ecm, known.max_bit_rate) == (False, 9600)
    assert (known.learned_from, known.changes) == (8, ("v17_off",))
    async with database.transaction() as c:
        await c.execute(
            "update peer_profiles set pinned = true, ecm = true where number = %s", [number]
        )
    await queue.learn(brand, number, PeerProfile(ecm=False))
    await queue.forget(brand, number)
    known = await queue.profile(brand, number)
    assert known is not None
    assert known.ecm is True, "what an operator pinned is kept"
    async with database.transaction() as c:
        await c.execute(
            "update peer_profiles set pinned = false, expires_at = now() - interval '1 s'"
            " where number = %s", [number],
        )  # fmt: skip
    assert await queue.profile(brand, number) is None, "it expired"
    async with database.transaction() as c:
        await c.execute("delete from peer_profiles where number = %s", [number])


async def test_retention_deletes_documents_and_keeps_records(
    database: Database, store: FaxStore, queue: FaxQueue
) -> None:
    sender = await store.find_virtual_fax(OFFICE)
    async with database.transaction() as c:
        cursor = await c.execute(
            "insert into faxes (brand_id, company_id, virtual_fax_id, direction, status, reason,"
            " local_number, remote_number) values (%s, %s, %s, 'in', 'error', 'internal_error',"
            " '+34911000002', '+34911000001') returning id",
            [sender.brand_id, sender.company_id, sender.id],
        )
        row = await cursor.fetchone()
        assert row is not None
        for age in ("40 days", "5 days"):
            await c.execute(
                "insert into documents (brand_id, company_id, fax_id, kind, sha256, size, data,"
                " created_at) values (%s, %s, %s, 'tiff', sha256('x'), 1, 'x',"
                " now() - %s::interval)", [sender.brand_id, sender.company_id, row["id"], age],
            )  # fmt: skip
        await c.execute("update companies set retention_days = 30 where name = 'Globex'")
    try:
        await queue.apply_retention()
        async with database.transaction() as c:
            cursor = await c.execute(
                "select now() - created_at as age from documents where fax_id = %s", [row["id"]]
            )
            ages = [r["age"].days for r in await cursor.fetchall()]
            cursor = await c.execute(
                "select who, action from audit_log where fax_id = %s", [row["id"]]
            )
            log = await cursor.fetchall()
    finally:
        async with database.transaction() as c:
            await c.execute("update companies set retention_days = null where name = 'Globex'")
    assert ages == [5]
    assert log == [{"who": "retention", "action": "document_deleted"}]
    assert await store.fax(row["id"]) is not None


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
            outcome=Outcome(False, Reason.SENDER_CALL_DROPPED),
            pages=[],
            tiff=b"",
            pdf=b"",
            received_at=datetime.now(UTC),
        )

    ids = await asyncio.gather(*(put() for _ in range(5)))
    assert len([i for i in ids if i is not None]) == 1


async def test_a_renamed_node_takes_over_its_address(
    database: Database, store: FaxStore, queue: FaxQueue
) -> None:
    for name in ("before", "after", "after"):
        await Bridges(database).register(name, "192.0.2.50", 5070, receives=False)
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
