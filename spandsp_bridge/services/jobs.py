"""The workers' side jobs, on procrastinate: pages, deliveries, retention, stalled jobs.

A job carries the id of a row and nothing else: it reads the row when it runs, and a job that
runs twice finds its work done. `sweep()` adds jobs for rows that have none.
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

# Each task logs its own failure with the reason; procrastinate's tracebacks would repeat it.
logging.getLogger("procrastinate").setLevel(logging.CRITICAL)

CONCURRENT_JOBS = 8
RECONNECT_SECONDS = 2.0
SHUTDOWN_SECONDS = 2.0
PREPARE_BACK_OFF = (1, 2, 4, 8, 15, 30, 60, 60, 60, 60)


class BackOff(procrastinate.BaseRetryStrategy):
    """Retries after each of the given delays in seconds, then gives up."""

    def __init__(self, seconds: tuple[int, ...]) -> None:
        self._seconds = seconds

    def get_retry_decision(
        self, *, exception: BaseException, job: Job
    ) -> procrastinate.RetryDecision | None:
        """Return the delay before the next try; None after the last one."""
        del exception
        if job.attempts >= len(self._seconds):
            return None
        return procrastinate.RetryDecision(retry_in={"seconds": self._seconds[job.attempts]})


def make_app(
    url: str, queue: FaxQueue, preparer: Preparer, deliverer: Deliverer
) -> procrastinate.App:
    """Return the procrastinate application of a worker, for `run`."""
    connector = procrastinate.PsycopgConnector(
        conninfo=url,
        kwargs={"options": "-c search_path=jobs,public -c role=vfax_service", "connect_timeout": 5},
        min_size=1,
        max_size=CONCURRENT_JOBS,
    )
    app = procrastinate.App(connector=connector)

    @app.task(name="prepare", pass_context=True, retry=BackOff(PREPARE_BACK_OFF))
    async def prepare(context: procrastinate.JobContext, company_id: int, fax_id: int) -> None:
        del company_id
        try:
            await preparer.prepare(fax_id)
        except Exception:
            if context.job.attempts >= len(PREPARE_BACK_OFF):
                log.exception("fax preparation failed", fax_id=fax_id)
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
            log.info("expired documents deleted", faxes=deleted)

    return app


async def run(make: Callable[[], procrastinate.App], name: str) -> None:
    """Run jobs until cancelled; reconnect while PostgreSQL is unavailable."""
    options: dict[str, Any] = {
        "concurrency": CONCURRENT_JOBS,
        "name": name,
        "install_signal_handlers": False,
        "delete_jobs": "successful",
        "shutdown_graceful_timeout": SHUTDOWN_SECONDS,
    }
    while True:
        app = make()
        try:
            with translated():
                async with app.open_async():
                    await app.run_worker_async(**options)
        except (procrastinate.exceptions.ConnectorException, DatabaseError, OSError) as error:
            log.warning("job worker disconnected", error=str(error)[:200])
        await asyncio.sleep(RECONNECT_SECONDS)
