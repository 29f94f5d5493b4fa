"""Live progress: objects out of Redis, whatever version wrote them; nothing without Redis."""

import pytest

from spandsp_bridge.store.progress import FaxProgress, Progress, _parsed


@pytest.mark.parametrize(
    ("stored", "state"),
    [
        ('{"stage": "dialling", "page": 0, "pages": 3}', FaxProgress("dialling", pages=3)),
        ('{"stage": "sending", "page": 2, "bit_rate": 14400, "of_a_newer_version": 1}',
         FaxProgress("sending", page=2, bit_rate=14400)),
        ('{"stage": "waiting", "reason": "user_busy"}', FaxProgress("waiting", reason="user_busy")),
        ('{"stage": "ended", "pages": null}', FaxProgress("ended")),
        ("{}", FaxProgress()),
    ],
)  # fmt: skip
def test_a_stored_state_is_read(stored: str, state: FaxProgress) -> None:
    assert _parsed(stored) == state


@pytest.mark.parametrize("stored", ["", "no JSON", "[]", "1"])
def test_what_is_not_an_object_is_an_error(stored: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        _parsed(stored)


async def test_without_redis_nothing_is_known() -> None:
    progress = Progress("redis://127.0.0.1:1/0")
    await progress.put(1, stage="dialling")
    assert await progress.get(1) == FaxProgress()
    assert await progress.get_many([1, 2]) == {}
    assert await progress.get_many([]) == {}
    await progress.close()
