"""How a call would leave, asked of the routing core inside PostgreSQL, in a tenant's rows."""

from datetime import datetime
from typing import Any

import psycopg

from spandsp_bridge.errors import NotFoundError, SetupError, UserError
from spandsp_bridge.store.errors import DatabaseError, DatabaseUnavailable
from spandsp_bridge.store.transactions import Transactions


async def explained(
    database: Transactions, company: int, number: str, *, fax: bool = True,
    at: datetime | None = None, seed: int | None = None,
) -> dict[str, Any]:  # fmt: skip
    """Return the decision of `explain_route()`. Raises UserError, SetupError."""
    try:
        async with database.transaction() as c:
            row = await (
                await c.execute("select from companies where id = %s", [company])
            ).fetchone()
            if row is None:
                raise NotFoundError(f"there is no company {company}")
            cursor = await c.execute(
                "select explain_route(%s, %s, %s, coalesce(%s, now()), %s) as told",
                [company, number, fax, at, seed],
            )
            told = await cursor.fetchone()
    except DatabaseError as error:
        if error.sqlstate == psycopg.errors.UndefinedFunction.sqlstate:
            raise SetupError(
                "explain_route() is not there: apt-get install postgresql-plpython3-15, then `vfax "
                "migrate`"
            ) from error
        if isinstance(error, DatabaseUnavailable):
            raise
        raise UserError(error.reason.rpartition("Error: ")[2] or error.reason) from error
    assert told is not None
    return dict(told["told"])
