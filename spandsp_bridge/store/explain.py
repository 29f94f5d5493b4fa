"""The decision on a call, by the routing core inside PostgreSQL, over the tenant's rows."""

from datetime import datetime
from typing import Any

from psycopg import errors

from spandsp_bridge.errors import NotFoundError, SetupError, UserError, VfaxError
from spandsp_bridge.store.errors import DatabaseError
from spandsp_bridge.store.transactions import Transactions


async def explained(
    database: Transactions,
    company: int,
    number: str,
    *,
    fax: bool = True,
    at: datetime | None = None,
    seed: int | None = None,
) -> dict[str, Any]:
    """Return the decision of `explain_route()`.

    Raises NotFoundError, UserError for an invalid number, SetupError without PL/Python.
    """
    try:
        async with database.transaction() as c:
            cursor = await c.execute(
                """
                select explain_route(%(company)s, %(number)s, %(fax)s, coalesce(%(at)s, now()),
                                     %(seed)s) as decision
                """,
                {"company": company, "number": number, "fax": fax, "at": at, "seed": seed},
            )
            row = await cursor.fetchone()
    except DatabaseError as error:
        raise _explanation_error(error, company, number) from error
    assert row is not None
    return dict(row["decision"])


def _explanation_error(error: DatabaseError, company: int, number: str) -> VfaxError:
    """Return the error for an SQLSTATE that sql/functions/explain_route.sql raises."""
    match error.sqlstate:
        case errors.NoDataFound.sqlstate:
            return NotFoundError("there is no company {company}", company=company)
        case errors.InvalidParameterValue.sqlstate:
            return UserError(
                "invalid phone number {number!r}: use E.164, e.g. +34911234567", number=number
            )
        case errors.UndefinedFunction.sqlstate:
            return SetupError(
                "explain_route() is missing: apt-get install postgresql-plpython3-15, then"
                " vfax migrate"
            )
        case _:
            return error
