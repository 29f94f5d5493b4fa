"""The side jobs of the workers, on procrastinate: pages, deliveries, retention, lost jobs.

A job names a row and nothing more: whatever it has to know, it reads when it runs, and a job
that runs twice finds its work done. Rows without a job get one from `sweep()`.
"""

import asyncio
import logging
from collections.abc import Callable
from typing import Any

import procrastinate
import structlog
from procrastinate.jobs import Job

from spandsp_bridge.delivery.deliver import BACK_OFF, Deliverer
from spandsp_bridge.outbound.prepare import Preparer
from spandsp_bridge.store.errors import DatabaseError, translated
from spandsp_bridge.store.queue import FaxQueue

log = structlog.get_logger(__name__)

# A failed try is told by us, with its reason; procrastinate's tracebacks are noise.
logging.getLogger("procrastinate").setLevel(logging.CRITICAL)

AT_A_TIME = 8
AGAIN_SECONDS = 2.0
PREPARE_BACK_OFF = (1, 2, 4, 8, 15, 30, 60, 60, 60, 60)


class BackOff(procrastinate.BaseRetryStrategy):
    """Tries again after each of the given seconds, then gives up."""

    def __init__(self, seconds: tuple[int, ...]) -> None:
        self._seconds = seconds

    def get_retry_decision(
        self, *, exception: BaseException, job: Job
    ) -> procrastinate.RetryDecision | None:
        """Return when the next try is."""
        del exception
        if job.attempts >= len(self._seconds):
            return None
        return procrastinate.RetryDecision(retry_in={"seconds": self._seconds[job.attempts]})


def make_app(
    url: str, queue: FaxQueue, preparer: Preparer, deliverer: Deliverer
) -> procrastinate.App:
    """Return the jobs of a worker; `run` runs them."""
    connector = procrastinate.PsycopgConnector(
        conninfo=url,
        kwargs={"options": "-c search_path=jobs,public -c role=vfax_service", "connect_timeout": 5},
        min_size=1,
        max_size=AT_A_TIME,
    )
    app = procrastinate.App(connector=connector)

    @app.task(name="prepare", pass_context=True, retry=BackOff(PREPARE_BACK_OFF))
    async def prepare(context: procrastinate.JobContext, company_id: int, fax_id: int) -> None:
        del company_id
        try:
            await preparer.prepare(fax_id)
        except Exception:
            if context.job.attempts >= len(PREPARE_BACK_OFF):
                log.exception("the pages of a fax could not be made", fax_id=fax_id)
                await preparer.give_up(fax_id)
                return
            raise

    @app.task(name="deliver", pass_context=True, retry=BackOff(BACK_OFF))
    async def deliver(context: procrastinate.JobContext, delivery_id: int) -> None:
        await deliverer.deliver(delivery_id, context.job.attempts)

    @app.periodic(cron="* * * * *")
    @app.task(name="sweep", queueing_lock="sweep")
    async def sweep(timestamp: int) -> None:
        del timestamp
        for job in await app.job_manager.get_stalled_jobs():
            await app.job_manager.retry_job(job)
        await queue.sweep()

    @app.periodic(cron="17 * * * *")
    @app.task(name="retention", queueing_lock="retention")
    async def retention(timestamp: int) -> None:
        del timestamp
        deleted = await queue.apply_retention()
        if deleted:
            log.info("documents deleted that nobody keeps any longer", faxes=deleted)

    return app


async def run(make: Callable[[], procrastinate.App], name: str) -> None:
    """Run jobs until cancelled; a database that is away is waited for."""
    options: dict[str, Any] = {
        "concurrency": AT_A_TIME, "name": name, "install_signal_handlers": False,
        "delete_jobs": "successful", "shutdown_graceful_timeout": 2.0,
    }  # fmt: skip
    while True:
        app = make()
        try:
            with translated():
                async with app.open_async():
                    await app.run_worker_async(**options)
        except (procrastinate.exceptions.ConnectorException, DatabaseError, OSError) as error:
            log.warning("jobs wait for PostgreSQL", error=str(error)[:200])
        await asyncio.sleep(AGAIN_SECONDS)
