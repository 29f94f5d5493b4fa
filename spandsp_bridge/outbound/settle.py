"""What follows an attempt: the policy's decision, written to the queue.

A dead worker's attempt is judged here like any other: the database only records that it was
`worker_lost` or `worker_stopped`, and the worker that takes the fax over decides.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable
from typing import Any, Protocol

import structlog

from spandsp_bridge.model import Outcome
from spandsp_bridge.outbound import policy
from spandsp_bridge.reasons import Reason
from spandsp_bridge.store.errors import DatabaseUnavailable
from spandsp_bridge.store.fax_rows import Fax
from spandsp_bridge.store.faxes import FaxStore
from spandsp_bridge.store.queue import FaxQueue

log = structlog.get_logger(__name__)

RETRY_SECONDS = 5.0  #: between tries to write a result while the database is unavailable
TEST_DELAY = 1.0  #: seconds at most between the attempts of a fax of the test mode


class Progress(Protocol):
    """Live progress, which may get lost."""

    async def put(self, fax_id: int, **state: Any) -> None:
        """Publish the state of a fax."""


async def persist(write: Callable[[], Awaitable[None]]) -> None:
    """Write what happened, however long the database is unavailable: it did happen."""
    while True:
        try:
            await write()
        except DatabaseUnavailable as error:
            log.warning("result deferred: database unavailable", error=str(error)[:200])
            await asyncio.sleep(RETRY_SECONDS)
        else:
            return


class Judge:
    """Decides and stores what follows the attempts of one worker."""

    def __init__(self, worker: str, store: FaxStore, queue: FaxQueue, progress: Progress) -> None:
        self._worker = worker
        self._store = store
        self._queue = queue
        self._progress = progress
        self._lost: dict[int, Fax] = {}  # taken over, and not judged yet

    async def settle(self, fax: Fax, outcome: Outcome) -> None:
        """End a fax, or put it back into the queue."""
        if outcome.ok or not await self._try_again(fax, outcome):
            await self._end(fax, outcome)

    async def settle_lost(self) -> None:
        """Take over the faxes of workers whose leases ran out, and judge each one.

        What a database error interrupts is judged by the next call.
        """
        self._lost |= {fax.id: fax for fax in await self._queue.take_over(self._worker)}
        for fax in list(self._lost.values()):
            with structlog.contextvars.bound_contextvars(fax_id=fax.id):
                await self._settle_lost(fax)
            del self._lost[fax.id]

    async def _settle_lost(self, fax: Fax) -> None:
        history = await self._queue.history(fax)
        if fax.pages is not None and fax.pages_confirmed >= fax.pages:
            await self._end(fax, completed(fax.pages))
        elif fax.id in await self._queue.cancelled(self._worker):
            await self._end(fax, cancelled(fax, fax.pages_confirmed))
        elif not history.reasons:
            await self._queue.release_claim(self._worker, fax)
        else:
            reason = history.reasons[-1]
            log.error("worker lost during the call", reason=reason)
            await self.settle(fax, Outcome(False, reason, pages_detail(fax), fax.pages_confirmed))

    async def _try_again(self, fax: Fax, outcome: Outcome) -> bool:
        """Put the fax back into the queue if its brand's rules allow it; tell whether they do."""
        history = await self._queue.history(fax)
        if not history.reasons or outcome.reason is Reason.CANCELLED:
            return False  # nothing was dialled: the document is at fault
        rules = policy.rules_of(await self._queue.retry_rules(fax.brand_id))
        sender = await self._store.virtual_fax(fax.virtual_fax_id)
        limits = (sender.max_attempts, sender.retry_delay) if sender else (None, None)
        decision = policy.decide(rules, history.reasons, random.random, *limits)
        resolution = None
        if decision.retry and policy.last_step(rules, history.reasons) == "coarser":
            resolution = policy.coarser(fax.resolution or (sender.resolution if sender else "fine"))
            if resolution is None:
                return False  # it is as coarse as a fax can be
        if decision.detail:
            outcome.detail = {**outcome.detail, "next": decision.detail}
        if not decision.retry:
            return False
        delay = min(decision.delay, TEST_DELAY) if fax.test else decision.delay
        await persist(lambda: self._queue.retry_fax(fax, outcome, delay, resolution))
        await self._progress.put(fax.id, stage="waiting", reason=outcome.reason)
        log.info("retry scheduled", reason=outcome.reason, seconds=round(delay))
        return True

    async def _end(self, fax: Fax, outcome: Outcome) -> None:
        await persist(lambda: self._queue.end_fax(fax, outcome))
        await self._progress.put(fax.id, stage="ended", reason=outcome.reason, pages=outcome.pages)
        log.info("outbound fax ended", reason=outcome.reason, pages=outcome.pages)


def completed(pages: int) -> Outcome:
    """Return the outcome of a fax whose every page was confirmed."""
    return Outcome(True, Reason.COMPLETED, {"pages": pages, "confirmed": pages}, pages)


def cancelled(fax: Fax, confirmed: int) -> Outcome:
    """Return the outcome of a fax that was cancelled in mid-call."""
    detail = {"pages": fax.pages, "confirmed": confirmed}
    return Outcome(False, Reason.CANCELLED, detail, confirmed, hung_up_by="us")


def pages_detail(fax: Fax) -> dict[str, Any]:
    """Return what a detail keeps of the pages of a fax."""
    return {"pages": fax.pages, "confirmed": fax.pages_confirmed}
