"""People and programs: log-in, web sessions, API keys. Secrets are stored as digests alone."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from spandsp_bridge.errors import UserError
from spandsp_bridge.store.pool import Database
from spandsp_bridge.store.tenant import Role

SESSION_DAYS = 7
MOST_WRONG = 5  #: wrong passwords before an account is locked
LOCKED = timedelta(minutes=15)
LEAST_LETTERS = 10  #: of a password
KEY_PREFIX = "vfax_"

_hasher = PasswordHasher()  # argon2id, RFC 9106's second recommendation
#: What is compared where there is no such user: an unknown address takes as long as a known one.
_NOBODY = _hasher.hash(secrets.token_hex(16))


@dataclass(frozen=True, slots=True)
class Person:
    """A user of the portal."""

    id: int
    brand_id: int | None
    company_id: int | None
    email: str
    name: str
    role: Role
    language: str
    time_zone: str
    fax_only: bool
    tenant: str  #: name of the company, the brand, or nothing


@dataclass(frozen=True, slots=True)
class Key:
    """An API key that may be used."""

    id: int
    brand_id: int
    company_id: int | None
    name: str
    scopes: frozenset[str]
    test: bool


def digest(token: str) -> bytes:
    """Return what is stored of a token that is long and random."""
    return hashlib.sha256(token.encode()).digest()


def hashed(password: str) -> str:
    """Return the argon2 hash of a password. Raises UserError for one that is too short."""
    if len(password) < LEAST_LETTERS:
        raise UserError(f"the password is too short: {LEAST_LETTERS} characters at least")
    if len(password) > 1000:
        raise UserError("the password is too long: 1000 characters at most")
    return _hasher.hash(password)


def matches(password_hash: str | None, password: str) -> bool:
    """Tell whether a password is right; takes as long when there is none to compare with."""
    try:
        return _hasher.verify(password_hash or _NOBODY, password[:1000]) and bool(password_hash)
    except (VerificationError, InvalidHashError):
        return False


_PERSON = """
    select u.id, u.brand_id, u.company_id, u.email, u.name, u.role, u.language, u.fax_only,
           coalesce(u.time_zone, c.time_zone, 'UTC') as time_zone,
           coalesce(c.name, b.name, '') as tenant
    from users u left join companies c on c.id = u.company_id
    left join brands b on b.id = u.brand_id
"""


class People:
    """The queries on users, sessions and keys; as the service, before anybody is anybody."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def log_in(self, email: str, password: str, address: str, agent: str) -> str | None:
        """Return the token of a new session, or None.

        Too many wrong passwords lock the account for a while; then the right one does not open
        it either, and nobody is told the difference.
        """
        email = email.strip().lower()
        async with self._db.transaction() as c:
            row = await (
                await c.execute(
                    "select id, password_hash, enabled and (locked_until is null or locked_until <"
                    " now()) as open from users where email = %s",
                    [email],
                )
            ).fetchone()
        right = matches(row["password_hash"] if row else None, password)
        if row is None:
            return None
        token = secrets.token_urlsafe(32)
        async with self._db.transaction() as c:
            if not right or not row["open"]:
                await c.execute(
                    "update users set failed_logins = case when %(right)s then failed_logins else"
                    " failed_logins + 1 end, locked_until = case when not %(right)s and"
                    " failed_logins + 1 >= %(most)s then now() + %(locked)s else locked_until end"
                    " where id = %(id)s",
                    {"right": right, "most": MOST_WRONG, "locked": LOCKED, "id": row["id"]},
                )
                return None
            await c.execute(
                "update users set failed_logins = 0, locked_until = null, last_login_at = now()"
                " where id = %s",
                [row["id"]],
            )
            await c.execute("delete from web_sessions where expires_at < now()")
            await c.execute(
                "insert into web_sessions (token_sha256, user_id, expires_at, address, agent)"
                " values (%s, %s, now() + %s, %s, %s)",
                [digest(token), row["id"], timedelta(days=SESSION_DAYS), address[:60], agent[:200]],
            )
        return token

    async def session(self, token: str) -> Person | None:
        """Return whose session a token opens, or None."""
        async with self._db.transaction() as c:
            row = await (
                await c.execute(
                    _PERSON + "join web_sessions s on s.user_id = u.id"
                    " where s.token_sha256 = %s and s.expires_at > now() and u.enabled",
                    [digest(token)],
                )
            ).fetchone()
            if row is not None:
                await c.execute(
                    "update web_sessions set seen_at = now() where token_sha256 = %s"
                    " and seen_at < now() - interval '1 minute'",
                    [digest(token)],
                )
        return Person(**row) if row else None

    async def log_out(self, token: str) -> None:
        """End a session."""
        async with self._db.transaction() as c:
            await c.execute("delete from web_sessions where token_sha256 = %s", [digest(token)])

    async def sessions(self, person: int) -> list[dict[str, Any]]:
        """Return the sessions of a user, the newest first."""
        async with self._db.transaction() as c:
            cursor = await c.execute(
                "select encode(token_sha256, 'hex') as id, created_at, seen_at, address, agent"
                " from web_sessions where user_id = %s and expires_at > now()"
                " order by seen_at desc",
                [person],
            )
            return await cursor.fetchall()

    async def end_session(self, person: int, session: str) -> None:
        """End one session of a user, or with an empty name all of them."""
        async with self._db.transaction() as c:
            await c.execute(
                "delete from web_sessions where user_id = %s and (%s = '' or"
                " encode(token_sha256, 'hex') = %s)",
                [person, session, session],
            )

    async def change_password(self, person: int, old: str, new: str) -> None:
        """Set a user's password and end the user's sessions. Raises UserError."""
        async with self._db.transaction() as c:
            row = await (
                await c.execute("select password_hash from users where id = %s", [person])
            ).fetchone()
            if row is None or not matches(row["password_hash"], old):
                raise UserError("the old password is wrong")
            await c.execute(
                "update users set password_hash = %s where id = %s", [hashed(new), person]
            )
            await c.execute("delete from web_sessions where user_id = %s", [person])

    async def set_up(
        self, email: str, password: str, role: Role, brand: int | None, company: int | None,
        name: str = "",
    ) -> int:  # fmt: skip
        """Make a user, or give one a new password and role; return the id."""
        async with self._db.transaction() as c:
            row = await (
                await c.execute(
                    "insert into users (email, password_hash, role, brand_id, company_id, name)"
                    " values (lower(%(email)s), %(hash)s, %(role)s, %(brand)s, %(company)s,"
                    " %(name)s) on conflict (email) do update set"
                    " password_hash = excluded.password_hash, role = excluded.role,"
                    " brand_id = excluded.brand_id, company_id = excluded.company_id,"
                    " failed_logins = 0, locked_until = null returning id",
                    {"email": email, "hash": hashed(password), "role": role, "brand": brand,
                     "company": company, "name": name},
                )
            ).fetchone()  # fmt: skip
            assert row is not None
            return int(row["id"])

    async def key(self, token: str) -> Key | None:
        """Return the key that a token is, or None."""
        if not token.startswith(KEY_PREFIX) or len(token) > 100:
            return None
        async with self._db.transaction() as c:
            row = await (
                await c.execute(
                    "select id, brand_id, company_id, name, scopes, test, last_used_at"
                    " from api_keys"
                    " where secret = %s and revoked_at is null",
                    [digest(token)],
                )
            ).fetchone()
            if row is None:
                return None
            used = row.pop("last_used_at")
            if used is None or used < datetime.now(UTC) - timedelta(minutes=1):
                await c.execute(
                    "update api_keys set last_used_at = now() where id = %s", [row["id"]]
                )
        return Key(**{**row, "scopes": frozenset(row["scopes"])})


def new_key() -> tuple[str, bytes, str]:
    """Return a new API key, what is stored of it, and what is shown of it."""
    token = KEY_PREFIX + secrets.token_urlsafe(30)
    return token, digest(token), token[:10]
