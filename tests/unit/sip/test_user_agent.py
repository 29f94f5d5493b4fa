"""The user agent against itself over a lossy network, and against scripted messages."""

import asyncio

import pytest

from spandsp_bridge.errors import CallFailed
from spandsp_bridge.sip.call import Call, Refusal
from spandsp_bridge.sip.message import Request, Response
from spandsp_bridge.sip.uac import OutgoingCall
from spandsp_bridge.sip.uas import IncomingCall
from tests.support.sip_network import ALICE, ANSWER, BOB, IMAGE, OFFER, Handler, Net, dial


class Pair:
    """Alice calls, Bob is called; Bob's calls wait in a queue."""

    def __init__(self, loss: float = 0.0, seed: int = 1) -> None:
        self.net = Net(loss, seed)
        self.calls: asyncio.Queue[IncomingCall] = asyncio.Queue()
        self.alice = self.net.agent(ALICE, BOB)
        self.bob = self.net.agent(BOB, ALICE, self.calls.put_nowait)
        self.alice_hears, self.bob_hears = Handler(), Handler()

    async def incoming(self) -> IncomingCall:
        call = await self.net.run(self.calls.get())
        call.handler = self.bob_hears
        return call

    async def talk(self) -> tuple[OutgoingCall, IncomingCall]:
        """Set up a call."""
        ours = dial(self.alice, self.alice_hears)
        theirs = await self.incoming()
        theirs.accept(ANSWER)
        await self.net.run(ours.answered())
        await self.net.run(theirs.acknowledged())
        return ours, theirs


async def test_a_call_is_answered_and_ended() -> None:
    pair = Pair()
    ours, theirs = await pair.talk()
    assert theirs.peer_sdp == OFFER
    assert ours.peer_sdp == ANSWER
    assert theirs.invite is not None
    assert theirs.invite.headers.get("X-Vfax-Fax") == "7"
    theirs.hang_up()
    await pair.net.settle(1)
    assert pair.bob_hears.ended == [(False, "BYE sent")]
    assert pair.alice_hears.ended == [(True, "BYE received")]
    assert not pair.alice.calls
    assert not pair.bob.calls


@pytest.mark.parametrize("seed", range(12))
async def test_calls_survive_30_percent_loss(seed: int) -> None:
    pair = Pair(loss=0.3, seed=seed)
    ours, theirs = await pair.talk()
    response = await pair.net.run(theirs.reinvite(IMAGE))
    assert response.body == IMAGE
    assert pair.alice_hears.offers == [IMAGE]
    ours.hang_up()
    await pair.net.settle(40)
    assert ours.ended
    assert theirs.ended


async def test_nothing_is_left_when_all_timers_ran() -> None:
    pair = Pair()
    ours, _ = await pair.talk()
    ours.hang_up()
    await pair.net.settle(100)
    assert len(pair.alice.transactions) == len(pair.bob.transactions) == 0
    assert not pair.bob._unanswered


@pytest.mark.parametrize("status", [404, 480, 486, 488, 503, 603])
async def test_a_refusal_reaches_the_caller(status: int) -> None:
    pair = Pair()
    ours = dial(pair.alice, pair.alice_hears)
    (await pair.incoming()).reject(status)
    with pytest.raises(CallFailed) as failure:
        await pair.net.run(ours.answered())
    assert failure.value.sip_status == status
    await pair.net.settle(1)
    assert pair.net.methods(ALICE[0]) == ["INVITE", "ACK"]
    assert pair.alice_hears.ended


async def test_silence_is_408_after_32_seconds() -> None:
    pair = Pair()
    pair.net.drop = lambda _: True
    ours = dial(pair.alice, pair.alice_hears)
    with pytest.raises(CallFailed) as failure:
        await pair.net.run(ours.answered())
    assert failure.value.sip_status == 408
    assert pair.net.now == pytest.approx(32, abs=0.1)
    assert pair.net.methods(ALICE[0]) == ["INVITE"] * 7  # 0, .5, 1.5, 3.5, 7.5, 15.5, 31.5 s


async def test_cancel_before_the_answer_ends_with_487() -> None:
    pair = Pair()
    ours = dial(pair.alice, pair.alice_hears)
    theirs = await pair.incoming()
    await pair.net.settle(0.1)
    ours.cancel()
    with pytest.raises(CallFailed) as failure:
        await pair.net.run(ours.answered())
    assert failure.value.sip_status == 487
    assert theirs.ended
    assert pair.bob_hears.ended == [(True, "CANCEL received")]
    assert pair.net.methods(ALICE[0]) == ["INVITE", "CANCEL", "ACK"]


async def test_cancel_waits_for_a_provisional_response() -> None:
    pair = Pair()
    ours = dial(pair.alice, pair.alice_hears)
    ours.cancel()
    ours.cancel()
    assert pair.net.methods(ALICE[0]) == ["INVITE"]
    await pair.incoming()
    with pytest.raises(CallFailed):
        await pair.net.run(ours.answered())
    assert pair.net.methods(ALICE[0]) == ["INVITE", "CANCEL", "ACK"], "one CANCEL, not one a 1xx"


async def test_an_answer_that_crosses_cancel_is_acknowledged_and_ended() -> None:
    pair = Pair()
    ours = dial(pair.alice, pair.alice_hears)
    theirs = await pair.incoming()
    await pair.net.settle(0.1)
    theirs.accept(ANSWER)
    ours.cancel()
    with pytest.raises(CallFailed):
        await pair.net.run(ours.answered())
    await pair.net.settle(1)
    sent = pair.net.methods(ALICE[0])
    assert sent[:2] == ["INVITE", "CANCEL"]
    assert sent[2:4] == ["ACK", "BYE"]
    assert theirs.ended


async def test_a_lost_ack_is_repaired_by_repeating_the_200() -> None:
    pair = Pair()
    acks = 0

    def lose_first_acks(message: Request | Response) -> bool:
        nonlocal acks
        if isinstance(message, Request) and message.method == "ACK":
            acks += 1
            return acks < 3
        return False

    pair.net.drop = lose_first_acks
    ours, theirs = await pair.talk()
    assert pair.net.methods(BOB[0]).count("200") == 3
    assert not ours.ended
    assert not theirs.ended


async def test_a_call_whose_ack_never_comes_is_ended() -> None:
    pair = Pair()
    pair.net.drop = lambda m: isinstance(m, Request) and m.method == "ACK"
    dial(pair.alice, pair.alice_hears)
    theirs = await pair.incoming()
    theirs.accept(ANSWER)
    with pytest.raises(CallFailed):
        await pair.net.run(theirs.acknowledged())
    assert "BYE" in pair.net.methods(BOB[0])
    await pair.net.settle(1)
    assert pair.alice_hears.ended


async def test_both_reinvite_at_once_and_one_gets_through() -> None:
    """Glare: both get 491, wait as RFC 3261 §14.1 says, and the call goes on."""
    pair = Pair()
    ours, theirs = await pair.talk()
    results = await pair.net.run(
        asyncio.gather(ours.reinvite(OFFER), theirs.reinvite(IMAGE)), limit=60
    )
    assert [r.status for r in results] == [200, 200]
    assert "491" in pair.net.methods(ALICE[0])
    assert "491" in pair.net.methods(BOB[0])
    assert not ours.ended


async def test_a_refused_reinvite_leaves_the_call_alone() -> None:
    pair = Pair()
    ours, theirs = await pair.talk()
    pair.alice_hears.answer = Refusal(488)
    with pytest.raises(CallFailed) as failure:
        await pair.net.run(theirs.reinvite(IMAGE))
    assert failure.value.sip_status == 488
    assert not ours.ended
    assert not theirs.ended
    pair.alice_hears.answer = IMAGE
    assert (await pair.net.run(theirs.reinvite(IMAGE))).status == 200


async def test_a_peer_that_vanished_ends_the_call_by_reinvite() -> None:
    pair = Pair()
    _, theirs = await pair.talk()
    pair.net.drop = lambda _: True
    with pytest.raises(CallFailed):
        await pair.net.run(theirs.reinvite(IMAGE))
    assert theirs.ended


def request(method: str, call: Call, **more: str) -> bytes:
    """Return a request of Alice's inside a dialog, written by hand."""
    dialog = call.dialog
    assert dialog is not None
    lines = {
        "Via": f"SIP/2.0/UDP {ALICE[0]};branch=z9hG4bK{method}{len(more)}",
        "From": str(dialog.remote),
        "To": str(dialog.local),
        "Call-ID": dialog.call_id,
        "CSeq": f"90 {method}",
        **more,
    }
    head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
    return f"{method} sip:bob@{BOB[0]} SIP/2.0\r\n{head}\r\n".encode()


@pytest.mark.parametrize(
    ("method", "status"),
    [
        ("INFO", 200),
        ("OPTIONS", 200),
        ("UPDATE", 200),
        ("PRACK", 481),
        ("REFER", 405),
        ("NOTIFY", 405),
        ("FROBNICATE", 405),
    ],
)
async def test_every_method_inside_a_call_is_answered(method: str, status: int) -> None:
    pair = Pair()
    _, theirs = await pair.talk()
    pair.net.inject(request(method, theirs), ALICE, BOB)
    assert pair.net.methods(BOB[0])[-1] == str(status)
    assert not theirs.ended


def stray(method: str, extra: str = "", to: str = f"<sip:{BOB[0]}>") -> bytes:
    return (
        f"{method} sip:bob@{BOB[0]} SIP/2.0\r\nVia: SIP/2.0/UDP {ALICE[0]};branch=z9hG4bKx\r\n"
        f"From: <sip:a@{ALICE[0]}>;tag=1\r\nTo: {to}\r\nCall-ID: c\r\nCSeq: 1 {method}\r\n"
        f"{extra}\r\n"
    ).encode()


@pytest.mark.parametrize(
    ("message", "status"),
    [
        (stray("OPTIONS"), 200),
        (stray("BYE", to=f"<sip:{BOB[0]}>;tag=gone"), 481),
        (stray("REGISTER"), 405),
        (stray("FROBNICATE"), 501),
        (stray("INVITE", "Require: frobnication\r\n"), 420),
        (stray("INVITE", "Contact: <tel:+34911>\r\n"), 400),
        (stray("INVITE", "Contact: *\r\n"), 400),
        (stray("INVITE"), 400),
        (stray("CANCEL"), 481),
    ],
)
async def test_requests_outside_calls_are_answered(message: bytes, status: int) -> None:
    pair = Pair()
    pair.net.inject(message, ALICE, BOB)
    assert pair.net.methods(BOB[0])[-1] == str(status)
    assert pair.calls.empty()


async def test_options_says_503_while_draining() -> None:
    pair = Pair()
    pair.bob.draining = True
    pair.net.inject(stray("OPTIONS"), ALICE, BOB)
    assert pair.net.methods(BOB[0]) == ["503"]


async def test_a_second_fork_is_acknowledged_and_ended() -> None:
    pair = Pair()
    ours, theirs = await pair.talk()
    invite = ours.invite
    assert invite is not None
    fork = invite.response(200, to_tag="other-fork")
    fork.headers.add("contact", f"<sip:fork@{BOB[0]}>")
    pair.net.inject(bytes(fork), BOB, ALICE)
    assert pair.net.methods(ALICE[0])[-2:] == ["ACK", "BYE"]
    assert not ours.ended
    assert not theirs.ended


async def test_an_answer_without_a_usable_contact_fails_the_call_only() -> None:
    pair = Pair()
    ours = dial(pair.alice, pair.alice_hears)
    await pair.incoming()
    assert ours.invite is not None
    answer: Response = ours.invite.response(200, to_tag="t")
    answer.headers.add("contact", "<tel:+34911234567>")
    pair.net.inject(bytes(answer), BOB, ALICE)
    with pytest.raises(CallFailed) as failure:
        await pair.net.run(ours.answered())
    assert failure.value.sip_status == 502


async def test_a_peer_may_move_its_contact() -> None:
    pair = Pair()
    _, theirs = await pair.talk()
    moved = request("UPDATE", theirs, Contact=f"<sip:moved@{ALICE[0]}:6000>")
    pair.net.inject(moved, ALICE, BOB)
    assert theirs.dialog is not None
    assert theirs.dialog.remote_target.port == 6000


async def test_an_agent_that_only_places_calls_refuses_them() -> None:
    pair = Pair()
    pair.net.inject(stray("INVITE", "Contact: <sip:b@192.0.2.2>\r\n"), BOB, ALICE)
    assert pair.net.methods(ALICE[0]) == ["403"]


def test_garbage_is_dropped_without_an_answer() -> None:
    async def main() -> None:
        pair = Pair()
        for data in (b"", b"\r\n\r\n", b"\0", b"INVITE", b"\xff" * 200, b"SIP/2.0 200 OK\r\n\r\n"):
            pair.net.inject(data, ALICE, BOB)
        assert pair.net.sent == []

    asyncio.run(main())


async def test_a_2xx_to_a_reinvite_that_comes_after_the_end_is_acknowledged() -> None:
    """RFC 3261 §13.2.2.4: every 2xx is, also in a dialog that we ended meanwhile."""
    pair = Pair()
    ours, _ = await pair.talk()
    reinvite = asyncio.create_task(ours.reinvite(OFFER))
    await asyncio.sleep(0)
    ours.hang_up()
    with pytest.raises(CallFailed):
        await pair.net.run(reinvite)
    await pair.net.settle(1)
    assert pair.net.methods(ALICE[0]) == ["INVITE", "ACK", "INVITE", "BYE", "ACK"]


async def test_a_repeated_2xx_is_acknowledged_with_the_cseq_of_its_invite() -> None:
    pair = Pair()
    ours = dial(pair.alice, pair.alice_hears)
    await pair.net.settle(0.1)  # and not longer: the transaction has to be there still
    theirs = pair.calls.get_nowait()
    theirs.handler = pair.bob_hears
    theirs.accept(ANSWER)
    await pair.net.settle(0.1)
    reinvite = asyncio.create_task(ours.reinvite(OFFER))
    await pair.net.settle(0.1)
    assert reinvite.done()
    first = next(
        message
        for _, host, message in pair.net.sent
        if host == BOB[0] and isinstance(message, Response) and message.status == 200
    )
    pair.net.inject(bytes(first), BOB, ALICE)
    acks = [m.cseq[0] for _, _, m in pair.net.sent if isinstance(m, Request) and m.method == "ACK"]
    assert acks == [1, 2, 1]
    assert not ours.ended
    assert not theirs.ended
