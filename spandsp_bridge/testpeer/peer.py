"""A far end with every fault: fax machines, lines and people that behave as they are told.

Keys of the test mode call it: real calls, with real T.38 and T.30, to a number that says what
has to happen. The tests call it too, behind Kamailio as the machines of a carrier.
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

#: Behaviours that refuse the call, by their SIP status.
REFUSALS = {"busy": 486, "absent": 480, "unknown": 404, "declined": 603, "broken": 503,
            "forbidden": 403, "incomplete": 484, "wrong media": 488}  # fmt: skip
#: Those that take it: "fine", a fax machine; "busy once", the first time;
#: "hangs up once", after the first page of its first call; "refuses pages", for ever; "audio",
#: behind a gateway without T.38; "slow", of 4800 bit/s; "person"; "silent", after taking T.38.
#: The numbers of the test mode; any other one is a fax machine.
MAGIC = {
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
SPEAKS_SECONDS = 90
SILENT_SECONDS = 120


def magic(number: str) -> str:
    """Return how a number of the test mode behaves."""
    return MAGIC.get(number, "fine")


@dataclass
class FarEnd:
    """Owns a scripted call: keeps its media, and notes its end."""

    local: LocalMedia
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def on_offer(self, sdp: bytes) -> bytes | Refusal:
        """Take no other media (CallHandler)."""
        return self.local.current if not sdp else Refusal(488)

    def on_ended(self, by_peer: bool, reason: str) -> None:
        """Note the end (CallHandler)."""
        self.ended.set()


class FaultPeer:
    """Any number of far ends. `behaviour` says how a number behaves."""

    def __init__(
        self, engine: Engine, address: str, folder: Path, behaviour: Callable[[str], str] = magic
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
        """Wait until every call is over."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def received(self, number: str, tiff: bytes, pages: int) -> None:
        """Do something with what a machine has confirmed; nothing is kept here."""

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
            pass  # the caller went away
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
                file=file, sending=False, calling=False, station_id=number[-20:],
                max_bit_rate=4800 if behaviour == "slow" else 14400, silence_seconds=8,
            )
        )  # fmt: skip
        try:
            local = LocalMedia(self._address, session.audio_port, session.t38_port)
            offer = read(call.invite.body)
            call.handler = owner = FarEnd(local)
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
                    await asyncio.wait_for(owner.ended.wait(), SILENT_SECONDS)
                    return
                session.start(Media.T38, t38_peer(description.t38))
            pages = await self._receive(
                session, 1 if behaviour == "hangs up once" and first else None,
                durable=behaviour != "refuses pages",
            )  # fmt: skip
            if file.exists():
                await self.received(number, await asyncio.to_thread(file.read_bytes), pages)
        finally:
            session.close()
            file.unlink(missing_ok=True)

    @staticmethod
    async def _receive(session: Session, most: int | None, *, durable: bool) -> int:
        """Confirm pages until the end; return how many were. After `most`, end T.30."""
        pages = 0
        async for event in session.events():
            match event:
                case PageDone():
                    session.page_verdict(durable=durable and pages != most)
                    pages += durable and pages != most
                case Finished():
                    break
        return pages

    async def _talk(self, call: IncomingCall) -> None:
        """Answer as a person does: with a voice, and without any wish for T.38."""
        assert call.invite is not None
        offer = read(call.invite.body)
        if offer is None or offer.audio is None:
            return
        peer = audio_peer(offer.audio)
        voice = Voice(self._address, (peer.address, peer.port))
        local = LocalMedia(self._address, voice.port, voice.port)
        call.handler = owner = FarEnd(local)
        call.accept(local.audio())
        try:
            await call.acknowledged()
            loop = asyncio.get_running_loop()
            began = loop.time()
            for packet in range(50 * SPEAKS_SECONDS):
                # By the clock: a busy machine catches up, and the voice does not slow down.
                await asyncio.sleep(began + packet * 0.02 - loop.time())
                voice.speak(packet)
                if owner.ended.is_set():
                    return
        finally:
            voice.close()
