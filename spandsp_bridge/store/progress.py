"""Live progress in Redis. It may be lost: errors are ignored, PostgreSQL is authoritative."""

import json
from collections.abc import Sequence
from typing import Any

import redis.asyncio
from redis.exceptions import RedisError

EXPIRY = 3600  #: seconds


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

    async def get(self, fax_id: int) -> dict[str, Any]:
        """Return the state of a fax, empty where there is none."""
        try:
            value = await self._redis.get(_key(fax_id))
            return dict(json.loads(value)) if value else {}
        except (RedisError, OSError, ValueError):
            return {}

    async def get_many(self, fax_ids: Sequence[int]) -> dict[int, dict[str, Any]]:
        """Return the states of several faxes by id, of those that have one."""
        if not fax_ids:
            return {}
        try:
            values = await self._redis.mget([_key(fax_id) for fax_id in fax_ids])
            return {
                fax_id: dict(json.loads(value))
                for fax_id, value in zip(fax_ids, values, strict=True)
                if value
            }
        except (RedisError, OSError, ValueError):
            return {}

    async def ping(self) -> None:
        """Raise RedisError or OSError when Redis cannot be used."""
        await self._redis.ping()
