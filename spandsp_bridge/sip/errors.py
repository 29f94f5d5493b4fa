"""The errors of the SIP layers, by whose fault they are (compare h11's).

::

    SipParseError        the peer's: bytes that are not a SIP message
    EventRefused         neither's: a request that this state answers with a SIP status
    LocalProtocolError   ours: an event that cannot happen in this state
"""

from spandsp_bridge.errors import MalformedError


class SipParseError(MalformedError):
    """The bytes do not follow RFC 3261 §25 where we rely on them."""


class EventRefused(Exception):
    """A call's state refuses an event, ours or the peer's, with a SIP status."""

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


class LocalProtocolError(RuntimeError):
    """Our own code did what the state of a call does not permit."""
