"""Statistics of calls: by day, carrier, route, destination and cause, in a brand's rows."""

from dataclasses import dataclass
from typing import Any

from spandsp_bridge.store.transactions import Transactions

DAYS = 14  #: that the statistics cover, so that they stay cheap


@dataclass(frozen=True, slots=True)
class DayCounts:
    """The calls of one day that have ended."""

    day: str  #: such as `28 Nov`
    completed: int
    failed: int


@dataclass(frozen=True, slots=True)
class CallCounts:
    """The calls of one carrier, route or destination."""

    name: str | None  #: None: the carrier was deleted
    calls: int
    completed: int


@dataclass(frozen=True, slots=True)
class FailureCounts:
    """The calls that failed for one reason."""

    reason: str  #: of `reasons.Reason`
    calls: int
    detail: dict[str, Any]  #: of the latest of them, by `reasons.DETAILS`


@dataclass(frozen=True, slots=True)
class QueueCounts:
    """How many faxes wait, and how many are being sent."""

    waiting: int
    running: int


_BY_DAY = """
    select to_char(d.day, 'DD Mon') as day,
           count(a.id) filter (where a.reason = 'completed') as completed,
           count(a.id) filter (where a.reason <> 'completed') as failed
    from generate_series(current_date - %(days)s + 1, current_date, interval '1 day') d (day)
    left join attempts a on a.started_at >= d.day and a.started_at < d.day + interval '1 day'
      and a.reason is not null
    group by d.day order by d.day
"""

_BY_CARRIER = """
    select k.name, count(*) as calls,
           count(*) filter (where a.reason = 'completed') as completed
    from attempts a
    left join carriers k on k.id = (a.route ->> 'carrier')::bigint
    where a.started_at > now() - make_interval(days => %(days)s) and a.reason is not null
      and a.route is not null
    group by 1 order by 2 desc limit 12
"""

_BY_ROUTE = """
    select '#' || (a.route ->> 'route')
             || coalesce(' ' || r.type || coalesce(' ' || p.name, ''), '') as name,
           count(*) as calls,
           count(*) filter (where a.reason = 'completed') as completed
    from attempts a
    left join outgoing_routes r on r.id = (a.route ->> 'route')::bigint
    left join routing_patterns p on p.id = r.pattern_id
    where a.started_at > now() - make_interval(days => %(days)s) and a.reason is not null
      and a.route ->> 'route' is not null
    group by 1 order by 2 desc limit 12
"""

_BY_DESTINATION = """
    select left(f.remote_number, 3) as name, count(*) as calls,
           count(*) filter (where a.reason = 'completed') as completed
    from attempts a
    join faxes f on f.company_id = a.company_id and f.id = a.fax_id
    where a.started_at > now() - make_interval(days => %(days)s) and a.reason is not null
      and f.direction = 'out'
    group by 1 order by 2 desc limit 12
"""

_BY_CAUSE = """
    select a.reason, count(*) as calls,
           (array_agg(a.detail order by a.started_at desc))[1] as detail
    from attempts a
    where a.started_at > now() - make_interval(days => %(days)s) and a.reason <> 'completed'
    group by 1 order by 2 desc limit 12
"""

_QUEUES = """
    select coalesce(sum(waiting), 0)::int as waiting, coalesce(sum(running), 0)::int as running
    from fax_queues
"""


class Usage:
    """The queries of the brand's overview, over the last DAYS days."""

    def __init__(self, database: Transactions) -> None:
        self._db = database

    async def _rows(self, query: str) -> list[dict[str, Any]]:
        async with self._db.transaction() as c:
            return await (await c.execute(query.encode(), {"days": DAYS})).fetchall()

    async def days(self) -> list[DayCounts]:
        """Return the counts of each day, the oldest first."""
        return [DayCounts(**row) for row in await self._rows(_BY_DAY)]

    async def carriers(self) -> list[CallCounts]:
        """Return the counts of the 12 most called carriers."""
        return [CallCounts(**row) for row in await self._rows(_BY_CARRIER)]

    async def routes(self) -> list[CallCounts]:
        """Return the counts of the 12 most used outgoing routes."""
        return [CallCounts(**row) for row in await self._rows(_BY_ROUTE)]

    async def destinations(self) -> list[CallCounts]:
        """Return the counts of the 12 most called prefixes: + and two digits."""
        return [CallCounts(**row) for row in await self._rows(_BY_DESTINATION)]

    async def causes(self) -> list[FailureCounts]:
        """Return the 12 most frequent reasons of failure."""
        return [FailureCounts(**row) for row in await self._rows(_BY_CAUSE)]

    async def waiting(self) -> QueueCounts:
        """Return the counts of all queues together."""
        [row] = await self._rows(_QUEUES)
        return QueueCounts(**row)
