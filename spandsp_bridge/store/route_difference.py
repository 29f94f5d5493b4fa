"""What some SQL would do to the routes: decided before and after it, in one transaction."""

from collections import Counter
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

# Last month's calls first, the most frequent ones; then a number of each pattern for each company.
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
    made = {}
    for company, number in destinations:
        owner = facts.company(company)
        if owner is not None:
            plan = outbound.decide(
                facts, owner, number, fax=fax, random=lambda: 0.5, now=now, caller=owner.caller
            )
            made[company, number] = explain(plan, facts, owner.caller)
    return made


def _summary(told: dict[str, Any]) -> str:
    """Return where a call goes in a few words: all of the order, with the first one's chances."""
    if told["reply"]:
        return f"{told['reply']['code']} {told['reply']['reason']}"
    if told["inside"]:
        return f"inside to {told['inside']['ddi']}"
    tries = []
    for c in told["candidates"]:
        legs = {(leg["number"], leg["caller"]) for leg in c["legs"]}
        as_is = legs == {(told["number"], told["caller"])}
        sent = "" if as_is else f" as {min(legs)[0]} from {min(legs)[1]}"
        tries.append(f"{c['carrier_name']} (route {c['route']}, {c['probability']:.0%}{sent})")
    return " then ".join(tries)


def compare(
    url: str, sql: str, *, brand: int | None, fax: bool, sample: int, commit: bool
) -> dict[str, Any]:
    """Return how the decisions on up to `sample` destinations change by `sql`.

    All happens in one transaction, which is undone unless `commit`. As the operator of
    `brand` where given. Raises UserError for SQL that fails, SetupError.
    """
    try:
        connection = psycopg.connect(url, connect_timeout=5)
    except psycopg.Error as error:
        raise unusable(error) from error
    with connection:
        if brand is not None:
            connection.execute("select set_config('vfax.brand_id', %s, true)", [str(brand)])
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
    changed = []
    for destination in destinations:
        old, new = before.get(destination), after.get(destination)
        was = _summary(old) if old else "no such company"
        becomes = _summary(new) if new else "no such company"
        if was != becomes:
            company, number = destination
            changed.append({"company": company, "number": number, "before": was, "after": becomes})
    moves = Counter((c["before"], c["after"]) for c in changed)
    return {
        "destinations": len(destinations),
        "changed": len(changed),
        "committed": commit,
        "moves": [
            {"before": was, "after": becomes, "destinations": count}
            for (was, becomes), count in moves.most_common()
        ],
        "changes": changed,
    }
