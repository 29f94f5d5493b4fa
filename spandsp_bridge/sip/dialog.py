"""Dialogs (RFC 3261 §12): who the two ends are, and how a request reaches the other."""

from dataclasses import dataclass, field

from spandsp_bridge.sip.address import NameAddr, Uri
from spandsp_bridge.sip.errors import SipParseError
from spandsp_bridge.sip.message import Headers, Request, Response


@dataclass(slots=True)
class Dialog:
    """One dialog, created by `from_response` (UAC) or `from_request` (UAS)."""

    call_id: str
    local: NameAddr
    remote: NameAddr
    remote_target: Uri
    route_set: list[str] = field(default_factory=list)
    local_cseq: int = 0
    remote_cseq: int = -1

    @classmethod
    def from_response(cls, request: Request, response: Response) -> "Dialog":
        """Create the UAC's dialog from a response with a tag (§12.1.2).

        Raises SipParseError without a Contact that is a SIP URI.
        """
        target = response.contact
        if target is None:
            raise SipParseError("no Contact in a 2xx to INVITE")
        return cls(
            call_id=request.call_id,
            local=request.from_,
            remote=response.to,
            remote_target=target,
            route_set=list(reversed(response.headers.all("record-route"))),
            local_cseq=request.cseq[0],
        )

    @classmethod
    def from_request(cls, request: Request, local_tag: str) -> "Dialog":
        """Create the UAS's dialog from an INVITE (§12.1.1).

        Raises SipParseError without a Contact that is a SIP URI.
        """
        target = request.contact
        if target is None:
            raise SipParseError("no Contact in INVITE")
        return cls(
            call_id=request.call_id,
            local=request.to.with_tag(local_tag),
            remote=request.from_,
            remote_target=target,
            route_set=request.headers.all("record-route"),
            remote_cseq=request.cseq[0],
        )

    @property
    def key(self) -> tuple[str, str, str]:
        """What requests inside this dialog are matched by: Call-ID, local tag, remote tag (§12)."""
        return self.call_id, self.local.tag, self.remote.tag

    def request(self, method: str, cseq: int | None = None) -> Request:
        """Build a request inside the dialog, without its Via (§12.2.1.1).

        `cseq` is given for an ACK alone: the number of its INVITE.
        """
        if cseq is None:
            self.local_cseq += 1
            cseq = self.local_cseq
        headers = Headers()
        for route in self.route_set:
            headers.add("route", route)
        headers.add("max-forwards", 70)
        headers.add("from", self.local)
        headers.add("to", self.remote)
        headers.add("call-id", self.call_id)
        headers.add("cseq", f"{cseq} {method}")
        return Request(headers, method=method, uri=str(self.remote_target))

    def next_hop(self) -> Uri:
        """Return where requests go first: the first route, else the remote target (§12.2.1.1)."""
        if self.route_set:
            return NameAddr.parse(self.route_set[0]).uri
        return self.remote_target

    def in_order(self, request: Request) -> bool:
        """Check and store the peer's CSeq (§12.2.2); False for one out of order."""
        number = request.cseq[0]
        if number <= self.remote_cseq:
            return False
        self.remote_cseq = number
        return True

    def refresh_target(self, message: Request | Response) -> None:
        """Take the Contact of a re-INVITE or UPDATE, or of the 2xx to ours (§12.2)."""
        target = message.contact
        if target is not None:
            self.remote_target = target
