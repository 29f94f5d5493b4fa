"""What the end of a fax session means: a reason of the closed list, and its detail.

`T30_ERR_OK` by itself proves nothing (SpanDSP reports it with pages unconfirmed):
a fax is complete only when every page was confirmed.
"""

from collections.abc import Mapping
from typing import Any

from spandsp_bridge.model import Cause, Finished, Heard, Outcome
from spandsp_bridge.reasons import Reason

#: The reason of each T30_ERR_... of SpanDSP, by its number; the sentence of each stands in
#: `i18n/sentences.py`. SpanDSP has one code for both directions: see `reason_of_t30`.
T30_REASONS: tuple[Reason, ...] = (
    Reason.COMPLETED,  # OK
    Reason.NO_FAX_ANSWERED,  # CEDTONE
    Reason.NO_FAX_ANSWERED,  # T0_EXPIRED
    Reason.NO_FAX_ANSWERED,  # T1_EXPIRED
    Reason.OPERATOR_INTERRUPT,  # T3_EXPIRED
    Reason.LINE_QUALITY,  # HDLC_CARRIER
    Reason.CANNOT_TRAIN,  # CANNOT_TRAIN
    Reason.OPERATOR_INTERRUPT,  # OPER_INT_FAIL
    Reason.RECEIVER_INCOMPATIBLE,  # INCOMPATIBLE
    Reason.RECEIVER_INCOMPATIBLE,  # RX_INCAPABLE
    Reason.RECEIVER_INCOMPATIBLE,  # TX_INCAPABLE
    Reason.RECEIVER_RESOLUTION,  # NORESSUPPORT
    Reason.RECEIVER_PAGE_SIZE,  # NOSIZESUPPORT
    Reason.PROTOCOL_ERROR,  # UNEXPECTED
    Reason.CANNOT_TRAIN,  # TX_BADDCS
    Reason.PAGE_REFUSED,  # TX_BADPG
    Reason.PROTOCOL_ERROR,  # TX_ECMPHD
    Reason.RECEIVER_CALL_DROPPED,  # TX_GOTDCN
    Reason.PROTOCOL_ERROR,  # TX_INVALRSP
    Reason.NO_FAX_ANSWERED,  # TX_NODIS
    Reason.CANNOT_TRAIN,  # TX_PHBDEAD
    Reason.PAGE_REFUSED,  # TX_PHDDEAD
    Reason.RECEIVER_BUSY,  # TX_T5EXP
    Reason.PROTOCOL_ERROR,  # RX_ECMPHD
    Reason.PROTOCOL_ERROR,  # RX_GOTDCS
    Reason.PROTOCOL_ERROR,  # RX_INVALCMD
    Reason.LINE_QUALITY,  # RX_NOCARRIER
    Reason.LINE_QUALITY,  # RX_NOEOL
    Reason.LINE_QUALITY,  # RX_NOFAX
    Reason.SENDER_CALL_DROPPED,  # RX_T2EXPDCN
    Reason.SENDER_CALL_DROPPED,  # RX_T2EXPD
    Reason.SENDER_CALL_DROPPED,  # RX_T2EXPFAX
    Reason.SENDER_CALL_DROPPED,  # RX_T2EXPMPS
    Reason.SENDER_CALL_DROPPED,  # RX_T2EXPRR
    Reason.SENDER_CALL_DROPPED,  # RX_T2EXP
    Reason.SENDER_CALL_DROPPED,  # RX_DCNWHY
    Reason.SENDER_CALL_DROPPED,  # RX_DCNDATA
    Reason.SENDER_CALL_DROPPED,  # RX_DCNFAX
    Reason.SENDER_CALL_DROPPED,  # RX_DCNPHD
    Reason.SENDER_CALL_DROPPED,  # RX_DCNRRD
    Reason.SENDER_CALL_DROPPED,  # RX_DCNNORTN
    Reason.DOCUMENT_UNUSABLE,  # FILEERROR
    Reason.DOCUMENT_UNUSABLE,  # NOPAGE
    Reason.DOCUMENT_UNUSABLE,  # BADTIFF
    Reason.DOCUMENT_UNUSABLE,  # BADPAGE
    Reason.DOCUMENT_UNUSABLE,  # BADTAG
    Reason.DOCUMENT_UNUSABLE,  # BADTIFFHDR
    Reason.OUT_OF_MEMORY,  # NOMEM
    Reason.PAGE_REFUSED,  # RETRYDCN
    Reason.RECEIVER_CALL_DROPPED,  # CALLDROPPED
    Reason.RECEIVER_INCOMPATIBLE,  # NOPOLL
)
#: What the engine itself ended, with the `problem` of the detail.
CAUSES: Mapping[Cause, tuple[Reason, str]] = {
    Cause.SILENCE: (Reason.SENDER_CALL_DROPPED, "silence"),
    Cause.CLOCK: (Reason.CALL_TIME_LIMIT, ""),
    Cause.PAGE_REFUSED: (Reason.STORAGE_FAILED, "page_not_stored"),
    Cause.PAGE_STALLED: (Reason.STORAGE_FAILED, "page_stalled"),
    Cause.PAGE_LOST: (Reason.LINE_QUALITY, "page_lost"),
    Cause.LIMIT: (Reason.TOO_LARGE, ""),
    Cause.ENGINE_LOST: (Reason.ENGINE_LOST, ""),
}


def judge(
    finished: Finished,
    *,
    sending: bool,
    expected: int | None,
    complete: bool,
    already: int = 0,
    lead: int = 0,
) -> Outcome:
    """Return the outcome of a fax session.

    Sending, `expected` is the document's pages, and all of them have to be confirmed, `already`
    of them by earlier calls; the first `lead` pages of this call are not the document's.
    Receiving, `complete` says that the sender marked the last page (EOP).
    """
    stats = finished.stats
    pages = already + max(0, stats.pages - lead)
    detail: dict[str, Any] = {"received": pages}
    if sending:
        detail = {"pages": expected, "confirmed": pages}
        complete = expected is not None and pages == expected
    ok = complete and pages > 0
    reason = Reason.COMPLETED
    if not ok:
        reason, why = _reason(finished, sending=sending)
        detail = {**why, **detail}
    return Outcome(
        ok=ok,
        reason=reason,
        detail=detail,
        pages=pages,
        stats=stats,
        t30_code=finished.t30_code,
        t30_text=finished.t30_text,
        seconds=finished.seconds,
    )


def _reason(finished: Finished, *, sending: bool) -> tuple[Reason, dict[str, Any]]:
    """Return why a session is not complete."""
    if finished.cause in CAUSES:
        reason, problem = CAUSES[finished.cause]
        return _directed(reason, sending=sending), {"problem": problem} if problem else {}
    reason = reason_of_t30(finished.t30_code, sending=sending)
    if reason is Reason.NO_FAX_ANSWERED and finished.stats.heard is Heard.SOUND:
        return Reason.ANSWERED_BY_PERSON, {}
    return reason, {"t30": finished.t30_code}


def _directed(reason: Reason, *, sending: bool) -> Reason:
    dropped = reason is Reason.SENDER_CALL_DROPPED
    return Reason.RECEIVER_CALL_DROPPED if sending and dropped else reason


def reason_of_t30(code: int, *, sending: bool = True) -> Reason:
    """Return the reason of a fax that ended with a T30_ERR code and pages missing."""
    if not 0 <= code < len(T30_REASONS):
        return Reason.PROTOCOL_ERROR
    reason = T30_REASONS[code]
    return Reason.PAGE_REFUSED if reason is Reason.COMPLETED else _directed(reason, sending=sending)


#: SIP statuses of a call that never became a fax (RFC 3261 §21).
SIP_REASONS: Mapping[int, Reason] = {
    403: Reason.CALL_FORBIDDEN,
    404: Reason.RECEIVER_UNALLOCATED_NUMBER,
    408: Reason.RECEIVER_NO_ANSWER,
    410: Reason.RECEIVER_UNALLOCATED_NUMBER,
    415: Reason.RECEIVER_INCOMPATIBLE,
    480: Reason.RECEIVER_NO_ANSWER,
    484: Reason.RECEIVER_UNALLOCATED_NUMBER,
    486: Reason.USER_BUSY,
    487: Reason.RECEIVER_NO_ANSWER,
    488: Reason.RECEIVER_INCOMPATIBLE,
    600: Reason.USER_BUSY,
    603: Reason.CALL_REJECTED,
    604: Reason.RECEIVER_UNALLOCATED_NUMBER,
}


def judge_sip(status: int, phrase: str) -> Outcome:
    """Return the outcome of a call that was refused or never answered."""
    server_failed = 500 <= status < 600
    reason = SIP_REASONS.get(status, Reason.CARRIER_FAILED if server_failed else Reason.CALL_FAILED)
    detail = sip_detail(status, phrase)
    return Outcome(False, reason, detail, sip_status=status, sip_reason=phrase)


def sip_detail(status: int, phrase: str) -> dict[str, Any]:
    """Return what a detail keeps of a SIP answer."""
    return {"sip": status, **({"sip_phrase": phrase} if phrase else {})}
