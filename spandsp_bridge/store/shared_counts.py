"""Counts shared over Redis: calls and health of each Kamailio, load of each bridge.

Every key expires within seconds, and errors are ignored: without Redis each Kamailio counts its
own calls alone.
"""

import redis.asyncio
from redis.exceptions import RedisError

EXPIRY = 4  #: seconds; reports come every second
_NODES = "vfax:kamailios"


class SharedCounts:
    """Reports of this node, and those of the others."""

    def __init__(self, url: str) -> None:
        self._redis = redis.asyncio.from_url(
            url, socket_connect_timeout=0.5, socket_timeout=0.5, decode_responses=True
        )

    async def close(self) -> None:
        """Close the connections."""
        await self._redis.aclose()

    async def report_load(self, bridge: str, calls: int) -> None:
        """Report how many calls a bridge has; `bridge` is its ``HOST:PORT``."""
        try:
            await self._redis.set(f"vfax:load:{bridge}", calls, ex=EXPIRY)
        except (RedisError, OSError):
            return

    async def loads(self, bridges: list[str]) -> dict[str, int]:
        """Return the calls of each bridge that has reported within EXPIRY."""
        if not bridges:
            return {}
        try:
            values = await self._redis.mget([f"vfax:load:{b}" for b in bridges])
        except (RedisError, OSError):
            return {}
        return {b: int(v) for b, v in zip(bridges, values, strict=True) if v is not None}

    async def report_health(self, node: str, health: dict[str, int]) -> None:
        """Report the counters of a Kamailio by name."""
        await self._report("health", node, health)

    async def healths(self) -> dict[str, dict[str, int]]:
        """Return the counters of each Kamailio that has reported within EXPIRY."""
        return await self._reports("health")

    async def report_calls(self, node: str, calls: dict[str, int]) -> None:
        """Report the calls of a Kamailio by ``company:ID`` and ``brand:ID``."""
        await self._report("calls", node, calls)

    async def remote_calls(self, node: str) -> dict[str, int]:
        """Return the sums of the calls that all Kamailios but `node` have reported."""
        total: dict[str, int] = {}
        for calls in (await self._reports("calls", without=node)).values():
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

    async def _reports(self, kind: str, without: str = "") -> dict[str, dict[str, int]]:
        """Return the reports of a kind by node, except that of the node `without`."""
        try:
            nodes = sorted({str(n) for n in await self._redis.smembers(_NODES)} - {without})
            reports = {n: await self._redis.hgetall(f"vfax:{kind}:{n}") for n in nodes}
            return {n: {str(k): int(v) for k, v in r.items()} for n, r in reports.items()}
        except (RedisError, OSError, ValueError):
            return {}
