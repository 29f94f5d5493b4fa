"""Configuration as forms and the API see it: which tables, which columns, who may write them.

Each `Resource` describes one table. What a tenant sees and may write is decided by row-level
security and by the grants in sql/policies/tenants.sql; the lists here say what is offered.
"""

import base64
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg import sql

from spandsp_bridge.errors import NotFoundError, UserError
from spandsp_bridge.model import PAPERS, PICTURES, RESOLUTIONS
from spandsp_bridge.store.errors import (
    ForeignKeyViolation,
    InsufficientPrivilege,
    RowRejected,
    UniqueViolation,
)
from spandsp_bridge.store.transactions import Connection, Transactions

MOST_ROWS = 1000
BRAND, COMPANY = frozenset({"brand"}), frozenset({"brand", "company"})
PLATFORM = frozenset({"platform"})
NOBODY: frozenset[str] = frozenset()
WEEKDAYS = tuple("1234567")


@dataclass(frozen=True, slots=True)
class Field:
    """A column, and how it is asked for."""

    name: str
    kind: str = "text"  #: text, long, int, number, bool, choice, many, lines, ref, time, moment
    choices: tuple[str, ...] = ()
    ref: str = ""  #: kind `ref`: the key of the resource
    needed: bool = False
    listed: bool = True
    writers: frozenset[str] | None = None  #: None: whoever may write the resource
    section: str = ""  #: of a long form; fields of one stand together


@dataclass(frozen=True, slots=True)
class Resource:
    """A table that people edit."""

    key: str
    table: str
    fields: tuple[Field, ...]
    readers: frozenset[str] = COMPANY
    writers: frozenset[str] = COMPANY
    label: str = "name"  #: the column that names a row
    parent: str = ""  #: key of the resource that it belongs to
    parent_column: str = ""
    of_company: bool = False  #: the table has a company_id that every row has
    makers: frozenset[str] | None = None  #: who makes and deletes rows; None: the writers
    #: columns that together name a row, where it has no id
    identity: tuple[str, ...] = ("id",)
    title: str = ""  #: what one row is called
    digest_column: str = ""  #: the column that a password is kept in, as a digest

    def made_by(self, role: str) -> bool:
        """Tell whether a role makes and deletes rows."""
        return role in (self.writers if self.makers is None else self.makers)

    def field(self, name: str) -> Field:
        """Return a field by name."""
        return next(f for f in self.fields if f.name == name)


EVENTS = ("received", "partial", "sent", "failed")
HOOK_EVENTS = ("fax.received", "fax.sent", "fax.failed", "fax.progress")
RATES = ("2400", "4800", "7200", "9600", "12000", "14400")
AUDIO = ("never", "after_t38_refused", "first")
TRANSPORTS = ("udp", "tcp", "tls")

RESOURCES: dict[str, Resource] = {r.key: r for r in (
    # ---- a company's -----------------------------------------------------------------------
    Resource("virtual-faxes", "virtual_faxes", (
        Field("name", needed=True),
        Field("outgoing_ddi_id", "ref", ref="ddis"),
        Field("email", "lines"),
        Field("send_by_email", "bool"),
        Field("mail_events", "many", EVENTS, listed=False, section="By mail"),
        Field("mail_document", "choice", ("pdf", "link"), listed=False, section="By mail"),
        Field("header_line", listed=False, section="Sent pages"),
        Field("resolution", "choice", RESOLUTIONS, listed=False, section="Sent pages"),
        Field("pictures", "choice", PICTURES, listed=False, section="Sent pages"),
        Field("long_pages", "choice", ("split", "scale"), listed=False, section="Sent pages"),
        Field("max_attempts", "int", listed=False, section="When a fax fails"),
        Field("retry_delay", "int", listed=False, section="When a fax fails"),
        Field("station_id", listed=False, section="On the line"),
        Field("audio_fax", "choice", AUDIO, listed=False, section="On the line"),
        Field("ecm", "bool", listed=False, section="On the line"),
        Field("max_bit_rate", "choice", RATES, listed=False, section="On the line"),
    ), of_company=True, title="virtual fax"),
    Resource("hours", "virtual_fax_hours", (
        Field("weekday", "choice", WEEKDAYS, needed=True),
        Field("opens", "time", needed=True), Field("closes", "time", needed=True),
    ), parent="virtual-faxes", parent_column="virtual_fax_id", of_company=True, label="weekday",
        title="opening hours"),
    Resource("callers", "virtual_fax_callers", (
        Field("prefix", needed=True), Field("action", "choice", ("allow", "deny"), needed=True),
    ), parent="virtual-faxes", parent_column="virtual_fax_id", of_company=True, label="prefix",
        title="caller"),
    Resource("senders", "virtual_fax_senders", (Field("email", needed=True),),
        parent="virtual-faxes", parent_column="virtual_fax_id", of_company=True, label="email",
        identity=("email",), title="mail sender"),
    Resource("fax-users", "virtual_fax_users", (Field("user_id", "ref", ref="users", needed=True),),
        parent="virtual-faxes", parent_column="virtual_fax_id", of_company=True, label="user_id",
        identity=("virtual_fax_id", "user_id"), title="user of the fax"),
    Resource("ddis", "ddis", (
        Field("number", needed=True, writers=BRAND),
        Field("company_id", "ref", ref="companies", needed=True, writers=BRAND),
        Field("virtual_fax_id", "ref", ref="virtual-faxes"),
        Field("sip_account_id", "ref", ref="accounts", writers=BRAND, listed=False),
        Field("external_uri", writers=BRAND, listed=False),
        Field("ddi_provider_id", "ref", ref="ddi-providers", writers=BRAND),
    ), label="number", makers=BRAND, title="DDI"),
    Resource("users", "users", (
        Field("email", needed=True), Field("name"),
        Field("role", "choice", ("company", "user"), needed=True),
        Field("language", "choice", ("en", "es"), listed=False),
        Field("time_zone", listed=False),
        Field("fax_only", "bool", listed=False), Field("enabled", "bool"),
    ), label="email", of_company=True, title="user", digest_column="password_hash"),
    Resource("cover-pages", "cover_pages", (
        Field("name", needed=True), Field("html", "long", needed=True, listed=False),
    ), of_company=True, title="cover page"),
    Resource("webhooks", "webhooks", (
        Field("url", needed=True), Field("events", "many", HOOK_EVENTS), Field("enabled", "bool"),
    ), label="url", of_company=True, title="webhook"),
    Resource("sending-hours", "sending_hours", (
        Field("weekday", "choice", WEEKDAYS, needed=True),
        Field("opens", "time", needed=True), Field("closes", "time", needed=True),
    ), label="weekday", of_company=True, title="sending hours"),
    # ---- a brand's -----------------------------------------------------------------------------
    Resource("brand", "brands", (
        Field("name", writers=NOBODY), Field("fall_back_after_failure", "bool"),
    ), BRAND, BRAND, makers=NOBODY, title="brand"),
    Resource("countries", "brand_countries", (Field("country", needed=True),), BRAND, BRAND,
        label="country", parent="brand", parent_column="brand_id", title="country"),
    Resource("companies", "companies", (
        Field("name", needed=True, writers=BRAND),
        Field("country", writers=BRAND), Field("time_zone"),
        Field("language", "choice", ("en", "es")), Field("paper", "choice", PAPERS),
        Field("outgoing_ddi_id", "ref", ref="ddis", listed=False),
        Field("cover_page_id", "ref", ref="cover-pages", listed=False),
        Field("continuation_cover", "bool", listed=False),
        Field("retention_days", "int", listed=False),
        Field("max_calls", "int", writers=BRAND, listed=False),
        Field("sending_calls", "int", writers=BRAND, listed=False),
        Field("bridge_choice", "choice", ("round_robin", "least_loaded"), writers=BRAND,
              listed=False),
        Field("sip_domain", writers=BRAND, listed=False),
    ), makers=BRAND, title="company"),
    Resource("accounts", "sip_accounts", (
        Field("username", needed=True), Field("company_id", "ref", ref="companies", needed=True),
        Field("fax_device", "bool"), Field("enabled", "bool"),
        Field("outgoing_ddi_id", "ref", ref="ddis", listed=False),
    ), BRAND, BRAND, label="username", title="SIP account", digest_column="ha1"),
    Resource("ddi-providers", "ddi_providers", (
        Field("name", needed=True), Field("enabled", "bool"),
    ), BRAND, BRAND, title="DDI provider"),
    Resource("provider-addresses", "ddi_provider_addresses", (
        Field("address", needed=True), Field("local_address"), Field("local_port", "int"),
    ), BRAND, BRAND, label="address", parent="ddi-providers", parent_column="ddi_provider_id",
        title="address"),
    Resource("carriers", "carriers", (
        Field("name", needed=True), Field("enabled", "bool"),
    ), BRAND, BRAND, title="carrier"),
    Resource("carrier-servers", "carrier_servers", (
        Field("address"), Field("host"), Field("port", "int"),
        Field("transport", "choice", TRANSPORTS), Field("priority", "int"),
        Field("enabled", "bool"),
        Field("from_domain", listed=False, section="Whom it sees"),
        Field("asserted_identity", "bool", listed=False, section="Whom it sees"),
        Field("remote_party_id", "bool", listed=False, section="Whom it sees"),
        Field("auth_user", listed=False, section="How it knows us"),
        Field("auth_realm", listed=False, section="How it knows us"),
    ), BRAND, BRAND, label="id", parent="carriers", parent_column="carrier_id", title="server",
        digest_column="auth_ha1"),
    Resource("carrier-rates", "carrier_rates", (
        Field("prefix", needed=True), Field("price", "number", needed=True),
        Field("valid_from", "moment"), Field("valid_until", "moment"),
    ), BRAND, BRAND, label="prefix", parent="carriers", parent_column="carrier_id", title="rate"),
    Resource("patterns", "routing_patterns", (
        Field("name", needed=True), Field("prefix", needed=True),
    ), BRAND, BRAND, title="pattern"),
    Resource("groups", "routing_pattern_groups", (Field("name", needed=True),), BRAND, BRAND,
        title="group of patterns"),
    Resource("group-members", "routing_pattern_group_members", (
        Field("pattern_id", "ref", ref="patterns", needed=True),
    ), BRAND, BRAND, label="pattern_id", parent="groups", parent_column="group_id",
        identity=("group_id", "pattern_id"), title="pattern of the group"),
    Resource("routes", "outgoing_routes", (
        Field("type", "choice", ("fax", "pattern", "group"), needed=True),
        Field("mode", "choice", ("static", "lcr", "block"), needed=True),
        Field("company_id", "ref", ref="companies"),
        Field("pattern_id", "ref", ref="patterns"), Field("group_id", "ref", ref="groups"),
        Field("carrier_id", "ref", ref="carriers"),
        Field("priority", "int"), Field("weight", "int"), Field("stopper", "bool"),
        Field("add_prefix", listed=False), Field("caller_id", listed=False),
    ), BRAND, BRAND, label="id", title="outgoing route"),
    Resource("route-carriers", "outgoing_route_carriers", (
        Field("carrier_id", "ref", ref="carriers", needed=True),
    ), BRAND, BRAND, label="carrier_id", parent="routes", parent_column="route_id",
        identity=("route_id", "carrier_id"), title="carrier of an lcr route"),
    Resource("retry-rules", "retry_rules", (
        Field("reason", needed=True), Field("action", "choice", ("retry", "stop"), needed=True),
        Field("delay", "int"), Field("tries", "int"), Field("steps", "lines"),
    ), BRAND, BRAND, label="reason", title="retry rule"),
    Resource("failover-rules", "failover_rules", (
        Field("class", needed=True),
        Field("action", "choice", ("next", "stop", "retry_later"), needed=True),
        Field("carrier_id", "ref", ref="carriers"), Field("retry_after", "int"),
    ), BRAND, BRAND, label="class", title="failover rule"),
    Resource("peer-profiles", "peer_profiles", (
        Field("number", needed=True), Field("reason"), Field("audio_fax", "choice", AUDIO),
        Field("ecm", "choice", ("true", "false"), listed=False),
        Field("max_bit_rate", "choice", RATES), Field("resolution", "choice", RESOLUTIONS),
        Field("calls", "int", listed=False), Field("pinned", "bool"),
        Field("expires_at", "moment"),
    ), BRAND, BRAND, label="number", title="peer profile"),
    Resource("mail-templates", "mail_templates", (
        Field("event", "choice", EVENTS, needed=True),
        Field("language", "choice", ("en", "es"), needed=True),
        Field("company_id", "ref", ref="companies"), Field("subject", needed=True),
        Field("text", "long", needed=True, listed=False), Field("html", "long", listed=False),
    ), BRAND, BRAND, label="event", title="mail template"),
    # ---- the platform's ------------------------------------------------------------------
    Resource("brands", "brands", (
        Field("name", needed=True), Field("max_calls", "int"),
    ), PLATFORM, PLATFORM, title="brand"),
    Resource("operators", "users", (
        Field("email", needed=True), Field("name"),
        Field("role", "choice", ("brand", "platform"), needed=True),
        Field("brand_id", "ref", ref="brands"), Field("enabled", "bool"),
    ), PLATFORM, PLATFORM, label="email", title="operator", digest_column="password_hash"),
    Resource("bridges", "bridges", (
        Field("name", writers=NOBODY), Field("sip_address", writers=NOBODY),
        Field("sip_port", "int", writers=NOBODY),
        Field("receives", "bool", writers=NOBODY), Field("enabled", "bool"),
        Field("last_seen", "moment", writers=NOBODY),
    ), PLATFORM, PLATFORM, makers=NOBODY, title="bridge"),
)}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Scope:
    """For whom configuration is read and written."""

    role: str
    brand: int | None
    company: int | None


def parsed(field: Field, raw: Any) -> Any:
    """Return what a form or JSON says as a value of the column. Raises UserError."""
    if isinstance(raw, str):
        raw = raw.strip()
    if raw is None or raw in ("", []):
        if field.kind in ("lines", "many"):
            return []
        if field.kind == "bool":
            return False
        if field.needed:
            raise UserError(f"{_words(field.name)} is needed")
        return None
    try:
        return _value(field, raw)
    except (ValueError, TypeError, OverflowError) as error:
        raise UserError(f"{_words(field.name)}: {str(raw)[:60]!r} is not {_kind(field)}") from error


def _value(field: Field, raw: Any) -> Any:
    match field.kind:
        case "int" | "ref":
            number = int(raw)
            if abs(number) >= 2**63:
                raise ValueError(raw)
            return number
        case "number":
            return str(float(raw))
        case "bool":
            return raw if isinstance(raw, bool) else str(raw).lower() in ("1", "true", "on", "yes")
        case "choice":
            if str(raw) not in field.choices:
                raise ValueError(raw)
            return str(raw)
        case "many":
            several = [str(v) for v in ([raw] if isinstance(raw, str) else raw)]
            if not set(several) <= set(field.choices):
                raise ValueError(raw)
            return several
        case "lines":
            lines = raw.replace(",", "\n").splitlines() if isinstance(raw, str) else raw
            return [str(line).strip() for line in lines if str(line).strip()]
        case "moment":
            return datetime.fromisoformat(str(raw))
        case _:
            text = str(raw)
            if "\0" in text:
                raise ValueError(raw)
            return text


def _kind(field: Field) -> str:
    if field.choices:
        return f"one of {', '.join(field.choices)}"
    return {"int": "a number", "ref": "an id", "number": "a number",
            "moment": "a time such as 2026-11-24T08:00+01:00"}.get(field.kind, "right")  # fmt: skip


def _words(name: str) -> str:
    return name.removesuffix("_id").replace("_", " ")


def refused(error: RowRejected) -> UserError:
    """Return what a constraint said, in words: they are named for what they want."""
    if isinstance(error, UniqueViolation):
        text = _words(error.constraint or "it is there already")
    elif error.constraint:
        text = _words(error.constraint)
        if isinstance(error, ForeignKeyViolation) and "referenced" in error.detail:
            text = f"it is still in use by {error.table}: {text}"
    elif isinstance(error, InsufficientPrivilege):
        text = "you may not change this"
    else:
        text = error.message.splitlines()[0]
    hint = f" {error.hint}" if error.hint else ""
    return UserError(f"refused: {text}{'.' if hint else ''}{hint.rstrip('.')}")


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
        self, resource: Resource, parent: int | None = None, limit: int = MOST_ROWS
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
        found = await self._select(resource, self._named(resource, key), 1)
        if not found:
            raise NotFoundError(f"there is no {resource.title} {key}")
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
                    "select coalesce(obj_description(%s::regclass, 'pg_class'), '') as text",
                    [resource.table],
                )
            ).fetchone()
        return str(row["text"]) if row else ""

    async def helps(self, resource: Resource) -> dict[str, str]:
        """Return what each column means: its comment in the database."""
        async with self._db.transaction() as c:
            rows = await (
                await c.execute(
                    "select attname, coalesce(col_description(attrelid, attnum), '') as text"
                    " from pg_attribute where attrelid = %s::regclass and attnum > 0"
                    " and not attisdropped",
                    [resource.table],
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
        """Write a new row; return it. Raises UserError that says what the table wants.

        A webhook's secret is in what is returned, this once: nobody can read it later.
        """
        self._refuse_unwritable(resource, values)
        written = {f.name: parsed(f, values.get(f.name)) for f in self.writable(resource)
                   if f.name in values or f.needed}  # fmt: skip
        secret = {"secret": _webhook_secret()} if resource.key == "webhooks" else {}
        written = {**written, **more, **secret}
        if not resource.made_by(self.scope.role):
            raise UserError(f"you may not make a {resource.title}")
        try:
            async with self._db.transaction() as c:
                written |= await self._owner(c, resource, parent, written)
                query = sql.SQL("insert into {} ({}) values ({}) returning {}").format(
                    sql.Identifier(resource.table),
                    sql.SQL(", ").join(map(sql.Identifier, written)),
                    sql.SQL(", ").join(sql.Placeholder() * len(written)),
                    sql.SQL(", ").join(map(sql.Identifier, resource.identity)),
                )
                made = await (await c.execute(query, list(written.values()))).fetchone()
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
                sql.SQL("{} = {}").format(sql.Identifier(n), sql.Placeholder()) for n in written
            ),
            self._named(resource, key),
        )
        try:
            async with self._db.transaction() as c:
                changed = (await c.execute(query, list(written.values()))).rowcount
        except RowRejected as error:
            raise refused(error) from error
        if changed == 0:
            raise NotFoundError(f"there is no {resource.title} {key}")
        return await self.row(resource, key)

    async def remove(self, resource: Resource, key: str) -> None:
        """Delete a row. Raises UserError when something still needs it."""
        if not resource.made_by(self.scope.role):
            raise UserError(f"you may not delete this {resource.title}")
        query = sql.SQL("delete from {} t where {}").format(
            sql.Identifier(resource.table), self._named(resource, key)
        )
        try:
            async with self._db.transaction() as c:
                gone = (await c.execute(query)).rowcount
        except RowRejected as error:
            raise refused(error) from error
        if gone == 0:
            raise NotFoundError(f"there is no {resource.title} {key}")

    def _refuse_unwritable(self, resource: Resource, values: Mapping[str, Any]) -> None:
        allowed = {f.name for f in self.writable(resource)}
        for field in resource.fields:
            if field.name in values and field.name not in allowed:
                raise UserError(f"you may not set {_words(field.name)} of a {resource.title}")

    async def digest(
        self, resource: Resource, values: Mapping[str, Any], held: Mapping[str, Any], password: str
    ) -> dict[str, str | None]:
        """Return the column that keeps a SIP password (RFC 2617 §3.2.2.2), where it changes.

        `held` is the row as it was. The digest holds the user's name and the realm too: whoever
        changes those has to give the password again. Raises UserError.
        """
        now = {**held, **{f.name: parsed(f, values[f.name]) for f in self.writable(resource)
                          if f.name in values}}  # fmt: skip
        if resource.key == "accounts":
            names, user = ("username", "company_id"), now.get("username")
            async with self._db.transaction() as c:
                row = await (
                    await c.execute(
                        "select sip_domain from companies where id = %s", [now.get("company_id")]
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
                    f"the password is needed: its digest holds {' and '.join(map(_words, names))}"
                )
            return {}
        if not user or not realm:
            return {}  # the table says what is missing
        text = f"{user}:{realm}:{password}".encode()
        return {resource.digest_column: hashlib.md5(text, usedforsecurity=False).hexdigest()}

    # ---- inside -------------------------------------------------------------------------------

    async def _owner(
        self, c: Connection, resource: Resource, parent: int | None, written: dict[str, Any]
    ) -> dict[str, Any]:
        """Return the columns that say whose a new row is."""
        owner: dict[str, Any] = {}
        if resource.table not in ("brands", "bridges") and "brand_id" not in written:
            owner["brand_id"] = self.scope.brand
        if resource.parent:
            if parent is None:
                raise UserError(f"a {resource.title} belongs to one of {resource.parent}: name it")
            owner[resource.parent_column] = parent
        if resource.of_company:
            company = written.get("company_id") or self.scope.company
            if company is None and resource.parent:
                above = RESOURCES[resource.parent]
                row = await (
                    await c.execute(
                        sql.SQL("select company_id from {} where id = %s").format(
                            sql.Identifier(above.table)
                        ),
                        [parent],
                    )
                ).fetchone()
                if row is None:
                    raise NotFoundError(f"there is no {above.title} {parent}")
                company = row["company_id"]
            if company is None:
                raise UserError(f"a {resource.title} belongs to a company: name it")
            owner["company_id"] = company
        return owner

    @staticmethod
    def _named(resource: Resource, key: str) -> sql.Composed:
        parts = key.split("~") if len(resource.identity) > 1 else [key]
        if len(parts) != len(resource.identity):
            raise NotFoundError(f"there is no {resource.title} {key[:60]}")
        conditions: list[sql.Composable] = [_own(resource)]
        for name, part in zip(resource.identity, parts, strict=True):
            if name != "email" and not (part.isascii() and part.isdigit() and len(part) < 19):
                raise NotFoundError(f"there is no {resource.title} {key[:60]}")
            conditions.append(
                sql.SQL("t.{} = {}").format(
                    sql.Identifier(name), sql.Literal(part if name == "email" else int(part))
                )
            )
        return sql.SQL(" and ").join(conditions)

    async def _select(
        self, resource: Resource, where: sql.Composable, limit: int
    ) -> list[dict[str, Any]]:
        if self.scope.role not in resource.readers:
            raise UserError(f"you may not see a {resource.title}")
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
            return await (await c.execute(query)).fetchall()


def _webhook_secret() -> str:
    """Return a key for signatures, as Standard Webhooks writes it."""
    return "whsec_" + base64.b64encode(secrets.token_bytes(32)).decode()


def _own(resource: Resource) -> sql.SQL:
    """Tell people of companies from operators: both are rows of `users`."""
    match resource.key:
        case "users":
            return sql.SQL("t.role in ('company', 'user')")
        case "operators":
            return sql.SQL("t.role in ('brand', 'platform')")
        case _:
            return sql.SQL("true")
