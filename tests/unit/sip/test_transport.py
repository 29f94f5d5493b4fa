"""The event loop's timers, on the loop that the services run on."""

import asyncio

import uvloop

from spandsp_bridge.sip.transport import LoopTimers


def test_a_deadline_that_is_past_already_keeps_the_timers_going() -> None:
    """Uvloop's handle of such a call does not know its time."""

    async def run() -> list[str]:
        fired: list[str] = []
        timers = LoopTimers()
        timers.call_later(-1.0, lambda: fired.append("past"))
        timers.call_later(0.0, lambda: fired.append("now"))
        timers.call_later(0.01, lambda: fired.append("soon"))
        async with asyncio.timeout(5):
            while len(fired) < 3:
                await asyncio.sleep(0.005)
        return fired

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        assert runner.run(run()) == ["past", "now", "soon"]
