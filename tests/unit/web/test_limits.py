"""Rate limits: shared through Redis by all processes, and kept while Redis is away."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from spandsp_bridge.web.limits import LimitStorage, RateLimit

NO_REDIS = "redis://127.0.0.1:1/0"


@asynccontextmanager
async def redis_server(socket: Path) -> AsyncIterator[str]:
    """Run a Redis that keeps nothing; yield its URL."""
    process = await asyncio.create_subprocess_exec(
        "redis-server", "--port", "0", "--unixsocket", str(socket), "--save", "",
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    try:
        async for line in process.stdout:
            if b"ready to accept connections" in line.lower():
                break
        yield f"redis+unix://{socket}"
    finally:
        process.terminate()
        await process.communicate()


@pytest.fixture
def socket(tmp_path: Path) -> Path:
    return tmp_path / "redis"


async def waits(limit: RateLimit, who: str, times: int) -> list[bool]:
    """Return of each request whether it has to wait."""
    return [await limit.wait(who) > 0 for _ in range(times)]


async def test_two_processes_share_a_limit(socket: Path) -> None:
    async with redis_server(socket) as url:
        storages = [LimitStorage(url), LimitStorage(url)]
        one, other = (RateLimit(storage, "test", 3, 60) for storage in storages)
        assert await waits(one, "a", 2) == [False, False]
        assert await waits(other, "a", 2) == [False, True]
        assert await waits(one, "a", 1) == [True]
        assert await waits(one, "b", 1) == [False], "each caller has a count of its own"
        assert 0 < await other.wait("a") <= 60
        for storage in storages:
            await storage.close()


async def test_limits_of_different_names_are_apart(socket: Path) -> None:
    async with redis_server(socket) as url:
        storage = LimitStorage(url)
        log_ins, requests = (RateLimit(storage, name, 1, 60) for name in ("log-ins", "requests"))
        assert await waits(log_ins, "a", 2) == [False, True]
        assert await waits(requests, "a", 2) == [False, True]
        await storage.close()


async def test_what_is_only_asked_is_not_counted() -> None:
    limit = RateLimit(LimitStorage(NO_REDIS), "test", 1, 60)
    assert [await limit.wait("a", count=False) for _ in range(3)] == [0, 0, 0]
    assert await limit.wait("a") == 0
    assert await limit.wait("a", count=False) > 0


async def test_without_redis_a_process_counts_on_its_own_and_logs_it_once() -> None:
    with capture_logs() as logs:
        limit = RateLimit(LimitStorage(NO_REDIS, retry_seconds=0), "test", 2, 60)
        assert await waits(limit, "a", 4) == [False, False, True, True]
    assert [entry["event"] for entry in logs] == ["rate limits not shared: Redis unavailable"]


async def test_the_limits_are_shared_again_once_redis_answers(socket: Path) -> None:
    storage = LimitStorage(f"redis+unix://{socket}", retry_seconds=0)
    limit = RateLimit(storage, "test", 1, 60)
    with capture_logs() as logs:
        assert await waits(limit, "a", 2) == [False, True]
        async with redis_server(socket):
            assert await waits(limit, "a", 2) == [False, True], "Redis has its own count"
            await storage.close()
    assert [entry["event"] for entry in logs][-1] == "rate limits shared again"


async def test_a_window_moves_on() -> None:
    limit = RateLimit(LimitStorage(NO_REDIS), "test", 1, 1)
    assert await limit.wait("a") == 0
    seconds = await limit.wait("a")
    assert 0 < seconds <= 1
    await asyncio.sleep(seconds + 0.05)  # the limit's own clock is the wall clock
    assert await limit.wait("a") == 0
