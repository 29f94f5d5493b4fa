"""One fax call: a SIP call, its fax session, and the changes of media in between."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import replace

import structlog

from spandsp_bridge.errors import CallFailed
from spandsp_bridge.model import (
    Finished,
    Media,
    MediaPeer,
    Negotiated,
    PageDone,
    Session,
    Trace,
)
from spandsp_bridge.sip.call import Call, Refusal
from spandsp_bridge.sip.observe import summary
from spandsp_bridge.t38.negotiation import LocalMedia, audio_peer, read, t38_peer
from spandsp_bridge.t38.sdp import Media as SdpMedia

log = structlog.get_logger(__name__)

MAX_MESSAGES = 200  #: SIP messages in a trace
MEDIA_REFUSED = (415, 488, 606)  #: answers to a re-INVITE after which the call goes on


class FaxCall:
    """Connects a call to its fax session; the call's handler, in both directions.

    `trace` becomes the trace of the outcome: SIP messages, T.30 frames and remarks, one a line.
    `hung_up_by` is "peer", "us" or empty.
    """

    def __init__(
        self, session: Session, local: LocalMedia, max_datagram: int | None = None
    ) -> None:
        self.local = local
        self.trace: list[str] = []
        self.hung_up_by = ""
        self.ended = asyncio.Event()
        self.t38 = asyncio.Event()  #: T.30 runs over UDPTL
        self.media = Media.NONE
        self._session = session
        self._max_datagram = max_datagram
        self._peer: MediaPeer | None = None
        self._audio: SdpMedia | None = None
        self._offered: SdpMedia | None = None
        self._negotiated = False
        self._began = asyncio.get_running_loop().time()
        self._traced: set[tuple[bool, str]] = set()  # SIP messages, to leave out retransmissions

    @property
    def fax_runs(self) -> bool:
        """True once T.30 runs, over T.38 or over audio."""
        return self.media in (Media.T38, Media.AUDIO)

    # ---- CallHandler ------------------------------------------------------

    def on_offer(self, sdp: bytes) -> bytes | Refusal:
        """Answer a re-INVITE: to T.38, back to audio, or a session refresh (T.38 Annex D)."""
        if not sdp:
            return self.local.current
        answer = self._answer(sdp, keep_audio=self.media is Media.AUDIO and self._negotiated)
        if answer is None:
            return Refusal(488)
        ours, medium = answer
        self._use(medium)
        return ours

    def on_ended(self, by_peer: bool, reason: str) -> None:
        """End T.30 with the call; what was confirmed stays confirmed."""
        if not self.hung_up_by:
            self.hung_up_by = "peer" if by_peer else "us"
        self.trace.append(f"  call ended by {self.hung_up_by}: {reason}")
        self.ended.set()
        self._session.terminate()

    def on_message(self, outgoing: bool, data: bytes) -> None:
        """Add a SIP message to the trace, without its retransmissions."""
        text, key = summary(data)
        if not text or (outgoing, key) in self._traced or len(self._traced) >= MAX_MESSAGES:
            return
        self._traced.add((outgoing, key))
        seconds = asyncio.get_running_loop().time() - self._began
        self.trace.append(f"{seconds:8.3f} {'>' if outgoing else '<'} SIP {text}")

    # ---- media ------------------------------------------------------------

    def _use(self, medium: SdpMedia) -> None:
        """Start the medium that was agreed on, or follow the peer to another address."""
        if not medium.is_t38:
            self._audio = medium
            if self.media is Media.T38:
                return  # after the last page: T.30 ends over UDPTL
        peer = t38_peer(medium) if medium.is_t38 else audio_peer(medium)
        if self._max_datagram is not None:
            peer = replace(peer, max_datagram=min(peer.max_datagram, self._max_datagram))
        media = Media.T38 if medium.is_t38 else max(self.media, Media.TONES)
        if (media, peer) == (self.media, self._peer):
            return  # a session refresh
        self.media, self._peer = media, peer
        self._session.start(media, peer)
        if media is Media.T38:
            self.t38.set()

    def take_offer(self, sdp: bytes) -> bytes | None:
        """Answer the offer of an INVITE; None without T.38 or G.711 in it: 488."""
        answer = self._answer(sdp)
        if answer is None:
            return None
        self._offered = answer[1]
        return answer[0]

    def _answer(self, sdp: bytes, *, keep_audio: bool = False) -> tuple[bytes, SdpMedia] | None:
        """Return (our answer to an offer, the medium that it accepts), or None: 488."""
        description = read(sdp)
        if description is None:
            return None
        if keep_audio:
            description.refuse_t38()  # a fax that runs over audio stays there
        return self.local.answer(description)

    def begin(self) -> None:
        """Start the medium of our answer to the INVITE."""
        if self._offered is not None:
            self._use(self._offered)

    def take_answer(self, sdp: bytes) -> bool:
        """Start the medium that an SDP answer accepts; return whether that is T.38."""
        description = read(sdp)
        if description is None:
            return False
        medium = description.t38 or description.audio
        if medium is None or not medium.address:
            return False
        self._use(medium)
        return medium.is_t38

    async def fall_back_to_audio(self, call: Call, refused: CallFailed) -> bool:
        """Run T.30 over audio after T.38 was refused; False when that is not possible."""
        if self.ended.is_set() or refused.sip_status not in MEDIA_REFUSED:
            return False
        if refused.by_answer:  # a 200 that refuses the media: no medium is agreed on now
            try:
                response = await call.reinvite(self.local.audio())
            except CallFailed:
                return False
            if self.take_answer(response.body):
                return True
        return self.begin_audio()

    def begin_audio(self) -> bool:
        """Run T.30 over audio; False when there is no audio to run it over."""
        if self._audio is None or self.fax_runs:
            return self.fax_runs
        self._peer = audio_peer(self._audio)
        self.media = Media.AUDIO
        self.trace.append("! T.30 over G.711 audio")
        self._session.start(Media.AUDIO, self._peer)
        return True

    def end(self) -> None:
        """End the session; then `run` returns."""
        self._session.terminate()

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
            self.local.audio()  # is in force again
            raise
        if not self.take_answer(response.body):
            raise CallFailed(488, "the peer answered without T.38", by_answer=True)

    async def wait_for_t38(self, call: Call, seconds: float) -> bool:
        """Wait for the peer's re-INVITE to T.38; False after `seconds`, or when the call ended."""
        waits = (self.t38.wait(), self.ended.wait(), call.sleep(seconds))
        waiters = [asyncio.create_task(wait) for wait in waits]
        try:
            await asyncio.wait(waiters, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for waiter in waiters:
                waiter.cancel()
        return self.t38.is_set()

    async def run(self, on_page: Callable[[PageDone], Awaitable[None]]) -> Finished:
        """Take the events of the session until it ends; `on_page` is awaited for each page."""
        since, retries = 0.0, 0
        async for event in self._session.events():
            match event:
                case Negotiated():
                    self._negotiated = True
                    since = since or event.seconds
                case Trace():
                    self.trace.append(f"{event.seconds:8.3f} {event.text}")
                case PageDone():
                    repeated = event.stats.ecm_retries - retries
                    await on_page(
                        replace(event, took=event.seconds - since, retransmissions=repeated)
                    )
                    since, retries = event.seconds, event.stats.ecm_retries
                case Finished():
                    return event
        raise AssertionError("a session ended without Finished")
