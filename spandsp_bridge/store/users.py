"""Users of the portal: log-in, web sessions, passwords. Secrets are stored as digests alone."""

import asyncio
import functools
import os
import secrets
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime, timedelta

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from spandsp_bridge.errors import UserError
from spandsp_bridge.store.api_keys import token_digest
from spandsp_bridge.store.tenant import Role
from spandsp_bridge.store.transactions import Transactions

SESSION_LIFETIME = timedelta(days=7)
MAX_FAILED_LOGINS = 5  #: wrong passwords before an account is locked
LOCK_TIME = timedelta(minutes=15)
MIN_PASSWORD, MAX_PASSWORD = 10, 1000  #: characters

_hasher = PasswordHasher()  # argon2id, RFC 9106's second recommendation
#: A hash takes 64 MiB and tens of milliseconds: never in the event loop, and only a few at a time
#: that log-ins leave a processor to everything else.
HASHERS = max(1, (os.cpu_count() or 1) // 2)
_hashers = ThreadPoolExecutor(HASHERS, thread_name_prefix="passwords")


@dataclass(frozen=True, slots=True)
class User:
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
    tenant: str  #: name of the company or the brand; empty for the platform


@dataclass(frozen=True, slots=True)
class WebSession:
    """A session of a user, as the user sees it."""

    id: str  #: digest of its token, as hexadecimal digits
    created_at: datetime
    seen_at: datetime
    address: str
    agent: str


def hashed(password: str) -> str:
    """Return the argon2 hash of a password. Raises UserError: too short or too long."""
    if len(password) < MIN_PASSWORD:
        raise UserError(
            "the password is too short: {least} characters at least", least=MIN_PASSWORD
        )
    if len(password) > MAX_PASSWORD:
        raise UserError("the password is too long: {most} characters at most", most=MAX_PASSWORD)
    return _hasher.hash(password)


@functools.cache
def _unknown_hash() -> str:
    """Return a hash for unknown users, so that their log-in takes as long as that of others."""
    return _hasher.hash(secrets.token_hex(16))


def matches(password_hash: str | None, password: str) -> bool:
    """Tell whether a password is right; takes as long where there is no hash to compare with."""
    try:
        valid = _hasher.verify(password_hash or _unknown_hash(), password[:MAX_PASSWORD])
    except (VerificationError, InvalidHashError):
        return False
    return valid and bool(password_hash)


async def hashed_aside(password: str) -> str:
    """Return `hashed(password)`, without a stop of the event loop."""
    return await asyncio.get_running_loop().run_in_executor(_hashers, hashed, password)


async def matches_aside(password_hash: str | None, password: str) -> bool:
    """Return `matches(...)`, without a stop of the event loop."""
    loop = asyncio.get_running_loop()
    return await loop.run_in_executor(_hashers, matches, password_hash, password)


_SELECT = """
    select u.id, u.brand_id, u.company_id, u.email, u.name, u.role, u.language, u.fax_only,
           coalesce(u.time_zone, c.time_zone, 'UTC') as time_zone,
           coalesce(c.name, b.name, '') as tenant
    from users u
    left join companies c on c.id = u.company_id
    left join brands b on b.id = u.brand_id
"""


class Users:
    """The queries on users and their sessions, run as the service, before a tenant is known."""

    def __init__(self, database: Transactions) -> None:
        self._db = database

    async def log_in(self, email: str, password: str, address: str, agent: str) -> str | None:
        """Return the token of a new session, or None.

        MAX_FAILED_LOGINS wrong passwords lock the account for LOCK_TIME; the right password is
        refused then too, with the same answer.
        """
        async with self._db.transaction() as c:
            cursor = await c.execute(
                """
                select id, password_hash,
                       enabled and (locked_until is null or locked_until < now()) as open
                from users where email = %(email)s
                """,
                {"email": email.strip().lower()},
            )
            row = await cursor.fetchone()
        right = await matches_aside(row["password_hash"] if row else None, password)
        if row is None:
            return None
        if not right or not row["open"]:
            await self._log_in_failed(row["id"], right=right)
            return None
        return await self._new_session(row["id"], address, agent)

    async def _log_in_failed(self, user: int, *, right: bool) -> None:
        async with self._db.transaction() as c:
            await c.execute(
                """
                update users set
                  failed_logins = case when %(right)s then failed_logins
                                       else failed_logins + 1 end,
                  locked_until = case
                    when not %(right)s and failed_logins + 1 >= %(most)s then now() + %(time)s
                    else locked_until end
                where id = %(id)s
                """,
                {"right": right, "most": MAX_FAILED_LOGINS, "time": LOCK_TIME, "id": user},
            )

    async def _new_session(self, user: int, address: str, agent: str) -> str:
        token = secrets.token_urlsafe(32)
        async with self._db.transaction() as c:
            await c.execute(
                """
                update users set failed_logins = 0, locked_until = null, last_login_at = now()
                where id = %(id)s
                """,
                {"id": user},
            )
            await c.execute("delete from web_sessions where expires_at < now()")
            await c.execute(
                """
                insert into web_sessions (token_sha256, user_id, expires_at, address, agent)
                values (%(token)s, %(user)s, now() + %(lifetime)s, %(address)s, %(agent)s)
                """,
                {
                    "token": token_digest(token),
                    "user": user,
                    "lifetime": SESSION_LIFETIME,
                    "address": address[:60],
                    "agent": agent[:200],
                },
            )
        return token

    async def session(self, token: str) -> User | None:
        """Return the user of the session with this token, or None."""
        values = {"token": token_digest(token)}
        async with self._db.transaction() as c:
            cursor = await c.execute(
                _SELECT
                + """
                join web_sessions s on s.user_id = u.id
                where s.token_sha256 = %(token)s and s.expires_at > now() and u.enabled
                """,
                values,
            )
            row = await cursor.fetchone()
            if row is not None:
                await c.execute(
                    """
                    update web_sessions set seen_at = now()
                    where token_sha256 = %(token)s and seen_at < now() - interval '1 minute'
                    """,
                    values,
                )
        return User(**row) if row else None

    async def log_out(self, token: str) -> None:
        """End a session."""
        async with self._db.transaction() as c:
            await c.execute(
                "delete from web_sessions where token_sha256 = %(token)s",
                {"token": token_digest(token)},
            )

    async def sessions(self, user: int) -> list[WebSession]:
        """Return the sessions of a user, the newest first."""
        async with self._db.transaction() as c:
            cursor = await c.execute(
                """
                select encode(token_sha256, 'hex') as id, created_at, seen_at, address, agent
                from web_sessions where user_id = %(user)s and expires_at > now()
                order by seen_at desc
                """,
                {"user": user},
            )
            return [WebSession(**row) for row in await cursor.fetchall()]

    async def end_session(self, user: int, session: str) -> None:
        """End one session of a user, or with an empty name all of them."""
        async with self._db.transaction() as c:
            await c.execute(
                """
                delete from web_sessions
                where user_id = %(user)s
                  and (%(session)s = '' or encode(token_sha256, 'hex') = %(session)s)
                """,
                {"user": user, "session": session},
            )

    async def set_display(self, user: int, language: str, time_zone: str) -> None:
        """Set the language and the time zone of a user; empty: the company's zone."""
        async with self._db.transaction() as c:
            await c.execute(
                """
                update users set language = %(language)s, time_zone = nullif(%(time_zone)s, '')
                where id = %(user)s
                """,
                {"language": language, "time_zone": time_zone, "user": user},
            )

    async def change_password(self, user: int, old: str, new: str) -> None:
        """Set a user's password and end the user's sessions. Raises UserError."""
        async with self._db.transaction() as c:
            cursor = await c.execute(
                "select password_hash from users where id = %(user)s", {"user": user}
            )
            row = await cursor.fetchone()
        # No connection is held while it computes.
        if row is None or not await matches_aside(row["password_hash"], old):
            raise UserError("the old password is wrong")
        new_hash = await hashed_aside(new)
        async with self._db.transaction() as c:
            cursor = await c.execute(
                """
                update users set password_hash = %(new)s
                where id = %(user)s and password_hash = %(old)s
                """,
                {"new": new_hash, "old": row["password_hash"], "user": user},
            )
            if cursor.rowcount != 1:  # somebody else has changed it meanwhile
                raise UserError("the old password is wrong")
            await c.execute("delete from web_sessions where user_id = %(user)s", {"user": user})

    async def set_up(
        self,
        email: str,
        password: str,
        role: Role,
        brand: int | None,
        company: int | None,
        name: str = "",
    ) -> int:
        """Create a user, or give one a new password and role; return the id."""
        password_hash = await hashed_aside(password)
        async with self._db.transaction() as c:
            cursor = await c.execute(
                """
                insert into users (email, password_hash, role, brand_id, company_id, name)
                values (lower(%(email)s), %(hash)s, %(role)s, %(brand)s, %(company)s, %(name)s)
                on conflict (email) do update set
                  password_hash = excluded.password_hash, role = excluded.role,
                  brand_id = excluded.brand_id, company_id = excluded.company_id,
                  failed_logins = 0, locked_until = null
                returning id
                """,
                {
                    "email": email,
                    "hash": password_hash,
                    "role": role,
                    "brand": brand,
                    "company": company,
                    "name": name,
                },
            )
            row = await cursor.fetchone()
            assert row is not None
            return int(row["id"])
