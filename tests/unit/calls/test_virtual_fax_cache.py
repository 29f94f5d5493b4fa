"""The cache of virtual faxes: fresh for a moment, and in the database's place while it is down."""

import asyncio
from typing import Any, cast

import psycopg
import pytest

from spandsp_bridge.calls import virtual_fax_cache
from spandsp_bridge.calls.virtual_fax_cache import VirtualFaxCache
from spandsp_bridge.store.errors import DatabaseUnavailable
from spandsp_bridge.store.faxes import FaxStore


class FakeStore:
    """Answers with whatever `answer` is: a value, an error, or no answer at all (None)."""

    def __init__(self) -> None:
        self.reads = 0
        self.answer: Any = "a virtual fax"

    async def virtual_fax(self, virtual_fax_id: int) -> Any:
        del virtual_fax_id
        self.reads += 1
        if isinstance(self.answer, BaseException):
            raise self.answer
        if self.answer is None:
            await asyncio.Event().wait()
        return self.answer


@pytest.fixture
def store() -> FakeStore:
    return FakeStore()


@pytest.fixture
def cache(store: FakeStore) -> VirtualFaxCache:
    return VirtualFaxCache(cast(FaxStore, store))


async def found(cache: VirtualFaxCache, virtual_fax_id: int) -> Any:
    return await cache.find(virtual_fax_id)


async def test_a_fresh_copy_is_not_read_again(store: FakeStore, cache: VirtualFaxCache) -> None:
    assert await found(cache, 1) == "a virtual fax"
    store.answer = "changed"
    assert await found(cache, 1) == "a virtual fax"
    assert store.reads == 1


@pytest.mark.parametrize(
    "failure", [DatabaseUnavailable(psycopg.OperationalError("connection refused")), None]
)
async def test_an_old_copy_stands_in_while_the_database_fails(
    store: FakeStore, cache: VirtualFaxCache, monkeypatch: pytest.MonkeyPatch, failure: Any
) -> None:
    await cache.find(1)
    monkeypatch.setattr(virtual_fax_cache, "FRESH_SECONDS", 0.0)
    monkeypatch.setattr(virtual_fax_cache, "LOOKUP_TIMEOUT", 0.01)
    store.answer = failure
    assert await found(cache, 1) == "a virtual fax"
    assert await cache.find(2) is None, "never read before"
    store.answer = "changed"
    assert await found(cache, 1) == "changed"
