"""Properties of calls: two user agents, random events, and a network that does its worst."""

import asyncio
from collections import defaultdict
from dataclasses import dataclass, field

from hypothesis import given, settings
from hypothesis import strategies as st

from spandsp_bridge.errors import CallFailed
from spandsp_bridge.sip.call import Call, Refusal
from spandsp_bridge.sip.errors import EventRefused, LocalProtocolError
from spandsp_bridge.sip.message import Request, Response
from spandsp_bridge.sip.state import CallState, Event, Role, State
from spandsp_bridge.sip.uac import OutgoingCall
from spandsp_bridge.sip.uas import IncomingCall
from tests.support.sip_network import ALICE, ANSWER, BOB, IMAGE, OFFER, Handler, Net, dial
from tests.unit.sip.test_state import GRID

ACTIONS = ("dial", "accept", "reject", "hang up", "cancel", "reinvite", "refuse offers")
PAUSES = (0.0, 0.005, 0.015, 0.1, 0.6, 3.0, 20.0, 40.0)


class Recorded(CallState):
    """A machine that compares each transition with the documented table."""

    def __init__(self, machine: CallState) -> None:
        super().__init__(machine.role)
        self.state = machine.state

    def apply(self, event: Event) -> State:
        before = self.state
        cell = GRID[self.role, before, event]
        try:
            after = super().apply(event)
        except EventRefused as refused:
            assert cell == refused.status
            raise
        except LocalProtocolError:
            assert cell is None
            raise
        assert after is cell
        return after


@dataclass
class Side:
    """The calls of one agent, and what their owners do."""

    handlers: list[Handler] = field(default_factory=list)
    calls: list[Call] = field(default_factory=list)

    def add(self, call: Call) -> None:
        handler = call.handler if isinstance(call.handler, Handler) else Handler()
        call.handler = handler
        call._machine = Recorded(call._machine)
        self.handlers.append(handler)
        self.calls.append(call)


class Pair:
    def __init__(self, net: Net) -> None:
        self.net = net
        self.caller, self.called = Side(), Side()
        self.alice = net.agent(ALICE, BOB)
        self.bob = net.agent(BOB, ALICE, self.called.add)
        self.tasks: list[asyncio.Task[Response | None]] = []

    def act(self, by_caller: bool, action: str) -> None:
        """Do what an owner can do, in whatever state the latest call is."""
        side = self.caller if by_caller else self.called
        if action == "dial":
            call: Call = dial(self.alice, Handler())
            self.caller.add(call)
            return
        if not side.calls:
            return
        call = side.calls[-1]
        match action, call:
            case "accept", IncomingCall():
                self.operate(call, Event.ACCEPT)
            case "reject", IncomingCall():
                self.operate(call, Event.REJECT)
            case "cancel", OutgoingCall():
                call.cancel()
            case "hang up", _:
                call.hang_up()
            case "reinvite", _:
                self.tasks.append(asyncio.create_task(self.reinvite(call)))
            case "refuse offers", _:
                side.handlers[-1].answer = Refusal(488)

    def operate(self, call: IncomingCall, event: Event) -> None:
        """Accept or reject: an error exactly where the table has nothing."""
        possible = GRID[Role.UAS, call.state, event] is not None
        try:
            if event is Event.ACCEPT:
                call.accept(ANSWER)
            else:
                call.reject(486)
        except LocalProtocolError:
            assert not possible
        else:
            assert possible

    async def reinvite(self, call: Call) -> Response | None:
        try:
            return await call.reinvite(IMAGE if call.role is Role.UAC else OFFER)
        except CallFailed:
            return None

    async def finish(self) -> None:
        """Hang up everywhere, and let all timers run."""
        for side in (self.caller, self.called):
            for call in side.calls:
                call.hang_up()
        await self.net.settle(40)
        for call in self.called.calls:  # some INVITEs come late
            call.hang_up()
        await self.net.settle(400)
        await asyncio.gather(*self.tasks)


def finals_of_invites(net: Net) -> dict[tuple[str, str], set[int]]:
    """Return the final statuses sent for each INVITE that was received, by host and branch."""
    finals: dict[tuple[str, str], set[int]] = {
        (host, message.via.branch): set()
        for _, host, message in net.received
        if isinstance(message, Request) and message.method == "INVITE"
    }
    for _, host, message in net.sent:
        if isinstance(message, Response) and message.cseq[1] == "INVITE" and message.status >= 200:
            finals[host, message.via.branch].add(message.status)
    return finals


def unacknowledged(net: Net) -> list[tuple[str, int]]:
    """Return each 2xx to an INVITE that was received in time and has no ACK after it."""
    acks: dict[tuple[str, str, int, str], float] = defaultdict(lambda: -1.0)
    began: dict[tuple[str, str], float] = {}
    provisional: set[tuple[str, str]] = set()
    for at, host, message in net.sent:
        if isinstance(message, Request):
            if message.method == "ACK":
                acks[host, message.call_id, message.cseq[0], message.to.tag] = at
            began.setdefault((host, message.via.branch), at)
    missing = []
    for at, host, message in net.received:
        if not isinstance(message, Response) or message.cseq[1] != "INVITE":
            continue
        transaction = host, message.via.branch
        if message.status < 200 and at < began[transaction] + 32:
            provisional.add(transaction)
        if not 200 <= message.status < 300:
            continue
        if transaction not in provisional and at >= began[transaction] + 32:
            continue  # timer B ended the transaction before
        key = host, message.call_id, message.cseq[0], message.to.tag
        if acks[key] < at:
            missing.append((host, message.cseq[0]))
    return missing


@settings(max_examples=50, deadline=None)
@given(
    loss=st.sampled_from([0.0, 0.1, 0.3, 0.6, 1.0]),
    duplication=st.sampled_from([0.0, 0.3]),
    jitter=st.sampled_from([0.0, 0.05, 0.3]),
    seed=st.integers(0, 1 << 16),
    script=st.lists(
        st.tuples(st.booleans(), st.sampled_from(ACTIONS), st.sampled_from(PAUSES)), max_size=12
    ),
)
async def test_calls_keep_their_promises_on_any_network(
    loss: float,
    duplication: float,
    jitter: float,
    seed: int,
    script: list[tuple[bool, str, float]],
) -> None:
    net = Net(loss, seed, duplication=duplication, jitter=jitter)
    pair = Pair(net)
    pair.act(True, "dial")
    for by_caller, action, pause in script:
        await net.settle(pause)
        pair.act(by_caller, action)
    await pair.finish()

    for side in (pair.caller, pair.called):
        assert all(call.state is State.ENDED for call in side.calls)
        assert all(len(handler.ended) == 1 for handler in side.handlers)
    assert all(len(statuses) == 1 for statuses in finals_of_invites(net).values())
    assert unacknowledged(net) == []
    for agent in (pair.alice, pair.bob):
        assert not agent.calls
        assert not agent._unanswered
        assert len(agent.transactions) == 0
