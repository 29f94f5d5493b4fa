"""Fax machines behind a carrier: each called number behaves in its own way, and keeps count.

One user agent and one engine stand for any number of machines. What a machine has confirmed
it knows by the pixels: which pages of the document, in which call.
"""

import asyncio
import hashlib
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from spandsp_bridge.documents.tiff import BROKEN, TiffError, open_frames
from spandsp_bridge.errors import CallFailed, EngineError
from spandsp_bridge.model import Finished, Media, PageDone, SessionOptions
from spandsp_bridge.native.client import EngineClient, NativeSession
from spandsp_bridge.sip.call import Call, Refusal
from spandsp_bridge.sip.transport import LoopTimers, UdpTransport
from spandsp_bridge.sip.user_agent import UserAgent
from spandsp_bridge.t38.negotiation import LocalMedia, audio_peer, read, t38_peer
from tests.peers.rtp import SOUNDS, RtpPeer

OFFSETS, SIZES = 273, 279  # TIFF 6.0: StripOffsets, StripByteCounts

#: Behaviours that refuse the call, by their SIP status.
REFUSALS = {"busy": 486, "absent": 480, "unknown": 404, "declined": 603, "broken": 503,
            "forbidden": 403, "incomplete": 484, "wrong media": 488}  # fmt: skip
#: Behaviours that take it: a fax machine; one that is busy the first time; one that hangs up
#: after the first page of its first call; one that never confirms a page; one behind a gateway
#: without T.38; a person; a machine that takes T.38 and says nothing.
ANSWERS = ("fine", "busy once", "hangs up once", "refuses pages", "audio", "person", "silent")


_KNOWN: dict[bytes, bytes] = {}  # of a page's data as it is coded, the digest of its pixels


def digests(tiff: bytes, pages: int | None = None) -> list[bytes]:
    """Return what tells one page from another: a digest of its pixels.

    Most machines get the same pages: each is decoded once.
    """
    found: list[bytes] = []
    try:
        with open_frames(tiff) as image:
            for number in range(getattr(image, "n_frames", 1)):
                image.seek(number)
                tags = image.tag_v2  # type: ignore[attr-defined]
                places = zip(tags[OFFSETS], tags[SIZES], strict=True)
                coded = b"".join(tiff[at : at + size] for at, size in places)
                key = hashlib.sha256(repr(image.size).encode() + coded).digest()
                if key not in _KNOWN:
                    _KNOWN[key] = hashlib.sha256(image.convert("1").tobytes()).digest()
                found.append(_KNOWN[key])
    except (TiffError, *BROKEN):
        return []
    return found[:pages]


@dataclass
class _Owner:
    local: LocalMedia
    ended: asyncio.Event = field(default_factory=asyncio.Event)

    def on_offer(self, sdp: bytes) -> bytes | Refusal:
        return self.local.current if not sdp else Refusal(488)

    def on_ended(self, by_peer: bool, reason: str) -> None:
        self.ended.set()


class FaxMachines:
    """The machines of one carrier. `behaviour` says how a number behaves."""

    def __init__(
        self, engine: EngineClient, address: str, folder: Path, behaviour: Callable[[str], str]
    ) -> None:
        self._engine = engine
        self._address = address
        self._folder = folder
        self._behaviour = behaviour
        self._tasks: set[asyncio.Task[None]] = set()
        self.calls: Counter[str] = Counter()
        self.confirmed: dict[str, list[list[bytes]]] = {}  #: number to the pages of each call

    def take(self, call: Call) -> None:
        """Take a call (the user agent's `on_call`)."""
        task = asyncio.create_task(self._take(call))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settled(self) -> None:
        """Wait until every call is over."""
        while self._tasks:
            await asyncio.wait(self._tasks)

    async def _take(self, call: Call) -> None:
        assert call.invite is not None
        number = call.invite.to.uri.user
        behaviour = self._behaviour(number)
        self.calls[number] += 1
        first = self.calls[number] == 1
        status = REFUSALS.get(behaviour, 486 if behaviour == "busy once" and first else 0)
        if status:
            call.reject(status, "As told")
            return
        try:
            await self._answer(call, number, behaviour, first)
        except (CallFailed, EngineError):
            pass  # the caller went away
        finally:
            call.hang_up()

    async def _answer(self, call: Call, number: str, behaviour: str, first: bool) -> None:
        assert call.invite is not None
        if behaviour == "person":
            await self._talk(call)
            return
        file = self._folder / f"{number}-{self.calls[number]}.tif"
        session = await self._engine.open(
            SessionOptions(file=file, sending=False, calling=False, station_id=number[-20:],
                           silence_seconds=8)
        )  # fmt: skip
        try:
            local = LocalMedia(self._address, session.audio_port, session.t38_port)
            offer = read(call.invite.body)
            call.handler = owner = _Owner(local)
            call.accept(local.audio())
            await call.acknowledged()
            if behaviour == "audio":
                assert offer is not None
                assert offer.audio is not None
                session.start(Media.AUDIO, audio_peer(offer.audio))
            else:
                description = read((await call.reinvite(local.image())).body)
                if description is None or description.t38 is None:
                    return
                if behaviour == "silent":
                    await asyncio.wait_for(owner.ended.wait(), 120)
                    return
                session.start(Media.T38, t38_peer(description.t38))
            pages = await self._receive(
                session, 1 if behaviour == "hangs up once" and first else None,
                durable=behaviour != "refuses pages",
            )  # fmt: skip
            # In a thread: a machine that thinks for long is taken for one that is away.
            done = await asyncio.to_thread(
                lambda: digests(file.read_bytes(), pages) if file.exists() else []
            )
            self.confirmed.setdefault(number, []).append(done)
        finally:
            session.close()
            file.unlink(missing_ok=True)

    @staticmethod
    async def _receive(session: NativeSession, most: int | None, *, durable: bool) -> int:
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

    async def _talk(self, call: Call) -> None:
        """Answer as a person does: with a voice, and without any wish for T.38."""
        assert call.invite is not None
        offer = read(call.invite.body)
        assert offer is not None
        assert offer.audio is not None
        peer = audio_peer(offer.audio)
        rtp = RtpPeer(peer.port, peer.address)
        local = LocalMedia(self._address, rtp.own_port, rtp.own_port)
        call.handler = owner = _Owner(local)
        call.accept(local.audio())
        try:
            await call.acknowledged()
            for packet in range(50 * 90):
                rtp.play(SOUNDS["voice"], packet)
                await asyncio.sleep(0.02)
                if owner.ended.is_set():
                    return
        finally:
            rtp.close()


@asynccontextmanager
async def fax_machines(
    listen: tuple[str, int],
    kamailio: tuple[str, int],
    ports: tuple[int, int],
    folder: Path,
    behaviour: Callable[[str], str],
    processes: int = 4,
) -> AsyncIterator[FaxMachines]:
    """Yield machines that our Kamailio reaches as the server of a carrier."""
    transport = await UdpTransport.bind(listen, {kamailio[0]})
    async with EngineClient(processes, listen[0], ports) as engine:
        machines = FaxMachines(engine, listen[0], folder, behaviour)
        agent = UserAgent(
            local=listen, outbound_proxy=kamailio, send=transport.send, timers=LoopTimers(),
            on_call=machines.take,
        )  # fmt: skip
        transport.serve(agent.receive)
        try:
            yield machines
        finally:
            transport.close()


def world(company: str, carrier: tuple[str, int]) -> str:
    """Return the SQL of a company of `Demo Telecom` whose faxes go to the machines alone."""
    return f"""
insert into companies (brand_id, name, country, time_zone)
    select id, '{company}', 'ES', 'Europe/Madrid' from brands where name = 'Demo Telecom';
insert into virtual_faxes (brand_id, company_id, name)
    select brand_id, id, 'Mailing' from companies where name = '{company}';
insert into ddis (brand_id, company_id, number)
    select brand_id, id, '+34917000001' from companies where name = '{company}';
update companies c set outgoing_ddi_id = d.id from ddis d
    where d.company_id = c.id and c.name = '{company}';
insert into carriers (brand_id, name)
    select id, '{company} machines' from brands where name = 'Demo Telecom';
insert into carrier_servers (brand_id, carrier_id, address, port)
    select brand_id, id, '{carrier[0]}', {carrier[1]} from carriers
    where name = '{company} machines';
insert into outgoing_routes (brand_id, company_id, type, priority, stopper, carrier_id)
    select c.brand_id, c.id, 'fax', 1, true, k.id from companies c, carriers k
    where c.name = '{company}' and k.name = '{company} machines';
"""
