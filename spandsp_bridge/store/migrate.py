"""Migrations, and the other things that are done to a database as its owner.

Own code and no migration tool: what a tool would bring (a ledger with checksums, one
transaction, repeatable files for views, functions and policies) is the lines below, and
migrations are run by `vfax migrate` on hosts that have nothing but this package.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path

import psycopg
import structlog
from procrastinate.schema import SchemaManager
from psycopg import AsyncConnection, sql
from psycopg.rows import TupleRow

from spandsp_bridge.errors import SetupError
from spandsp_bridge.settings import ROOT
from spandsp_bridge.store.errors import unusable
from spandsp_bridge.store.plpython import rendered
from spandsp_bridge.store.pool import connect

log = structlog.get_logger(__name__)

SQL = ROOT / "sql"
REQUIRES = "-- requires extension:"
REPEATABLE = ("policies", "views", "functions")
MINIMUM_VERSION = 15
Connection = AsyncConnection[TupleRow]
LOCK = 0x76666178  # "vfax": one migration at a time


def _files() -> tuple[list[Path], list[Path]]:
    migrations = sorted((SQL / "migrations").glob("[0-9]*.sql"))
    repeatable = [f for folder in REPEATABLE for f in sorted((SQL / folder).glob("*.sql"))]
    return migrations, repeatable


async def _has_extension(connection: Connection, text: str) -> bool:
    """Create the extension that a file requires in its first line; tell whether it is there."""
    first = text.partition("\n")[0]
    if not first.startswith(REQUIRES):
        return True
    name = first.removeprefix(REQUIRES).strip()
    try:
        async with connection.transaction():
            await connection.execute(
                sql.SQL("create extension if not exists {}").format(sql.Identifier(name))
            )
    except psycopg.Error as error:
        reason = str(error).splitlines()[0]
        log.warning("extension unavailable, functions skipped", extension=name, error=reason)
        return False
    return True


def _job_migrations() -> list[Path]:
    return sorted(Path(SchemaManager.get_migrations_path()).glob("*.sql"))


async def _migrate_jobs(connection: Connection, applied: dict[str, str]) -> None:
    """Bring procrastinate's tables, in a schema of their own, up to its version."""
    await connection.execute("create schema if not exists jobs")
    await connection.execute("set local search_path = jobs")
    done = {name for name in applied if name.startswith("procrastinate/")}
    if not done:
        await connection.execute(SchemaManager.get_schema().encode())
    for change in _job_migrations():
        name = f"procrastinate/{change.name}"
        if name not in done:
            text = change.read_text()
            if done:
                await connection.execute(text.encode())
            await connection.execute(
                "insert into public.schema_files (name, sha256) values (%(name)s, %(sha256)s)",
                {"name": name, "sha256": _sha256(text)},
            )
    await connection.execute("set local search_path = public")


@dataclass(frozen=True, slots=True)
class _File:
    """An SQL file as it is run: its name below sql/, its text and its digest."""

    name: str
    text: str
    sha256: str


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


async def _applied(connection: Connection) -> dict[str, str]:
    """Return the digest of each file that was applied, by its name."""
    await connection.execute(
        """
        create table if not exists schema_files (
          name text primary key, sha256 text not null,
          applied_at timestamptz not null default now())
        """
    )
    cursor = await connection.execute("select name, sha256 from schema_files")
    return {str(name): str(digest) for name, digest in await cursor.fetchall()}


def _due(applied: dict[str, str]) -> list[_File]:
    """Return the files to run, in order. Raises SetupError for a migration that was edited."""
    migrations, repeatable = _files()
    due = []
    for file in migrations + repeatable:
        name, text = str(file.relative_to(SQL)), rendered(file)
        digest = _sha256(text)
        if file in migrations and name in applied:
            if applied[name] != digest:
                raise SetupError(
                    "sql/{file} was changed after it had been applied: restore it and put the "
                    "change into a new migration",
                    file=name,
                )
            continue
        due.append(_File(name, text, digest))
    return due


def _is_after(file: _File, to: str) -> bool:
    """Tell whether a file is a migration with a higher number."""
    folder, _, name = file.name.partition("/")
    return folder == "migrations" and name[: len(to)] > to


async def _run(connection: Connection, file: _File) -> None:
    try:
        await connection.execute(file.text.encode())
    except psycopg.errors.DependentObjectsStillExist as error:
        raise SetupError(
            "sql/{file} failed, nothing was changed: {dependents}; drop these, run vfax migrate, "
            "and create them again",
            file=file.name,
            dependents=(error.diag.message_detail or str(error)).replace("\n", ", "),
        ) from error
    except psycopg.Error as error:
        raise SetupError(
            "sql/{file} failed: {error}", file=file.name, error=str(error).strip()
        ) from error
    await connection.execute(
        """
        insert into schema_files (name, sha256) values (%(name)s, %(sha256)s)
        on conflict (name) do update set sha256 = excluded.sha256, applied_at = now()
        """,
        {"name": file.name, "sha256": file.sha256},
    )


def _pass_on(notice: psycopg.errors.Diagnostic) -> None:
    """Log what the files warn of: what the migrating role may not do, and who may."""
    if notice.severity_nonlocalized == "WARNING":
        log.warning("migration warning", message=notice.message_primary, hint=notice.message_hint)


async def migrate(url: str, to: str | None = None) -> list[str]:
    """Bring the schema up to date; return the names of the files that were run.

    Migrations run once and may never change afterwards; views, functions and policies
    run again whenever anything changed. With `to`, such as `0008`, later migrations wait:
    old and new processes can run side by side until they run. All in one transaction.
    Raises SetupError.
    """
    done = []
    async with await connect(url) as connection:
        connection.add_notice_handler(_pass_on)
        version = connection.info.server_version // 10000
        if version < MINIMUM_VERSION:
            raise SetupError(
                "PostgreSQL {version} is too old: {minimum} or later is required",
                version=version,
                minimum=MINIMUM_VERSION,  # for security_invoker views
            )
        await connection.execute("select pg_advisory_xact_lock(%(lock)s)", {"lock": LOCK})
        applied = await _applied(connection)
        due = [file for file in _due(applied) if to is None or not _is_after(file, to)]
        jobs_are_due = any(f"procrastinate/{c.name}" not in applied for c in _job_migrations())
        if not jobs_are_due and all(applied.get(file.name) == file.sha256 for file in due):
            return []
        jobs_are_there = False
        for file in due:
            if not file.name.startswith("migrations/") and not jobs_are_there:
                await _migrate_jobs(connection, applied)  # functions refer to its tables
                jobs_are_there = True
            if await _has_extension(connection, file.text):
                await _run(connection, file)
                done.append(file.name)
    return done


async def create_database(server_url: str, name: str) -> None:
    """Create a database where there is none. Raises SetupError."""
    async with await connect(server_url, autocommit=True) as connection:
        try:
            cursor = await connection.execute(
                "select from pg_database where datname = %(name)s", {"name": name}
            )
            if await cursor.fetchone() is None:
                await connection.execute(sql.SQL("create database {}").format(sql.Identifier(name)))
        except psycopg.Error as error:
            raise unusable(error) from error


async def run_script(url: str, script: Path, variables: dict[str, str]) -> None:
    """Run an SQL file in one transaction; it reads `variables` by current_setting().

    Raises SetupError.
    """
    async with await connect(url) as connection:
        try:
            for name, value in variables.items():
                await connection.execute(
                    "select set_config(%(name)s, %(value)s, true)", {"name": name, "value": value}
                )
            await connection.execute(script.read_bytes())
        except psycopg.Error as error:
            raise SetupError(
                "{file} failed: {error}", file=script.name, error=str(error).strip()
            ) from error
