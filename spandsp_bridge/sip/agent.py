"""What a call needs of its user agent, so that the layers know each other by this alone."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

from spandsp_bridge.sip.dialog import Dialog
from spandsp_bridge.sip.message import Request, Response
from spandsp_bridge.sip.observe import Observer
from spandsp_bridge.sip.timers import Timers
from spandsp_bridge.sip.transaction import ServerTransaction, TransactionLayer

if TYPE_CHECKING:
    from spandsp_bridge.sip.call import Call


class Agent(Protocol):
    """What a call needs of its user agent."""

    timers: Timers
    transactions: TransactionLayer

    def add_dialog(self, dialog: Dialog, call: "Call") -> None:
        """Hand the requests of a dialog to its call."""

    def remove_dialog(self, dialog: Dialog) -> None:
        """Answer the requests of a dialog with 481 from now on."""

    def invite_answered(self, server: ServerTransaction) -> None:
        """An INVITE has its final response: a CANCEL has no effect any more."""

    def add_dialog_headers(self, message: Request | Response, sdp: bytes = b"") -> None:
        """Add the header fields that every message of a dialog carries, and the body."""

    def send_request(
        self,
        request: Request,
        dialog: Dialog,
        on_response: Callable[[Response], None],
        on_timeout: Callable[[], None],
    ) -> None:
        """Send a request inside a dialog, in a transaction of its own."""

    def observe(self, call_id: str, observer: Observer | None) -> None:
        """Report every message of a call; None: stop."""

    def send_ack(self, ack: Request, dialog: Dialog) -> None:
        """Send the ACK to a 2xx."""

    def reply(
        self,
        server: ServerTransaction,
        status: int,
        reason: str = "",
        headers: dict[str, str] | None = None,
    ) -> None:
        """Answer a request without a session description."""

    def end_fork(self, invite: Request, response: Response) -> None:
        """Send ACK and BYE for a 2xx that has no call (§13.2.2.4)."""

    async def sleep(self, seconds: float) -> None:
        """Wait by the injected clock."""
