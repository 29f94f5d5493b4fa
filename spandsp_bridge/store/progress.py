"""Live progress in Redis. It may be lost: errors are ignored, PostgreSQL is authoritative."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import Any

import redis.asyncio
from redis.exceptions import RedisError

EXPIRY = 3600  #: seconds


@dataclass(frozen=True, slots=True)
class FaxProgress:
    """What the call of a fax is doing. Zero and empty values: unknown."""

    stage: str = ""  #: `dialling`, `sending`, `waiting` or `ended`
    page: int = 0  #: confirmed so far
    pages: int = 0
    bit_rate: int = 0  #: bit/s
    remote_station_id: str = ""
    reason: str = ""  #: of the last attempt, in `waiting` and `ended`


_FIELDS = frozenset(field.name for field in fields(FaxProgress))


def _parsed(value: str | bytes) -> FaxProgress:
    """Return a stored state; keys of a newer version are ignored. Raises ValueError."""
    state = json.loads(value)
    if not isinstance(state, dict):
        raise ValueError("not a JSON object")  # noqa: TRY004 - of a stored value
    return FaxProgress(**{k: v for k, v in state.items() if k in _FIELDS and v is not None})


def _key(fax_id: int) -> str:
    return f"vfax:progress:{fax_id}"


class Progress:
    """The stage of each fax during its calls: a JSON object that expires."""

    def __init__(self, url: str) -> None:
        self._redis = redis.asyncio.from_url(
            url, socket_connect_timeout=0.5, socket_timeout=0.5, decode_responses=True
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def put(self, fax_id: int, **state: Any) -> None:
        """Write the state of a fax."""
        try:
            await self._redis.set(_key(fax_id), json.dumps(state), ex=EXPIRY)
        except (RedisError, OSError):
            return

    async def get(self, fax_id: int) -> FaxProgress:
        """Return the state of a fax, empty where there is none."""
        return (await self.get_many([fax_id])).get(fax_id, FaxProgress())

    async def get_many(self, fax_ids: Sequence[int]) -> dict[int, FaxProgress]:
        """Return the states of several faxes by id, of those that have one."""
        if not fax_ids:
            return {}
        try:
            values = await self._redis.mget([_key(fax_id) for fax_id in fax_ids])
            return {
                fax_id: _parsed(value)
                for fax_id, value in zip(fax_ids, values, strict=True)
                if value
            }
        except (RedisError, OSError, ValueError):
            return {}

    async def ping(self) -> None:
        """Raise RedisError or OSError when Redis cannot be used."""
        await self._redis.ping()
