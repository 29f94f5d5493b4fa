"""The tests' clock: what is shipped has no such thing, and what is scaled keeps T.30's order."""

import time
from pathlib import Path

from spandsp_bridge.model import Cause, Finished, Media, MediaPeer, SessionOptions
from spandsp_bridge.native import _engine
from spandsp_bridge.native.build import SOURCES
from spandsp_bridge.native.client import PRODUCTION, EngineClient
from tests.support.engine_code import NATIVE
from tests.support.scaled_engine import TIME_SCALE, scaled


def test_the_shipped_engine_cannot_be_scaled() -> None:
    assert PRODUCTION.time_scale == 1
    assert "clock.c" in SOURCES
    shipped = Path(_engine.__file__).read_bytes()
    code = b"".join(path.read_bytes() for path in NATIVE.glob("*.[ch]"))
    assert b"TIME_SCALE" not in code, "a scale in the sources of the shipped engine"
    assert b"getenv" not in shipped, "the shipped engine reads no environment"


async def test_a_limit_of_ten_seconds_takes_one(tmp_path: Path) -> None:
    async with EngineClient(1, "127.0.0.1", (41000, 41999), scaled()) as engine:
        session = await engine.open(
            SessionOptions(file=tmp_path / "x.tif", sending=False, calling=False, max_seconds=10)
        )
        session.start(Media.T38, MediaPeer("127.0.0.1", 9))
        began = time.monotonic()
        [end] = [event async for event in session.events() if isinstance(event, Finished)]
        took = time.monotonic() - began
        session.close()
    assert end.cause is Cause.CLOCK
    assert 10 <= end.seconds < 11, "seconds of the fax"
    assert 10 / TIME_SCALE <= took < 10 / 2, "seconds of the host"
