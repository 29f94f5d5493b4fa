"""Receiver and Sender against scripted SIP peers: who switches to T.38, and what if nobody does.

Real user agents over an in-memory network; the engine is a fake at our own seam that
writes down what it is told.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from spandsp_bridge.calls.receive import Limits, Receiver
from spandsp_bridge.calls.send import Sender, SendJob, SendResult, parse_route
from spandsp_bridge.calls.spool import Spool, SpooledFax
from spandsp_bridge.errors import CallFailed, EngineError
from spandsp_bridge.model import (
    AudioFax,
    Cause,
    Finished,
    Heard,
    Media,
    MediaPeer,
    Negotiated,
    PageDone,
    Recovery,
    SessionEvent,
    SessionOptions,
    SessionStats,
)
from spandsp_bridge.sip.address import NameAddr, Uri
from spandsp_bridge.sip.call import Refusal
from spandsp_bridge.sip.uac import OutgoingCall
from spandsp_bridge.sip.uas import IncomingCall
from spandsp_bridge.store.virtual_faxes import VirtualFax
from tests.support.sip_network import ALICE, BOB, Handler, Net

HEAD = b"v=0\r\no=- 1 1 IN IP4 192.0.2.77\r\ns=-\r\nc=IN IP4 192.0.2.77\r\nt=0 0\r\n"
AUDIO = HEAD + b"m=audio 6000 RTP/AVP 8 0\r\n"
IMAGE = HEAD + b"m=image 6002 udptl t38\r\na=T38FaxUdpEC:t38UDPRedundancy\r\n"
DEAD_IMAGE = HEAD + b"m=image 0 udptl t38\r\n"
BOTH = AUDIO + b"m=image 6002 udptl t38\r\na=T38FaxUdpEC:t38UDPRedundancy\r\n"
REFUSALS = [Refusal(488), Refusal(415), Refusal(606), DEAD_IMAGE, AUDIO]
PEER = MediaPeer("192.0.2.77", 6002, Recovery.REDUNDANCY, 400, 0)


@dataclass
class FakeSession:
    """A session that runs no T.30; tests put its events in."""

    options: SessionOptions
    audio_port: int = 30000
    t38_port: int = 30001
    started: list[MediaPeer] = field(default_factory=list)  #: T.38
    audio: list[Media] = field(default_factory=list)  #: what was begun over RTP, in order
    closed: bool = False
    queue: "asyncio.Queue[SessionEvent]" = field(default_factory=asyncio.Queue)
    pages: int = 0
    heard: Heard = Heard.NOTHING

    def start(self, media: Media, peer: MediaPeer) -> None:
        if media is Media.T38:
            self.started.append(peer)
        else:
            assert (peer.address, peer.port) == ("192.0.2.77", 6000)
            self.audio.append(media)

    def page_verdict(self, *, durable: bool) -> None:
        raise AssertionError("no page came")

    def terminate(self) -> None:
        self.end(49, Cause.COMMAND)

    def close(self) -> None:
        self.closed = True

    def end(self, code: int = 0, cause: Cause = Cause.T30) -> None:
        self.queue.put_nowait(
            Finished(code, "", cause, SessionStats(pages=self.pages, heard=self.heard))
        )

    def confirm_page(self) -> None:
        self.pages += 1
        self.queue.put_nowait(PageDone(self.pages, SessionStats(pages=self.pages)))

    async def events(self) -> AsyncIterator[SessionEvent]:
        while True:
            event = await self.queue.get()
            yield event
            if isinstance(event, Finished):
                return


class FakeEngine:
    time_scale = 1.0

    def __init__(self, *, full: bool = False) -> None:
        self.sessions: list[FakeSession] = []
        self._full = full

    async def open(self, options: SessionOptions) -> FakeSession:
        if self._full:
            raise EngineError("no ports")
        self.sessions.append(FakeSession(options))
        return self.sessions[-1]


FAX = VirtualFax(
    id=30,
    brand_id=1,
    company_id=20,
    name="x",
    company="y",
    country="ES",
    paper="a4",
    time_zone="UTC",
    email=(),
    outgoing_number=None,
    station_id="",
    header_line="",
    ecm=True,
    max_bit_rate=14400,
    audio_fax=AudioFax.NEVER,
)


class Inbound:
    """Alice calls a bridge: a real Receiver with a real spool."""

    def __init__(
        self,
        folder: Path,
        *,
        engine: FakeEngine | None = None,
        calls: int = 5,
        free: int = 1,
        audio_fax: AudioFax = AudioFax.NEVER,
    ) -> None:
        async def find(_: int) -> VirtualFax:
            return replace(FAX, audio_fax=audio_fax)

        self.net = Net(paced=True)
        self.engine = engine or FakeEngine()
        self.spool = Spool(folder, minimum_free=free)
        self.receiver = Receiver(
            engine=self.engine,
            spool=self.spool,
            media_address="192.0.2.2",
            limits=Limits(calls, 600, 1000),
            find=find,
            on_over=lambda _: None,
        )
        self.alice = self.net.agent(ALICE, BOB)
        self.net.agent(BOB, ALICE, self.receiver.take)
        self.hears = Handler(IMAGE)

    def dial(self, sdp: bytes, **headers: str) -> OutgoingCall:
        return self.alice.invite(
            to=Uri("+34911000002", BOB[0]),
            from_=NameAddr(Uri("+34911000001", ALICE[0])),
            sdp=sdp,
            headers=headers or {"X-Vfax-Virtual-Fax": "30", "X-Vfax-Ddi": "+34911000002"},
            handler=self.hears,
        )

    async def spooled(self) -> SpooledFax:
        async def over() -> SpooledFax:
            while self.receiver.active:
                await asyncio.sleep(0.005)
            [entry] = self.spool.entries()
            found = entry.read()
            assert found is not None
            return found

        return await self.net.run(over())

    async def until(self, true: Callable[[], bool]) -> None:
        async def wait() -> None:
            while not true():
                await asyncio.sleep(0.002)

        await self.net.run(wait(), limit=60)


@pytest.mark.parametrize("offer", [IMAGE, BOTH])
async def test_a_direct_t38_invite_starts_at_once(tmp_path: Path, offer: bytes) -> None:
    world = Inbound(tmp_path)
    call = world.dial(offer)
    answer = await world.net.run(call.answered())
    assert b"m=image 30001 udptl t38" in answer.body
    assert world.engine.sessions[0].started == [PEER]
    await world.net.settle(2)
    assert world.hears.offers == [], "there was nothing to switch"
    world.engine.sessions[0].end()
    await world.spooled()
    assert world.hears.ended


async def test_after_audio_the_called_side_switches_to_t38(tmp_path: Path) -> None:
    world = Inbound(tmp_path)
    call = world.dial(AUDIO)
    answer = await world.net.run(call.answered())
    assert b"m=audio 30000 RTP/AVP 8 0" in answer.body
    session = world.engine.sessions[0]
    await world.until(lambda: bool(session.started))
    assert session.started == [PEER]
    assert b"m=image 30001 udptl t38" in world.hears.offers[0]
    first, second = (sdp.split(b" ")[2] for sdp in (answer.body, world.hears.offers[0]))
    assert int(second) > int(first), "the o= version rises"
    session.end()
    await world.spooled()
    assert session.closed


async def test_both_sides_switch_at_once(tmp_path: Path) -> None:
    """Glare between the caller's re-INVITE and ours: T.38 begins once, the call goes on."""
    world = Inbound(tmp_path)
    call = world.dial(AUDIO)
    await world.net.run(call.answered())
    answer = await world.net.run(call.reinvite(IMAGE), limit=60)
    assert b"m=image" in answer.body
    session = world.engine.sessions[0]
    await world.net.settle(6)
    assert set(session.started) == {PEER}
    assert not call.ended
    session.end()
    await world.spooled()


async def test_an_invite_without_an_offer_is_answered_with_one(tmp_path: Path) -> None:
    world = Inbound(tmp_path)
    call = world.dial(b"")
    answer = await world.net.run(call.answered())
    assert b"m=audio 30000" in answer.body
    await world.until(lambda: bool(world.engine.sessions[0].started))
    world.engine.sessions[0].end()
    await world.spooled()


@pytest.mark.parametrize("refusal", REFUSALS)
async def test_a_caller_without_t38_is_hung_up_on_with_a_reason(
    tmp_path: Path, refusal: Refusal | bytes
) -> None:
    world = Inbound(tmp_path)
    world.hears.answer = refusal
    call = world.dial(AUDIO)
    await world.net.run(call.answered())
    fax = await world.spooled()
    assert call.ended
    assert world.engine.sessions[0].started == []
    assert fax.outcome is not None
    assert (fax.outcome.ok, fax.outcome.reason) == (False, "t38_refused")


@pytest.mark.parametrize("refusal", REFUSALS)
async def test_a_caller_without_t38_faxes_over_audio(
    tmp_path: Path, refusal: Refusal | bytes
) -> None:
    world = Inbound(tmp_path, audio_fax=AudioFax.AFTER_T38_REFUSED)
    world.hears.answer = refusal
    call = world.dial(AUDIO)
    await world.net.run(call.answered())
    session = world.engine.sessions[0]
    if refusal is DEAD_IMAGE:  # it has agreed to nothing: audio has to be asked for again
        await world.until(lambda: len(world.hears.offers) == 1)
        world.hears.answer = AUDIO
    await world.until(lambda: Media.AUDIO in session.audio)
    assert session.audio == [Media.TONES, Media.AUDIO]
    assert not call.ended
    session.queue.put_nowait(Negotiated(SessionStats()))
    await world.net.settle(1)
    with pytest.raises(CallFailed) as failure:  # too late to change the media
        await world.net.run(call.reinvite(IMAGE))
    assert failure.value.sip_status == 488
    session.end()
    await world.spooled()


async def test_audio_first_goes_over_audio_at_once(tmp_path: Path) -> None:
    world = Inbound(tmp_path, audio_fax=AudioFax.FIRST)
    call = world.dial(AUDIO)
    await world.net.run(call.answered())
    session = world.engine.sessions[0]
    await world.until(lambda: Media.AUDIO in session.audio)
    assert world.hears.offers == [], "T.38 was not asked for"
    answer = await world.net.run(call.reinvite(IMAGE))
    assert b"m=image 30001" in answer.body, "but granted"
    assert session.started == [PEER]
    session.end()
    await world.spooled()


async def test_a_session_refresh_does_not_disturb_a_running_fax(tmp_path: Path) -> None:
    world = Inbound(tmp_path)
    call = world.dial(IMAGE)
    before = await world.net.run(call.answered())
    after = await world.net.run(call.reinvite(IMAGE))
    assert after.body == before.body, "unchanged, the version too"
    assert world.engine.sessions[0].started == [PEER]
    world.engine.sessions[0].end()
    await world.spooled()


async def test_a_caller_that_hangs_up_ends_the_session(tmp_path: Path) -> None:
    world = Inbound(tmp_path)
    call = world.dial(IMAGE)
    await world.net.run(call.answered())
    call.hang_up()
    fax = await world.spooled()
    assert fax.outcome is not None
    assert (fax.outcome.reason, fax.outcome.hung_up_by) == ("receiver_call_dropped", "peer")


@pytest.mark.parametrize(
    ("name", "world", "offer", "status"),
    [
        ("no usable media", {}, HEAD + b"m=audio 6000 RTP/AVP 96\r\n", 488),
        ("no session description at all", {}, b"hello", 488),
        ("the engine has no ports", {"engine": FakeEngine(full=True)}, IMAGE, 503),
        ("the node is full", {"calls": 0}, IMAGE, 503),
        ("the disk is full", {"free": 1 << 60}, IMAGE, 503),
    ],
)
async def test_calls_are_refused_before_they_are_answered(
    tmp_path: Path, name: str, world: dict[str, int], offer: bytes, status: int
) -> None:
    inbound = Inbound(tmp_path, **world)  # type: ignore[arg-type]
    call = inbound.dial(offer)
    with pytest.raises(CallFailed) as failure:
        await inbound.net.run(call.answered())
    assert failure.value.sip_status == status, name
    await inbound.until(lambda: not inbound.receiver.active)
    assert list(inbound.spool.entries()) == [], "nothing is left in the spool"
    if status == 503:
        assert call.last_response is not None
        assert call.last_response.headers.get("Retry-After")


async def test_a_caller_that_cancels_is_let_go(tmp_path: Path) -> None:
    world = Inbound(tmp_path)
    call = world.dial(IMAGE)
    call.cancel()
    with pytest.raises(CallFailed) as failure:
        await world.net.run(call.answered())
    assert failure.value.sip_status == 487
    await world.until(lambda: not world.receiver.active)
    await world.net.settle(5)
    assert call.ended
    left = [entry.read() for entry in world.spool.entries()]
    assert all(fax is None or fax.outcome is not None for fax in left)


@pytest.mark.parametrize(
    "headers",
    [
        {"X-Other": "1"},
        {"X-Vfax-Virtual-Fax": "30"},
        {"X-Vfax-Virtual-Fax": "x", "X-Vfax-Ddi": "+34911000002"},
        {"X-Vfax-Fax": "30", "X-Vfax-Ddi": "+34911000002"},
    ],
)
async def test_a_call_that_did_not_come_through_kamailio_is_refused(
    tmp_path: Path, headers: dict[str, str]
) -> None:
    world = Inbound(tmp_path)
    call = world.dial(IMAGE, **headers)
    with pytest.raises(CallFailed) as failure:
        await world.net.run(call.answered())
    assert failure.value.sip_status == 403


class Outbound:
    """A real Sender calls Bob, who is scripted."""

    def __init__(self, pages: int = 1, audio_fax: AudioFax = AudioFax.NEVER) -> None:
        self.net = Net(paced=True)
        self.engine = FakeEngine()
        self.calls: asyncio.Queue[IncomingCall] = asyncio.Queue()
        self.bob = self.net.agent(BOB, ALICE, self.calls.put_nowait)
        self.hears = Handler(IMAGE)
        self.confirmed: list[int] = []
        sender = Sender(
            agent=self.net.agent(ALICE, BOB),
            engine=self.engine,
            media_address="192.0.2.1",
            max_call_seconds=600,
        )
        job = SendJob(
            fax_id=7,
            company_id=20,
            attempt=1,
            from_number="+34911000001",
            to_number="+34911000002",
            file=Path("x.tif"),
            pages=pages,
            station_id="id",
            header_line="",
            time_zone="",
            ecm=True,
            max_bit_rate=14400,
            audio_fax=audio_fax,
        )

        async def on_page(event: PageDone) -> None:
            self.confirmed.append(event.page)

        self.sending = asyncio.ensure_future(sender.send(job, on_page))

    async def incoming(self) -> IncomingCall:
        call = await self.net.run(self.calls.get())
        call.handler = self.hears
        return call

    async def result(self) -> SendResult:
        return await self.net.run(self.sending, limit=120)

    async def started(self) -> FakeSession:
        async def wait() -> FakeSession:
            while not self.engine.sessions or not self.engine.sessions[0].started:
                await asyncio.sleep(0.002)
            return self.engine.sessions[0]

        return await self.net.run(wait(), limit=60)


async def test_the_called_side_switches_and_every_page_is_confirmed() -> None:
    world = Outbound(pages=2)
    call = await world.incoming()
    assert call.invite is not None
    assert call.invite.headers.get("X-Vfax-Company") == "20"
    assert call.invite.headers.get("X-Vfax-Fax") == "7"
    assert b"m=audio 30000" in call.peer_sdp
    call.accept(AUDIO)
    await world.net.run(call.acknowledged())
    answer = await world.net.run(call.reinvite(IMAGE))
    assert b"m=image 30001 udptl t38" in answer.body
    session = await world.started()
    assert session.started == [PEER]
    session.confirm_page()
    session.confirm_page()
    session.end()
    result = await world.result()
    assert (result.outcome.ok, result.outcome.pages, world.confirmed) == (True, 2, [1, 2])
    await world.net.settle(1)
    assert call.ended
    assert session.closed


async def test_when_nobody_switches_we_do() -> None:
    world = Outbound()
    call = await world.incoming()
    call.accept(AUDIO)
    session = await world.started()
    assert world.net.now > 5, "the called side had its time"
    assert b"m=image 30001" in world.hears.offers[0]
    session.confirm_page()
    session.end()
    assert (await world.result()).outcome.ok


async def test_t38_may_be_answered_straight_away() -> None:
    world = Outbound()
    call = await world.incoming()
    call.accept(IMAGE)
    session = await world.started()
    session.confirm_page()
    session.end()
    assert (await world.result()).outcome.ok
    assert world.hears.offers == []


async def test_a_called_side_without_t38_is_a_reason_in_words() -> None:
    world = Outbound()
    world.hears.answer = Refusal(488)
    call = await world.incoming()
    call.accept(AUDIO)
    outcome = (await world.result()).outcome
    assert (outcome.ok, outcome.reason, outcome.sip_status) == (False, "t38_refused", 200)
    await world.net.settle(1)
    assert call.ended


async def test_a_called_side_without_t38_gets_its_fax_over_audio() -> None:
    world = Outbound(audio_fax=AudioFax.AFTER_T38_REFUSED)
    world.hears.answer = Refusal(488)
    call = await world.incoming()
    call.accept(AUDIO)

    async def begun() -> FakeSession:
        while not world.engine.sessions or Media.AUDIO not in world.engine.sessions[0].audio:
            await asyncio.sleep(0.002)
        return world.engine.sessions[0]

    session = await world.net.run(begun(), limit=60)
    session.confirm_page()
    session.end()
    assert (await world.result()).outcome.ok


@pytest.mark.parametrize(
    ("heard", "reason"), [(Heard.SOUND, "answered_by_person"), (Heard.SILENCE, "t38_refused")]
)
async def test_who_answered_is_told_apart(heard: Heard, reason: str) -> None:
    world = Outbound()
    world.hears.answer = Refusal(488)
    call = await world.incoming()
    world.engine.sessions[0].heard = heard
    call.accept(AUDIO)
    outcome = (await world.result()).outcome
    assert (outcome.ok, outcome.reason) == (False, reason)


@pytest.mark.parametrize(
    ("status", "reason"), [(486, "user_busy"), (404, "receiver_unallocated_number"),
                           (503, "carrier_failed"), (603, "call_rejected")],
)  # fmt: skip
async def test_a_refusal_is_a_reason_in_words(status: int, reason: str) -> None:
    world = Outbound()
    call = await world.incoming()
    call.reject(status, headers={"X-Vfax-Route": "route=1;carrier=2;server=3;uri=sip:h;lr"})
    result = await world.result()
    assert (result.outcome.reason, result.outcome.sip_status) == (reason, status)
    assert result.route == {"route": "1", "carrier": "2", "server": "3", "uri": "sip:h;lr"}
    assert world.engine.sessions[0].closed


async def test_a_false_ok_is_no_success() -> None:
    """SpanDSP says OK with one of two pages confirmed."""
    world = Outbound(pages=2)
    call = await world.incoming()
    call.accept(IMAGE)
    session = await world.started()
    session.confirm_page()
    session.end(code=0)
    outcome = (await world.result()).outcome
    assert (outcome.ok, outcome.reason, outcome.pages) == (False, "page_refused", 1)


async def test_a_called_side_that_hangs_up_after_the_last_page_still_confirmed_it() -> None:
    world = Outbound()
    call = await world.incoming()
    call.accept(IMAGE)
    session = await world.started()
    session.confirm_page()
    call.hang_up()
    assert (await world.result()).outcome.ok


def test_a_missing_route_header_is_no_route() -> None:
    assert parse_route(None) is None
    assert parse_route("") is None
