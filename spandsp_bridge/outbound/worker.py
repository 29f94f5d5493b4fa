"""The outbound worker: claims faxes, renders, dials, stores each attempt and the end."""

import asyncio
import contextlib
import itertools
import random
import secrets
import tempfile
from collections.abc import Awaitable, Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

import psycopg
import structlog

from spandsp_bridge.calls.send import Sender, SendJob
from spandsp_bridge.calls.spool import received_page
from spandsp_bridge.documents.render import render
from spandsp_bridge.documents.tiff import to_pdf
from spandsp_bridge.errors import DocumentError
from spandsp_bridge.model import Outcome, PageDone
from spandsp_bridge.outbound import policy
from spandsp_bridge.store.database import listen
from spandsp_bridge.store.faxes import Fax, FaxStore, ReceivedPage, VirtualFax
from spandsp_bridge.store.progress import Progress
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
        sender: Sender,
        progress: Progress,
        scratch: Path,
        max_calls: int,
        max_pages: int,
    ) -> None:
        self._node = node
        # Claims belong to this process: one that took our name later is another.
        self._name = f"{node}-{secrets.token_hex(4)}"
        self._database_url = database_url
        self._store = store
        self._sender = sender
        self._progress = progress
        self._scratch = scratch
        self._max_calls = max_calls
        self._max_pages = max_pages
        self._tasks: set[asyncio.Task[None]] = set()
        self._wake = asyncio.Event()

    async def run(self) -> None:
        """Send for ever."""
        self._scratch.mkdir(parents=True, exist_ok=True)
        helpers = [asyncio.create_task(self._listen()), asyncio.create_task(self._keep_leases())]
        try:
            while True:
                self._wake.clear()
                try:
                    await self._claim_what_fits()
                except (psycopg.Error, OSError) as error:
                    log.warning("the queue cannot be read; trying again", error=str(error)[:200])
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), POLL_SECONDS)
        finally:
            running = [*helpers, *self._tasks]
            for task in running:
                task.cancel()
            await asyncio.wait(running, timeout=2)
            with contextlib.suppress(psycopg.Error, OSError):
                await self._store.abandon_claims(self._name)

    async def _listen(self) -> None:
        async for _ in listen(self._database_url, "vfax_faxes"):
            self._wake.set()

    async def _keep_leases(self) -> None:
        for round_number in itertools.count():
            try:
                if round_number % PARTITIONS_EVERY == 0:
                    await self._store.ensure_partitions()
                await self._store.renew(self._name)
                for fax_id in await self._store.expire_claims():
                    log.error("a worker died in mid-call", fax_id=fax_id)
            except (psycopg.Error, OSError) as error:
                log.warning("leases could not be renewed", error=str(error)[:200])
            await asyncio.sleep(RENEW_SECONDS)

    async def _claim_what_fits(self) -> None:
        while len(self._tasks) < self._max_calls:
            fax = await self._store.claim(self._name)
            if fax is None:
                return
            task = asyncio.create_task(self._send(fax))
            self._tasks.add(task)
            task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._wake.set()

    async def _send(self, fax: Fax) -> None:
        with structlog.contextvars.bound_contextvars(fax_id=fax.id):
            try:
                outcome = await self._attempt(fax)
            except DocumentError as error:
                outcome = Outcome(False, error.reason, str(error))
            except asyncio.CancelledError:
                raise
            except Exception:
                log.exception("sending failed")
                outcome = Outcome(
                    False, "internal_error", "Sending failed inside the fax system; see its log."
                )
            if outcome.ok or not await self._try_again(fax, outcome):
                await self._end(fax, outcome)

    async def _try_again(self, fax: Fax, outcome: Outcome) -> bool:
        """Put the fax back into the queue if its brand's rules say so; tell whether they did."""
        history = await self._store.reasons(fax)
        if not history:
            return False  # nobody was called: the document is at fault
        decision = policy.decide(await self._rules(fax), history, random.random)
        if decision.why:
            outcome.explanation = f"{outcome.explanation.rstrip('.')} ({decision.why})."
        if not decision.retry:
            return False
        await self._persist(lambda: self._store.retry_fax(fax, outcome, decision.delay))
        await self._progress.put(fax.id, stage="waiting", reason=outcome.reason)
        log.info("another attempt follows", reason=outcome.reason, seconds=round(decision.delay))
        return True

    async def _rules(self, fax: Fax) -> dict[str, policy.Rule]:
        return policy.rules_of(await self._store.retry_rules(fax.brand_id))

    async def _end(self, fax: Fax, outcome: Outcome) -> None:
        await self._persist(lambda: self._store.end_fax(fax, outcome))
        await self._progress.put(fax.id, stage="ended", reason=outcome.reason, pages=outcome.pages)
        log.info("outbound fax ended", reason=outcome.reason, pages=outcome.pages)

    @staticmethod
    async def _persist(write: Callable[[], Awaitable[None]]) -> None:
        """Write what happened, however long PostgreSQL is away: it did happen."""
        while True:
            try:
                await write()
            except psycopg.OperationalError as error:
                log.warning("a result waits for PostgreSQL", error=str(error)[:200])
                await asyncio.sleep(POLL_SECONDS)
            else:
                return

    async def _attempt(self, fax: Fax) -> Outcome:
        sender = await self._store.virtual_fax(fax.virtual_fax_id)
        original = await self._store.document(fax, "original")
        if sender is None or original is None:
            raise DocumentError("document_missing", "The document or its virtual fax is gone.")
        await self._progress.put(fax.id, stage="rendering")
        rendered = await render(original, sender.paper, self._max_pages, self._scratch)
        pdf = await asyncio.to_thread(to_pdf, rendered.tiff, title=f"Fax to {fax.remote_number}")
        await self._store.set_rendered(fax, rendered.tiff, pdf, rendered.pages)
        if fax.pages_confirmed >= rendered.pages:
            return Outcome(True, "completed", "Every page was confirmed by the receiver.",
                           rendered.pages)  # fmt: skip
        with tempfile.TemporaryDirectory(prefix=f"{fax.id}-", dir=self._scratch) as folder:
            file = Path(folder) / "send.tif"
            await asyncio.to_thread(file.write_bytes, rendered.tiff)
            return await self._dial(fax, sender, file, rendered.pages)

    async def _dial(self, fax: Fax, sender: VirtualFax, file: Path, pages: int) -> Outcome:
        changes = policy.steps(await self._rules(fax), await self._store.reasons(fax))
        attempt = await self._store.begin_attempt(fax, self._node)
        await self._progress.put(fax.id, stage="dialling", page=0, pages=pages)

        late: list[ReceivedPage] = []

        async def on_page(event: PageDone) -> None:
            stats = event.stats
            await self._progress.put(
                fax.id,
                stage="sending",
                page=fax.pages_confirmed + event.page,
                pages=pages,
                bit_rate=stats.bit_rate,
                remote_station_id=stats.remote_station_id,
            )
            event = replace(event, page=fax.pages_confirmed + event.page)
            page = received_page(event, stats.width, stats.length)
            try:
                await self._store.confirm_page(fax, attempt, page)
            except psycopg.OperationalError as error:
                log.warning("a confirmed page waits for the end", error=str(error)[:200])
                late.append(page)

        job = SendJob(
            fax_id=fax.id,
            company_id=fax.company_id,
            attempt=attempt,
            from_number=fax.local_number,
            to_number=fax.remote_number,
            file=file,
            pages=pages,
            station_id=sender.station_id,
            header_line=sender.header_line,
            time_zone=posix_tz(sender.time_zone),
            ecm=sender.ecm,
            max_bit_rate=sender.max_bit_rate,
            audio_fax=sender.audio_fax,
            start_page=fax.pages_confirmed,
        )
        result = await self._sender.send(policy.adapted(job, changes), on_page)
        outcome = result.outcome
        outcome.pages = max(outcome.pages, fax.pages_confirmed)
        this_attempt = replace(outcome, pages=outcome.pages - fax.pages_confirmed)
        for page in late:
            await self._persist(partial(self._store.confirm_page, fax, attempt, page))
        await self._persist(
            lambda: self._store.end_attempt(
                fax, attempt, this_attempt, result.call_id, result.route
            )
        )
        return outcome
