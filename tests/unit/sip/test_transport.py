"""The event loop's timers, on the loop that the services run on, and the socket's known peers."""

import asyncio

import structlog.testing
import uvloop

from spandsp_bridge.sip.transport import LoopTimers, UdpTransport


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


def test_datagrams_of_unknown_addresses_are_dropped_and_logged_without_a_flood() -> None:
    received: list[tuple[str, int]] = []
    transport = UdpTransport({"192.0.2.1"})
    transport.serve(lambda _, source: received.append(source))
    with structlog.testing.capture_logs() as logs:
        for _ in range(100):
            transport.datagram_received(b"OPTIONS", ("192.0.2.66", 5060))
        transport.datagram_received(b"OPTIONS", ("192.0.2.1", 5060))
    assert received == [("192.0.2.1", 5060)]
    assert {log["event"] for log in logs} == {"SIP datagrams from unknown address dropped"}
    assert [log["dropped"] for log in logs] == [1, 2, 4, 8, 16, 32, 64]
