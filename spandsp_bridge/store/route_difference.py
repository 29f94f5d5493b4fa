"""How some SQL changes the routes: decisions before and after it, in one transaction."""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import psycopg
from psycopg import RawCursor
from psycopg.rows import tuple_row

from kemi.routing import outbound
from kemi.routing.explain import explain
from kemi.routing.facts import Facts
from spandsp_bridge.errors import UserError
from spandsp_bridge.store.errors import unusable
from spandsp_bridge.store.routing import SqlSource

Destination = tuple[int, str]  # company, number

# Last month's destinations, the most frequent first; then one number of each pattern and company.
DESTINATIONS = """
    select company_id, remote_number from (
        select company_id, remote_number, count(*) as calls
        from faxes
        where direction = 'out' and created_at > now() - interval '1 month'
          and remote_number ~ '^\\+[1-9][0-9]{6,14}$'
        group by company_id, remote_number
        union all
        select c.id, rpad(case p.prefix when '+' then '+1' else p.prefix end,
                          greatest(12, length(p.prefix)), '5'), 0
        from companies c join routing_patterns p on p.brand_id = c.brand_id
    ) as d
    group by company_id, remote_number
    order by max(calls) desc, company_id, remote_number
    limit $1
"""


def _decide(
    connection: psycopg.Connection[Any], destinations: list[Destination], *, fax: bool
) -> dict[Destination, dict[str, Any]]:
    """Return the decision on each destination, as the transaction sees the rows now."""

    def query(text: str, _sorts: list[str], values: list[Any]) -> list[tuple[Any, ...]]:
        with RawCursor(connection, row_factory=tuple_row) as cursor:
            return cursor.execute(text.encode(), values).fetchall()

    facts = Facts(SqlSource(query))
    now = float(query("select extract(epoch from now())::float8", [], [])[0][0])
    decisions = {}
    for company, number in destinations:
        owner = facts.company(company)
        if owner is not None:
            plan = outbound.decide(
                facts, owner, number, fax=fax, random=lambda: 0.5, now=now, caller=owner.caller
            )
            decisions[company, number] = explain(plan, facts, owner.caller)
    return decisions


@dataclass(frozen=True, slots=True)
class RouteChange:
    """A destination whose route changes; `before` and `after` are summaries."""

    company: int
    number: str
    before: str
    after: str


@dataclass(frozen=True, slots=True)
class RouteMove:
    """How many destinations change from one route to another."""

    before: str
    after: str
    destinations: int


@dataclass(frozen=True, slots=True)
class RouteDifference:
    """What some SQL does to the routes of a sample of destinations."""

    destinations: int
    changed: int
    committed: bool
    moves: list[RouteMove]  #: the most frequent first
    changes: list[RouteChange]


def _summary(decision: dict[str, Any]) -> str:
    """Return the order of candidates, each with its first chance, or the reply, as short text."""
    if decision["reply"]:
        return f"{decision['reply']['code']} {decision['reply']['reason']}"
    if decision["inside"]:
        return f"inside to {decision['inside']['ddi']}"
    tries = []
    for c in decision["candidates"]:
        legs = {(leg["number"], leg["caller"]) for leg in c["legs"]}
        unchanged = legs == {(decision["number"], decision["caller"])}
        sent = "" if unchanged else f" as {min(legs)[0]} from {min(legs)[1]}"
        tries.append(f"{c['carrier_name']} (route {c['route']}, {c['probability']:.0%}{sent})")
    return " then ".join(tries)


def compare(
    url: str, sql: str, *, brand: int | None, fax: bool, sample: int, commit: bool
) -> RouteDifference:
    """Return how the decisions on up to `sample` destinations change by `sql`.

    Everything runs in one transaction, which is rolled back unless `commit`, with the rights of
    the operator of `brand` where given. Raises UserError for SQL that fails, SetupError.
    """
    try:
        connection = psycopg.connect(url, connect_timeout=5)
    except psycopg.Error as error:
        raise unusable(error) from error
    with connection:
        if brand is not None:
            connection.execute(
                "select set_config('vfax.brand_id', %(brand)s, true)", {"brand": str(brand)}
            )
            connection.execute("set local role vfax_brand")
        with RawCursor(connection, row_factory=tuple_row) as cursor:
            rows = cursor.execute(DESTINATIONS.encode(), [sample]).fetchall()
        destinations = [(int(company), str(number)) for company, number in rows]
        before = _decide(connection, destinations, fax=fax)
        try:
            connection.execute(sql.encode())
        except psycopg.Error as error:
            raise UserError("the SQL failed: {error}", error=str(error).strip()) from error
        if connection.info.transaction_status != psycopg.pq.TransactionStatus.INTRANS:
            raise UserError("the SQL ends the transaction: leave BEGIN, COMMIT and ROLLBACK out")
        after = _decide(connection, destinations, fax=fax)
        if not commit:
            connection.rollback()
    changes = []
    for destination in destinations:
        old, new = before.get(destination), after.get(destination)
        before_text = _summary(old) if old else "no such company"
        after_text = _summary(new) if new else "no such company"
        if before_text != after_text:
            changes.append(RouteChange(*destination, before_text, after_text))
    moves = Counter((change.before, change.after) for change in changes)
    return RouteDifference(
        destinations=len(destinations),
        changed=len(changes),
        committed=commit,
        moves=[RouteMove(*move, count) for move, count in moves.most_common()],
        changes=changes,
    )
