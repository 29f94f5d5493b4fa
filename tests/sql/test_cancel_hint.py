"""A NOTIFY is a hint: a worker hangs up where the row says so."""

import asyncio
from pathlib import Path
from typing import Any

from psycopg import AsyncConnection

from spandsp_bridge.calls.send import Sender, SendJob, SendResult
from spandsp_bridge.outbound.worker import Worker
from spandsp_bridge.store.faxes import FaxStore
from spandsp_bridge.store.pool import Database
from spandsp_bridge.store.progress import Progress
from spandsp_bridge.store.queue import FaxQueue
from tests.sql.test_queue import OFFICE, SALES, waiting
from tests.support.operators import operator_login
from tests.support.waiting import until


class NoProgress(Progress):
    """Live progress that nobody watches."""

    def __init__(self) -> None:
        pass

    async def put(self, fax_id: int, **state: Any) -> None:
        """Publish nothing."""


class EndlessCalls(Sender):
    """A sender whose calls last until they are hung up."""

    def __init__(self) -> None:
        self.calling: set[int] = set()

    async def send(self, job: SendJob, on_page: Any) -> SendResult:
        """Call until cancelled."""
        self.calling.add(job.fax_id)
        try:
            await asyncio.Event().wait()
        finally:
            self.calling.discard(job.fax_id)
        raise AssertionError("never set")

    async def both(self) -> bool:
        """Tell whether two calls last."""
        return len(self.calling) == 2

    async def one(self) -> bool:
        """Tell whether one call lasts."""
        return len(self.calling) == 1


async def test_an_operators_notify_hangs_up_no_call(
    database: Database, database_url: str, tmp_path: Path
) -> None:
    store, queue = FaxStore(database), FaxQueue(database)
    [kept] = await waiting(database, store, SALES, "34600200000")
    [ended] = await waiting(database, store, OFFICE, "34600300000")
    async with database.transaction() as c:
        await c.execute(
            "insert into documents (brand_id, company_id, fax_id, kind, sha256, size, data)"
            " select brand_id, company_id, id, 'tiff', sha256('x'), 1, 'x' from faxes"
            " where id = any(%s)",
            [[kept, ended]],
        )
    calls = EndlessCalls()
    worker = Worker(
        node="here", database_url=database_url, store=store, queue=queue, sender=calls,
        progress=NoProgress(), scratch=tmp_path, max_calls=2,
    )  # fmt: skip
    running = asyncio.create_task(worker.run())
    try:
        await until(calls.both)
        async with (
            operator_login(database_url, 1) as url,
            await AsyncConnection.connect(url, autocommit=True) as operator,
        ):
            await operator.execute(f"notify vfax_cancel, '{kept}'".encode())
        fax = await store.fax(ended)
        assert fax is not None
        await store.cancel(fax, "test")
        # Notifications arrive in their order.
        await until(calls.one)
        assert calls.calling == {kept}
    finally:
        running.cancel()
        await asyncio.wait([running])
