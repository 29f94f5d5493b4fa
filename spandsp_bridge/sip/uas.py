"""The called side of a call: the answer to an INVITE, and its ACK (RFC 3261 §9.2, §13.3)."""

import asyncio

from spandsp_bridge.errors import CallFailed
from spandsp_bridge.sip.agent import Agent
from spandsp_bridge.sip.call import Call, mark_retrieved, new_token
from spandsp_bridge.sip.dialog import Dialog
from spandsp_bridge.sip.message import Response
from spandsp_bridge.sip.state import Event, Role, State
from spandsp_bridge.sip.status import phrase
from spandsp_bridge.sip.transaction import ServerTransaction


class IncomingCall(Call):
    """A call that the peer places; its user agent hands it to `on_call`."""

    role = Role.UAS

    def __init__(self, agent: Agent, server: ServerTransaction) -> None:
        """Take up an INVITE. Raises SipParseError when it cannot make a dialog."""
        super().__init__(agent)
        self.invite = server.request
        self.call_id = server.request.call_id
        self.peer_sdp = server.request.body
        self._server = server
        self._local_tag = new_token()
        self._acknowledged: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._acknowledged.add_done_callback(mark_retrieved)
        self.dialog = Dialog.from_request(server.request, self._local_tag)
        self._machine.apply(Event.RECEIVE_INVITE)
        self._note_methods(server.request)
        self._agent.add_dialog(self.dialog, self)

    @property
    def invite_had_offer(self) -> bool:
        """True when the caller's INVITE carried a session description."""
        return bool(self._server.request.body)

    def accept(self, sdp: bytes) -> None:
        """Send 200 with our SDP. Without effect when the caller gave up meanwhile.

        Raises LocalProtocolError when the INVITE was answered already.
        """
        if self._machine.apply(Event.ACCEPT) is State.ENDED:
            return
        response = self._response(200)
        self._agent.add_dialog_headers(response, sdp)
        self._agree_on_timer(self._server.request, response)
        self._agent.invite_answered(self._server)
        self._send_success(self._server, response)

    def reject(self, status: int, headers: dict[str, str] | None = None) -> None:
        """Refuse the INVITE. Without effect when the caller gave up meanwhile.

        Raises LocalProtocolError when the INVITE was answered already.
        """
        before = self.state
        self._machine.apply(Event.REJECT)
        if before is State.INCOMING:
            self._refuse(status, headers)
            self._end(by_peer=False, reason=f"INVITE refused with {status}")

    async def acknowledged(self) -> None:
        """Wait for the ACK to our 200. Raises CallFailed when the call ends before."""
        await asyncio.shield(self._acknowledged)

    def on_cancel(self) -> None:
        """End an INVITE that is not answered yet with 487 (§9.2)."""
        before = self.state
        if self._machine.apply(Event.RECEIVE_CANCEL) is not before:
            self._end(by_peer=True, reason="CANCEL received")

    # ---- steps ---------------------------------------------------------------

    def _response(self, status: int) -> Response:
        return self._server.request.response(status, to_tag=self._local_tag)

    def _refuse(self, status: int, headers: dict[str, str] | None = None) -> None:
        response = self._response(status)
        self._agent.add_dialog_headers(response)
        for name, value in (headers or {}).items():
            response.headers.add(name, value)
        self._agent.invite_answered(self._server)
        self._server.respond(response)

    def _on_hang_up(self, before: State, reason: str) -> None:
        if before is State.INCOMING:
            self._refuse(480)
            self._end(by_peer=False, reason="INVITE refused with 480")
        elif before is State.ACCEPTED:
            self._end(by_peer=False, reason=reason)  # BYE waits for the ACK (§15)
        else:
            super()._on_hang_up(before, reason)

    def _on_acknowledged(self, before: State) -> None:
        if before is State.CLOSING:
            self._send_bye()
            self._end(by_peer=False, reason="BYE sent")
        elif not self._acknowledged.done():
            self._acknowledged.set_result(None)

    def _on_no_ack(self) -> None:
        if not self._acknowledged.done():
            self._acknowledged.set_exception(CallFailed(408, phrase(408)))
        super()._on_no_ack()

    def _end(self, *, by_peer: bool, reason: str) -> None:
        if not self._server.answered:  # CANCEL, or BYE before our answer (§9.2, §15.1.2)
            self._refuse(487)
        super()._end(by_peer=by_peer, reason=reason)

    def _fail_waiting(self, error: CallFailed) -> None:
        super()._fail_waiting(error)
        if not self._acknowledged.done():
            self._acknowledged.set_exception(error)
