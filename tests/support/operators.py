"""SQL logins of brand operators, as real roles that connect with a password."""

import itertools
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from psycopg import AsyncConnection, sql
from psycopg.conninfo import make_conninfo

PASSWORD = "an operator's password"
_numbers = itertools.count(1)


@asynccontextmanager
async def operator_login(
    database_url: str, brand: int, *, temporary: bool = False
) -> AsyncIterator[str]:
    """Yield the URL of a new login role of a brand; it is dropped afterwards.

    With `temporary` it may create temporary tables: what the migration takes away.
    """
    name = f"operator_{os.getpid()}_{next(_numbers)}"
    login = sql.Identifier(name)
    async with await AsyncConnection.connect(database_url, autocommit=True) as owner:
        statement = sql.SQL("create role {} login password {}")
        await owner.execute(statement.format(login, sql.Literal(PASSWORD)))
        await owner.execute(sql.SQL("grant vfax_brand to {}").format(login))
        await owner.execute(
            "insert into operator_logins (login, brand_id) values (%s, %s)", [name, brand]
        )
        database = sql.Identifier(owner.info.dbname)
        if temporary:
            await owner.execute(
                sql.SQL("grant temporary on database {} to {}").format(database, login)
            )
        try:
            yield make_conninfo(database_url, user=name, password=PASSWORD)
        finally:
            await owner.execute("delete from operator_logins where login = %s", [name])
            await owner.execute(sql.SQL("drop owned by {}").format(login))
            await owner.execute(sql.SQL("drop role {}").format(login))


async def value(connection: AsyncConnection[Any], query: str, *values: Any) -> Any:
    """Return the one value of a query."""
    row = await (await connection.execute(query.encode(), values or None)).fetchone()
    assert row is not None
    return row[0]
