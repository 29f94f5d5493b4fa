"""One call: the INVITE dialog of either side, and what happens inside it.

Its owner hands in a `CallHandler` for what the peer does; what it needs of the
user agent stands in `Agent`.
"""

import asyncio
import contextlib
import random
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Protocol

from spandsp_bridge.errors import CallFailed
from spandsp_bridge.sip import session_timer
from spandsp_bridge.sip.dialog import Dialog
from spandsp_bridge.sip.message import Headers, Request, Response, SipParseError
from spandsp_bridge.sip.observe import Observer
from spandsp_bridge.sip.session_timer import SessionTimer, TooSmallError
from spandsp_bridge.sip.timers import Timer, Timers
from spandsp_bridge.sip.transaction import (
    LINGER,
    T1,
    T2,
    Address,
    ClientTransaction,
    ServerTransaction,
    TransactionLayer,
)

RINGING_LIMIT = 180.0  #: seconds that an INVITE of ours may ring
GLARE_RETRIES = 4  #: 491 answers to one re-INVITE before giving up


@dataclass(frozen=True, slots=True)
class Refusal:
    """A negative answer to an offer inside a dialog."""

    status: int
    reason: str = ""


class CallHandler(Protocol):
    """What a call's owner is told. All functions return at once."""

    def on_offer(self, sdp: bytes) -> bytes | Refusal:
        """A re-INVITE or UPDATE: return our SDP, or a refusal. Empty: no offer came."""

    def on_ended(self, by_peer: bool, reason: str) -> None:
        """The call is over; nothing follows."""


class Agent(Protocol):
    """What a call needs of its user agent."""

    timers: Timers
    transactions: TransactionLayer

    def enter(self, dialog: Dialog, call: "Call") -> None:
        """Give the requests of a dialog to its call."""

    def retire(self, dialog: Dialog) -> None:
        """Forget a dialog that ended."""

    def dress(self, message: Request | Response, sdp: bytes = b"") -> None:
        """Add the header fields that every message of a dialog carries."""

    def send_request(
        self,
        request: Request,
        dialog: Dialog,
        on_response: Callable[[Response], None],
        on_timeout: Callable[[], None],
    ) -> None:
        """Send a request inside a dialog, in a transaction of its own."""

    def observe(self, call_id: str, observer: Observer | None) -> None:
        """Have every message of a call told."""

    def send_ack(self, ack: Request, dialog: Dialog) -> None:
        """Send the ACK to a 2xx."""

    def reply(
        self,
        server: ServerTransaction,
        status: int,
        reason: str = "",
        headers: dict[str, str] | None = None,
    ) -> None:
        """Answer a request outside a session change."""

    def refuse_fork(self, invite: Request, response: Response) -> None:
        """End a second fork that answered."""

    async def sleep(self, seconds: float) -> None:
        """Wait by the injected time."""


def new_token() -> str:
    """Return what tags, branches and Call-IDs are made of: 64 random bits."""
    return secrets.token_hex(8)


class Call:
    """One INVITE dialog, from either side."""

    def __init__(self, agent: Agent, handler: CallHandler | None = None) -> None:
        self.handler = handler
        self.dialog: Dialog | None = None
        self.call_id = ""
        self.invite: Request | None = None
        self.ended = False
        self.peer_sdp = b""  #: the peer's latest session description
        self.last_response: Response | None = None  #: to our INVITE
        self._agent = agent
        loop = asyncio.get_running_loop()
        self._answer: asyncio.Future[Response] = loop.create_future()  # we called
        self._acknowledged: asyncio.Future[None] = loop.create_future()  # we were called
        self._client: ClientTransaction | None = None
        self._server: ServerTransaction | None = None
        self._reinvite: asyncio.Future[Response] | None = None
        self._local_tag = new_token()
        self._cancelled = False
        self._provisional = False
        self._ack: Request | None = None
        self._retransmit: Timer | None = None
        self._limit: Timer | None = None
        self._session: SessionTimer | None = None
        self._session_due: Timer | None = None
        self._refreshing: asyncio.Future[None] | None = None  # kept, so that it runs to its end
        self._peer_updates = False  # the peer takes UPDATE
        self._unacknowledged = -1  # CSeq of the INVITE whose 200 awaits its ACK
        for future in (self._answer, self._acknowledged):
            future.add_done_callback(_retrieve)

    def observe(self, observer: Observer | None) -> None:
        """Have every message of this call told, its INVITE first; None: no longer."""
        self._agent.observe(self.call_id, observer)
        if observer is not None and self.invite is not None:
            observer(self._server is None, bytes(self.invite))

    # ---- we call ------------------------------------------------------

    async def answered(self) -> Response:
        """Wait for the 2xx. Raises CallFailed with the final status."""
        return await asyncio.shield(self._answer)

    def cancel(self) -> None:
        """Give up a call that is not answered yet (RFC 3261 §9.1)."""
        if self._answer.done() or self._cancelled:
            return
        self._cancelled = True
        if self._provisional:
            self._send_cancel()

    def _send_cancel(self) -> None:
        assert self.invite is not None and self._client is not None
        cancel = Request(Headers(), method="CANCEL", uri=self.invite.uri)
        cancel.headers.add("via", self.invite.via)
        for route in self.invite.headers.all("route"):
            cancel.headers.add("route", route)
        for name in ("from", "to", "call-id"):
            cancel.headers.add(name, self.invite.headers.get(name))
        cancel.headers.add("cseq", f"{self.invite.cseq[0]} CANCEL")
        cancel.headers.add("max-forwards", 70)
        self._agent.transactions.request(
            cancel, self._client.destination, lambda _: None, lambda: None
        )
        # A 487 is due; should it never come, the call is over all the same (§9.1).
        self._agent.timers.call_later(
            LINGER, lambda: self._fail(CallFailed(487, "Request Terminated"))
        )

    def start(self, invite: Request, destination: Address) -> None:
        """Send the INVITE."""
        self.invite = invite
        self.call_id = invite.call_id
        self._client = self._agent.transactions.request(
            invite,
            destination,
            self._on_invite_response,
            lambda: self._fail(CallFailed(408, "Request Timeout")),
        )
        self._limit = self._agent.timers.call_later(RINGING_LIMIT, self.cancel)

    def _fail(self, error: CallFailed) -> None:
        if not self._answer.done():
            self._answer.set_exception(error)
            self._end(by_peer=True, reason=str(error))

    def _on_invite_response(self, response: Response) -> None:
        assert self.invite is not None
        if self.dialog is None:
            self.last_response = response
        if response.status < 200:
            first, self._provisional = not self._provisional, True
            if self._cancelled and first and not self._answer.done():
                self._send_cancel()
            return
        if response.status >= 300:
            self._fail(CallFailed(response.status, response.reason))
            return
        if self.dialog is not None:
            if response.to.tag == self.dialog.remote.tag:
                self._send_ack()  # the 2xx came again
            else:
                self._agent.refuse_fork(self.invite, response)
            return
        try:
            dialog = Dialog.from_response(self.invite, response)
        except SipParseError as error:
            self._fail(CallFailed(502, f"the answer is unusable: {error}"))
            return
        self.dialog = dialog
        self._agent.enter(dialog, self)
        self._ack = dialog.request("ACK", cseq=self.invite.cseq[0])
        self._send_ack()
        if self._cancelled or self._answer.done():
            # The 200 crossed our CANCEL: it stands, so end it (§15).
            if not self._answer.done():
                self._answer.set_exception(CallFailed(487, "Request Terminated"))
            self.hang_up()
            return
        self.peer_sdp = response.body
        if self._limit is not None:
            self._limit.cancel()
        self._note_methods(response)
        self._set_session(session_timer.accepted(response.headers))
        self._answer.set_result(response)

    def _send_ack(self) -> None:
        if self._ack is not None and self.dialog is not None:
            self._agent.send_ack(self._ack, self.dialog)

    # ---- we are called ------------------------------------------------

    def incoming(self, server: ServerTransaction) -> None:
        """Take up an INVITE. Raises SipParseError when it can make no dialog."""
        self._server = server
        self.invite = server.request
        self.call_id = server.request.call_id
        self.dialog = Dialog.from_request(server.request, self._local_tag)
        self.peer_sdp = server.request.body
        self._note_methods(server.request)
        self._agent.enter(self.dialog, self)

    def ringing(self) -> None:
        """Send 180."""
        self._respond(180)

    def reject(self, status: int, reason: str = "", headers: dict[str, str] | None = None) -> None:
        """Refuse the INVITE."""
        self._respond(status, reason, headers=headers)
        self._end(by_peer=False, reason=f"refused with {status}")

    def accept(self, sdp: bytes) -> None:
        """Send 200 with our SDP, and again until its ACK comes (§13.3.1.4)."""
        self._respond(200, sdp=sdp)

    async def acknowledged(self) -> None:
        """Wait for the ACK to our 200. Raises CallFailed when none comes, or a CANCEL did."""
        await asyncio.shield(self._acknowledged)

    def on_acknowledged(self, callback: Callable[[], object]) -> None:
        """Call a function when our answer was acknowledged, or never will be."""
        self._acknowledged.add_done_callback(lambda _: callback())

    def _respond(
        self, status: int, reason: str = "", sdp: bytes = b"", headers: dict[str, str] | None = None
    ) -> None:
        server = self._server
        if server is None or server.answered:
            return
        response = server.request.response(status, reason, to_tag=self._local_tag)
        self._agent.dress(response, sdp)
        for name, value in (headers or {}).items():
            response.headers.add(name, value)
        if 200 <= status < 300:
            self._agree_on_timer(server.request, response)
        server.respond(response)
        if 200 <= status < 300:
            self._repeat_ok(server, response, T1, self._agent.timers.now + LINGER)

    def _repeat_ok(
        self, server: ServerTransaction, response: Response, interval: float, until: float
    ) -> None:
        self._unacknowledged = server.request.cseq[0]

        def again() -> None:
            if self.ended:
                return
            if self._agent.timers.now >= until:
                error = CallFailed(408, "no ACK came")
                if not self._acknowledged.done():
                    self._acknowledged.set_exception(error)
                self.hang_up()
                return
            server.respond(response)
            self._repeat_ok(server, response, min(interval * 2, T2), until)

        self._retransmit = self._agent.timers.call_later(interval, again)

    def on_ack(self, ack: Request) -> None:
        """The ACK to a 200 of ours came."""
        if ack.cseq[0] != self._unacknowledged:
            return
        if self._retransmit is not None:
            self._retransmit.cancel()
        if ack.body and not self.invite_had_offer:
            self.peer_sdp = ack.body  # the answer to our offer (RFC 3261 §13.2.1)
        if not self._acknowledged.done():
            self._acknowledged.set_result(None)

    def on_cancel(self) -> None:
        """The caller gave up before our answer (§9.2)."""
        self._respond(487)
        if not self._acknowledged.done():
            self._acknowledged.set_exception(CallFailed(487, "the caller cancelled"))
        self._end(by_peer=True, reason="the caller cancelled")

    # ---- inside the dialog --------------------------------------------

    @property
    def invite_had_offer(self) -> bool:
        """True when the caller's INVITE carried a session description."""
        return self.invite is not None and bool(self.invite.body)

    @property
    def busy(self) -> bool:
        """True while an INVITE of either side awaits its end (§14)."""
        ours = self._reinvite is not None and not self._reinvite.done()
        theirs = self._retransmit is not None and self._retransmit.pending
        return ours or theirs

    async def reinvite(
        self, sdp: bytes, still_wanted: Callable[[], bool] = lambda: True
    ) -> Response:
        """Change the session; return the 2xx. Raises CallFailed with the status.

        491 is tried again after the interval of RFC 3261 §14.1, if it is still wanted then.
        """
        for _ in range(GLARE_RETRIES):
            try:
                return await self._reinvite_once(sdp)
            except CallFailed as error:
                if error.sip_status != 491 or self.ended:
                    raise
            owner = self._server is None  # who made the Call-ID waits longer
            await self._agent.sleep(
                random.uniform(2.1, 4.0) if owner else random.uniform(0.01, 2.0)  # noqa: S311
            )
            if self.ended:
                raise CallFailed(487, "the call ended")
            if not still_wanted():
                break
        raise CallFailed(491, "Request Pending")

    async def _reinvite_once(self, sdp: bytes) -> Response:
        dialog = self.dialog
        if dialog is None or self.ended:
            raise CallFailed(481, "the call ended")
        if self.busy:
            raise CallFailed(491, "Request Pending")
        future: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        future.add_done_callback(_retrieve)
        self._reinvite = future
        request = dialog.request("INVITE")
        self._agent.dress(request, sdp)
        for name, value in session_timer.request_fields(self._session).items():
            request.headers.add(name, value)

        def on_response(response: Response) -> None:
            if response.status < 200:
                return
            if response.status < 300:
                with contextlib.suppress(SipParseError):
                    dialog.refresh_target(response)
                self._ack = dialog.request("ACK", cseq=request.cseq[0])
                self._send_ack()
                if not future.done():
                    self.peer_sdp = response.body
                    self._set_session(session_timer.accepted(response.headers))
                    future.set_result(response)
                return
            if not future.done():
                future.set_exception(CallFailed(response.status, response.reason))
            if response.status in (408, 481):  # the dialog is gone (§12.2.1.2)
                self.hang_up()

        def on_timeout() -> None:
            if not future.done():
                future.set_exception(CallFailed(408, "Request Timeout"))
            self.hang_up()

        self._agent.send_request(request, dialog, on_response, on_timeout)
        return await future

    def on_request(self, server: ServerTransaction) -> None:
        """Take a request inside the dialog."""
        request = server.request
        assert self.dialog is not None
        if not self.dialog.in_order(request):
            self._agent.reply(server, 500, "CSeq out of order")
            return
        match request.method:
            case "BYE":
                self._agent.reply(server, 200)
                self._end(by_peer=True, reason="the peer hung up")
            case "INVITE" | "UPDATE":
                self._on_offer(server)
            case "INFO" | "OPTIONS":
                self._agent.reply(server, 200)
            case "PRACK":
                self._agent.reply(server, 481)
            case _:
                self._agent.reply(server, 405)

    def _on_offer(self, server: ServerTransaction) -> None:
        request = server.request
        assert self.dialog is not None
        if self._reinvite is not None and not self._reinvite.done():
            self._agent.reply(server, 491)
            return
        if self._retransmit is not None and self._retransmit.pending:
            # Our answer to the INVITE before is not acknowledged yet (§14.2).
            self._agent.reply(server, 500, headers={"Retry-After": str(random.randint(0, 10))})  # noqa: S311
            return
        try:
            self.dialog.refresh_target(request)
        except SipParseError:
            self._agent.reply(server, 400, "Contact is no SIP URI")
            return
        try:
            agreed = session_timer.answer(request.headers)
        except TooSmallError:
            self._agent.reply(server, 422, headers={"Min-SE": str(session_timer.MIN_SE)})
            return
        if request.method == "UPDATE" and not request.body:
            self._set_session(agreed[0] if agreed else None)
            self._agent.reply(server, 200, headers=agreed[1] if agreed else None)
            return
        if self.handler is None:
            self._agent.reply(server, 488)
            return
        answer = self.handler.on_offer(request.body)
        if isinstance(answer, Refusal):
            self._agent.reply(server, answer.status, answer.reason)
            return
        self.peer_sdp = request.body
        response = request.response(200)
        self._agent.dress(response, answer)
        self._agree_on_timer(request, response)
        server.respond(response)
        if request.method == "INVITE":
            self._repeat_ok(server, response, T1, self._agent.timers.now + LINGER)

    # ---- session timers (RFC 4028) -----------------------------------------

    def _note_methods(self, message: Request | Response) -> None:
        self._peer_updates = "UPDATE" in (m.upper() for m in message.headers.all("allow"))

    def _agree_on_timer(self, request: Request, response: Response) -> None:
        """Add to a 2xx what the request's session timer asks for."""
        agreed = session_timer.answer(request.headers)
        if agreed is not None:
            for name, value in agreed[1].items():
                response.headers.add(name, value)
        self._set_session(agreed[0] if agreed else None)

    def _set_session(self, timer: SessionTimer | None) -> None:
        """Start the agreed interval again; None: there is no timer any more."""
        self._session = timer
        if self._session_due is not None:
            self._session_due.cancel()
            self._session_due = None
        if timer is None or self.ended:
            return
        if timer.we_refresh:
            self._session_due = self._agent.timers.call_later(timer.due, self._refresh)
        else:
            self._session_due = self._agent.timers.call_later(timer.given_up, self._expire)

    def _expire(self) -> None:
        self.hang_up(reason="the session timer ran out: the peer no longer refreshes")

    def _refresh(self) -> None:
        """Refresh the session by UPDATE, or by a re-INVITE with the description in force."""
        dialog, timer = self.dialog, self._session
        if self.ended or dialog is None or timer is None:
            return
        # Until an answer comes, the session lasts to the end of its interval.
        self._session_due = self._agent.timers.call_later(timer.interval / 3, self._expire)
        if not self._peer_updates:
            self._refreshing = asyncio.ensure_future(self._refresh_by_reinvite())
            return
        request = dialog.request("UPDATE")
        self._agent.dress(request)
        for name, value in session_timer.request_fields(timer).items():
            request.headers.add(name, value)

        def on_response(response: Response) -> None:
            if 200 <= response.status < 300:
                self._set_session(session_timer.accepted(response.headers))
            elif response.status in (408, 481):
                self.hang_up()

        self._agent.send_request(request, dialog, on_response, self._expire)

    async def _refresh_by_reinvite(self) -> None:
        sdp = self.handler.on_offer(b"") if self.handler is not None else b""
        with contextlib.suppress(CallFailed):
            await self.reinvite(sdp if isinstance(sdp, bytes) else b"")

    async def sleep(self, seconds: float) -> None:
        """Wait by the user agent's clock."""
        await self._agent.sleep(seconds)

    def hang_up(self, reason: str = "we hung up") -> None:
        """End the call in whatever state it is: CANCEL, a refusal, or BYE."""
        if self.ended:
            return
        if self._server is not None and not self._server.answered:
            self.reject(480)
            return
        if self.dialog is None:
            self.cancel()
            return
        bye = self.dialog.request("BYE")
        self._agent.send_request(bye, self.dialog, lambda _: None, lambda: None)
        self._end(by_peer=False, reason=reason)

    def _end(self, *, by_peer: bool, reason: str) -> None:
        if self.ended:
            return
        self.ended = True
        for timer in (self._retransmit, self._limit, self._session_due):
            if timer is not None:
                timer.cancel()
        gone = CallFailed(487, reason)
        for future in (self._acknowledged, self._reinvite, self._answer):
            if future is not None and not future.done():
                future.set_exception(gone)
        if self.dialog is not None:
            self._agent.retire(self.dialog)
        if self.handler is not None:
            self.handler.on_ended(by_peer, reason)


def _retrieve(future: "asyncio.Future[Any]") -> None:
    """Mark a future's exception as seen: the owner may have stopped waiting."""
    if not future.cancelled():
        future.exception()
