"""Outgoing fax calls: one attempt, from INVITE to the last confirmed page."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from spandsp_bridge.calls.fax_call import FaxCall
from spandsp_bridge.calls.outcome import judge, judge_sip, sip_detail
from spandsp_bridge.errors import CallFailed, EngineError
from spandsp_bridge.model import AudioFax, Engine, Heard, Outcome, PageDone, SessionOptions
from spandsp_bridge.reasons import Reason
from spandsp_bridge.sip.address import NameAddr, Uri
from spandsp_bridge.sip.uac import OutgoingCall
from spandsp_bridge.sip.user_agent import UserAgent
from spandsp_bridge.t38.negotiation import LocalMedia

log = structlog.get_logger(__name__)

#: Seconds for the called side to re-INVITE to T.38, which it does after it detected our CNG, some
#: only after seconds of tones; then we send a re-INVITE.
PEER_SWITCHES_WITHIN = 6.0


@dataclass(frozen=True, slots=True)
class SendJob:
    """One attempt to send a document."""

    fax_id: int
    company_id: int
    attempt: int
    from_number: str
    to_number: str
    file: Path
    pages: int  #: of the whole fax
    station_id: str
    header_line: str
    time_zone: str
    ecm: bool
    max_bit_rate: int
    audio_fax: AudioFax = AudioFax.AFTER_T38_REFUSED
    already: int = 0  #: pages that earlier attempts had confirmed
    start_page: int = 0  #: of the file, from 0
    lead: int = 0  #: pages before those of the fax in the file: a continuation cover
    max_datagram: int | None = None  #: largest UDPTL packet, whatever the far end's SDP says
    avoid_carriers: tuple[int, ...] = ()  #: ids of carriers to try last


@dataclass(slots=True)
class SendResult:
    """How an attempt ended, and the route that Kamailio chose (see `parse_route`)."""

    outcome: Outcome
    call_id: str
    route: dict[str, str] | None


def parse_route(value: str | None) -> dict[str, str] | None:
    """Return Kamailio's X-Vfax-Route (`route=1;carrier=2;server=3;uri=...`) as a dictionary."""
    if not value:
        return None
    known, _, uri = value.partition("uri=")  # the URI is last, and may hold semicolons
    pairs = (part.split("=", 1) for part in known.split(";") if "=" in part)
    return {**{name.strip(): text.strip() for name, text in pairs}, "uri": uri.strip()}


def _headers(job: SendJob) -> dict[str, str]:
    """Return the header fields for Kamailio, which removes them from what it sends on."""
    headers = {
        "X-Vfax-Company": str(job.company_id),
        "X-Vfax-Fax": str(job.fax_id),
        "X-Vfax-Attempt": str(job.attempt),
    }
    if job.avoid_carriers:
        headers["X-Vfax-Avoid"] = ",".join(map(str, job.avoid_carriers))
    return headers


class Sender:
    """Places fax calls of one node."""

    def __init__(
        self, *, agent: UserAgent, engine: Engine, media_address: str, max_call_seconds: int
    ) -> None:
        self._agent = agent
        self._engine = engine
        self._media_address = media_address
        self._max_call_seconds = max_call_seconds

    async def send(
        self, job: SendJob, on_page: Callable[[PageDone], Awaitable[None]]
    ) -> SendResult:
        """Place the call and send the document; `on_page` is awaited for each confirmed page.

        Does not raise for a call that fails: the result holds the outcome.
        """
        try:
            session = await self._engine.open(
                SessionOptions(
                    file=job.file,
                    sending=True,
                    calling=True,
                    station_id=job.station_id,
                    header_line=job.header_line,
                    time_zone=job.time_zone,
                    ecm=job.ecm,
                    max_bit_rate=job.max_bit_rate,
                    start_page=job.start_page,
                    max_seconds=self._max_call_seconds,
                )
            )
        except EngineError:
            return SendResult(Outcome(False, Reason.ENGINE_FAILED), "", None)
        call: OutgoingCall | None = None
        try:
            local = LocalMedia(
                self._media_address, session.audio_port, session.t38_port, job.max_bit_rate
            )
            fax_call = FaxCall(session, local, job.max_datagram)
            proxy = self._agent.outbound_proxy[0]
            call = self._agent.invite(
                to=Uri(job.to_number, proxy),
                from_=NameAddr(Uri(job.from_number, proxy)),
                sdp=local.audio(),
                headers=_headers(job),
                handler=fax_call,
            )
            call.observe(fax_call.on_message)
            outcome = await self._converse(call, fax_call, job, on_page)
            response = call.last_response
            route = parse_route(response.headers.get("X-Vfax-Route") if response else None)
            return SendResult(outcome, call.call_id, route)
        finally:
            if call is not None:
                call.hang_up()
                call.observe(None)
            session.close()

    async def _converse(
        self,
        call: OutgoingCall,
        fax_call: FaxCall,
        job: SendJob,
        on_page: Callable[[PageDone], Awaitable[None]],
    ) -> Outcome:
        try:
            response = await call.answered()
        except CallFailed as error:
            outcome = judge_sip(error.sip_status, error.sip_reason)
            outcome.hung_up_by, outcome.trace = "peer", fax_call.trace
            return outcome
        events = asyncio.create_task(fax_call.run(on_page))
        refused: CallFailed | None = None
        try:
            if not fax_call.take_answer(response.body):
                refused = await self._agree_on_media(call, fax_call, job)
            if not fax_call.fax_runs:
                fax_call.end()
            finished = await events
        finally:
            events.cancel()
        if refused is not None and not fax_call.fax_runs:
            return self._no_fax(refused, fax_call, finished.stats.heard)
        outcome = judge(
            finished,
            sending=True,
            expected=job.pages,
            complete=False,
            already=job.already,
            lead=job.lead,
        )
        outcome.sip_status, outcome.sip_reason = response.status, response.reason
        outcome.hung_up_by = fax_call.hung_up_by or "us"
        outcome.trace = fax_call.trace
        return outcome

    async def _agree_on_media(
        self, call: OutgoingCall, fax_call: FaxCall, job: SendJob
    ) -> CallFailed | None:
        """Agree on T.38, or on fax over audio, in a call that was answered with audio.

        Return what refused T.38, or None.
        """
        if job.audio_fax is AudioFax.FIRST and fax_call.begin_audio():
            return None
        if await fax_call.wait_for_t38(call, PEER_SWITCHES_WITHIN / self._engine.time_scale):
            return None
        try:
            await fax_call.switch_to_t38(call)
        except CallFailed as error:
            if job.audio_fax is not AudioFax.NEVER:
                await fax_call.fall_back_to_audio(call, error)
            return error
        return None

    @staticmethod
    def _no_fax(refused: CallFailed, fax_call: FaxCall, heard: Heard) -> Outcome:
        """Return the outcome of an answered call in which T.30 never began."""
        if heard is Heard.SOUND:
            outcome = Outcome(False, Reason.ANSWERED_BY_PERSON)
        elif fax_call.hung_up_by == "peer":
            outcome = Outcome(False, Reason.RECEIVER_CALL_DROPPED, {"problem": "before_fax"})
        else:
            detail = sip_detail(refused.sip_status, refused.sip_reason)
            outcome = Outcome(False, Reason.T38_REFUSED, detail)
        outcome.sip_status, outcome.sip_reason = 200, "OK"
        outcome.hung_up_by, outcome.trace = fax_call.hung_up_by or "us", fax_call.trace
        return outcome
