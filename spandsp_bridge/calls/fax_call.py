"""One fax call: the SIP call, its T.38 session, and what the peer changes on the way."""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from spandsp_bridge.errors import CallFailed
from spandsp_bridge.model import Finished, MediaPeer, PageDone, Session, Trace
from spandsp_bridge.sip.call import Call, Refusal
from spandsp_bridge.t38.negotiation import LocalMedia, read, t38_peer
from spandsp_bridge.t38.sdp import Media

log = structlog.get_logger(__name__)


class FaxCall:
    """Ties a call to a session; the call's handler, in both directions."""

    def __init__(self, session: Session, local: LocalMedia) -> None:
        self.local = local
        self.trace: list[str] = []
        self.hung_up_by = ""
        self.ended = asyncio.Event()
        self.t38 = asyncio.Event()  #: UDPTL has a peer, T.30 runs
        self._session = session
        self._peer: MediaPeer | None = None

    # ---- what the call tells us (CallHandler) ----------------------------

    def on_offer(self, sdp: bytes) -> bytes | Refusal:
        """Answer a re-INVITE: to T.38, back to audio, or a refresh of what is."""
        if not sdp:
            return self.local.current
        description = read(sdp)
        answer = self.local.answer(description) if description is not None else None
        if answer is None:
            return Refusal(488)
        ours, medium = answer
        if medium.is_t38:
            self.begin(medium)
        return ours

    def on_ended(self, by_peer: bool, reason: str) -> None:
        """End T.30 with the call; what was confirmed stays confirmed."""
        if not self.hung_up_by:
            self.hung_up_by = "peer" if by_peer else "us"
        self.trace.append(f"  call ended by {self.hung_up_by}: {reason}")
        self.ended.set()
        self._session.terminate()

    # ---- what we do --------------------------------------------------------

    def begin(self, medium: Media) -> None:
        """Start T.30 with the peer of a T.38 line, or follow it to another address."""
        peer = t38_peer(medium)
        if peer == self._peer:
            return  # a session refresh disturbs nothing
        self._peer = peer
        self._session.start(peer)
        self.t38.set()

    def take_answer(self, sdp: bytes) -> bool:
        """Begin T.38 if an SDP answer accepts it; tell whether it did."""
        description = read(sdp)
        medium = description.t38 if description is not None else None
        if medium is None or not medium.address:
            return False
        self.begin(medium)
        return True

    async def switch_to_t38(self, call: Call) -> None:
        """Re-INVITE to T.38, unless the peer does so first. Raises CallFailed."""
        if self.t38.is_set():
            return
        try:
            response = await call.reinvite(
                self.local.image(), still_wanted=lambda: not self.t38.is_set()
            )
        except CallFailed:
            if self.t38.is_set():
                return
            raise
        if not self.take_answer(response.body):
            raise CallFailed(488, "the peer answered without T.38")

    async def wait_for_t38(self, call: Call, seconds: float) -> bool:
        """Wait for the peer's re-INVITE to T.38; False when it did not come, or the call ended."""
        waits = (self.t38.wait(), self.ended.wait(), call.sleep(seconds))
        waiters = [asyncio.create_task(wait) for wait in waits]
        try:
            await asyncio.wait(waiters, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for waiter in waiters:
                waiter.cancel()
        return self.t38.is_set()

    async def run(self, on_page: Callable[[PageDone], Awaitable[None]]) -> Finished:
        """Follow the session to its end, keeping the trace."""
        async for event in self._session.events():
            match event:
                case Trace():
                    self.trace.append(f"{event.seconds:8.3f} {event.text}")
                case PageDone():
                    await on_page(event)
                case Finished():
                    return event
        raise AssertionError("a session ended without Finished")
