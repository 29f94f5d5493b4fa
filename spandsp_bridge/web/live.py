"""Live updates of faxes: one poll a second for all watchers together."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass

import structlog

from spandsp_bridge.store.errors import DatabaseError
from spandsp_bridge.store.live import FaxState, FaxStates
from spandsp_bridge.store.pool import Database
from spandsp_bridge.store.progress import FaxProgress, Progress

log = structlog.get_logger(__name__)

POLL_SECONDS = 1.0
NEWEST = 20  #: faxes of a company that its lists watch
QUEUE_LIMIT = 100  #: unread updates of one watcher; a later poll queues what did not fit


@dataclass(frozen=True, slots=True)
class News(FaxState):
    """A fax as it is now. `stage`, `page` and `bit_rate` are live and may be missing."""

    stage: str = ""
    page: int = 0
    bit_rate: int = 0


class Watcher:
    """A subscriber to one fax, or to the newest faxes of a company."""

    def __init__(self, company: int, fax: int | None) -> None:
        self.company = company
        self.fax = fax
        self.queue: asyncio.Queue[News] = asyncio.Queue(QUEUE_LIMIT)
        self.seen: dict[int, News] = {}

    def notify(self, news: News, *, first: bool) -> None:
        """Queue a state that differs from the last one; a list's first poll queues nothing."""
        known = self.seen.get(news.fax_id)
        if known == news:
            return
        if known is not None or not first or self.fax is not None:
            try:
                self.queue.put_nowait(news)
            except asyncio.QueueFull:
                return  # not marked as seen: the next poll queues the newest state again
        self.seen[news.fax_id] = news


class Hub:
    """Polls what is watched, and notifies each watcher of changes."""

    def __init__(self, database: Database, progress: Progress) -> None:
        self._states = FaxStates(database)
        self.progress = progress
        self._watchers: dict[Watcher, bool] = {}  # True after the first poll
        self._wake = asyncio.Event()

    @property
    def watchers(self) -> int:
        """The number of watchers."""
        return len(self._watchers)

    async def run(self) -> None:
        """Run until cancelled."""
        while True:
            if not self._watchers:
                self._wake.clear()
                await self._wake.wait()
            try:
                await self._poll()
            except (DatabaseError, OSError) as error:
                log.warning("live updates unavailable", error=str(error)[:200])
            except Exception:
                log.exception("live update poll failed")  # the next one may not
            await asyncio.sleep(POLL_SECONDS)

    async def _poll(self) -> None:
        watchers = list(self._watchers)
        faxes = {w.fax for w in watchers if w.fax is not None}
        companies = {w.company for w in watchers if w.fax is None}
        rows = await self._states.watched(list(faxes), list(companies), NEWEST)
        running = [r.fax_id for r in rows if r.status == "inprogress"]
        live = await self.progress.get_many(running)
        by_company: dict[int, list[News]] = {}
        by_fax: dict[int, News] = {}
        for row in rows:
            state = live.get(row.fax_id, FaxProgress())
            news = News(
                **asdict(row),
                stage=state.stage,
                page=state.page,
                bit_rate=state.bit_rate,
            )
            by_fax[news.fax_id] = news
            by_company.setdefault(news.company_id, []).append(news)
        for watcher in watchers:
            if watcher not in self._watchers:
                continue
            first = not self._watchers[watcher]
            self._watchers[watcher] = True
            if watcher.fax is not None:
                found = by_fax.get(watcher.fax)
                if found is not None and found.company_id == watcher.company:
                    watcher.notify(found, first=first)
            else:
                for news in reversed(by_company.get(watcher.company, [])):
                    watcher.notify(news, first=first)

    async def watch(
        self,
        company: int,
        fax: int | None = None,
        virtual_faxes: frozenset[int] | None = None,
        silence: float = 15.0,
    ) -> AsyncIterator[News | None]:
        """Yield changes of a company's faxes, or of one fax; None after `silence` seconds without.

        `virtual_faxes` are those that the watcher may see; None: all of the company.
        """
        watcher = Watcher(company, fax)
        self._watchers[watcher] = False
        self._wake.set()
        try:
            while True:
                try:
                    async with asyncio.timeout(silence):
                        news = await watcher.queue.get()
                except TimeoutError:
                    yield None
                    continue
                if virtual_faxes is None or news.virtual_fax_id in virtual_faxes:
                    yield news
        finally:
            del self._watchers[watcher]
