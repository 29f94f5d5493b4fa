"""The states of a call: one table for each role, and nothing about calls elsewhere.

Columns are states, rows are events. A cell holds the next state; `=` stays in the same one; a
number is the SIP status that answers a request of the peer, or fails a re-INVITE of ours. An
empty cell cannot happen: it raises LocalProtocolError, whatever the peer sends. A test compares
these texts with the tables below.

**UAC**: we sent the INVITE (RFC 3261 §9.1, §13.2, §14, §15).

| event                | IDLE    | CALLING         | PROCEEDING  | CANCEL_DEFERRED | CANCELLING |
|----------------------|---------|-----------------|-------------|-----------------|------------|
| SEND_INVITE          | CALLING |                 |             |                 |            |
| HANG_UP              | ENDED   | CANCEL_DEFERRED | CANCELLING  | =               | =          |
| REINVITE             | 481     | 481             | 481         | 481             | 481        |
| RECEIVE_PROVISIONAL  |         | PROCEEDING      | =           | CANCELLING      | =          |
| RECEIVE_SUCCESS      |         | ESTABLISHED     | ESTABLISHED | ENDED           | ENDED      |
| RECEIVE_FAILURE      |         | ENDED           | ENDED       | ENDED           | ENDED      |
| NO_RESPONSE          |         | ENDED           |             | ENDED           | ENDED      |
| RECEIVE_ACK          |         | =               | =           | =               | =          |
| RECEIVE_OFFER        |         | 481             | 481         | 481             | 481        |
| RECEIVE_REQUEST      |         | 481             | 481         | 481             | 481        |
| RECEIVE_BYE          |         | 481             | 481         | 481             | 481        |

| event                | ESTABLISHED       | REINVITE_SENT | REINVITE_ACCEPTED | ENDED |
|----------------------|-------------------|---------------|-------------------|-------|
| HANG_UP              | ENDED             | ENDED         | ENDED             | =     |
| REINVITE             | REINVITE_SENT     | 491           | 491               | 481   |
| REINVITE_ENDED       |                   | ESTABLISHED   |                   |       |
| ACCEPT_REINVITE      | REINVITE_ACCEPTED |               |                   |       |
| RECEIVE_PROVISIONAL  |                   |               |                   | =     |
| RECEIVE_SUCCESS      | =                 | =             | =                 | =     |
| RECEIVE_FAILURE      |                   |               |                   | =     |
| RECEIVE_ACK          | =                 | =             | ESTABLISHED       | =     |
| NO_ACK               |                   |               | ENDED             |       |
| RECEIVE_OFFER        | =                 | 491           | 500               | 481   |
| RECEIVE_REQUEST      | =                 | =             | =                 | 481   |
| RECEIVE_BYE          | ENDED             | ENDED         | ENDED             | 481   |

**UAS**: the peer sent the INVITE (RFC 3261 §9.2, §13.3, §14, §15).

| event                | IDLE     | INCOMING | ACCEPTED    | CLOSING |
|----------------------|----------|----------|-------------|---------|
| RECEIVE_INVITE       | INCOMING |          |             |         |
| ACCEPT               |          | ACCEPTED |             |         |
| REJECT               |          | ENDED    |             |         |
| HANG_UP              | ENDED    | ENDED    | CLOSING     | =       |
| REINVITE             | 481      | 491      | 491         | 481     |
| RECEIVE_CANCEL       |          | ENDED    | =           | =       |
| RECEIVE_ACK          |          | =        | ESTABLISHED | ENDED   |
| NO_ACK               |          |          | ENDED       | ENDED   |
| RECEIVE_OFFER        |          | 500      | 500         | 500     |
| RECEIVE_REQUEST      |          | =        | =           | =       |
| RECEIVE_BYE          |          | ENDED    | ENDED       | ENDED   |

| event                | ESTABLISHED       | REINVITE_SENT | REINVITE_ACCEPTED | ENDED |
|----------------------|-------------------|---------------|-------------------|-------|
| ACCEPT               |                   |               |                   | =     |
| REJECT               |                   |               |                   | =     |
| HANG_UP              | ENDED             | ENDED         | ENDED             | =     |
| REINVITE             | REINVITE_SENT     | 491           | 491               | 481   |
| REINVITE_ENDED       |                   | ESTABLISHED   |                   |       |
| ACCEPT_REINVITE      | REINVITE_ACCEPTED |               |                   |       |
| RECEIVE_CANCEL       | =                 | =             | =                 | =     |
| RECEIVE_ACK          | =                 | =             | ESTABLISHED       | =     |
| NO_ACK               |                   |               | ENDED             |       |
| RECEIVE_OFFER        | =                 | 491           | 500               | 481   |
| RECEIVE_REQUEST      | =                 | =             | =                 | 481   |
| RECEIVE_BYE          | ENDED             | ENDED         | ENDED             | 481   |
"""

from enum import Enum, auto

from spandsp_bridge.sip.errors import EventRefused, LocalProtocolError


class Role(Enum):
    """Who sent the INVITE that set up the call."""

    UAC = auto()  #: we did
    UAS = auto()  #: the peer did


class State(Enum):
    """Where a call stands."""

    IDLE = auto()
    CALLING = auto()  #: INVITE sent, no response yet
    PROCEEDING = auto()  #: a provisional response came
    CANCEL_DEFERRED = auto()  #: to be cancelled once a provisional response comes (§9.1)
    CANCELLING = auto()  #: CANCEL sent, the final response is due
    INCOMING = auto()  #: INVITE received, not answered yet
    ACCEPTED = auto()  #: our 200 awaits its ACK (§13.3.1.4)
    CLOSING = auto()  #: hung up, but BYE has to wait for that ACK (§15)
    ESTABLISHED = auto()
    REINVITE_SENT = auto()  #: our re-INVITE awaits its final response (§14.1)
    REINVITE_ACCEPTED = auto()  #: our 200 to the peer's re-INVITE awaits its ACK (§14.2)
    ENDED = auto()


class Event(Enum):
    """What happens to a call: by us, by the peer, by time."""

    SEND_INVITE = auto()
    ACCEPT = auto()
    REJECT = auto()
    HANG_UP = auto()
    REINVITE = auto()
    REINVITE_ENDED = auto()  #: the final response to our re-INVITE, or none in 32 s
    ACCEPT_REINVITE = auto()  #: our owner took the offer of the peer's re-INVITE
    RECEIVE_INVITE = auto()
    RECEIVE_PROVISIONAL = auto()  #: 1xx to the INVITE
    RECEIVE_SUCCESS = auto()  #: 2xx to the INVITE, a repeated or forked one too
    RECEIVE_FAILURE = auto()  #: 3xx to 6xx to the INVITE, or a 2xx without a usable Contact
    RECEIVE_ACK = auto()  #: of a 2xx
    RECEIVE_CANCEL = auto()
    RECEIVE_OFFER = auto()  #: a re-INVITE, or an UPDATE with a session description
    RECEIVE_REQUEST = auto()  #: UPDATE without one, INFO, OPTIONS: the session stays as it is
    RECEIVE_BYE = auto()
    NO_RESPONSE = auto()  #: none to the INVITE in 32 s, or no final one 32 s after CANCEL
    NO_ACK = auto()  #: none in 32 s


Cell = State | int
Rows = dict[State, dict[Event, Cell]]

_NO_DIALOG: dict[Event, Cell] = {
    Event.REINVITE: 481,
    Event.RECEIVE_OFFER: 481,
    Event.RECEIVE_REQUEST: 481,
    Event.RECEIVE_BYE: 481,
}

#: What both roles share from the ACK on.
_CONFIRMED: Rows = {
    State.ESTABLISHED: {
        Event.HANG_UP: State.ENDED,
        Event.REINVITE: State.REINVITE_SENT,
        Event.ACCEPT_REINVITE: State.REINVITE_ACCEPTED,
        Event.RECEIVE_ACK: State.ESTABLISHED,
        Event.RECEIVE_OFFER: State.ESTABLISHED,
        Event.RECEIVE_REQUEST: State.ESTABLISHED,
        Event.RECEIVE_BYE: State.ENDED,
    },
    State.REINVITE_SENT: {
        Event.HANG_UP: State.ENDED,
        Event.REINVITE: 491,
        Event.REINVITE_ENDED: State.ESTABLISHED,
        Event.RECEIVE_ACK: State.REINVITE_SENT,
        Event.RECEIVE_OFFER: 491,
        Event.RECEIVE_REQUEST: State.REINVITE_SENT,
        Event.RECEIVE_BYE: State.ENDED,
    },
    State.REINVITE_ACCEPTED: {
        Event.HANG_UP: State.ENDED,
        Event.REINVITE: 491,
        Event.RECEIVE_ACK: State.ESTABLISHED,
        Event.RECEIVE_OFFER: 500,
        Event.RECEIVE_REQUEST: State.REINVITE_ACCEPTED,
        Event.RECEIVE_BYE: State.ENDED,
        Event.NO_ACK: State.ENDED,
    },
    State.ENDED: {
        **_NO_DIALOG,
        Event.HANG_UP: State.ENDED,
        Event.RECEIVE_ACK: State.ENDED,
    },
}


def _with(extra: Rows) -> Rows:
    return {state: {**row, **extra[state]} for state, row in _CONFIRMED.items()}


_UAC: Rows = {
    State.IDLE: {
        Event.SEND_INVITE: State.CALLING,
        Event.HANG_UP: State.ENDED,
        Event.REINVITE: 481,
    },
    State.CALLING: {
        **_NO_DIALOG,
        Event.HANG_UP: State.CANCEL_DEFERRED,
        Event.RECEIVE_PROVISIONAL: State.PROCEEDING,
        Event.RECEIVE_SUCCESS: State.ESTABLISHED,
        Event.RECEIVE_FAILURE: State.ENDED,
        Event.RECEIVE_ACK: State.CALLING,
        Event.NO_RESPONSE: State.ENDED,
    },
    State.PROCEEDING: {
        **_NO_DIALOG,
        Event.HANG_UP: State.CANCELLING,
        Event.RECEIVE_PROVISIONAL: State.PROCEEDING,
        Event.RECEIVE_SUCCESS: State.ESTABLISHED,
        Event.RECEIVE_FAILURE: State.ENDED,
        Event.RECEIVE_ACK: State.PROCEEDING,
    },
    State.CANCEL_DEFERRED: {
        **_NO_DIALOG,
        Event.HANG_UP: State.CANCEL_DEFERRED,
        Event.RECEIVE_PROVISIONAL: State.CANCELLING,
        Event.RECEIVE_SUCCESS: State.ENDED,
        Event.RECEIVE_FAILURE: State.ENDED,
        Event.RECEIVE_ACK: State.CANCEL_DEFERRED,
        Event.NO_RESPONSE: State.ENDED,
    },
    State.CANCELLING: {
        **_NO_DIALOG,
        Event.HANG_UP: State.CANCELLING,
        Event.RECEIVE_PROVISIONAL: State.CANCELLING,
        Event.RECEIVE_SUCCESS: State.ENDED,
        Event.RECEIVE_FAILURE: State.ENDED,
        Event.RECEIVE_ACK: State.CANCELLING,
        Event.NO_RESPONSE: State.ENDED,
    },
    **_with(
        {
            State.ESTABLISHED: {Event.RECEIVE_SUCCESS: State.ESTABLISHED},
            State.REINVITE_SENT: {Event.RECEIVE_SUCCESS: State.REINVITE_SENT},
            State.REINVITE_ACCEPTED: {Event.RECEIVE_SUCCESS: State.REINVITE_ACCEPTED},
            State.ENDED: {
                Event.RECEIVE_PROVISIONAL: State.ENDED,
                Event.RECEIVE_SUCCESS: State.ENDED,
                Event.RECEIVE_FAILURE: State.ENDED,
            },
        }
    ),
}

_UAS: Rows = {
    State.IDLE: {
        Event.RECEIVE_INVITE: State.INCOMING,
        Event.HANG_UP: State.ENDED,
        Event.REINVITE: 481,
    },
    State.INCOMING: {
        Event.ACCEPT: State.ACCEPTED,
        Event.REJECT: State.ENDED,
        Event.HANG_UP: State.ENDED,
        Event.REINVITE: 491,
        Event.RECEIVE_CANCEL: State.ENDED,
        Event.RECEIVE_ACK: State.INCOMING,
        Event.RECEIVE_OFFER: 500,
        Event.RECEIVE_REQUEST: State.INCOMING,
        Event.RECEIVE_BYE: State.ENDED,
    },
    State.ACCEPTED: {
        Event.HANG_UP: State.CLOSING,
        Event.REINVITE: 491,
        Event.RECEIVE_CANCEL: State.ACCEPTED,
        Event.RECEIVE_ACK: State.ESTABLISHED,
        Event.RECEIVE_OFFER: 500,
        Event.RECEIVE_REQUEST: State.ACCEPTED,
        Event.RECEIVE_BYE: State.ENDED,
        Event.NO_ACK: State.ENDED,
    },
    State.CLOSING: {
        Event.HANG_UP: State.CLOSING,
        Event.REINVITE: 481,
        Event.RECEIVE_CANCEL: State.CLOSING,
        Event.RECEIVE_ACK: State.ENDED,
        Event.RECEIVE_OFFER: 500,
        Event.RECEIVE_REQUEST: State.CLOSING,
        Event.RECEIVE_BYE: State.ENDED,
        Event.NO_ACK: State.ENDED,
    },
    **_with(
        {
            State.ESTABLISHED: {Event.RECEIVE_CANCEL: State.ESTABLISHED},
            State.REINVITE_SENT: {Event.RECEIVE_CANCEL: State.REINVITE_SENT},
            State.REINVITE_ACCEPTED: {Event.RECEIVE_CANCEL: State.REINVITE_ACCEPTED},
            State.ENDED: {
                # The owner cannot know that a CANCEL came first.
                Event.ACCEPT: State.ENDED,
                Event.REJECT: State.ENDED,
                Event.RECEIVE_CANCEL: State.ENDED,
            },
        }
    ),
}

TRANSITIONS: dict[Role, Rows] = {Role.UAC: _UAC, Role.UAS: _UAS}


class CallState:
    """The state of one call. `apply` is the only way to change it."""

    __slots__ = ("_rows", "role", "state")

    def __init__(self, role: Role) -> None:
        self.role = role
        self.state = State.IDLE
        self._rows = TRANSITIONS[role]

    def apply(self, event: Event) -> State:
        """Move to the next state and return it.

        Raises EventRefused with the SIP status where the table has a number, and
        LocalProtocolError where it has nothing; then the state stays.
        """
        cell = self._rows[self.state].get(event)
        if isinstance(cell, State):
            self.state = cell
            return cell
        if cell is None:
            raise LocalProtocolError(
                f"{event.name} is not possible in {self.role.name} {self.state.name}"
            )
        raise EventRefused(cell)
