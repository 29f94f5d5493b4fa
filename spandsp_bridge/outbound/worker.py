"""The outbound worker: claims faxes, dials, stores each attempt and the end."""

import asyncio
import contextlib
import itertools
import secrets
import tempfile
from collections.abc import Coroutine
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import structlog

from spandsp_bridge.calls.send import Sender, SendJob, SendResult
from spandsp_bridge.calls.spool import received_page
from spandsp_bridge.calls.stored_documents import tiff_of
from spandsp_bridge.documents import cover
from spandsp_bridge.documents.job import PageOptions
from spandsp_bridge.documents.render import render
from spandsp_bridge.documents.tiff import join_files
from spandsp_bridge.errors import DocumentError, SetupError, UserError
from spandsp_bridge.model import RESOLUTIONS, Media, Outcome, PageDone
from spandsp_bridge.outbound import policy
from spandsp_bridge.outbound.prepare import document_failure
from spandsp_bridge.outbound.settle import Judge, cancelled, completed, pages_detail, persist
from spandsp_bridge.reasons import Reason
from spandsp_bridge.store.attempts import ReceivedPage
from spandsp_bridge.store.errors import DatabaseError, DatabaseUnavailable
from spandsp_bridge.store.fax_rows import Fax
from spandsp_bridge.store.faxes import FaxStore
from spandsp_bridge.store.listen import listen
from spandsp_bridge.store.peer_profiles import PeerProfile
from spandsp_bridge.store.progress import Progress
from spandsp_bridge.store.queue import FaxQueue
from spandsp_bridge.store.retry_rules import RetryRule
from spandsp_bridge.store.virtual_faxes import VirtualFax
from spandsp_bridge.t38.time_zone import posix_tz

log = structlog.get_logger(__name__)

RENEW_SECONDS = 15.0
POLL_SECONDS = 5.0
PARTITIONS_EVERY = 240  #: rounds of RENEW_SECONDS: an hour


class Worker:
    """Sends the queue of one node, `max_calls` at a time."""

    def __init__(
        self,
        *,
        node: str,
        database_url: str,
        store: FaxStore,
        queue: FaxQueue,
        sender: Sender,
        test_sender: Sender | None = None,
        progress: Progress,
        scratch: Path,
        max_calls: int,
    ) -> None:
        self._node = node
        # Claims belong to this process: one that took our name later is another.
        self._name = f"{node}-{secrets.token_hex(4)}"
        self._database_url = database_url
        self._store = store
        self._queue = queue
        self._sender = sender
        self._test_sender = test_sender  #: calls only the test peer
        self._progress = progress
        self._scratch = scratch
        self._max_calls = max_calls
        self._tasks: set[asyncio.Task[None]] = set()
        self._cancelled: dict[int, asyncio.Event] = {}  # of the faxes in hand
        self._judge = Judge(self._name, store, queue, progress)
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Run until cancelled."""
        self._scratch.mkdir(parents=True, exist_ok=True)
        helpers = [asyncio.create_task(each) for each in (
            self._listen(), self._listen_for_cancels(), self._keep_leases())]  # fmt: skip
        try:
            while True:
                self._wake.clear()
                try:
                    await self._claim_what_fits()
                except (DatabaseError, OSError) as error:
                    log.warning("queue unavailable", error=str(error)[:200])
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), POLL_SECONDS)
        finally:
            running = [*helpers, *self._tasks]
            for task in running:
                task.cancel()
            await asyncio.wait(running, timeout=2)
            with contextlib.suppress(DatabaseError, OSError):
                await self._queue.abandon_claims(self._name)

    async def _listen(self) -> None:
        async for _ in listen(self._database_url, "vfax_faxes"):
            self._wake.set()

    async def _listen_for_cancels(self) -> None:
        async for _ in listen(self._database_url, "vfax_cancel"):
            # A hint: every login may notify, so the row decides.
            with contextlib.suppress(DatabaseError, OSError):
                await self._look_for_cancels()

    async def _look_for_cancels(self) -> None:
        for fax_id in await self._queue.cancelled(self._name):
            if fax_id in self._cancelled:
                self._cancelled[fax_id].set()

    async def _keep_leases(self) -> None:
        for round_number in itertools.count():
            try:
                if round_number % PARTITIONS_EVERY == 0:
                    await self._queue.ensure_partitions()
                await self._queue.renew(self._name)
                await self._look_for_cancels()
                await self._judge.settle_lost()
            except (DatabaseError, OSError) as error:
                log.warning("lease renewal failed", error=str(error)[:200])
            await asyncio.sleep(RENEW_SECONDS)

    async def _claim_what_fits(self) -> None:
        while len(self._tasks) < self._max_calls:
            fax = await self._queue.claim(self._name)
            if fax is None:
                return
            task = asyncio.create_task(self._send(fax))
            self._tasks.add(task)
            task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._wake.set()

    async def _send(self, fax: Fax) -> None:
        self._cancelled[fax.id] = asyncio.Event()
        with structlog.contextvars.bound_contextvars(fax_id=fax.id):
            try:
                outcome = await self._attempt(fax)
            except UserError as error:
                outcome = Outcome(False, *document_failure(error), fax.pages_confirmed)
            except Exception:
                log.exception("sending failed")
                outcome = Outcome(
                    False, Reason.INTERNAL_ERROR, pages_detail(fax), fax.pages_confirmed
                )
            finally:
                del self._cancelled[fax.id]
            if outcome is not None:
                await self._judge.settle(fax, outcome)

    async def _rules(self, fax: Fax) -> dict[str, RetryRule]:
        return policy.rules_of(await self._queue.retry_rules(fax.brand_id))

    async def _attempt(self, fax: Fax) -> Outcome | None:
        """Make one call; None: the pages are made anew first. Raises UserError."""
        sender = await self._store.virtual_fax(fax.virtual_fax_id)
        if sender is None or fax.pages is None:
            raise DocumentError(Reason.DOCUMENT_MISSING)
        if fax.pages_confirmed >= fax.pages:
            return completed(fax.pages)
        usual = SendJob(
            fax_id=fax.id,
            company_id=fax.company_id,
            attempt=0,
            from_number=fax.local_number,
            to_number=fax.remote_number,
            file=Path(),
            pages=fax.pages,
            station_id=sender.station_id,
            header_line=sender.header_line,
            time_zone=posix_tz(sender.time_zone),
            ecm=sender.ecm,
            max_bit_rate=sender.max_bit_rate,
            audio_fax=sender.audio_fax,
            already=fax.pages_confirmed,
        )
        profile = None
        if not fax.test:  # what is tested is as it was the first time
            profile = await self._queue.profile(fax.brand_id, fax.remote_number)
        resolution = fax.resolution or sender.resolution
        if profile and profile.resolution and not fax.pages_confirmed:
            finer = RESOLUTIONS.index(resolution)
            if finer > RESOLUTIONS.index(profile.resolution):
                known = Outcome(
                    False,
                    Reason.RECEIVER_RESOLUTION,
                    {"next": {"action": "retry", "why": "coarser"}},
                )
                await persist(lambda: self._queue.retry_fax(fax, known, 0, profile.resolution))
                return None
        history = await self._queue.history(fax)
        changes = policy.steps(await self._rules(fax), history.reasons)
        with tempfile.TemporaryDirectory(prefix=f"{fax.id}-", dir=self._scratch) as folder:
            job = await self._with_file(usual, fax, sender, Path(folder) / "send.tif")
            job = policy.adapted(policy.with_profile(job, profile), changes, history.carriers)
            outcome = await self._dial(fax, job)
        if outcome.ok and "coarser" in changes:
            await self._learn(
                fax,
                PeerProfile(resolution=resolution, learned_from=fax.id, changes=("coarser",)),
            )
        if outcome.ok and (new := policy.learned(job, usual, outcome)) is not None:
            await self._learn(fax, new)
        elif profile is not None and not outcome.ok and outcome.stats.media is not Media.NONE:
            with contextlib.suppress(DatabaseError, OSError):
                await self._queue.forget(fax.brand_id, fax.remote_number)
        return outcome

    async def _learn(self, fax: Fax, profile: PeerProfile) -> None:
        if fax.test:
            return
        log.info("peer profile updated", number=fax.remote_number, changes=profile.changes)
        with contextlib.suppress(DatabaseError, OSError):
            await self._queue.learn(fax.brand_id, fax.remote_number, profile)

    async def _with_file(self, job: SendJob, fax: Fax, sender: VirtualFax, file: Path) -> SendJob:
        """Write the pages to send, those not confirmed yet behind a page that says so."""
        tiff = await tiff_of(self._store, fax)
        lead = b""
        if fax.pages_confirmed and sender.continuation_cover:
            assert fax.pages is not None
            page = cover.continuation(
                fax.local_number, fax.pages_confirmed, fax.pages, sender.language
            )
            options = PageOptions(sender.paper, fax.resolution or sender.resolution)
            try:
                lead = (await render([], options, 1, self._scratch, cover=page)).tiff
            except UserError as error:
                log.warning("continuation cover failed", error=str(error))
        if lead:
            tiff = await asyncio.to_thread(join_files, lead, tiff, fax.pages_confirmed)
        await asyncio.to_thread(file.write_bytes, tiff)
        return replace(
            job, file=file, lead=1 if lead else 0, start_page=0 if lead else fax.pages_confirmed
        )

    async def _dial(self, fax: Fax, job: SendJob) -> Outcome:
        attempt = await self._queue.begin_attempt(fax, self._node)
        job = replace(job, attempt=attempt)
        await self._progress.put(fax.id, stage="dialling", page=0, pages=job.pages)
        late: list[ReceivedPage] = []
        confirmed = job.already

        async def on_page(event: PageDone) -> None:
            nonlocal confirmed
            stats = event.stats
            number = job.already + event.page - job.lead
            await self._progress.put(
                fax.id,
                stage="sending",
                page=number,
                pages=job.pages,
                bit_rate=stats.bit_rate,
                remote_station_id=stats.remote_station_id,
            )
            if number <= job.already:
                return  # the continuation cover
            page = received_page(replace(event, page=number), stats.width, stats.length)
            try:
                await self._queue.confirm_page(fax, attempt, page)
            except DatabaseUnavailable as error:
                log.warning("page confirmation deferred", error=str(error)[:200])
                late.append(page)
            confirmed = number

        sender = self._test_sender if fax.test else self._sender
        if sender is None:
            raise SetupError("this worker has no test peer: faxes of the test mode need one")
        result = await self._unless_cancelled(fax, sender.send(job, on_page))
        if result is None:
            ended = completed(confirmed) if confirmed == job.pages else cancelled(fax, confirmed)
            result = SendResult(ended, "", None)
        outcome = result.outcome
        outcome.pages = max(outcome.pages, job.already)
        if job.already and not outcome.ok:
            outcome.detail |= {"pages": job.pages, "confirmed": outcome.pages}
        this_attempt = replace(outcome, pages=outcome.pages - job.already)
        for page in late:
            await persist(partial(self._queue.confirm_page, fax, attempt, page))
        await persist(
            lambda: self._queue.end_attempt(
                fax, attempt, this_attempt, result.call_id, result.route
            )
        )
        return outcome

    async def _unless_cancelled(
        self, fax: Fax, call: Coroutine[Any, Any, SendResult]
    ) -> SendResult | None:
        """Make a call; None when somebody ended the fax: then the call is hung up."""
        calling = asyncio.create_task(call)
        asked = asyncio.create_task(self._cancelled[fax.id].wait())
        try:
            await asyncio.wait((calling, asked), return_when=asyncio.FIRST_COMPLETED)
            return await calling if calling.done() else None
        finally:
            asked.cancel()
            if not calling.done():
                calling.cancel()
                await asyncio.wait([calling], timeout=2)
