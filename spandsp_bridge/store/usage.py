"""How calls went: by day, carrier, destination and cause, in a brand's rows."""

from typing import Any

from spandsp_bridge.store.transactions import Transactions

_RATES = """
    select {name} as name, count(*) as calls,
           count(*) filter (where a.reason = 'completed') as good
    from attempts a {joins}
    where a.started_at > now() - interval '14 days' and a.reason is not null and {known}
    group by 1 order by 2 desc limit 12
"""


class Usage:
    """The queries of charts. Fourteen days, so that they stay cheap."""

    def __init__(self, database: Transactions) -> None:
        self._db = database

    async def _rows(self, query: str) -> list[dict[str, Any]]:
        async with self._db.transaction() as c:
            return await (await c.execute(query.encode())).fetchall()

    async def days(self) -> list[tuple[str, int, int]]:
        """Return (day, completed, failed) of each of the last fourteen days."""
        rows = await self._rows(
            "select to_char(d.day, 'DD Mon') as day,"
            " count(a.id) filter (where a.reason = 'completed') as good,"
            " count(a.id) filter (where a.reason <> 'completed') as bad"
            " from generate_series(current_date - 13, current_date, interval '1 day') d (day)"
            " left join attempts a on a.started_at >= d.day"
            " and a.started_at < d.day + interval '1 day'"
            " and a.reason is not null group by d.day order by d.day"
        )
        return [(row["day"], row["good"], row["bad"]) for row in rows]

    async def _rates(self, name: str, joins: str, known: str) -> list[dict[str, Any]]:
        """Return calls and completed ones by a name, the most called first."""
        return await self._rows(_RATES.format(name=name, joins=joins, known=known))

    async def carriers(self) -> list[dict[str, Any]]:
        """Return calls and completed ones by carrier."""
        return await self._rates(
            "k.name",
            "left join carriers k on k.id = (a.route ->> 'carrier')::bigint",
            "a.route is not null",
        )

    async def routes(self) -> list[dict[str, Any]]:
        """Return calls and completed ones by outgoing route."""
        return await self._rates(
            "'#' || (a.route ->> 'route') || coalesce(' ' || r.type || coalesce(' ' || p.name, ''),"
            " '')",
            "left join outgoing_routes r on r.id = (a.route ->> 'route')::bigint"
            " left join routing_patterns p on p.id = r.pattern_id",
            "a.route ->> 'route' is not null",
        )

    async def destinations(self) -> list[dict[str, Any]]:
        """Return calls and completed ones by the first digits of the called number."""
        return await self._rates(
            "left(f.remote_number, 3)",
            "join faxes f on f.company_id = a.company_id and f.id = a.fax_id",
            "f.direction = 'out'",
        )

    async def causes(self) -> list[dict[str, Any]]:
        """Return why calls failed, the commonest first, with what the latest one said."""
        return await self._rows(
            "select a.reason, count(*) as calls, (array_agg(a.detail order by a.started_at"
            " desc))[1] as detail from attempts a where a.started_at > now() - interval '14 days'"
            " and a.reason <> 'completed' group by 1 order by 2 desc limit 12"
        )

    async def waiting(self) -> dict[str, int]:
        """Return how many faxes wait, and how many are being sent."""
        [row] = await self._rows(
            "select coalesce(sum(waiting), 0)::int as waiting, coalesce(sum(running), 0)::int as"
            " running from fax_queues"
        )
        return {"waiting": row["waiting"], "running": row["running"]}
