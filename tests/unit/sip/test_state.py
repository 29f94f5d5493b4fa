"""The states of a call: the documented table, the code's table, and real calls in every state."""

import asyncio
import itertools
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from spandsp_bridge.errors import CallFailed
from spandsp_bridge.sip import state as documented
from spandsp_bridge.sip.call import Call
from spandsp_bridge.sip.errors import EventRefused, LocalProtocolError
from spandsp_bridge.sip.message import Request, Response
from spandsp_bridge.sip.state import TRANSITIONS, CallState, Cell, Event, Role, State
from spandsp_bridge.sip.uac import OutgoingCall
from spandsp_bridge.sip.uas import IncomingCall
from tests.support.sip_network import ALICE, ANSWER, BOB, IMAGE, OFFER, Handler, Net, dial

Grid = dict[tuple[Role, State, Event], Cell | None]


def read_documentation(text: str) -> Grid:
    """Return the tables of the module's docstring; what they do not list is None."""
    grid: Grid = {}
    role, states = Role.UAC, list[State]()
    for line in text.splitlines():
        if line.startswith("**"):
            role = Role[line.strip("*").partition("**")[0]]
        if not line.startswith("|") or line.startswith("|-"):
            continue
        first, *cells = (cell.strip() for cell in line.strip("|").split("|"))
        if first == "event":
            states = [State[cell] for cell in cells]
            grid.update({(role, state, event): None for state in states for event in Event})
            continue
        for state, cell in zip(states, cells, strict=True):
            target = state if cell == "=" else State[cell] if cell.isupper() else None
            grid[role, state, Event[first]] = int(cell) if cell.isdigit() else target
    return grid


GRID = read_documentation(documented.__doc__ or "")


def test_the_documentation_is_the_table() -> None:
    table = {
        (role, state, event): row.get(event)
        for role, rows in TRANSITIONS.items()
        for state, row in rows.items()
        for event in Event
    }
    assert table == GRID
    used = {event for (_, _, event), cell in GRID.items() if cell is not None}
    assert used == set(Event)


@pytest.mark.parametrize("role", Role, ids=lambda role: role.name)
def test_every_event_in_every_state(role: Role) -> None:
    for (owner, state, event), cell in GRID.items():
        if owner is not role:
            continue
        machine = CallState(role)
        machine.state = state
        if isinstance(cell, State):
            assert machine.apply(event) is cell
            continue
        if cell is None:
            with pytest.raises(LocalProtocolError):
                machine.apply(event)
        else:
            with pytest.raises(EventRefused) as refused:
                machine.apply(event)
            assert refused.value.status == cell
        assert machine.state is state


@pytest.mark.parametrize("role", Role, ids=lambda role: role.name)
def test_every_state_is_reached_and_leads_to_the_end(role: Role) -> None:
    steps = {
        state: {cell for cell in row.values() if isinstance(cell, State)}
        for state, row in TRANSITIONS[role].items()
    }

    def reachable(start: State) -> set[State]:
        found, todo = {start}, [start]
        while todo:
            new = steps[todo.pop()] - found
            found |= new
            todo += new
        return found

    assert reachable(State.IDLE) == set(steps)
    assert all(State.ENDED in reachable(state) for state in steps)
    assert steps[State.ENDED] == {State.ENDED}


PEER_REQUESTS = (Event.RECEIVE_ACK, Event.RECEIVE_OFFER, Event.RECEIVE_REQUEST, Event.RECEIVE_BYE)


def test_no_request_of_the_peer_is_an_error_of_ours() -> None:
    for (role, state, event), cell in GRID.items():
        if state is State.IDLE:
            continue
        if event in PEER_REQUESTS or (event is Event.RECEIVE_CANCEL and role is Role.UAS):
            assert cell is not None, (role, state, event)


# ---- real calls ---------------------------------------------------------------------


@dataclass
class World:
    """Alice (UAC) and Bob (UAS) in one call; `call` is the one whose state is tested."""

    net: Net
    call: Call
    peer: Call | None
    tasks: list["asyncio.Task[Response]"]

    async def close(self) -> None:
        self.net.drop = lambda _: False
        self.call.hang_up()
        if self.peer is not None:
            self.peer.hang_up()
        await self.net.settle(100)
        assert self.call.ended
        await asyncio.gather(*self.tasks, return_exceptions=True)


def is_method(method: str) -> Callable[[Request | Response], bool]:
    return lambda message: isinstance(message, Request) and message.method == method


async def reach(role: Role, state: State) -> World:
    """Bring a call into a state by what happens on the wire."""
    net = Net()
    calls: list[IncomingCall] = []
    alice = net.agent(ALICE, BOB)
    net.agent(BOB, ALICE, calls.append)
    tasks: list[asyncio.Task[Response]] = []

    def reinvite(call: Call) -> None:
        tasks.append(asyncio.create_task(call.reinvite(IMAGE)))

    if state in (State.CALLING, State.CANCEL_DEFERRED):
        net.drop = lambda _: True
    ours = dial(alice, Handler())
    await net.settle(0.05)
    theirs = calls[0] if calls else None
    match state:
        case State.CALLING | State.PROCEEDING | State.INCOMING:
            pass
        case State.CANCEL_DEFERRED:
            ours.cancel()
        case State.CANCELLING:
            net.drop = is_method("CANCEL")
            ours.cancel()
        case State.ACCEPTED | State.CLOSING:
            net.drop = is_method("ACK")
            assert theirs is not None
            theirs.accept(ANSWER)
            if state is State.CLOSING:
                theirs.hang_up()
        case _:
            assert theirs is not None
            theirs.handler = Handler()
            theirs.accept(ANSWER)
            await net.settle(0.05)
            call, other = (ours, theirs) if role is Role.UAC else (theirs, ours)
            if state is State.REINVITE_SENT:
                net.drop = is_method("INVITE")
                reinvite(call)
            elif state is State.REINVITE_ACCEPTED:
                net.drop = is_method("ACK")
                reinvite(other)
            elif state is State.ENDED:
                call.hang_up()
    await net.settle(0.05)
    if role is Role.UAC:
        world = World(net, ours, theirs, tasks)
    else:
        assert theirs is not None
        world = World(net, theirs, ours, tasks)
    assert world.call.state is state
    return world


PLACES = [(role, state) for role, rows in TRANSITIONS.items() for state in rows]
WITH_DIALOG = [p for p in PLACES if p[1] is not State.IDLE]
REQUESTS = {
    "INVITE": ("INVITE", OFFER, Event.RECEIVE_OFFER),
    "UPDATE with an offer": ("UPDATE", OFFER, Event.RECEIVE_OFFER),
    "UPDATE": ("UPDATE", b"", Event.RECEIVE_REQUEST),
    "INFO": ("INFO", b"", Event.RECEIVE_REQUEST),
    "BYE": ("BYE", b"", Event.RECEIVE_BYE),
}


def in_dialog(call: Call, method: str, body: bytes) -> bytes:
    """Return a request of the peer; for a call without a dialog, one with tags of its own."""
    assert call.invite is not None
    dialog, peer = call.dialog, (BOB if call.role is Role.UAC else ALICE)[0]
    local = dialog.local if dialog else call.invite.from_
    remote = dialog.remote if dialog else call.invite.to.with_tag("early")
    return (
        f"{method} sip:x@{peer} SIP/2.0\r\nVia: SIP/2.0/UDP {peer};branch=z9hG4bK-{method}\r\n"
        f"From: {remote}\r\nTo: {local}\r\nCall-ID: {call.call_id}\r\nCSeq: 900 {method}\r\n"
        f"Contact: <sip:x@{peer}>\r\nContent-Length: {len(body)}\r\n\r\n"
    ).encode() + body


@pytest.mark.parametrize("name", REQUESTS)
@pytest.mark.parametrize(
    ("role", "state"), WITH_DIALOG, ids=[f"{r.name}-{s.name}" for r, s in WITH_DIALOG]
)
async def test_a_request_in_any_state_is_answered_as_the_table_says(
    role: Role, state: State, name: str
) -> None:
    method, body, event = REQUESTS[name]
    world = await reach(role, state)
    us, peer = (ALICE, BOB) if role is Role.UAC else (BOB, ALICE)
    sent = len(world.net.sent)
    world.net.inject(in_dialog(world.call, method, body), peer, us)
    answers = [
        message
        for _, _, message in world.net.sent[sent:]
        if isinstance(message, Response) and message.via.branch == f"z9hG4bK-{method}"
    ]
    cell = GRID[role, state, event]
    [answer] = answers
    if isinstance(cell, State):
        assert answer.status == 200
        if method == "INVITE":
            cell = GRID[role, cell, Event.ACCEPT_REINVITE]
        assert world.call.state is cell
    else:
        assert answer.status == cell
        assert world.call.state is state
        assert (answer.headers.get("Retry-After") is not None) == (cell == 500)
    await world.close()


OPERATIONS: dict[Event, Callable[[Call], object]] = {
    Event.HANG_UP: lambda call: call.hang_up(),
    Event.ACCEPT: lambda call: call.accept(ANSWER) if isinstance(call, IncomingCall) else None,
    Event.REJECT: lambda call: call.reject(486) if isinstance(call, IncomingCall) else None,
}
LOCAL = [
    (role, state, event)
    for (role, state), event in itertools.product(WITH_DIALOG, OPERATIONS)
    if role is Role.UAS or event is Event.HANG_UP
]


@pytest.mark.parametrize(
    ("role", "state", "event"), LOCAL, ids=[f"{r.name}-{s.name}-{e.name}" for r, s, e in LOCAL]
)
async def test_an_operation_in_any_state_does_what_the_table_says(
    role: Role, state: State, event: Event
) -> None:
    world = await reach(role, state)
    cell = GRID[role, state, event]
    if cell is None:
        with pytest.raises(LocalProtocolError):
            OPERATIONS[event](world.call)
        assert world.call.state is state
    else:
        OPERATIONS[event](world.call)
        assert world.call.state is cell
    await world.close()


@pytest.mark.parametrize(
    ("role", "state"), WITH_DIALOG, ids=[f"{r.name}-{s.name}" for r, s in WITH_DIALOG]
)
async def test_a_reinvite_in_any_state_does_what_the_table_says(role: Role, state: State) -> None:
    world = await reach(role, state)
    cell = GRID[role, state, Event.REINVITE]
    if cell is State.REINVITE_SENT:
        response = await world.net.run(world.call.reinvite(IMAGE))
        assert response.status == 200
        assert world.call.state is State.ESTABLISHED
    else:
        with pytest.raises(CallFailed) as failure:
            await world.net.run(world.call.reinvite(IMAGE, still_wanted=lambda: False))
        assert failure.value.sip_status == cell
    await world.close()


async def test_a_hang_up_before_the_ack_sends_bye_after_it() -> None:
    """RFC 3261 §15: the called side must not send BYE before the ACK, or 32 s without it."""
    world = await reach(Role.UAS, State.CLOSING)
    assert world.call.ended
    assert "BYE" not in world.net.methods(BOB[0])
    world.net.drop = lambda _: False
    await world.net.settle(1)
    assert world.net.methods(BOB[0])[-2:] == ["200", "BYE"]
    assert isinstance(world.peer, OutgoingCall)
    assert world.peer.ended
    await world.close()


async def test_a_hang_up_without_any_ack_sends_bye_after_32_s() -> None:
    world = await reach(Role.UAS, State.CLOSING)
    await world.net.settle(31)
    assert "BYE" not in world.net.methods(BOB[0])
    await world.net.settle(2)
    assert "BYE" in world.net.methods(BOB[0])
    assert world.call.state is State.ENDED
    await world.close()


async def test_a_bye_before_the_answer_ends_the_invite_with_487() -> None:
    """RFC 3261 §15.1.2: the pending request is answered too."""
    world = await reach(Role.UAS, State.INCOMING)
    world.net.inject(in_dialog(world.call, "BYE", b""), ALICE, BOB)
    assert world.net.methods(BOB[0])[-2:] == ["200", "487"]
    await world.close()


async def test_an_answer_after_the_call_was_given_up_is_acknowledged_and_ended() -> None:
    """RFC 3261 §9.1: 32 s after CANCEL the call is over; a 200 may come all the same."""
    world = await reach(Role.UAC, State.CANCELLING)
    await world.net.settle(33)
    assert world.call.state is State.ENDED
    assert isinstance(world.peer, IncomingCall)
    world.peer.accept(ANSWER)
    await world.net.settle(1)
    assert world.net.methods(ALICE[0])[-2:] == ["ACK", "BYE"]
    assert world.peer.ended
    await world.close()
