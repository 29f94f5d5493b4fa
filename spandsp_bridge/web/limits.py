"""Limits of requests, which all processes of the portal share through Redis.

While Redis does not answer, each process counts on its own in memory.
"""

import time
from typing import cast

import structlog
from limits import RateLimitItemPerSecond
from limits.aio.storage import MemoryStorage, RedisStorage
from limits.aio.storage.redis.redispy import RedispyBridge
from limits.aio.strategies import MovingWindowRateLimiter
from limits.errors import StorageError
from redis.asyncio import Redis

log = structlog.get_logger(__name__)

REDIS_SECONDS = 1.0  #: until an answer of Redis counts as missing
RETRY_SECONDS = 5.0  #: after a failure, until Redis is asked again


class LimitStorage:
    """The counts of requests: in Redis, and in memory while Redis is unavailable."""

    def __init__(self, redis_url: str, retry_seconds: float = RETRY_SECONDS) -> None:
        self._redis = RedisStorage(
            redis_url,
            wrap_exceptions=True,
            implementation="redispy",
            key_prefix="vfax:limits",
            socket_timeout=REDIS_SECONDS,
            socket_connect_timeout=REDIS_SECONDS,
        )
        self._shared = MovingWindowRateLimiter(self._redis)
        self._local = MovingWindowRateLimiter(MemoryStorage())
        self._retry_seconds = retry_seconds
        self._retry_at = 0.0
        self._available = True

    async def wait(self, item: RateLimitItemPerSecond, who: str, *, count: bool) -> float:
        """Return 0 where a request is accepted, else the seconds until one is."""
        if time.monotonic() < self._retry_at:
            return await _wait(self._local, item, who, count=count)
        try:
            seconds = await _wait(self._shared, item, who, count=count)
        except StorageError as error:
            self._retry_at = time.monotonic() + self._retry_seconds
            if self._available:
                self._available = False
                log.warning("rate limits not shared: Redis unavailable", error=str(error)[:200])
            return await _wait(self._local, item, who, count=count)
        if not self._available:
            self._available = True
            log.info("rate limits shared again")
        return seconds

    async def close(self) -> None:
        """Close the connections to Redis."""
        bridge = cast("RedispyBridge", self._redis.bridge)
        await cast("Redis", bridge.get_connection()).aclose()


async def _wait(
    limiter: MovingWindowRateLimiter, item: RateLimitItemPerSecond, who: str, *, count: bool
) -> float:
    if await (limiter.hit(item, who) if count else limiter.test(item, who)):
        return 0.0
    reset_time = (await limiter.get_window_stats(item, who)).reset_time
    return max(0.001, reset_time - time.time())


class RateLimit:
    """At most `requests` of one caller in any `seconds`."""

    def __init__(self, storage: LimitStorage, name: str, requests: int, seconds: int) -> None:
        self._storage = storage
        self._item = RateLimitItemPerSecond(max(1, requests), seconds, namespace=name)

    async def wait(self, who: str, *, count: bool = True) -> float:
        """Count a request; return 0, or the seconds until one will be accepted.

        Without `count` nothing is counted. A refused request is not counted either.
        """
        return await self._storage.wait(self._item, who, count=count)
