"""What Kamailio loads: the callbacks, each one fenced.

Kamailio imports this file as the top-level module ``main``. Every callback has to
return an int (anything else silently costs the worker its next message), and an
exception that escapes would mean no answer at all.
"""

import traceback
from collections.abc import Callable

import KSR as KSR  # noqa: PLC0414

from kemi.adapter import Adapter


class Callbacks:
    """The object that `mod_init` hands to Kamailio; its methods are found by name."""

    def __init__(self) -> None:
        self._adapter = Adapter()

    def child_init(self, rank: int) -> int:
        """Run in every process after the fork: SIP workers map the routing tables."""
        if rank >= 1:
            self._adapter.tables()
        return 0

    def _fenced(self, callback: Callable[[], None], *, request: bool = False) -> int:
        """Run a callback; an error in it is logged, and answered where a request waits."""
        try:
            callback()
        except SystemExit:
            raise
        except UnicodeDecodeError:
            if request:
                KSR.sl.send_reply(400, "Text that is not UTF-8")
        except Exception:
            for line in traceback.format_exc().splitlines():
                KSR.err(line + "\n")
            if request:
                KSR.sl.send_reply(500, "Server Internal Error")
        return 1

    def ksr_request_route(self, _msg: object) -> int:
        """Route a request."""
        return self._fenced(self._adapter.request, request=True)

    def ksr_reply_outbound(self, _msg: object) -> int:
        """Handle a reply to an outgoing INVITE."""
        return self._fenced(self._adapter.reply_outbound)

    def ksr_branch_outbound(self, _msg: object) -> int:
        """Shape an INVITE for one carrier server."""
        return self._fenced(self._adapter.branch_outbound)

    def ksr_reply_account(self, _msg: object) -> int:
        """Handle a reply of a SIP account."""
        return self._fenced(self._adapter.reply_account)

    def ksr_failure_inbound(self, _msg: object) -> int:
        """Handle a failed branch towards a bridge."""
        return self._fenced(self._adapter.failure_inbound)

    def ksr_failure_outbound(self, _msg: object) -> int:
        """Handle a failed branch towards a carrier server."""
        return self._fenced(self._adapter.failure_outbound)


def mod_init() -> Callbacks:
    """Build the callbacks before the fork."""
    return Callbacks()
