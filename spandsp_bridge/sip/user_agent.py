"""The SIP user agent: the calls of one address, and everything outside of calls.

It stands behind our own proxy and sends to it alone, but follows RFC 3261 as a
full user agent.
"""

import asyncio
import ipaddress
from collections.abc import Callable

import structlog

from spandsp_bridge.sip import session_timer
from spandsp_bridge.sip.address import NameAddr, Uri
from spandsp_bridge.sip.call import Call, CallHandler, new_token
from spandsp_bridge.sip.dialog import Dialog
from spandsp_bridge.sip.errors import SipParseError
from spandsp_bridge.sip.message import MAGIC_COOKIE, Headers, Request, Response, parse
from spandsp_bridge.sip.observe import Observer, call_id
from spandsp_bridge.sip.timers import Timers
from spandsp_bridge.sip.transaction import Address, Send, ServerTransaction, TransactionLayer
from spandsp_bridge.sip.uac import OutgoingCall
from spandsp_bridge.sip.uas import IncomingCall

log = structlog.get_logger(__name__)

PRODUCT = "virtualfax"
ALLOW = "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO"
SDP = "application/sdp"


class UserAgent:
    """The calls of one address. `receive` takes datagrams, `send` sends them."""

    def __init__(
        self,
        *,
        local: Address,
        outbound_proxy: Address,
        send: Send,
        timers: Timers,
        on_call: Callable[[IncomingCall], None] | None = None,
    ) -> None:
        self.local = local
        self.outbound_proxy = outbound_proxy
        self.timers = timers
        self.calls: dict[tuple[str, str, str], Call] = {}
        self._observers: dict[str, Observer] = {}
        self._raw_send = send
        self._send: Send = self._observed_send
        self.transactions = TransactionLayer(self._send, timers, self)
        self.draining = False  #: answer OPTIONS with 503, so that the dispatcher avoids us
        self._on_call = on_call
        self._unanswered: dict[ServerTransaction, IncomingCall] = {}  # a CANCEL may come

    # ---- towards the network ------------------------------------------

    def receive(self, data: bytes, source: Address) -> None:
        """Take one datagram. Bytes that are not a SIP message are dropped."""
        if not data.strip(b"\r\n\0"):
            return  # a keep-alive (RFC 5626 §3.5.1)
        self._notify_observer(False, data)
        try:
            self.transactions.receive(parse(data, source))
        except SipParseError as error:
            log.info("malformed SIP message dropped", source=source, error=str(error))

    def observe(self, call_id: str, observer: Observer | None) -> None:
        """Report every message of a call from now on; None: stop."""
        if observer is None:
            self._observers.pop(call_id, None)
        else:
            self._observers[call_id] = observer

    def _observed_send(self, data: bytes, to: Address) -> None:
        self._raw_send(data, to)
        self._notify_observer(True, data)

    def _notify_observer(self, outgoing: bool, data: bytes) -> None:
        if self._observers:
            observer = self._observers.get(call_id(data))
            if observer is not None:
                observer(outgoing, data)

    def _branch(self) -> str:
        host = f"[{self.local[0]}]" if ":" in self.local[0] else self.local[0]
        return f"SIP/2.0/UDP {host}:{self.local[1]};branch={MAGIC_COOKIE}{new_token()};rport"

    def _destination(self, hop: Uri) -> Address:
        """Return a next hop's address; the outbound proxy resolves names."""
        try:
            address = str(ipaddress.ip_address(hop.host.strip("[]")))
        except ValueError:
            return self.outbound_proxy
        return address, hop.port or 5060

    def contact(self) -> str:
        """Return our Contact."""
        host = f"[{self.local[0]}]" if ":" in self.local[0] else self.local[0]
        return f"<sip:{PRODUCT}@{host}:{self.local[1]}>"

    def add_dialog_headers(self, message: Request | Response, sdp: bytes = b"") -> None:
        """Add the header fields that every message of a dialog carries, and the body."""
        message.headers.set("contact", self.contact())
        message.headers.set("allow", ALLOW)
        message.headers.set("user-agent" if isinstance(message, Request) else "server", PRODUCT)
        if sdp:
            message.headers.set("content-type", SDP)
            message.body = sdp

    def send_request(
        self,
        request: Request,
        dialog: Dialog,
        on_response: Callable[[Response], None],
        on_timeout: Callable[[], None],
    ) -> None:
        """Send a request inside a dialog, in a transaction of its own."""
        self._add_via(request)
        self.transactions.request(
            request, self._destination(dialog.next_hop()), on_response, on_timeout
        )

    def send_ack(self, ack: Request, dialog: Dialog) -> None:
        """Send the ACK to a 2xx, which has no transaction (§13.2.2.4)."""
        if ack.headers.get("via") is None:
            self._add_via(ack)
        self._send(bytes(ack), self._destination(dialog.next_hop()))

    def _add_via(self, request: Request) -> None:
        fields = Headers([("via", self._branch())])
        for name, value in request.headers:
            fields.add(name, value)
        request.headers = fields

    def reply(
        self,
        server: ServerTransaction,
        status: int,
        reason: str = "",
        headers: dict[str, str] | None = None,
    ) -> None:
        """Answer a request without a session description."""
        response = server.request.response(status, reason, to_tag=new_token())
        if status in (200, 405, 501):
            response.headers.add("allow", ALLOW)
            response.headers.add("accept", SDP)
        for name, value in (headers or {}).items():
            response.headers.add(name, value)
        server.respond(response)

    # ---- calls ---------------------------------------------------------

    def invite(
        self,
        *,
        to: Uri,
        from_: NameAddr,
        sdp: bytes,
        headers: dict[str, str],
        handler: CallHandler,
    ) -> OutgoingCall:
        """Place a call through the outbound proxy; see `OutgoingCall.answered`."""
        call = OutgoingCall(self, handler)
        request = Request(Headers(), method="INVITE", uri=str(to))
        for name, value in {
            "max-forwards": "70",
            "from": str(from_.with_tag(new_token())),
            "to": str(NameAddr(to)),
            "call-id": new_token() + new_token(),
            "cseq": "1 INVITE",
            **session_timer.request_fields(None),
            **headers,
        }.items():
            request.headers.add(name, value)
        self.add_dialog_headers(request, sdp)
        self._add_via(request)
        call.start(request, self.outbound_proxy)
        return call

    def end_fork(self, invite: Request, response: Response) -> None:
        """Send ACK and BYE for a 2xx that has no call (§13.2.2.4)."""
        try:
            dialog = Dialog.from_response(invite, response)
        except SipParseError:
            return
        self.send_ack(dialog.request("ACK", cseq=invite.cseq[0]), dialog)
        self.send_request(dialog.request("BYE"), dialog, lambda _: None, lambda: None)

    def add_dialog(self, dialog: Dialog, call: Call) -> None:
        """Hand the requests of a dialog to its call."""
        self.calls[dialog.key] = call

    def remove_dialog(self, dialog: Dialog) -> None:
        """Answer the requests of a dialog with 481 from now on."""
        self.calls.pop(dialog.key, None)

    def invite_answered(self, server: ServerTransaction) -> None:
        """An INVITE has its final response: a CANCEL has no effect any more (§9.2)."""
        self._unanswered.pop(server, None)

    async def sleep(self, seconds: float) -> None:
        """Wait by the injected clock."""
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def wake() -> None:
            if not future.done():
                future.set_result(None)

        self.timers.call_later(seconds, wake)
        await future

    # ---- TransactionUser ----------------------------------------------

    def _dialog_of(self, request: Request) -> Call | None:
        return self.calls.get((request.call_id, request.to.tag, request.from_.tag))

    def on_request(self, transaction: ServerTransaction, request: Request) -> None:
        """Answer, or find the call (RFC 3261 §8.2)."""
        unsupported = [t for t in request.headers.all("require") if t.lower() != "timer"]
        if unsupported and request.method != "CANCEL":
            self.reply(transaction, 420, headers={"Unsupported": ", ".join(unsupported)})
            return
        if request.to.tag:
            call = self._dialog_of(request)
            if call is None:
                self.reply(transaction, 481)
            else:
                call.on_request(transaction)
            return
        match request.method:
            case "OPTIONS":
                self.reply(transaction, 503 if self.draining else 200)
            case "INVITE":
                self._on_invite(transaction, request)
            case "BYE" | "UPDATE" | "INFO" | "PRACK":
                self.reply(transaction, 481)
            case "REGISTER" | "SUBSCRIBE" | "NOTIFY" | "MESSAGE" | "REFER" | "PUBLISH":
                self.reply(transaction, 405)
            case _:
                self.reply(transaction, 501)

    def _on_invite(self, transaction: ServerTransaction, request: Request) -> None:
        if self._on_call is None:
            self.reply(transaction, 403)
            return
        try:
            session_timer.answer(request.headers)
            call = IncomingCall(self, transaction)
        except session_timer.TooSmallError:
            self.reply(transaction, 422, headers={"Min-SE": str(session_timer.MIN_SE)})
            return
        except SipParseError as error:
            log.info("INVITE refused", call_id=request.call_id, error=str(error))
            self.reply(transaction, 400, "Invalid Contact")
            return
        transaction.respond(request.response(100))
        self._unanswered[transaction] = call
        self._on_call(call)

    def on_ack(self, request: Request) -> None:
        """Hand the ACK of a 2xx to its call."""
        call = self._dialog_of(request)
        if call is not None:
            call.on_ack(request)

    def on_cancel(self, transaction: ServerTransaction) -> None:
        """Hand a CANCEL to its call."""
        call = self._unanswered.get(transaction)
        if call is not None:
            call.on_cancel()

    def on_stray_response(self, response: Response) -> None:
        """Drop a response that came after its transaction ended."""
        log.debug("response without a transaction dropped", status=response.status)
