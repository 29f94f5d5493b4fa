"""Passwords are hashed beside the event loop, a few at a time."""

import asyncio
import contextlib
import threading
from collections.abc import AsyncIterator
from typing import Any

import pytest

from spandsp_bridge.store import users
from spandsp_bridge.store.users import HASHERS, Users

LOG_INS = 12


class NoUsers:
    """A database without users, which counts the transactions that are open."""

    def __init__(self) -> None:
        self.open = self.looked = 0

    @contextlib.asynccontextmanager
    async def transaction(self) -> AsyncIterator[Any]:
        self.open += 1
        yield self
        self.open -= 1

    async def execute(self, *_: object) -> "NoUsers":
        self.looked += 1
        return self

    async def fetchone(self) -> None:
        return None


async def test_the_event_loop_runs_while_passwords_are_hashed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The hash waits for what the event loop does only after every log-in has begun."""
    go, lock = threading.Event(), threading.Lock()
    running = most = 0

    def matches(*_: object) -> bool:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        assert go.wait(20), "the event loop stood still"
        with lock:
            running -= 1
        return False

    monkeypatch.setattr(users, "matches", matches)
    database: Any = NoUsers()
    log_ins = [
        asyncio.create_task(Users(database).log_in("a@b.example", "wrong", "192.0.2.1", ""))
        for _ in range(LOG_INS)
    ]
    async with asyncio.timeout(10):
        while database.looked < LOG_INS or most < HASHERS:
            await asyncio.sleep(0.01)
    assert database.open == 0, "a connection waits for a hash"
    go.set()
    assert await asyncio.gather(*log_ins) == [None] * LOG_INS
    assert most == HASHERS


async def test_a_password_is_found_right_and_wrong_beside_the_loop() -> None:
    stored = await users.hashed_aside("0123456789")
    assert await users.matches_aside(stored, "0123456789")
    assert not await users.matches_aside(stored, "9876543210")
    assert not await users.matches_aside(None, "0123456789")
