"""Counts shared over Redis: calls and health of each Kamailio, load of each bridge.

All of it expires within seconds, and every failure is swallowed: without Redis each
Kamailio counts its own calls alone.
"""

import redis.asyncio
from redis.exceptions import RedisError

EXPIRY = 4  #: seconds; reports come every second
_NODES = "vfax:kamailios"


class SharedCounts:
    """Reports of our own, and what others have reported."""

    def __init__(self, url: str) -> None:
        self._redis = redis.asyncio.from_url(
            url, socket_connect_timeout=0.5, socket_timeout=0.5, decode_responses=True
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def report_load(self, where: str, calls: int) -> None:
        """Say how many calls a bridge has."""
        try:
            await self._redis.set(f"vfax:load:{where}", calls, ex=EXPIRY)
        except (RedisError, OSError):
            return

    async def loads(self, bridges: list[str]) -> dict[str, int]:
        """Return the calls of those bridges that have reported lately."""
        if not bridges:
            return {}
        try:
            values = await self._redis.mget([f"vfax:load:{b}" for b in bridges])
        except (RedisError, OSError):
            return {}
        return {b: int(v) for b, v in zip(bridges, values, strict=True) if v is not None}

    async def report_health(self, node: str, health: dict[str, int]) -> None:
        """Say how a Kamailio is: whatever numbers it has of itself."""
        await self._report("health", node, health)

    async def healths(self) -> dict[str, dict[str, int]]:
        """Return what each Kamailio says of itself; nothing of one that is silent."""
        return await self._told("health")

    async def report_calls(self, node: str, calls: dict[str, int]) -> None:
        """Say how many calls a Kamailio has for each ``company:ID`` and ``brand:ID``."""
        await self._report("calls", node, calls)

    async def calls_elsewhere(self, node: str) -> dict[str, int]:
        """Return the calls of all other Kamailios together."""
        total: dict[str, int] = {}
        for calls in (await self._told("calls", but=node)).values():
            for name, count in calls.items():
                total[name] = total.get(name, 0) + count
        return total

    async def _report(self, kind: str, node: str, numbers: dict[str, int]) -> None:
        key = f"vfax:{kind}:{node}"
        try:
            async with self._redis.pipeline(transaction=True) as pipe:
                pipe.sadd(_NODES, node)
                pipe.delete(key)
                if numbers:
                    pipe.hset(key, mapping={k: str(v) for k, v in numbers.items()})
                    pipe.expire(key, EXPIRY)
                await pipe.execute()
        except (RedisError, OSError):
            return

    async def _told(self, kind: str, but: str = "") -> dict[str, dict[str, int]]:
        """Return what the Kamailios have reported, by node, but for one of them."""
        try:
            nodes = sorted({str(n) for n in await self._redis.smembers(_NODES)} - {but})
            told = {n: await self._redis.hgetall(f"vfax:{kind}:{n}") for n in nodes}
            return {n: {str(k): int(v) for k, v in t.items()} for n, t in told.items()}
        except (RedisError, OSError, ValueError):
            return {}
