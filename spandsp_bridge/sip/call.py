"""A call: an INVITE dialog, and what both roles have in common inside it.

`uac.OutgoingCall` and `uas.IncomingCall` add how a call is set up. The states and the events
that each permits stand in `state`, the session timer in `session_timer`. A call's owner hands
in a `CallHandler`; what a call needs of its user agent stands in `agent`.
"""

import asyncio
import contextlib
import random
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, ClassVar, Protocol

from spandsp_bridge.errors import CallFailed
from spandsp_bridge.sip import session_timer
from spandsp_bridge.sip.agent import Agent
from spandsp_bridge.sip.dialog import Dialog
from spandsp_bridge.sip.errors import EventRefused, SipParseError
from spandsp_bridge.sip.message import Request, Response
from spandsp_bridge.sip.observe import Observer
from spandsp_bridge.sip.session_timer import SessionRefresher, SessionTimer, TooSmallError
from spandsp_bridge.sip.state import CallState, Event, Role, State
from spandsp_bridge.sip.status import phrase
from spandsp_bridge.sip.timers import Timer
from spandsp_bridge.sip.transaction import LINGER, T1, T2, ServerTransaction

GLARE_RETRIES = 4  #: 491 answers to one re-INVITE before giving up


@dataclass(frozen=True, slots=True)
class Refusal:
    """A negative answer to an offer inside a dialog; `reason` empty: the standard phrase."""

    status: int
    reason: str = ""


class CallHandler(Protocol):
    """What a call tells its owner. All functions return at once."""

    def on_offer(self, sdp: bytes) -> bytes | Refusal:
        """Answer a re-INVITE or UPDATE: our SDP, or a refusal. `sdp` empty: make the offer."""

    def on_ended(self, by_peer: bool, reason: str) -> None:
        """The call ended; nothing follows. `reason` is technical, for traces and logs."""


def new_token() -> str:
    """Return 64 random bits in hexadecimal, for tags, branches and Call-IDs (§19.3)."""
    return secrets.token_hex(8)


def mark_retrieved(future: "asyncio.Future[Any]") -> None:
    """Mark a future's exception as seen: the owner may have stopped waiting."""
    if not future.cancelled():
        future.exception()


class Call:
    """One INVITE dialog; see the subclasses of each role."""

    role: ClassVar[Role]

    def __init__(self, agent: Agent, handler: CallHandler | None = None) -> None:
        self.handler = handler
        self.dialog: Dialog | None = None
        self.call_id = ""
        self.invite: Request | None = None
        self.peer_sdp = b""  #: the peer's latest session description
        self._agent = agent
        self._machine = CallState(self.role)
        self._session = SessionRefresher(agent.timers, self._refresh, self._expire)
        self._refreshing: asyncio.Future[None] | None = None  # a reference keeps the task alive
        self._peer_allows_update = False
        self._reinvite_result: asyncio.Future[Response] | None = None
        self._retransmit: Timer | None = None  # of a 2xx of ours
        self._unacknowledged = -1  # CSeq of the INVITE whose 2xx awaits its ACK
        self._answer_in_ack = False  # that INVITE had no offer: our 2xx has it (§13.2.1)
        self._over = False

    @property
    def state(self) -> State:
        """Where the call stands."""
        return self._machine.state

    @property
    def ended(self) -> bool:
        """True once the call ended for its owner, though its BYE may still wait for an ACK."""
        return self._over

    def observe(self, observer: Observer | None) -> None:
        """Report every message of this call, its INVITE first; None: stop."""
        self._agent.observe(self.call_id, observer)
        if observer is not None and self.invite is not None:
            observer(self.role is Role.UAC, bytes(self.invite))

    async def sleep(self, seconds: float) -> None:
        """Wait by the user agent's clock."""
        await self._agent.sleep(seconds)

    # ---- our re-INVITE (RFC 3261 §14.1) ---------------------------------

    async def reinvite(
        self, sdp: bytes, still_wanted: Callable[[], bool] = lambda: True
    ) -> Response:
        """Change the session; return the 2xx. Raises CallFailed with the status.

        491 is tried again after the interval of §14.1, if it is still wanted then.
        """
        for _ in range(GLARE_RETRIES):
            try:
                return await self._reinvite_once(sdp)
            except CallFailed as error:
                if error.sip_status != 491 or self.ended:
                    raise
            # The owner of the Call-ID waits longer.
            interval = (2.1, 4.0) if self.role is Role.UAC else (0.01, 2.0)
            await self._agent.sleep(random.uniform(*interval))  # noqa: S311
            if self.ended:
                raise CallFailed(487, phrase(487))
            if not still_wanted():
                break
        raise CallFailed(491, phrase(491))

    async def _reinvite_once(self, sdp: bytes) -> Response:
        try:
            self._machine.apply(Event.REINVITE)
        except EventRefused as refused:
            raise CallFailed(refused.status, phrase(refused.status)) from None
        dialog = self.dialog
        assert dialog is not None
        result: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        result.add_done_callback(mark_retrieved)
        self._reinvite_result = result
        request = dialog.request("INVITE")
        self._agent.add_dialog_headers(request, sdp)
        for name, value in session_timer.request_fields(self._session.agreed).items():
            request.headers.add(name, value)
        ack: Request | None = None

        def on_response(response: Response) -> None:
            nonlocal ack
            if response.status < 200:
                return
            if response.status >= 300:
                self._reinvite_failed(result, CallFailed(response.status, response.reason))
                return
            if ack is None:
                with contextlib.suppress(SipParseError):
                    dialog.refresh_target(response)
                ack = dialog.request("ACK", cseq=request.cseq[0])
            self._agent.send_ack(ack, dialog)  # also when the call ended meanwhile (§13.2.2.4)
            if result.done():
                return
            self._machine.apply(Event.REINVITE_ENDED)
            self.peer_sdp = response.body
            self._session.restart(session_timer.accepted(response.headers))
            result.set_result(response)

        self._agent.send_request(
            request,
            dialog,
            on_response,
            lambda: self._reinvite_failed(result, CallFailed(408, phrase(408))),
        )
        # Shielded: an owner that stops waiting leaves the transaction to its end.
        return await asyncio.shield(result)

    def _reinvite_failed(self, result: "asyncio.Future[Response]", error: CallFailed) -> None:
        if result.done():
            return
        self._machine.apply(Event.REINVITE_ENDED)
        result.set_exception(error)
        if error.sip_status in (408, 481):  # the dialog is gone (§12.2.1.2)
            self.hang_up()

    # ---- the peer's requests inside the dialog ----------------------------

    def on_request(self, server: ServerTransaction) -> None:
        """Take a request inside the dialog, and answer it."""
        request = server.request
        assert self.dialog is not None
        if not self.dialog.in_order(request):
            self._agent.reply(server, 500)  # §12.2.2
            return
        match request.method:
            case "BYE":
                event = Event.RECEIVE_BYE
            case "INVITE":
                event = Event.RECEIVE_OFFER
            case "UPDATE":
                event = Event.RECEIVE_OFFER if request.body else Event.RECEIVE_REQUEST
            case "INFO" | "OPTIONS":
                event = Event.RECEIVE_REQUEST
            case "PRACK":
                self._agent.reply(server, 481)  # there was no reliable 1xx (RFC 3262 §3)
                return
            case _:
                self._agent.reply(server, 405)
                return
        try:
            self._machine.apply(event)
        except EventRefused as refused:
            self._refuse_request(server, refused.status)
            return
        if event is Event.RECEIVE_BYE:
            self._agent.reply(server, 200)
            self._end(by_peer=True, reason="BYE received")
        elif request.method in ("INVITE", "UPDATE"):
            self._on_target_refresh(server)
        else:
            self._agent.reply(server, 200)

    def _refuse_request(self, server: ServerTransaction, status: int) -> None:
        headers = None
        if status == 500:  # the INVITE before is not finished yet (§14.2, RFC 3311 §5.2)
            headers = {"Retry-After": str(random.randint(0, 10))}  # noqa: S311
        self._agent.reply(server, status, headers=headers)

    def _on_target_refresh(self, server: ServerTransaction) -> None:
        """Take a re-INVITE or an UPDATE that the state permits (§12.2.2, RFC 3311)."""
        request = server.request
        assert self.dialog is not None
        try:
            self.dialog.refresh_target(request)
        except SipParseError:
            self._agent.reply(server, 400, "Invalid Contact")
            return
        try:
            agreed = session_timer.answer(request.headers)
        except TooSmallError:
            self._agent.reply(server, 422, headers={"Min-SE": str(session_timer.MIN_SE)})
            return
        if request.method == "UPDATE" and not request.body:
            if not self.ended:
                self._session.restart(agreed[0] if agreed else None)
            self._agent.reply(server, 200, headers=agreed[1] if agreed else None)
            return
        answer = self.handler.on_offer(request.body) if self.handler else Refusal(488)
        if self.ended:
            answer = Refusal(487)  # the owner hung up instead of answering
        if isinstance(answer, Refusal):
            self._agent.reply(server, answer.status, answer.reason)
            return
        if request.body:
            self.peer_sdp = request.body
        response = request.response(200)
        self._agent.add_dialog_headers(response, answer)
        self._agree_on_timer(request, response)
        if request.method == "INVITE":
            self._machine.apply(Event.ACCEPT_REINVITE)
            self._send_success(server, response)
        else:
            server.respond(response)

    def _send_success(self, server: ServerTransaction, response: Response) -> None:
        """Send a 2xx to an INVITE, and again until its ACK comes (§13.3.1.4)."""
        self._unacknowledged = server.request.cseq[0]
        self._answer_in_ack = not server.request.body
        server.respond(response)
        self._repeat_success(server, response, T1, self._agent.timers.now + LINGER)

    def _repeat_success(
        self, server: ServerTransaction, response: Response, interval: float, until: float
    ) -> None:
        def repeat() -> None:
            if self._agent.timers.now >= until:
                self._on_no_ack()
                return
            server.respond(response)
            self._repeat_success(server, response, min(interval * 2, T2), until)

        delay = min(interval, until - self._agent.timers.now)
        self._retransmit = self._agent.timers.call_later(delay, repeat)

    def _stop_repeating(self) -> None:
        if self._retransmit is not None:
            self._retransmit.cancel()

    def on_ack(self, ack: Request) -> None:
        """Take the ACK to a 2xx of ours; one that was taken already changes nothing."""
        if ack.cseq[0] != self._unacknowledged:
            return
        before = self.state
        if self._machine.apply(Event.RECEIVE_ACK) is before:
            return
        self._stop_repeating()
        if ack.body and self._answer_in_ack:
            self.peer_sdp = ack.body
        self._on_acknowledged(before)

    def _on_acknowledged(self, before: State) -> None:
        """Act on the ACK that ended a state."""

    def _on_no_ack(self) -> None:
        self._machine.apply(Event.NO_ACK)
        self._send_bye()
        self._end(by_peer=False, reason="no ACK received")

    # ---- session timer (RFC 4028) --------------------------------------------

    def _note_methods(self, message: Request | Response) -> None:
        allowed = (method.upper() for method in message.headers.all("allow"))
        self._peer_allows_update = "UPDATE" in allowed

    def _agree_on_timer(self, request: Request, response: Response) -> None:
        """Add to a 2xx what the request's session timer asks for, and start that timer."""
        agreed = session_timer.answer(request.headers)
        if agreed is not None:
            for name, value in agreed[1].items():
                response.headers.add(name, value)
        self._session.restart(agreed[0] if agreed else None)

    def _expire(self) -> None:
        self.hang_up(reason="session timer expired: no refresh")

    def _refresh(self, agreed: SessionTimer) -> None:
        """Refresh the session by UPDATE, or by a re-INVITE with the description in force (§7.4)."""
        dialog = self.dialog
        assert dialog is not None
        if not self._peer_allows_update:
            self._refreshing = asyncio.ensure_future(self._refresh_by_reinvite())
            return
        request = dialog.request("UPDATE")
        self._agent.add_dialog_headers(request)
        for name, value in session_timer.request_fields(agreed).items():
            request.headers.add(name, value)

        def on_response(response: Response) -> None:
            if self.ended:
                return
            if 200 <= response.status < 300:
                self._session.restart(session_timer.accepted(response.headers))
            elif response.status in (408, 481):
                self.hang_up()

        self._agent.send_request(request, dialog, on_response, self._expire)

    async def _refresh_by_reinvite(self) -> None:
        sdp = self.handler.on_offer(b"") if self.handler is not None else b""
        with contextlib.suppress(CallFailed):
            await self.reinvite(sdp if isinstance(sdp, bytes) else b"")

    # ---- the end ----------------------------------------------------------------

    def hang_up(self, reason: str = "BYE sent") -> None:
        """End the call in whatever state it is; nothing happens when it ended already."""
        before = self.state
        if self._machine.apply(Event.HANG_UP) is not before:
            self._on_hang_up(before, reason)

    def _on_hang_up(self, before: State, reason: str) -> None:
        """Act on a hang-up that left a state; the subclasses know the states before the ACK."""
        if before is not State.IDLE:
            self._send_bye()
        self._end(by_peer=False, reason=reason)

    def _send_bye(self) -> None:
        assert self.dialog is not None
        bye = self.dialog.request("BYE")
        self._agent.send_request(bye, self.dialog, lambda _: None, lambda: None)

    def _end(self, *, by_peer: bool, reason: str) -> None:
        """Report the end to the owner, once, and release timers and the dialog."""
        if self.state is State.ENDED:
            self._stop_repeating()
            if self.dialog is not None:
                self._agent.remove_dialog(self.dialog)
        if self._over:
            return
        self._over = True
        self._session.stop()
        self._fail_waiting(CallFailed(487, reason))
        if self.handler is not None:
            self.handler.on_ended(by_peer, reason)

    def _fail_waiting(self, error: CallFailed) -> None:
        """Wake who waits for this call."""
        if self._reinvite_result is not None and not self._reinvite_result.done():
            self._reinvite_result.set_exception(error)
