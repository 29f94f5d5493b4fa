"""The negotiation matrix: every way in which a peer was seen to negotiate, as a row.

Scripted SIP peers on both sides of a call. A row says what the peer offers or answers, what it
says to our re-INVITE, whether fax over audio is allowed, and what has to come of it: the media
that T.30 runs over, or the reason of the failure.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from spandsp_bridge.model import AudioFax, Media, MediaPeer, Negotiated, Recovery, SessionStats
from spandsp_bridge.sip.call import Call, Refusal
from spandsp_bridge.sip.message import Request, Response
from tests.engine.calls.test_negotiation import (
    AUDIO,
    BOTH,
    DEAD_IMAGE,
    HEAD,
    IMAGE,
    PEER,
    FakeSession,
    Inbound,
    Outbound,
)
from tests.support.sip_network import ALICE, BOB

LINE = b"m=image 6002 udptl t38\r\n"


def image(*attributes: bytes, line: bytes = LINE) -> bytes:
    return HEAD + line + b"".join(b"a=" + a + b"\r\n" for a in attributes)


@dataclass(frozen=True, slots=True)
class Row:
    """What a peer does, and what comes of it."""

    name: str
    offer: bytes  #: inbound: of the INVITE; outbound: the answer to ours
    says: bytes | Refusal | None = None  #: to our re-INVITE; None: it gets none
    audio_fax: AudioFax = AudioFax.NEVER
    runs: MediaPeer | Media | None = PEER  #: T.38 with this peer, or fax over audio
    reason: str = ""  #: where nothing runs


NONE = replace(PEER, recovery=Recovery.NONE)
ALLOWED = AudioFax.AFTER_T38_REFUSED

#: The peer's line, and what we make of it; the same in both directions.
LINES = [
    ("no error recovery named", image(), NONE),
    ("redundancy", image(b"T38FaxUdpEC:t38UDPRedundancy"), PEER),
    ("FEC", image(b"T38FaxUdpEC:t38UDPFEC"), replace(PEER, recovery=Recovery.FEC)),
    ("names in capitals", image(b"T38FAXUDPEC:T38UDPREDUNDANCY"), PEER),
    ("names in small letters", image(b"t38faxudpec:t38udpredundancy"), PEER),
    ("UDPTL in capitals", image(b"T38FaxUdpEC:t38UDPRedundancy",
                                line=b"m=image 6002 UDPTL t38\r\n"), PEER),
    ("a datagram of Asterisk's", image(b"T38FaxUdpEC:t38UDPRedundancy", b"T38FaxMaxDatagram:1400"),
     replace(PEER, max_datagram=1400)),
    ("a datagram too small for a packet", image(b"T38FaxMaxDatagram:1"),
     replace(NONE, max_datagram=72)),
    ("a datagram that is no number", image(b"T38FaxMaxDatagram:many"), NONE),
    ("a datagram beyond all bounds", image(b"T38FaxMaxDatagram:99999999999"), NONE),
    ("version 3", image(b"T38FaxVersion:3"), replace(NONE, version=3)),
    ("a version that does not exist", image(b"T38FaxVersion:9"), replace(NONE, version=3)),
    ("attributes of other kinds", image(b"T38FaxFillBitRemoval:0", b"T38FaxTranscodingMMR:0",
                                        b"T38FaxTranscodingJBIG:0", b"T38VendorInfo:0 0 0",
                                        b"sendrecv", b"T38FaxMaxBuffer:1800"), NONE),
    ("a connection line of its own",
     b"v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nt=0 0\r\n" + LINE
     + b"c=IN IP4 192.0.2.77\r\n", NONE),
    ("a slow machine", image(b"T38MaxBitRate:9600"), NONE),
]  # fmt: skip

INBOUND = [
    *(Row(f"offers T.38 alone, {name}", offer, runs=peer) for name, offer, peer in LINES),
    *(Row(f"audio, then takes our T.38, {name}", AUDIO, offer, runs=peer)
      for name, offer, peer in LINES),
    Row("audio and T.38 in one offer", BOTH),
    Row("T.38 first, audio behind it", IMAGE + b"m=audio 6000 RTP/AVP 8\r\n"),
    Row("audio and a dead T.38 line", AUDIO + b"m=image 0 udptl t38\r\n", IMAGE),
    Row("two T.38 lines, one dead (a re-INVITE of Asterisk's)",
        HEAD + b"m=image 0 udptl t38\r\n" + IMAGE.removeprefix(HEAD)),
    Row("video too", HEAD + b"m=video 7000 RTP/AVP 99\r\n" + AUDIO.removeprefix(HEAD), IMAGE),
    Row("mu-law alone", HEAD + b"m=audio 6000 RTP/AVP 0\r\n", IMAGE),
    Row("many codecs", HEAD + b"m=audio 6000 RTP/AVP 18 9 0 8 101\r\na=rtpmap:101 "
        b"telephone-event/8000\r\n", IMAGE),
    *(Row(f"refuses T.38 by {status}", AUDIO, Refusal(status), runs=None, reason="t38_refused")
      for status in (403, 415, 488, 500, 501, 603, 606)),
    *(Row(f"refuses T.38 by {status}, audio allowed", AUDIO, Refusal(status), ALLOWED, Media.AUDIO)
      for status in (415, 488, 606)),
    Row("answers our T.38 with port 0", AUDIO, DEAD_IMAGE, runs=None, reason="t38_refused"),
    Row("answers our T.38 with audio", AUDIO, AUDIO, runs=None, reason="t38_refused"),
    Row("answers our T.38 with audio, audio allowed", AUDIO, AUDIO, ALLOWED, Media.AUDIO),
    Row("answers our T.38 with nonsense", AUDIO, b"v=0\r\n", runs=None, reason="t38_refused"),
    Row("audio first by policy", AUDIO, None, AudioFax.FIRST, Media.AUDIO),
]  # fmt: skip

OUTBOUND = [
    *(Row(f"answers with T.38 at once, {name}", offer, runs=peer) for name, offer, peer in LINES),
    *(Row(f"audio, then takes our T.38, {name}", AUDIO, offer, runs=peer)
      for name, offer, peer in LINES),
    *(Row(f"refuses T.38 by {status}", AUDIO, Refusal(status), runs=None, reason="t38_refused")
      for status in (403, 415, 488, 500, 501, 603, 606)),
    *(Row(f"refuses T.38 by {status}, audio allowed", AUDIO, Refusal(status), ALLOWED, Media.AUDIO)
      for status in (415, 488, 606)),
    Row("answers our T.38 with port 0", AUDIO, DEAD_IMAGE, runs=None, reason="t38_refused"),
    Row("answers our T.38 with audio", AUDIO, AUDIO, runs=None, reason="t38_refused"),
    Row("answers our T.38 with audio, audio allowed", AUDIO, AUDIO, ALLOWED, Media.AUDIO),
    Row("audio first by policy", AUDIO, None, AudioFax.FIRST, Media.AUDIO),
]  # fmt: skip


def check_running(row: Row, session: FakeSession) -> None:
    if isinstance(row.runs, MediaPeer):
        assert session.started == [row.runs]
        assert Media.AUDIO not in session.audio
    else:
        assert session.audio[-1] is Media.AUDIO
        assert session.started == []


@pytest.mark.parametrize("row", INBOUND, ids=lambda row: row.name)
async def test_a_caller_that(tmp_path: Path, row: Row) -> None:
    world = Inbound(tmp_path, audio_fax=row.audio_fax)
    world.hears.answer = row.says if row.says is not None else Refusal(488)
    call = world.dial(row.offer)
    await world.net.run(call.answered())
    session = world.engine.sessions[0]
    if row.runs is None:
        fax = await world.spooled()
        assert fax.outcome is not None
        assert (fax.outcome.ok, fax.outcome.reason) == (False, row.reason)
        assert session.started == []
        assert call.ended, "it is told goodbye"
        return
    await world.until(lambda: bool(session.started) or Media.AUDIO in session.audio)
    check_running(row, session)
    assert not call.ended
    # One that answered T.38 with audio has agreed to nothing yet: it is asked for audio too.
    times = 0 if row.says is None else 2 if row.says == AUDIO else 1
    assert len(world.hears.offers) == times
    session.end()
    await world.spooled()


@pytest.mark.parametrize("row", OUTBOUND, ids=lambda row: row.name)
async def test_a_called_side_that(row: Row) -> None:
    world = Outbound(audio_fax=row.audio_fax)
    world.hears.answer = row.says if row.says is not None else Refusal(488)
    call = await world.incoming()
    call.accept(row.offer)
    if row.runs is None:
        result = await world.result()
        assert (result.outcome.ok, result.outcome.reason) == (False, row.reason)
        assert world.engine.sessions[0].started == []
        await world.net.settle(2)
        assert call.ended, "it is told goodbye"
        return

    async def runs() -> FakeSession:
        while True:
            sessions = world.engine.sessions
            if sessions and (sessions[0].started or Media.AUDIO in sessions[0].audio):
                return sessions[0]
            await asyncio.sleep(0.002)

    session = await world.net.run(runs(), limit=60)
    check_running(row, session)
    session.confirm_page()
    session.end()
    assert (await world.result()).outcome.ok


async def test_the_peer_answers_our_offer_in_its_ack(tmp_path: Path) -> None:
    """An INVITE without SDP: the ACK brings the answer to our offer (RFC 3261 §13.2.1)."""
    world = Inbound(tmp_path)
    inject = world.net.inject

    def with_answer(message: Request | Response) -> bool:
        if isinstance(message, Request) and message.method == "ACK" and not message.body:
            inject(bytes(replace(message, body=AUDIO)), ALICE, BOB)
            return True
        return False

    world.net.drop = with_answer
    call = world.dial(b"")
    await world.net.run(call.answered())
    session = world.engine.sessions[0]
    await world.until(lambda: bool(session.started))
    assert session.audio == [Media.TONES], "RTP went where the ACK said"
    session.end()
    await world.spooled()


@pytest.mark.parametrize("direction", ["in", "out"])
async def test_glare_is_tried_again_and_ends_in_t38(tmp_path: Path, direction: str) -> None:
    """491 to our re-INVITE: after the time of RFC 3261 §14.1 it is sent again."""
    if direction == "in":
        inbound = Inbound(tmp_path)
        net, hears, engine = inbound.net, inbound.hears, inbound.engine
        hears.answer = Refusal(491)
        await net.run(inbound.dial(AUDIO).answered())
    else:
        outbound = Outbound()
        net, hears, engine = outbound.net, outbound.hears, outbound.engine
        hears.answer = Refusal(491)
        (await outbound.incoming()).accept(AUDIO)

    async def asked(times: int) -> None:
        while len(hears.offers) < times:
            await asyncio.sleep(0.002)

    await net.run(asked(1), limit=60)
    hears.answer = IMAGE
    began = net.now
    await net.run(asked(2), limit=60)
    # The caller owns the Call-ID: it waits 2.1 to 4 s, the called side up to 2 s.
    low, high = (2.0, 4.5) if direction == "out" else (0.0, 2.5)
    assert low <= net.now - began <= high
    session = engine.sessions[0]

    async def started() -> None:
        while not session.started:
            await asyncio.sleep(0.002)

    await net.run(started(), limit=60)
    session.end()
    if direction == "in":
        await inbound.spooled()
    else:
        await outbound.result()


@pytest.mark.parametrize("direction", ["in", "out"])
async def test_a_peer_that_never_answers_our_re_invite(tmp_path: Path, direction: str) -> None:
    if direction == "in":
        world = Inbound(tmp_path)
        call = world.dial(AUDIO)
        await world.net.run(call.answered())
        world.net.drop = _lose_re_invites()
        fax = await world.net.run(_spooled(world), limit=200)
        assert fax == "t38_refused"
    else:
        out = Outbound()
        called = await out.incoming()
        out.net.drop = _lose_re_invites()
        called.accept(AUDIO)
        result = await out.net.run(out.sending, limit=200)
        assert result.outcome.reason in ("t38_refused", "receiver_call_dropped")


def _lose_re_invites() -> Callable[[Request | Response], bool]:
    def drop(message: Request | Response) -> bool:
        return (
            isinstance(message, Request)
            and message.method == "INVITE"
            and b"m=image" in message.body
        )

    return drop


async def _spooled(world: Inbound) -> str:
    while world.receiver.active:
        await asyncio.sleep(0.005)
    [entry] = world.spool.entries()
    found = entry.read()
    assert found is not None
    assert found.outcome is not None
    return found.outcome.reason


@pytest.mark.parametrize("direction", ["in", "out"])
async def test_a_peer_re_invites_to_t38_and_back_to_audio_at_the_end(
    tmp_path: Path, direction: str
) -> None:
    """The way of Asterisk: T.38 by its re-INVITE, audio again after the last page, then BYE."""
    call: Call
    if direction == "in":
        inbound = Inbound(tmp_path)
        net, hears, engine = inbound.net, inbound.hears, inbound.engine
        hears.answer = IMAGE  # the bridge may ask at the same time: either way it is T.38
        call = outgoing = inbound.dial(AUDIO)
        await net.run(outgoing.answered())
    else:
        outbound = Outbound()
        net, hears, engine = outbound.net, outbound.hears, outbound.engine
        hears.answer = Refusal(488)
        call = incoming = await outbound.incoming()
        incoming.accept(AUDIO)
        await net.run(incoming.acknowledged())
    answer = await net.run(call.reinvite(IMAGE), limit=60)
    assert b"m=image" in answer.body
    session = engine.sessions[0]
    session.queue.put_nowait(Negotiated(SessionStats()))
    refreshed = await net.run(call.reinvite(IMAGE), limit=60)
    assert refreshed.body == answer.body
    assert session.started == [PEER], "an unchanged re-INVITE disturbs nothing"
    if direction == "out":
        session.confirm_page()
    back = await net.run(call.reinvite(AUDIO), limit=60)
    assert b"m=audio" in back.body
    session.end()
    call.hang_up()
    if direction == "in":
        await inbound.spooled()
    else:
        assert (await outbound.result()).outcome.ok
