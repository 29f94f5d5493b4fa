"""Rows of configuration: read, added, changed and deleted in a tenant's database.

The statements are composed of what store/config_tables.py declares.
"""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from psycopg import sql

from spandsp_bridge.errors import ConflictError, NotFoundError, UserError
from spandsp_bridge.i18n import Label
from spandsp_bridge.store.config_tables import RESOURCES, Field, Resource
from spandsp_bridge.store.config_values import parsed
from spandsp_bridge.store.errors import (
    ForeignKeyViolation,
    InsufficientPrivilege,
    RowRejected,
)
from spandsp_bridge.store.transactions import Connection, Transactions

MAX_ROWS = 1000
KEY_PREFIX = "key_"  #: of the parameters that name a row


@dataclass(frozen=True, slots=True)
class Scope:
    """The tenant whose configuration is read and written."""

    role: str
    brand: int | None
    company: int | None


def refused(error: RowRejected) -> UserError:
    """Return what a constraint said, in words: they are named for what they require."""
    if isinstance(error, InsufficientPrivilege) and not error.constraint:
        return UserError("refused: you may not change this")
    rule = Label("rule", error.constraint) if error.constraint else error.message.splitlines()[0]
    if isinstance(error, ForeignKeyViolation) and "referenced" in error.detail:
        return UserError(
            "refused: it is still in use by {table}: {rule}", table=error.table, rule=rule
        )
    if error.hint:
        return UserError("refused: {rule}. {hint}", rule=rule, hint=error.hint.rstrip("."))
    return UserError("refused: {rule}", rule=rule)


class ConfigStore:
    """Rows of configuration in a tenant's database."""

    def __init__(self, database: Transactions, scope: Scope) -> None:
        self._db = database
        self.scope = scope

    def writable(self, resource: Resource) -> list[Field]:
        """Return the fields that this tenant may write."""
        role = self.scope.role
        if role not in resource.writers:
            return []
        return [f for f in resource.fields if f.writers is None or role in f.writers]

    async def rows(
        self, resource: Resource, parent: int | None = None, limit: int = MAX_ROWS
    ) -> list[dict[str, Any]]:
        """Return rows, each with its id, its parent's, and labels of references (`NAME_label`)."""
        conditions: list[sql.Composable] = [sql.SQL("true")]
        if parent is not None:
            conditions.append(
                sql.SQL("t.{} = {}").format(
                    sql.Identifier(resource.parent_column), sql.Literal(parent)
                )
            )
        return await self._select(resource, sql.SQL(" and ").join(conditions), limit)

    async def row(self, resource: Resource, key: str) -> dict[str, Any]:
        """Return one row. Raises NotFoundError."""
        found = await self._select(
            resource, self._named(resource, key), 1, self._key_values(resource, key)
        )
        if not found:
            raise NotFoundError("there is no {kind} {id}", kind=Label("kind", resource.key), id=key)
        return found[0]

    async def labels(self, key: str) -> list[tuple[int, str]]:
        """Return the (id, label) pairs that a reference may point at."""
        resource = RESOURCES[key]
        if self.scope.role not in resource.readers:
            return []
        query = sql.SQL("select t.id, t.{}::text as label from {} t where {} order by 2").format(
            sql.Identifier(resource.label), sql.Identifier(resource.table), _own(resource)
        )
        async with self._db.transaction() as c:
            rows = await (await c.execute(query)).fetchall()
        return [(int(row["id"]), str(row["label"])) for row in rows]

    async def about(self, resource: Resource) -> str:
        """Return what a table is for: its comment in the database."""
        async with self._db.transaction() as c:
            row = await (
                await c.execute(
                    """
                    select coalesce(obj_description(%(table)s::regclass, 'pg_class'), '') as text
                    """,
                    {"table": resource.table},
                )
            ).fetchone()
        return str(row["text"]) if row else ""

    async def helps(self, resource: Resource) -> dict[str, str]:
        """Return what each column means: its comment in the database."""
        async with self._db.transaction() as c:
            rows = await (
                await c.execute(
                    """
                    select attname, coalesce(col_description(attrelid, attnum), '') as text
                    from pg_attribute
                    where attrelid = %(table)s::regclass and attnum > 0 and not attisdropped
                    """,
                    {"table": resource.table},
                )
            ).fetchall()
        return {row["attname"]: row["text"] for row in rows}

    async def column_defaults(self, resource: Resource) -> dict[str, str]:
        """Return the default of each column that has one, as an SQL expression."""
        async with self._db.transaction() as c:
            cursor = await c.execute(
                """
                select a.attname as name, pg_get_expr(d.adbin, d.adrelid) as expression
                from pg_attrdef d
                join pg_attribute a on a.attrelid = d.adrelid and a.attnum = d.adnum
                where d.adrelid = %(table)s::regclass
                """,
                {"table": resource.table},
            )
            return {row["name"]: row["expression"] for row in await cursor.fetchall()}

    async def add(
        self, resource: Resource, values: Mapping[str, Any], parent: int | None = None,
        **more: Any,
    ) -> dict[str, Any]:  # fmt: skip
        """Insert a row; return it. Raises UserError with the constraint that it violates.

        The row of a new webhook includes its secret, which cannot be read again.
        """
        self._refuse_unwritable(resource, values)
        written = {f.name: parsed(f, values.get(f.name)) for f in self.writable(resource)
                   if f.name in values or f.needed}  # fmt: skip
        secret = {"secret": _webhook_secret()} if resource.key == "webhooks" else {}
        written = {**written, **more, **secret}
        if not resource.made_by(self.scope.role):
            raise UserError("you may not create a {kind}", kind=Label("kind", resource.key))
        try:
            async with self._db.transaction() as c:
                written |= await self._owner(c, resource, parent, written)
                query = sql.SQL("insert into {} ({}) values ({}) returning {}").format(
                    sql.Identifier(resource.table),
                    sql.SQL(", ").join(map(sql.Identifier, written)),
                    sql.SQL(", ").join(map(sql.Placeholder, written)),
                    sql.SQL(", ").join(map(sql.Identifier, resource.identity)),
                )
                made = await (await c.execute(query, written)).fetchone()
        except RowRejected as error:
            raise refused(error) from error
        assert made is not None
        row = await self.row(resource, "~".join(str(made[name]) for name in resource.identity))
        return {**row, **secret}

    async def change(
        self, resource: Resource, key: str, values: Mapping[str, Any], **more: Any
    ) -> dict[str, Any]:
        """Change the given columns of a row; return it. Raises UserError."""
        self._refuse_unwritable(resource, values)
        written = {f.name: parsed(f, values[f.name]) for f in self.writable(resource)
                   if f.name in values}  # fmt: skip
        written |= more
        if not written:
            return await self.row(resource, key)
        query = sql.SQL("update {} t set {} where {}").format(
            sql.Identifier(resource.table),
            sql.SQL(", ").join(
                sql.SQL("{} = {}").format(sql.Identifier(n), sql.Placeholder(n)) for n in written
            ),
            self._named(resource, key),
        )
        key_values = self._key_values(resource, key)
        try:
            async with self._db.transaction() as c:
                changed = (await c.execute(query, written | key_values)).rowcount
        except RowRejected as error:
            raise refused(error) from error
        if changed == 0:
            raise NotFoundError("there is no {kind} {id}", kind=Label("kind", resource.key), id=key)
        # An identity column may have changed: the row is read by its new key.
        identity = {name: key_values[f"{KEY_PREFIX}{name}"] for name in resource.identity} | written
        return await self.row(resource, "~".join(str(identity[n]) for n in resource.identity))

    async def remove(self, resource: Resource, key: str) -> None:
        """Delete a row. Raises ConflictError where it is still in use."""
        if not resource.made_by(self.scope.role):
            raise UserError("you may not delete this {kind}", kind=Label("kind", resource.key))
        query = sql.SQL("delete from {} t where {}").format(
            sql.Identifier(resource.table), self._named(resource, key)
        )
        try:
            async with self._db.transaction() as c:
                deleted = (await c.execute(query, self._key_values(resource, key))).rowcount
        except RowRejected as error:
            raise ConflictError("{problem}", problem=refused(error)) from error
        if deleted == 0:
            raise NotFoundError("there is no {kind} {id}", kind=Label("kind", resource.key), id=key)

    def _refuse_unwritable(self, resource: Resource, values: Mapping[str, Any]) -> None:
        allowed = {f.name for f in self.writable(resource)}
        for field in resource.fields:
            if field.name in values and field.name not in allowed:
                raise UserError(
                    "you may not set {field} of a {kind}",
                    field=Label("field", field.name),
                    kind=Label("kind", resource.key),
                )

    async def digest(
        self, resource: Resource, values: Mapping[str, Any], held: Mapping[str, Any], password: str
    ) -> dict[str, str | None]:
        """Return the column that keeps a SIP password (RFC 2617 §3.2.2.2), where it changes.

        `held` is the row before the change. The digest includes the user's name and the realm:
        a change of those requires the password. Raises UserError.
        """
        now = {**held, **{f.name: parsed(f, values[f.name]) for f in self.writable(resource)
                          if f.name in values}}  # fmt: skip
        if resource.key == "accounts":
            names, user = ("username", "company_id"), now.get("username")
            async with self._db.transaction() as c:
                row = await (
                    await c.execute(
                        "select sip_domain from companies where id = %(company)s",
                        {"company": now.get("company_id")},
                    )
                ).fetchone()
            realm = row["sip_domain"] if row else None
        else:
            names, user = ("auth_user", "auth_realm"), now.get("auth_user")
            realm = now.get("auth_realm")
            if user is None and realm is None:
                return {resource.digest_column: None}
        if not password:
            if any(now.get(name) != held.get(name) for name in names):
                raise UserError(
                    "the password is required: its digest includes {first} and {second}",
                    first=Label("field", names[0]),
                    second=Label("field", names[1]),
                )
            return {}
        if not user or not realm:
            return {}  # the table says what is missing
        text = f"{user}:{realm}:{password}".encode()
        return {resource.digest_column: hashlib.md5(text, usedforsecurity=False).hexdigest()}

    # ---- internal -------------------------------------------------------------------------------

    async def _owner(
        self, c: Connection, resource: Resource, parent: int | None, written: dict[str, Any]
    ) -> dict[str, Any]:
        """Return the columns of a new row's owner."""
        owner: dict[str, Any] = {}
        if resource.table not in ("brands", "bridges") and "brand_id" not in written:
            owner["brand_id"] = self.scope.brand
        if resource.parent:
            if parent is None:
                raise UserError(
                    "{kind}: name the {parent} that it belongs to",
                    kind=Label("kind", resource.key),
                    parent=Label("kind", resource.parent),
                )
            owner[resource.parent_column] = parent
        if resource.of_company:
            company = written.get("company_id") or self.scope.company
            if company is None and resource.parent:
                above = RESOURCES[resource.parent]
                row = await (
                    await c.execute(
                        sql.SQL("select company_id from {} where id = %(parent)s").format(
                            sql.Identifier(above.table)
                        ),
                        {"parent": parent},
                    )
                ).fetchone()
                if row is None:
                    raise NotFoundError(
                        "there is no {kind} {id}", kind=Label("kind", above.key), id=parent
                    )
                company = row["company_id"]
            if company is None:
                raise UserError(
                    "{kind}: name the company that it belongs to",
                    kind=Label("kind", resource.key),
                )
            owner["company_id"] = company
        return owner

    @staticmethod
    def _named(resource: Resource, key: str) -> sql.Composed:
        parts = key.split("~") if len(resource.identity) > 1 else [key]
        if len(parts) != len(resource.identity):
            raise NotFoundError(
                "there is no {kind} {id}", kind=Label("kind", resource.key), id=key[:60]
            )
        conditions: list[sql.Composable] = [_own(resource)]
        for name, part in zip(resource.identity, parts, strict=True):
            if name != "email" and not (part.isascii() and part.isdigit() and len(part) < 19):
                raise NotFoundError(
                    "there is no {kind} {id}", kind=Label("kind", resource.key), id=key[:60]
                )
            conditions.append(
                sql.SQL("t.{} = {}").format(
                    sql.Identifier(name), sql.Placeholder(f"{KEY_PREFIX}{name}")
                )
            )
        return sql.SQL(" and ").join(conditions)

    @staticmethod
    def _key_values(resource: Resource, key: str) -> dict[str, str | int]:
        """Return the parameters of the condition that `_named` returned for this key."""
        parts = key.split("~") if len(resource.identity) > 1 else [key]
        return {
            f"{KEY_PREFIX}{name}": part if name == "email" else int(part)
            for name, part in zip(resource.identity, parts, strict=True)
        }

    async def _select(
        self,
        resource: Resource,
        where: sql.Composable,
        limit: int,
        values: Mapping[str, str | int] | None = None,
    ) -> list[dict[str, Any]]:
        if self.scope.role not in resource.readers:
            raise UserError("you may not see a {kind}", kind=Label("kind", resource.key))
        columns: list[sql.Composable] = []
        if resource.parent:
            columns.append(sql.SQL("t.{}").format(sql.Identifier(resource.parent_column)))
        for field in resource.fields:
            columns.append(sql.SQL("t.{}").format(sql.Identifier(field.name)))
            if field.ref and self.scope.role in RESOURCES[field.ref].readers:
                other = RESOURCES[field.ref]
                columns.append(
                    sql.SQL("(select r.{}::text from {} r where r.id = t.{}) as {}").format(
                        sql.Identifier(other.label), sql.Identifier(other.table),
                        sql.Identifier(field.name), sql.Identifier(f"{field.name}_label"),
                    )
                )  # fmt: skip
        identity = sql.SQL(" || '~' || ").join(
            sql.SQL("t.{}::text").format(sql.Identifier(n)) for n in resource.identity
        )
        query = sql.SQL(
            "select {columns}, {identity} as id from {table} t where {own} and {where}"
            " order by t.{label}, {identity} limit {limit}"
        ).format(
            columns=sql.SQL(", ").join(columns), identity=identity, own=_own(resource),
            table=sql.Identifier(resource.table), where=where,
            label=sql.Identifier(resource.label), limit=sql.Literal(limit),
        )  # fmt: skip
        async with self._db.transaction() as c:
            return await (await c.execute(query, values)).fetchall()


def _webhook_secret() -> str:
    """Return a key for signatures, as Standard Webhooks writes it."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def _own(resource: Resource) -> sql.SQL:
    """Return the condition that tells users of companies from operators: one table has both."""
    match resource.key:
        case "users":
            return sql.SQL("t.role in ('company', 'user')")
        case "operators":
            return sql.SQL("t.role in ('brand', 'platform')")
        case _:
            return sql.SQL("true")
