"""Session timers (RFC 4028): who refreshes, when, and what happens when nobody does."""

import itertools

import pytest

from spandsp_bridge.errors import CallFailed
from spandsp_bridge.sip.address import NameAddr, Uri
from spandsp_bridge.sip.message import Headers, Request
from spandsp_bridge.sip.session_timer import SessionTimer, TooSmallError, accepted, answer
from spandsp_bridge.sip.uac import OutgoingCall
from spandsp_bridge.sip.uas import IncomingCall
from tests.support.sip_network import ALICE, ANSWER, BOB, OFFER, Handler, Net


@pytest.mark.parametrize(
    ("asked", "supported", "timer", "fields"),
    [
        (None, True, None, None),
        ("1800", True, SessionTimer(1800, False), "1800;refresher=uac"),
        ("1800;refresher=uac", True, SessionTimer(1800, False), "1800;refresher=uac"),
        ("1800;refresher=uas", True, SessionTimer(1800, True), "1800;refresher=uas"),
        ("1800", False, SessionTimer(1800, True), "1800;refresher=uas"),
        ("90; Refresher=UAS", True, SessionTimer(90, True), "90;refresher=uas"),
        ("nonsense", True, None, None),
        ("99999999999", True, None, None),
    ],
)
def test_what_is_asked_for_is_agreed_to(
    asked: str | None, supported: bool, timer: SessionTimer | None, fields: str | None
) -> None:
    headers = Headers([("session-expires", asked)] if asked else [])
    if supported:
        headers.add("k", "timer, replaces")
    agreed = answer(headers)
    assert (agreed[0] if agreed else None) == timer
    if agreed is not None:
        assert agreed[1]["Session-Expires"] == fields
        assert agreed[1].get("Require") == (None if agreed[0].we_refresh else "timer")


def test_an_interval_that_is_too_small_is_refused() -> None:
    with pytest.raises(TooSmallError):
        answer(Headers([("x", "60")]))


@pytest.mark.parametrize(
    ("told", "timer"),
    [(None, None), ("1800;refresher=uac", SessionTimer(1800, True)),
     ("1800;refresher=uas", SessionTimer(1800, False)), ("600", SessionTimer(600, True))],
)  # fmt: skip
def test_what_a_2xx_says_is_kept(told: str | None, timer: SessionTimer | None) -> None:
    assert accepted(Headers([("session-expires", told)] if told else [])) == timer


class Pair:
    """Alice has called Bob with a session timer."""

    def __init__(self, net: Net) -> None:
        self.net = net
        self.hears = {"alice": Handler(ANSWER), "bob": Handler(ANSWER)}
        self.calls: list[IncomingCall] = []
        self.alice = net.agent(ALICE, BOB)
        net.agent(BOB, ALICE, self.calls.append)

    async def talk(self, session_expires: str) -> tuple[OutgoingCall, IncomingCall]:
        call = self.alice.invite(
            to=Uri("bob", BOB[0]),
            from_=NameAddr(Uri("alice", ALICE[0])),
            sdp=OFFER,
            headers={"Session-Expires": session_expires},
            handler=self.hears["alice"],
        )
        await self.net.settle(0.5)
        [theirs] = self.calls
        theirs.handler = self.hears["bob"]
        theirs.accept(ANSWER)
        await self.net.run(call.answered())
        await self.net.run(theirs.acknowledged())
        return call, theirs

    def refreshes(self, method: str) -> list[tuple[int, str]]:
        """Return when (seconds) and from where requests of a method were first sent."""
        found: dict[str, tuple[int, str]] = {}
        for at, source, message in self.net.sent:
            if isinstance(message, Request) and message.method == method:
                found.setdefault(str(message.via), (round(at), source))
        return list(found.values())


@pytest.mark.parametrize(("refresher", "source"), [("uac", ALICE[0]), ("uas", BOB[0])])
async def test_the_refresher_sends_update_at_half_the_interval(refresher: str, source: str) -> None:
    pair = Pair(Net())
    ours, theirs = await pair.talk(f"90;refresher={refresher}")
    await pair.net.settle(200)
    assert {where for _, where in pair.refreshes("UPDATE")} == {source}
    times = [at for at, _ in pair.refreshes("UPDATE")]
    assert len(times) >= 4
    assert all(44 <= later - earlier <= 46 for earlier, later in itertools.pairwise(times))
    assert not ours.ended
    assert not theirs.ended
    assert pair.hears["alice"].offers == pair.hears["bob"].offers == [], "no media was touched"


async def test_without_update_the_session_is_refreshed_by_an_unchanged_reinvite() -> None:
    pair = Pair(Net())
    ours, _ = await pair.talk("90;refresher=uac")
    ours._peer_allows_update = False
    await pair.net.settle(100)
    assert len(pair.refreshes("INVITE")) == 1 + 2
    assert pair.hears["bob"].offers == [ANSWER, ANSWER], "the description in force, twice"
    assert not ours.ended


async def test_a_session_that_nobody_refreshes_ends() -> None:
    pair = Pair(Net())
    ours, theirs = await pair.talk("90;refresher=uac")
    pair.net.drop = lambda message: isinstance(message, Request) and message.method == "UPDATE"
    await pair.net.settle(61)
    assert theirs.ended
    assert "session timer" in pair.hears["bob"].ended[0][1]
    await pair.net.settle(30)
    assert ours.ended


async def test_a_caller_that_wants_too_short_a_timer_is_told() -> None:
    pair = Pair(Net())
    call = pair.alice.invite(
        to=Uri("bob", BOB[0]),
        from_=NameAddr(Uri("alice", ALICE[0])),
        sdp=OFFER,
        headers={"Session-Expires": "30"},
        handler=pair.hears["alice"],
    )
    with pytest.raises(CallFailed) as failure:
        await pair.net.run(call.answered())
    assert failure.value.sip_status == 422
    assert call.last_response is not None
    assert call.last_response.headers.get("Min-SE") == "90"
