"""SIP transactions (RFC 3261 §17, RFC 6026) over unreliable or reliable transport.

No sockets, no clock: messages and time are given, messages go out by `send`.
"""

from collections.abc import Callable
from enum import Enum, auto
from typing import Protocol

from spandsp_bridge.sip.errors import SipParseError
from spandsp_bridge.sip.message import MAGIC_COOKIE, Headers, Request, Response
from spandsp_bridge.sip.timers import Timer, Timers

T1 = 0.5  # RFC 3261 §17.1.1.1: the round-trip estimate
T2 = 4.0  # the longest interval between retransmissions
T4 = 5.0  # how long a message may stay in the network
LINGER = 64 * T1  # timers B, F, H, J, L and M

Address = tuple[str, int]
Send = Callable[[bytes, Address], None]


class State(Enum):
    """States of all four machines."""

    TRYING = auto()  # client INVITE: "Calling"
    PROCEEDING = auto()
    COMPLETED = auto()
    CONFIRMED = auto()
    ACCEPTED = auto()  # RFC 6026 §7.1, §7.2
    TERMINATED = auto()


class TransactionUser(Protocol):
    """What the transaction layer reports to the layer above."""

    def on_request(self, transaction: "ServerTransaction", request: Request) -> None:
        """A new request came; answer by `transaction.respond`."""

    def on_ack(self, request: Request) -> None:
        """An ACK without a transaction came: it acknowledges a 2xx (§13.2.2.4)."""

    def on_cancel(self, transaction: "ServerTransaction") -> None:
        """The INVITE of this transaction was cancelled; the CANCEL is answered already."""

    def on_stray_response(self, response: Response) -> None:
        """A response without a transaction: a 2xx of another fork, or noise."""


class ClientTransaction:
    """One request of ours and the responses to it (RFC 3261 §17.1)."""

    def __init__(
        self,
        layer: "TransactionLayer",
        request: Request,
        destination: Address,
        on_response: Callable[[Response], None],
        on_timeout: Callable[[], None],
    ) -> None:
        self.request = request
        self.destination = destination
        self.state = State.TRYING
        self._layer = layer
        self._on_response = on_response
        self._on_timeout = on_timeout
        self._interval = T1
        self._retransmit: Timer | None = None
        self._expiry: Timer | None = None
        self._ack: bytes | None = None
        self.key = (request.via.branch, request.method)

    @property
    def invite(self) -> bool:
        """True for an INVITE transaction."""
        return self.request.method == "INVITE"

    def start(self) -> None:
        """Send the request and start timers A or E, and B or F."""
        self._send(bytes(self.request))
        if not self._layer.reliable:
            self._retransmit = self._layer.timers.call_later(T1, self._resend)
        self._expiry = self._layer.timers.call_later(LINGER, self._time_out)

    def _send(self, data: bytes) -> None:
        self._layer.send(data, self.destination)

    def _resend(self) -> None:
        if self.state is State.TRYING or (self.state is State.PROCEEDING and not self.invite):
            self._send(bytes(self.request))
            self._interval *= 2
            if not self.invite:
                # Timer E is T2 in Proceeding (§17.1.2.2)
                self._interval = T2 if self.state is State.PROCEEDING else min(self._interval, T2)
            self._retransmit = self._layer.timers.call_later(self._interval, self._resend)

    def _time_out(self) -> None:
        # Timer B counts only in Calling; ringing is limited by the layer above.
        if self.invite and self.state is State.PROCEEDING:
            return
        self._end()
        self._on_timeout()

    def _end(self) -> None:
        self.state = State.TERMINATED
        for timer in (self._retransmit, self._expiry):
            if timer is not None:
                timer.cancel()
        self._layer.forget_client(self)

    def _linger(self, seconds: float) -> None:
        for timer in (self._retransmit, self._expiry):
            if timer is not None:
                timer.cancel()
        if seconds == 0 or (self._layer.reliable and self.state is not State.ACCEPTED):
            self._end()
        else:
            self._expiry = self._layer.timers.call_later(seconds, self._end)

    def receive(self, response: Response) -> None:
        """Take a response that matched."""
        if response.status < 200:
            if self.state in (State.TRYING, State.PROCEEDING):
                self.state = State.PROCEEDING
                if self.invite and self._retransmit is not None:
                    self._retransmit.cancel()
                self._on_response(response)
            return
        if not self.invite:
            if self.state in (State.TRYING, State.PROCEEDING):
                self.state = State.COMPLETED
                self._linger(T4)  # Timer K
                self._on_response(response)
            return
        if response.status < 300:
            if self.state in (State.TRYING, State.PROCEEDING):
                self.state = State.ACCEPTED
                self._linger(LINGER)  # Timer M
                self._on_response(response)
            elif self.state is State.ACCEPTED:
                self._on_response(response)  # a retransmission, or another fork
            return
        if self.state in (State.TRYING, State.PROCEEDING):
            self.state = State.COMPLETED
            self._ack = bytes(self._ack_for(response))
            self._send(self._ack)
            self._linger(LINGER)  # Timer D
            self._on_response(response)
        elif self.state is State.COMPLETED and self._ack is not None:
            self._send(self._ack)

    def _ack_for(self, response: Response) -> Request:
        """Build the ACK to a 3xx to 6xx (§17.1.1.3)."""
        request = self.request
        ack = Request(Headers(), method="ACK", uri=request.uri)
        ack.headers.add("via", request.via)
        ack.headers.add("from", request.headers.get("from"))
        ack.headers.add("to", response.headers.get("to"))
        ack.headers.add("call-id", request.call_id)
        ack.headers.add("cseq", f"{request.cseq[0]} ACK")
        ack.headers.add("max-forwards", 70)
        for route in request.headers.all("route"):
            ack.headers.add("route", route)
        return ack


class ServerTransaction:
    """One request of the peer and our responses to it (RFC 3261 §17.2)."""

    def __init__(self, layer: "TransactionLayer", request: Request, destination: Address) -> None:
        self.request = request
        self.destination = destination
        self.state = State.PROCEEDING if request.method == "INVITE" else State.TRYING
        self.key = _server_key(request, request.method)
        self._layer = layer
        self._last: bytes | None = None
        self._interval = T1
        self._retransmit: Timer | None = None
        self._expiry: Timer | None = None

    @property
    def invite(self) -> bool:
        """True for an INVITE transaction."""
        return self.request.method == "INVITE"

    @property
    def answered(self) -> bool:
        """True once a final response was sent."""
        return self.state not in (State.TRYING, State.PROCEEDING)

    def respond(self, response: Response) -> None:
        """Send a response. Ignored after a final one, but for a 2xx sent again (RFC 6026)."""
        if self.state is State.ACCEPTED:
            if 200 <= response.status < 300:
                self._layer.send(bytes(response), self.destination)
            return
        if self.answered:
            return
        self._last = bytes(response)
        self._layer.send(self._last, self.destination)
        if response.status < 200:
            self.state = State.PROCEEDING
            return
        if self.invite and response.status < 300:
            self.state = State.ACCEPTED
            self._expire_after(LINGER)  # Timer L
            return
        self.state = State.COMPLETED
        if self.invite:
            if not self._layer.reliable:
                self._retransmit = self._layer.timers.call_later(T1, self._resend)  # Timer G
            self._expire_after(LINGER)  # Timer H
        else:
            self._expire_after(0 if self._layer.reliable else LINGER)  # Timer J

    def _expire_after(self, seconds: float) -> None:
        if self._expiry is not None:
            self._expiry.cancel()
        if seconds == 0:
            self._end()
        else:
            self._expiry = self._layer.timers.call_later(seconds, self._end)

    def _resend(self) -> None:
        if self.state is State.COMPLETED and self._last is not None:
            self._layer.send(self._last, self.destination)
            self._interval = min(self._interval * 2, T2)
            self._retransmit = self._layer.timers.call_later(self._interval, self._resend)

    def _end(self) -> None:
        self.state = State.TERMINATED
        if self._retransmit is not None:
            self._retransmit.cancel()
        self._layer.forget_server(self)

    def receive_again(self) -> None:
        """Answer a retransmission of the request with our last response."""
        if self._last is not None and self.state is not State.ACCEPTED:
            self._layer.send(self._last, self.destination)

    def receive_ack(self) -> None:
        """Take the ACK to a 3xx to 6xx."""
        if self.state is State.COMPLETED:
            self.state = State.CONFIRMED
            if self._retransmit is not None:
                self._retransmit.cancel()
            self._expire_after(0 if self._layer.reliable else T4)  # Timer I


def _server_key(request: Request, method: str) -> tuple[str, str, int | None, str]:
    """Return what a request is matched by (§17.2.3)."""
    via = request.via
    return via.branch, via.host.lower(), via.port, method


class TransactionLayer:
    """All transactions of one user agent."""

    def __init__(
        self, send: Send, timers: Timers, user: TransactionUser, *, reliable: bool = False
    ) -> None:
        self.send = send
        self.timers = timers
        self.reliable = reliable
        self._user = user
        self._clients: dict[tuple[str, str], ClientTransaction] = {}
        self._servers: dict[tuple[str, str, int | None, str], ServerTransaction] = {}

    def __len__(self) -> int:
        """Return the number of transactions, lingering ones too."""
        return len(self._clients) + len(self._servers)

    def request(
        self,
        request: Request,
        destination: Address,
        on_response: Callable[[Response], None],
        on_timeout: Callable[[], None],
    ) -> ClientTransaction:
        """Send a request that is not an ACK; its Via must be set."""
        transaction = ClientTransaction(self, request, destination, on_response, on_timeout)
        self._clients[transaction.key] = transaction
        transaction.start()
        return transaction

    def forget_client(self, transaction: ClientTransaction) -> None:
        """Remove a terminated transaction."""
        self._clients.pop(transaction.key, None)

    def forget_server(self, transaction: ServerTransaction) -> None:
        """Remove a terminated transaction."""
        self._servers.pop(transaction.key, None)

    def receive(self, message: Request | Response) -> None:
        """Take a parsed message from the transport."""
        if isinstance(message, Response):
            client = self._clients.get((message.via.branch, message.cseq[1]))
            if client is not None:
                client.receive(message)
            else:
                self._user.on_stray_response(message)
            return
        if not message.via.branch.startswith(MAGIC_COOKIE):
            raise SipParseError("the branch lacks the magic cookie (RFC 3261 §8.1.1.7)")
        if message.method == "ACK":
            server = self._servers.get(_server_key(message, "INVITE"))
            if server is not None and server.state is not State.ACCEPTED:
                server.receive_ack()
            else:
                self._user.on_ack(message)
            return
        server = self._servers.get(_server_key(message, message.method))
        if server is not None:
            server.receive_again()
            return
        server = ServerTransaction(self, message, _reply_address(message))
        self._servers[server.key] = server
        if message.method == "CANCEL":
            self._cancel(server, message)
        else:
            self._user.on_request(server, message)

    def _cancel(self, cancel: ServerTransaction, request: Request) -> None:
        """Answer a CANCEL and tell the user (§9.2)."""
        invite = self._servers.get(_server_key(request, "INVITE"))
        cancel.respond(request.response(200 if invite else 481))
        if invite is not None and not invite.answered:
            self._user.on_cancel(invite)


def _reply_address(request: Request) -> Address:
    """Return where responses go (§18.2.2, RFC 3581 §4)."""
    via = request.via
    host, port = request.source
    if "rport" in via.params:
        return host, port
    return host, via.port or 5060
