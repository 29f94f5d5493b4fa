"""The connection pool, and migrations.

Services act as the role `vfax_service`; row-level security is forced on every
table, so a connection that forgot its role sees nothing.
"""

import asyncio
import hashlib
import json
import logging
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Literal, Protocol

import psycopg
import psycopg.sql
import structlog
from procrastinate.schema import SchemaManager
from psycopg import AsyncConnection
from psycopg.rows import dict_row
from psycopg_pool import AsyncConnectionPool

from spandsp_bridge.errors import SetupError
from spandsp_bridge.settings import ROOT
from spandsp_bridge.store.errors import translated

# Callers get the error itself; the pool's own retries need no second voice.
logging.getLogger("psycopg.pool").setLevel(logging.CRITICAL)

log = structlog.get_logger(__name__)

SQL = ROOT / "sql"
REQUIRES = "-- requires extension:"
REPEATABLE = ("policies", "views", "functions")
MINIMUM_VERSION = 15
LOCK = 0x76666178  # "vfax": one migration at a time

Connection = AsyncConnection[dict[str, Any]]
Role = Literal["platform", "brand", "company", "user"]  #: of a tenant


class Transactions(Protocol):
    """What queries run in: the whole database, or a tenant's."""

    def transaction(self) -> AbstractAsyncContextManager[Connection]:
        """Yield a connection inside a transaction."""


async def _act_as_service(connection: Connection) -> None:
    await connection.execute("set role vfax_service")
    await connection.commit()


def unreachable(error: Exception) -> SetupError:
    """Return a database error as one line that names the setting."""
    text = str(error).strip().splitlines()
    return SetupError(
        f"PostgreSQL cannot be used: {text[0] if text else type(error).__name__}; "
        "check VFAX_DATABASE_URL, and that `vfax migrate` was run"
    )


class Database:
    """A pool of connections that act as `vfax_service`. An async context manager."""

    def __init__(self, url: str, size: int = 8) -> None:
        self.url = url
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            url,
            connection_class=AsyncConnection[dict[str, Any]],
            kwargs={"row_factory": dict_row, "connect_timeout": 5},
            configure=_act_as_service,
            check=AsyncConnectionPool.check_connection,  # a restarted server is not noticed else
            min_size=1,
            max_size=size,
            timeout=5,
            open=False,
        )

    async def __aenter__(self) -> "Database":
        await self._pool.open()  # in the background: the server may come later
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._pool.close()

    async def ready(self) -> None:
        """Connect once, outside the pool. Raises SetupError with the reason when that fails."""
        try:
            async with await AsyncConnection.connect(self.url, connect_timeout=5) as connection:
                await connection.execute("set role vfax_service")
        except psycopg.Error as error:
            raise unreachable(error) from error

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Yield a connection inside a transaction. Raises DatabaseError."""
        with translated():
            async with self._pool.connection() as connection, connection.transaction():
                yield connection

    async def server_version(self) -> str:
        """Return PostgreSQL's version, such as 15.14. Raises DatabaseError, also without tables."""
        async with self.transaction() as c:
            await c.execute("select from faxes limit 1")
            row = await (await c.execute("show server_version")).fetchone()
        return str(row["server_version"]) if row else ""

    async def ping(self) -> None:
        """Run an empty query. Raises DatabaseError."""
        async with self.transaction() as c:
            await c.execute("select 1")

    def tenant(
        self, role: Role, brand: int | None = None, company: int | None = None,
        person: int | None = None,
    ) -> "Tenant":  # fmt: skip
        """Return the database as a tenant sees it, by row-level security."""
        return Tenant(self, role, brand, company, person)


class Tenant:
    """The database in a tenant's role: sql/policies/tenants.sql says what that one sees."""

    def __init__(
        self, database: Database, role: Role, brand: int | None, company: int | None,
        person: int | None,
    ) -> None:  # fmt: skip
        self._database = database
        self._role = psycopg.sql.Identifier(f"vfax_{role}")
        self._settings = ["" if v is None else str(v) for v in (brand, company, person)]

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """Yield a connection inside a transaction that sees the tenant's rows alone."""
        async with self._database.transaction() as connection:
            await connection.execute(
                "select set_config('vfax.brand_id', %s, true),"
                " set_config('vfax.company_id', %s, true), set_config('vfax.user_id', %s, true)",
                self._settings,
            )
            await connection.execute(psycopg.sql.SQL("set local role {}").format(self._role))
            yield connection


async def listen(url: str, channel: str) -> AsyncIterator[str | None]:
    """Yield payloads of NOTIFY, and None after each (re)connection and every 30 s.

    Notifications are lost while disconnected: None says "look for yourself".
    Ends only when cancelled; a lost server is tried again with back-off.
    """
    delay = 0.2
    while True:
        try:
            connection = await psycopg.AsyncConnection.connect(
                url, autocommit=True, connect_timeout=5
            )
            async with connection:
                await connection.execute(f"listen {channel}")
                delay = 0.2
                yield None
                while True:
                    quiet = True
                    async for note in connection.notifies(timeout=30, stop_after=1):
                        quiet = False
                        yield note.payload
                    if quiet:
                        await connection.execute("select 1")
                        yield None
        except psycopg.Error:
            await asyncio.sleep(delay)
            delay = min(delay * 2, 5)


def _files() -> tuple[list[Path], list[Path]]:
    migrations = sorted((SQL / "migrations").glob("[0-9]*.sql"))
    repeatable = [f for folder in REPEATABLE for f in sorted((SQL / folder).glob("*.sql"))]
    return migrations, repeatable


def core() -> dict[str, str]:
    """Return the source text of the routing core, in the order of its imports."""
    routing = ROOT / "kemi" / "routing"
    order = ("model", "numbers", "limits", "failover", "inbound", "outbound", "facts", "explain")
    store = ROOT / "spandsp_bridge" / "store"
    return {
        "kemi": "",
        "kemi.routing": "",
        **{f"kemi.routing.{name}": (routing / f"{name}.py").read_text() for name in order},
        "spandsp_bridge": "",
        "spandsp_bridge.store": "",
        "spandsp_bridge.store.routing": (store / "routing.py").read_text(),
    }


def rendered(file: Path) -> str:
    """Return the text of an SQL file, with the routing core in place of @core."""
    text = file.read_text()
    if "@core" not in text:
        return text
    # As JSON in a raw string between triple apostrophes: none of the two may end early.
    source = json.dumps(core()).replace("'", "\\u0027").replace("$", "\\u0024")
    digest = hashlib.sha256(source.encode()).hexdigest()
    return text.replace("'@digest'", f"'{digest}'").replace("r'''@core'''", f"r'''{source}'''")


async def _missing_extension(connection: psycopg.AsyncConnection[Any], text: str) -> str | None:
    """Return the extension that a file requires and that cannot be had here, or None."""
    first = text.partition("\n")[0]
    if not first.startswith(REQUIRES):
        return None
    name = first.removeprefix(REQUIRES).strip()
    try:
        async with connection.transaction():
            await connection.execute(
                psycopg.sql.SQL("create extension if not exists {}").format(
                    psycopg.sql.Identifier(name)
                )
            )
    except psycopg.Error as error:
        log.warning("an extension is not there; its functions are left out", extension=name,
                    error=str(error).splitlines()[0])  # fmt: skip
        return name
    return None


def _job_migrations() -> list[Path]:
    return sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql"))


async def _migrate_jobs(connection: psycopg.AsyncConnection[Any], applied: dict[str, str]) -> None:
    """Bring procrastinate's tables, in a schema of their own, up to its version."""
    await connection.execute("create schema if not exists jobs")
    await connection.execute("set local search_path = jobs")
    changes = _job_migrations()
    done = {name for name in applied if name.startswith("procrastinate/")}
    if not done:
        await connection.execute(SchemaManager.get_schema().encode())
    for change in changes:
        name = f"procrastinate/{change.name}"
        if name not in done:
            text = change.read_text()
            if done:
                await connection.execute(text.encode())
            await connection.execute(
                "insert into public.schema_files (name, sha256) values (%s, %s)",
                [name, hashlib.sha256(text.encode()).hexdigest()],
            )
    await connection.execute("set local search_path = public")


async def migrate(url: str) -> list[str]:
    """Bring the schema up to date; return the names of the files that were run.

    Migrations run once and may never change afterwards; views, functions and policies
    run again whenever anything changed. All in one transaction. Raises SetupError.
    """
    try:
        connection = await psycopg.AsyncConnection.connect(url, connect_timeout=5)
    except psycopg.Error as error:
        raise unreachable(error) from error
    async with connection:
        if connection.info.server_version < MINIMUM_VERSION * 10000:
            raise SetupError(
                f"PostgreSQL {connection.info.server_version // 10000} is too old: "
                f"{MINIMUM_VERSION} or later is needed (security_invoker views)"
            )
        await connection.execute("select pg_advisory_xact_lock(%s)", [LOCK])
        await connection.execute(
            "create table if not exists schema_files ("
            " name text primary key, sha256 text not null,"
            " applied_at timestamptz not null default now())"
        )
        cursor = await connection.execute("select name, sha256 from schema_files")
        applied: dict[str, str] = dict(await cursor.fetchall())
        migrations, repeatable = _files()
        due: list[tuple[str, str, str]] = []
        for file in migrations + repeatable:
            name = str(file.relative_to(SQL))
            text = rendered(file)
            digest = hashlib.sha256(text.encode()).hexdigest()
            if file in migrations and name in applied:
                if applied[name] != digest:
                    raise SetupError(
                        f"sql/{name} was changed after it had been applied; "
                        "restore it and put the change into a new migration"
                    )
                continue
            due.append((name, text, digest))
        jobs_are_due = any(f"procrastinate/{c.name}" not in applied for c in _job_migrations())
        if all(applied.get(name) == digest for name, _, digest in due) and not jobs_are_due:
            return []
        left_out = []
        jobs_are_there = False
        for name, text, digest in due:
            if not name.startswith("migrations/") and not jobs_are_there:
                await _migrate_jobs(connection, applied)
                jobs_are_there = True
            if await _missing_extension(connection, text) is not None:
                left_out.append(name)
                continue
            try:
                await connection.execute(text.encode())
            except psycopg.Error as error:
                raise SetupError(f"sql/{name} failed: {str(error).strip()}") from error
            await connection.execute(
                "insert into schema_files (name, sha256) values (%s, %s)"
                " on conflict (name) do update set sha256 = excluded.sha256, applied_at = now()",
                [name, digest],
            )
    return [name for name, _, _ in due if name not in left_out]


async def create_database(server_url: str, name: str) -> None:
    """Create a database where there is none. Raises SetupError."""
    try:
        connection = await psycopg.AsyncConnection.connect(
            server_url, autocommit=True, connect_timeout=5
        )
        async with connection:
            cursor = await connection.execute("select from pg_database where datname = %s", [name])
            if await cursor.fetchone() is None:
                await connection.execute(
                    psycopg.sql.SQL("create database {}").format(psycopg.sql.Identifier(name))
                )
    except psycopg.Error as error:
        raise unreachable(error) from error


async def run_script(url: str, script: Path, variables: dict[str, str]) -> None:
    """Run an SQL file in one transaction; it reads `variables` by current_setting().

    Raises SetupError.
    """
    try:
        async with await psycopg.AsyncConnection.connect(url, connect_timeout=5) as connection:
            for name, value in variables.items():
                await connection.execute("select set_config(%s, %s, true)", [name, value])
            await connection.execute(script.read_bytes())
    except psycopg.Error as error:
        raise SetupError(f"{script.name} failed: {str(error).strip()}") from error
