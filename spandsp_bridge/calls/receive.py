"""Inbound fax calls: answer, switch to T.38, make every page durable, hand to the store."""

import asyncio
import contextlib
import secrets
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

import structlog

from spandsp_bridge.calls.fax_call import FaxCall
from spandsp_bridge.calls.outcome import judge, sip_detail
from spandsp_bridge.calls.spool import CallFacts, Spool, SpoolEntry, SpoolFull
from spandsp_bridge.errors import CallFailed, EngineError
from spandsp_bridge.model import (
    AudioFax,
    Engine,
    Finished,
    Outcome,
    PageDone,
    Session,
    SessionOptions,
)
from spandsp_bridge.reasons import Reason
from spandsp_bridge.sip.errors import SipParseError
from spandsp_bridge.sip.state import State
from spandsp_bridge.sip.uas import IncomingCall
from spandsp_bridge.store.virtual_faxes import VirtualFax
from spandsp_bridge.t38.negotiation import LocalMedia

log = structlog.get_logger(__name__)

RETRY_AFTER = {"Retry-After": "10"}
SILENCE_SECONDS = 60  #: without a packet of the peer, until the engine ends a session
#: Seconds for the caller's own re-INVITE to T.38 after ours was refused.
CALLER_SWITCHES_WITHIN = 3.0


@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of receiving."""

    max_calls: int
    max_call_seconds: int
    max_pages: int


def _facts(call: IncomingCall) -> CallFacts:
    """Return who calls whom, from Kamailio's header fields. Raises ValueError without them."""
    assert call.invite is not None
    headers = call.invite.headers
    virtual_fax, ddi = headers.get("X-Vfax-Virtual-Fax") or "", headers.get("X-Vfax-Ddi") or ""
    if not (virtual_fax.isascii() and virtual_fax.isdigit()) or not ddi.startswith("+"):
        raise ValueError("missing or invalid X-Vfax-Virtual-Fax or X-Vfax-Ddi")
    try:
        caller = call.invite.from_.uri.user
    except SipParseError:
        caller = ""
    return CallFacts(int(virtual_fax), ddi, caller or "anonymous", call.call_id)


def _refuse_for_now(call: IncomingCall) -> None:
    """Answer 503, for Kamailio to try another bridge; an answered call is left alone."""
    if call.state is State.INCOMING:
        call.reject(503, RETRY_AFTER)


class Receiver:
    """Receives the inbound calls of one node.

    `find` returns a virtual fax by its id; `on_over` is called with the spool key of a call
    when the spool holds all of it.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        spool: Spool,
        media_address: str,
        limits: Limits,
        find: Callable[[int], Awaitable[VirtualFax | None]],
        on_over: Callable[[str], None],
    ) -> None:
        self._engine = engine
        self._spool = spool
        self._media_address = media_address
        self._limits = limits
        self._find = find
        self._on_over = on_over
        self._tasks: set[asyncio.Task[None]] = set()
        self.active: set[str] = set()  #: spool keys of calls in progress

    def take(self, call: IncomingCall) -> None:
        """Take a call (the user agent's `on_call`)."""
        task = asyncio.create_task(self._run(call))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def drain(self, seconds: float) -> None:
        """Wait for calls in progress, then end the rest; their confirmed pages are kept."""
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=seconds)
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5)

    async def _run(self, call: IncomingCall) -> None:
        try:
            facts = _facts(call)
        except ValueError as error:  # it did not come through Kamailio
            log.warning("call refused", call_id=call.call_id, error=str(error))
            call.reject(403)
            return
        if len(self.active) >= self._limits.max_calls:
            call.reject(503, RETRY_AFTER)
            return
        key = f"{time.strftime('%Y%m%dT%H%M%S', time.gmtime())}-{secrets.token_hex(6)}"
        self.active.add(key)
        with structlog.contextvars.bound_contextvars(call_id=call.call_id, spool_key=key):
            try:
                await self._receive(call, facts, key)
            except OSError:
                log.exception("spool write failed")
                _refuse_for_now(call)
            except EngineError as error:
                log.warning("call refused", error=str(error))
                _refuse_for_now(call)
            except Exception:
                log.exception("inbound call failed")
            finally:
                self.active.discard(key)
                self._on_over(key)
                call.hang_up()
                call.observe(None)

    async def _receive(self, call: IncomingCall, facts: CallFacts, key: str) -> None:
        try:
            entry = await asyncio.to_thread(self._spool.create, key, facts)
        except SpoolFull as full:
            log.error("spool full", error=str(full))  # noqa: TRY400 - there is no traceback to show
            _refuse_for_now(call)
            return
        virtual_fax = await self._find(facts.virtual_fax)
        try:
            session = await self._engine.open(
                SessionOptions(
                    file=entry.tiff,
                    sending=False,
                    calling=False,
                    station_id=(virtual_fax.station_id if virtual_fax else "")
                    or facts.local_number,
                    ecm=virtual_fax.ecm if virtual_fax else True,
                    max_bit_rate=virtual_fax.max_bit_rate if virtual_fax else 14400,
                    max_seconds=self._limits.max_call_seconds,
                    silence_seconds=SILENCE_SECONDS,
                    max_pages=self._limits.max_pages,
                )
            )
        except EngineError:
            await asyncio.to_thread(entry.remove)
            raise
        try:
            if call.ended:  # cancelled meanwhile
                await asyncio.to_thread(entry.remove)
                return
            local = LocalMedia(self._media_address, session.audio_port, session.t38_port)
            fax_call = FaxCall(session, local)
            call.handler = fax_call
            call.observe(fax_call.on_message)
            audio_fax = virtual_fax.audio_fax if virtual_fax else AudioFax.AFTER_T38_REFUSED
            outcome = await self._converse(call, fax_call, session, entry, audio_fax)
            if outcome is None:
                await asyncio.to_thread(entry.remove)  # refused before it was answered
                return
            log.info("inbound call ended", reason=outcome.reason, pages=outcome.pages)
            await asyncio.to_thread(entry.finish, outcome)
        finally:
            session.close()

    async def _converse(
        self,
        call: IncomingCall,
        fax_call: FaxCall,
        session: Session,
        entry: SpoolEntry,
        audio_fax: AudioFax,
    ) -> Outcome | None:
        """Answer the call and receive its pages; None when the call was refused."""
        if call.peer_sdp:
            sdp = fax_call.take_offer(call.peer_sdp)
            if sdp is None:
                call.reject(488)
                return None
        else:
            sdp = fax_call.local.audio()
        complete = False

        async def on_page(event: PageDone) -> None:
            nonlocal complete
            try:
                await asyncio.to_thread(entry.commit_page, event)
            except Exception as error:  # of any kind: no MCF without a durable page
                log.exception("page commit failed", page=event.page)
                fax_call.trace.append(f"! page {event.page} commit failed: {error}")
                session.page_verdict(durable=False)
                return
            complete = event.last and not fax_call.ended.is_set()
            session.page_verdict(durable=True)

        events = asyncio.create_task(fax_call.run(on_page))
        try:
            call.accept(sdp)
            fax_call.begin()  # the peer may send packets before its ACK
            failure: CallFailed | None = None
            try:
                await call.acknowledged()
                if not call.invite_had_offer:
                    fax_call.take_answer(call.peer_sdp)
                if audio_fax is AudioFax.FIRST:
                    fax_call.begin_audio()
                if not fax_call.fax_runs:
                    await fax_call.switch_to_t38(call)
            except CallFailed as error:
                failure = error
                linger = CALLER_SWITCHES_WITHIN / self._engine.time_scale
                if not await fax_call.wait_for_t38(call, linger) and (
                    audio_fax is AudioFax.NEVER
                    or not await fax_call.fall_back_to_audio(call, error)
                ):
                    session.terminate()
            finished = await events
        finally:
            if not events.done():
                session.terminate()
                with contextlib.suppress(asyncio.CancelledError):
                    await asyncio.wait([events], timeout=2)
                events.cancel()
        call.hang_up()
        return self._outcome(finished, fax_call, failure, complete)

    def _outcome(
        self, finished: Finished, fax_call: FaxCall, failure: CallFailed | None, complete: bool
    ) -> Outcome:
        nothing_came = failure is not None and finished.stats.packets_received == 0
        if nothing_came or not fax_call.fax_runs:
            outcome = Outcome(False, Reason.NO_FAX_BEGAN, {"received": 0})
            if failure is not None and failure.sip_status != 487:
                refused = sip_detail(failure.sip_status, failure.sip_reason)
                outcome = Outcome(False, Reason.T38_REFUSED, {**refused, "received": 0})
            if failure is not None:
                outcome.sip_status, outcome.sip_reason = failure.sip_status, failure.sip_reason
        else:
            outcome = judge(finished, sending=False, expected=None, complete=complete)
        outcome.hung_up_by = fax_call.hung_up_by or "us"
        outcome.trace = fax_call.trace
        return outcome
