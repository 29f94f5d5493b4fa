"""The script that Kamailio loads: its callbacks, each one guarded.

Kamailio imports this file as the top-level module ``main``, so imports are absolute. Every
callback has to return an int: anything else silently costs the worker its next message. An
exception that escapes would mean no answer at all.
"""

import traceback
from collections.abc import Callable

import KSR

from kemi import edge, inbound, outbound
from kemi.sip_phrases import phrase
from kemi.worker import Worker


def guarded(callback: Callable[[], None], *, request: bool = False) -> int:
    """Run a callback; an error in it is logged, and answered if it handles a request."""
    try:
        callback()
    except SystemExit:
        raise
    except UnicodeDecodeError:
        if request:
            KSR.sl.send_reply(400, "Invalid UTF-8")
    except Exception:
        for line in traceback.format_exc().splitlines():
            KSR.err(line + "\n")
        if request:
            KSR.sl.send_reply(500, phrase(500))
    return 1


class Callbacks:
    """The object that `mod_init` hands to Kamailio, which finds its methods by name."""

    def __init__(self) -> None:
        self._worker = Worker()

    def child_init(self, rank: int) -> int:
        """Run in every process after the fork: SIP workers (rank 1 and above) open the tables."""
        if rank >= 1:
            self._worker.tables()
        return 0

    def ksr_request_route(self, _msg: object) -> int:
        """Route a request."""
        return guarded(lambda: edge.route_request(self._worker), request=True)

    def ksr_branch_outbound(self, _msg: object) -> int:
        """Adapt an INVITE to one carrier server."""
        return guarded(lambda: outbound.on_branch(self._worker))

    def ksr_reply_outbound(self, _msg: object) -> int:
        """Handle a carrier's reply."""
        return guarded(outbound.on_reply)

    def ksr_failure_outbound(self, _msg: object) -> int:
        """Handle the failure of a carrier server."""
        return guarded(lambda: outbound.on_failure(self._worker))

    def ksr_reply_account(self, _msg: object) -> int:
        """Handle the reply of a SIP account."""
        return guarded(inbound.on_account_reply)

    def ksr_reply_uri(self, _msg: object) -> int:
        """Handle the reply of an external SIP URI."""
        return guarded(inbound.on_uri_reply)

    def ksr_failure_inbound(self, _msg: object) -> int:
        """Handle the failure of a bridge."""
        return guarded(inbound.on_failure)


def mod_init() -> Callbacks:
    """Make the callbacks before the fork."""
    return Callbacks()
