"""API keys, which act for a company or a brand. Only their digests are stored."""

import hashlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from spandsp_bridge.store.transactions import Transactions

KEY_PREFIX = "vfax_"
MAX_LENGTH = 100  #: characters of a token
SHOWN = 10  #: characters of a token that are shown again
USE_GRANULARITY = timedelta(minutes=1)  #: of last_used_at


@dataclass(frozen=True, slots=True)
class ApiKey:
    """A valid API key."""

    id: int
    brand_id: int
    company_id: int | None
    name: str
    scopes: frozenset[str]
    test: bool


@dataclass(frozen=True, slots=True)
class ApiKeyRow:
    """An API key as its owner sees it."""

    id: int
    name: str
    shown: str  #: how the token begins
    scopes: tuple[str, ...]
    test: bool
    created_at: datetime
    last_used_at: datetime | None
    revoked_at: datetime | None


def token_digest(token: str) -> bytes:
    """Return the digest that is stored of a token: SHA-256 suffices, as tokens are random."""
    return hashlib.sha256(token.encode()).digest()


def new_key() -> tuple[str, bytes, str]:
    """Return a new API key, the digest that is stored, and the characters that are shown."""
    token = KEY_PREFIX + secrets.token_urlsafe(30)
    return token, token_digest(token), token[:SHOWN]


class ApiKeys:
    """The queries on API keys; log-in by the service, the rest by the tenant."""

    def __init__(self, database: Transactions) -> None:
        self._db = database

    async def find(self, token: str) -> ApiKey | None:
        """Return the valid key of a token, or None."""
        if not token.startswith(KEY_PREFIX) or len(token) > MAX_LENGTH:
            return None
        async with self._db.transaction() as c:
            cursor = await c.execute(
                """
                select id, brand_id, company_id, name, scopes, test, last_used_at
                from api_keys where secret = %(secret)s and revoked_at is null
                """,
                {"secret": token_digest(token)},
            )
            row = await cursor.fetchone()
            if row is None:
                return None
            used = row.pop("last_used_at")
            if used is None or used < datetime.now(UTC) - USE_GRANULARITY:
                await c.execute(
                    "update api_keys set last_used_at = now() where id = %(id)s",
                    {"id": row["id"]},
                )
        return ApiKey(**{**row, "scopes": frozenset(row["scopes"])})

    async def all(self, company: int | None) -> list[ApiKeyRow]:
        """Return the keys of a company, or those of the brand itself: valid ones, newest first."""
        async with self._db.transaction() as c:
            cursor = await c.execute(
                """
                select id, name, shown, scopes, test, created_at, last_used_at, revoked_at
                from api_keys
                where %(company)s::bigint is not null or company_id is null
                order by revoked_at is not null, created_at desc
                """,
                {"company": company},
            )
            rows = await cursor.fetchall()
        return [ApiKeyRow(**{**row, "scopes": tuple(row["scopes"])}) for row in rows]

    async def add(
        self,
        brand: int | None,
        company: int | None,
        name: str,
        scopes: Sequence[str],
        *,
        test: bool,
    ) -> str:
        """Create a key; return its token, which cannot be read again."""
        token, secret, shown = new_key()
        async with self._db.transaction() as c:
            await c.execute(
                """
                insert into api_keys (brand_id, company_id, name, secret, shown, scopes, test)
                values (%(brand)s, %(company)s, %(name)s, %(secret)s, %(shown)s, %(scopes)s,
                        %(test)s)
                """,
                {
                    "brand": brand,
                    "company": company,
                    "name": name,
                    "secret": secret,
                    "shown": shown,
                    "scopes": list(scopes),
                    "test": test,
                },
            )
        return token

    async def revoke(self, key_id: int) -> None:
        """Make a key invalid; its row stays."""
        async with self._db.transaction() as c:
            await c.execute(
                """
                update api_keys set revoked_at = now()
                where id = %(id)s and revoked_at is null
                """,
                {"id": key_id},
            )
