"""A peer that plays fax machines, lines and people; the called number selects a behaviour.

The test mode of the API places real calls to it, with real T.38 and T.30. The tests place it
behind Kamailio as the machines of a carrier.

Behaviours that answer the call: `fine`, a fax machine; `busy once`, refuses the first call of a
fax; `hangs up once`, ends the first call of a fax after its first page; `refuses pages`, never
confirms one; `audio`, is behind a gateway without T.38; `slow`, 4800 bit/s; `person`, speaks;
`silent`, sends nothing after it accepted T.38. `REFUSALS` has those that do not.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from spandsp_bridge.errors import CallFailed, EngineError
from spandsp_bridge.model import Engine, Finished, Media, PageDone, Session, SessionOptions
from spandsp_bridge.sip.call import Refusal
from spandsp_bridge.sip.uas import IncomingCall
from spandsp_bridge.t38.negotiation import LocalMedia, audio_peer, read, t38_peer
from spandsp_bridge.testpeer.voice import Voice

#: SIP status of the behaviours that refuse the call.
REFUSALS = {
    "busy": 486,
    "absent": 480,
    "unknown": 404,
    "declined": 603,
    "broken": 503,
    "forbidden": 403,
    "incomplete": 484,
    "wrong media": 488,
}
#: Behaviours of the test mode's numbers; any other number is `fine`.
BEHAVIOURS = {
    "+15005550000": "fine",
    "+15005550001": "busy",
    "+15005550002": "absent",
    "+15005550003": "unknown",
    "+15005550004": "person",
    "+15005550005": "refuses pages",
    "+15005550006": "hangs up once",
    "+15005550007": "audio",
    "+15005550008": "slow",
    "+15005550009": "silent",
}
SPEECH_SECONDS = 90
PACKET_SECONDS = 0.02
SILENCE_SECONDS = 120


def behaviour_of(number: str) -> str:
    """Return the behaviour of a number in the test mode."""
    return BEHAVIOURS.get(number, "fine")


@dataclass
class ScriptedHandler:
    """The handler of a scripted call: refuses other media, and waits for the end."""

    local: LocalMedia
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def on_offer(self, sdp: bytes) -> bytes | Refusal:
        """Refuse to change the media (CallHandler)."""
        return self.local.current if not sdp else Refusal(488)

    def on_ended(self, by_peer: bool, reason: str) -> None:
        """Wake who waits for the end (CallHandler)."""
        self.ended.set()


class FaultPeer:
    """Any number of such peers; `behaviour` maps a called number to its behaviour."""

    def __init__(
        self,
        engine: Engine,
        address: str,
        folder: Path,
        behaviour: Callable[[str], str] = behaviour_of,
    ) -> None:
        self._engine = engine
        self._address = address
        self._folder = folder
        self._behaviour = behaviour
        self._tasks: set[asyncio.Task[None]] = set()
        self._faxes: Counter[tuple[str, str]] = Counter()
        self.calls: Counter[str] = Counter()

    def take(self, call: IncomingCall) -> None:
        """Take a call (the user agent's `on_call`)."""
        task = asyncio.create_task(self._take(call))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settled(self) -> None:
        """Wait until all calls have ended."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def received(self, number: str, tiff: bytes, pages: int) -> None:
        """Take the pages that a call confirmed (for subclasses); here they are dropped."""

    async def _take(self, call: IncomingCall) -> None:
        assert call.invite is not None
        number = call.invite.to.uri.user
        behaviour = self._behaviour(number)
        self.calls[number] += 1
        fax = (number, call.invite.headers.get("X-Vfax-Fax") or "")
        self._faxes[fax] += 1
        first = self._faxes[fax] == 1
        status = REFUSALS.get(behaviour, 486 if behaviour == "busy once" and first else 0)
        if status:
            call.reject(status)
            return
        try:
            await self._answer(call, number, behaviour, first)
        except (CallFailed, EngineError, TimeoutError):
            pass  # the caller hung up
        finally:
            call.hang_up()

    async def _answer(self, call: IncomingCall, number: str, behaviour: str, first: bool) -> None:
        assert call.invite is not None
        if behaviour == "person":
            await self._talk(call)
            return
        file = self._folder / f"{number}-{self.calls[number]}.tif"
        session = await self._engine.open(
            SessionOptions(
                file=file,
                sending=False,
                calling=False,
                station_id=number[-20:],
                max_bit_rate=4800 if behaviour == "slow" else 14400,
                silence_seconds=8,
            )
        )
        try:
            local = LocalMedia(self._address, session.audio_port, session.t38_port)
            offer = read(call.invite.body)
            call.handler = handler = ScriptedHandler(local)
            call.accept(local.audio())
            await call.acknowledged()
            if behaviour == "audio":
                if offer is None or offer.audio is None:
                    return
                session.start(Media.AUDIO, audio_peer(offer.audio))
            else:
                description = read((await call.reinvite(local.image())).body)
                if description is None or description.t38 is None:
                    return
                if behaviour == "silent":
                    await asyncio.wait_for(
                        handler.ended.wait(), SILENCE_SECONDS / self._engine.time_scale
                    )
                    return
                session.start(Media.T38, t38_peer(description.t38))
            pages = await self._receive(
                session,
                1 if behaviour == "hangs up once" and first else None,
                durable=behaviour != "refuses pages",
            )
            if file.exists():
                await self.received(number, await asyncio.to_thread(file.read_bytes), pages)
        finally:
            session.close()
            file.unlink(missing_ok=True)

    @staticmethod
    async def _receive(session: Session, limit: int | None, *, durable: bool) -> int:
        """Confirm pages until the end and return their number; `limit` refuses the one after it."""
        pages = 0
        async for event in session.events():
            match event:
                case PageDone():
                    session.page_verdict(durable=durable and pages != limit)
                    pages += durable and pages != limit
                case Finished():
                    break
        return pages

    async def _talk(self, call: IncomingCall) -> None:
        """Answer as a person does: with a voice, and without a re-INVITE to T.38."""
        assert call.invite is not None
        offer = read(call.invite.body)
        if offer is None or offer.audio is None:
            return
        peer = audio_peer(offer.audio)
        voice = Voice(self._address, (peer.address, peer.port))
        local = LocalMedia(self._address, voice.port, voice.port)
        call.handler = handler = ScriptedHandler(local)
        call.accept(local.audio())
        try:
            await call.acknowledged()
            loop = asyncio.get_running_loop()
            packet_seconds = PACKET_SECONDS / self._engine.time_scale
            began = loop.time()
            for packet in range(int(SPEECH_SECONDS / PACKET_SECONDS)):
                # By the clock, so that a busy machine catches up.
                await asyncio.sleep(began + packet * packet_seconds - loop.time())
                voice.speak(packet)
                if handler.ended.is_set():
                    return
        finally:
            voice.close()
