"""The calling side of a call: INVITE, CANCEL and their races (RFC 3261 §9.1, §13.2)."""

import asyncio

from spandsp_bridge.errors import CallFailed
from spandsp_bridge.sip import session_timer
from spandsp_bridge.sip.agent import Agent
from spandsp_bridge.sip.call import Call, CallHandler, mark_retrieved
from spandsp_bridge.sip.dialog import Dialog
from spandsp_bridge.sip.errors import SipParseError
from spandsp_bridge.sip.message import Headers, Request, Response
from spandsp_bridge.sip.state import Event, Role, State
from spandsp_bridge.sip.status import phrase
from spandsp_bridge.sip.timers import Timer
from spandsp_bridge.sip.transaction import LINGER, Address, ClientTransaction

RINGING_LIMIT = 180.0  #: seconds until an INVITE without a final response is cancelled


class OutgoingCall(Call):
    """A call that we place; its user agent's `invite` makes it."""

    role = Role.UAC

    def __init__(self, agent: Agent, handler: CallHandler) -> None:
        super().__init__(agent, handler)
        self.last_response: Response | None = None  #: the latest one to our INVITE
        self._answer: asyncio.Future[Response] = asyncio.get_running_loop().create_future()
        self._answer.add_done_callback(mark_retrieved)
        self._client: ClientTransaction | None = None
        self._ack: Request | None = None
        self._limit: Timer | None = None  # of ringing, then of the 487 to our CANCEL

    async def answered(self) -> Response:
        """Wait for the 2xx and return it. Raises CallFailed with the final status."""
        return await asyncio.shield(self._answer)

    def start(self, invite: Request, destination: Address) -> None:
        """Send the INVITE."""
        self._machine.apply(Event.SEND_INVITE)
        self.invite = invite
        self.call_id = invite.call_id
        self._client = self._agent.transactions.request(
            invite, destination, self._on_response, self._on_no_response
        )
        self._limit = self._agent.timers.call_later(RINGING_LIMIT, self.cancel)

    def cancel(self) -> None:
        """Give up a call that is not answered yet; an answered one stays (§9.1)."""
        if not self._answer.done():
            self.hang_up()

    def _on_hang_up(self, before: State, reason: str) -> None:
        match self.state:
            case State.CANCEL_DEFERRED:  # no CANCEL before a provisional response
                pass
            case State.CANCELLING:
                self._send_cancel()
            case _:
                super()._on_hang_up(before, reason)

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
        # A 487 is due; without any final response the call is taken as cancelled (§9.1).
        self._set_limit(self._agent.timers.call_later(LINGER, self._on_no_response))

    def _set_limit(self, timer: Timer | None) -> None:
        if self._limit is not None:
            self._limit.cancel()
        self._limit = timer

    # ---- responses to the INVITE -----------------------------------------

    def _on_response(self, response: Response) -> None:
        if self.dialog is None:
            self.last_response = response
        if response.status < 200:
            self._on_provisional()
        elif response.status < 300:
            self._on_success(response)
        else:
            self._fail(Event.RECEIVE_FAILURE, CallFailed(response.status, response.reason))

    def _on_no_response(self) -> None:
        status = 487 if self.state is State.CANCELLING else 408
        self._fail(Event.NO_RESPONSE, CallFailed(status, phrase(status)))

    def _fail(self, event: Event, error: CallFailed) -> None:
        self._machine.apply(event)
        if not self._answer.done():
            self._answer.set_exception(error)
        self._end(by_peer=True, reason=str(error))

    def _on_provisional(self) -> None:
        before = self.state
        after = self._machine.apply(Event.RECEIVE_PROVISIONAL)
        if before is State.CANCEL_DEFERRED and after is State.CANCELLING:
            self._send_cancel()

    def _on_success(self, response: Response) -> None:
        assert self.invite is not None
        if self.dialog is not None and response.to.tag == self.dialog.remote.tag:
            self._machine.apply(Event.RECEIVE_SUCCESS)
            self._send_ack()  # the 2xx came again
            return
        if self.dialog is not None or self.ended:
            # Another fork, or an answer after the call was given up (§13.2.2.4).
            self._machine.apply(Event.RECEIVE_SUCCESS)
            self._agent.end_fork(self.invite, response)
            return
        try:
            self.dialog = Dialog.from_response(self.invite, response)
        except SipParseError:
            self._fail(Event.RECEIVE_FAILURE, CallFailed(502, "Invalid Contact in the answer"))
            return
        after = self._machine.apply(Event.RECEIVE_SUCCESS)
        self._set_limit(None)
        self._ack = self.dialog.request("ACK", cseq=self.invite.cseq[0])
        self._send_ack()
        if after is State.ENDED:  # the 2xx crossed our CANCEL: it stands, so BYE follows (§15)
            self._send_bye()
            self._end(by_peer=False, reason="cancelled")
            return
        self._agent.add_dialog(self.dialog, self)
        self.peer_sdp = response.body
        self._note_methods(response)
        self._session.restart(session_timer.accepted(response.headers))
        self._answer.set_result(response)

    def _send_ack(self) -> None:
        assert self._ack is not None and self.dialog is not None
        self._agent.send_ack(self._ack, self.dialog)

    def _end(self, *, by_peer: bool, reason: str) -> None:
        self._set_limit(None)
        super()._end(by_peer=by_peer, reason=reason)

    def _fail_waiting(self, error: CallFailed) -> None:
        super()._fail_waiting(error)
        if not self._answer.done():
            self._answer.set_exception(error)
