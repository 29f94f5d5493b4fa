"""SQL logins of brand operators: login roles, and their rows in `operator_logins`.

Roles are made as the login of the URL, which needs CREATEROLE; services have no such right.
"""

from dataclasses import dataclass
from datetime import datetime

import psycopg
from psycopg import sql

from spandsp_bridge.errors import ConflictError, NotFoundError, SetupError
from spandsp_bridge.store.pool import connect


@dataclass(frozen=True, slots=True)
class OperatorLogin:
    """A login and the brand that it acts for."""

    login: str
    brand_id: int
    brand: str
    created_at: datetime


class OperatorLogins:
    """The login roles of brand operators."""

    def __init__(self, url: str) -> None:
        self._url = url

    async def add(self, login: str, password: str, brand: str) -> OperatorLogin:
        """Create a login role for a brand, named by its id or name.

        Raises NotFoundError, ConflictError for a role that exists, and SetupError.
        """
        async with await connect(self._url) as connection:
            cursor = await connection.execute(
                "select id, name from brands where id::text = %(brand)s or name = %(brand)s"
                " order by id::text = %(brand)s desc limit 1",
                {"brand": brand},
            )
            found = await cursor.fetchone()
            if found is None:
                raise NotFoundError("there is no brand {brand}; see the table brands", brand=brand)
            # The server sees the verifier alone: statements are logged.
            verifier = connection.pgconn.encrypt_password(
                password.encode(), login.encode(), b"scram-sha-256"
            ).decode()
            role = sql.Identifier(login)
            try:
                cursor = await connection.execute(
                    "insert into operator_logins (login, brand_id) values (%(login)s, %(brand)s)"
                    " returning created_at",
                    {"login": login, "brand": found[0]},
                )
                created = await cursor.fetchone()
                assert created is not None
                await connection.execute(
                    sql.SQL("create role {} login password {} in role vfax_brand").format(
                        role, sql.Literal(verifier)
                    )
                )
            except (psycopg.errors.DuplicateObject, psycopg.errors.UniqueViolation) as error:
                raise ConflictError("the role {login} already exists", login=login) from error
            except psycopg.Error as error:
                raise _refused(error) from error
        return OperatorLogin(login, found[0], found[1], created[0])

    async def logins(self) -> list[OperatorLogin]:
        """Return every login, by brand and name."""
        async with await connect(self._url) as connection:
            cursor = await connection.execute(
                "select o.login::text, o.brand_id, b.name, o.created_at"
                " from operator_logins o join brands b on b.id = o.brand_id order by b.name, 1"
            )
            return [OperatorLogin(*row) for row in await cursor.fetchall()]

    async def remove(self, login: str) -> None:
        """Drop a login role; its open sessions see nothing from now on.

        Raises NotFoundError for a role that is not an operator's, and SetupError.
        """
        async with await connect(self._url) as connection:
            cursor = await connection.execute(
                "delete from operator_logins where login = %(login)s", {"login": login}
            )
            if cursor.rowcount == 0:
                raise NotFoundError(
                    "there is no operator login {login}; see `vfax operator list`", login=login
                )
            try:
                await connection.execute(
                    sql.SQL("drop role if exists {}").format(sql.Identifier(login))
                )
            except psycopg.Error as error:
                raise _refused(error) from error


def _refused(error: psycopg.Error) -> SetupError:
    return SetupError(
        "PostgreSQL refused to change the login: {error}", error=str(error).splitlines()[0]
    )
