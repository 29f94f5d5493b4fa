"""What the end of a fax session means: a stable reason, and a sentence with the remedy.

`T30_ERR_OK` by itself proves nothing (SpanDSP reports it with pages unconfirmed):
a fax is complete only when every page was confirmed.
"""

from spandsp_bridge.model import Cause, Finished, Heard, Outcome

#: SpanDSP's T30_ERR_... by their number, as (reason, what happened).
T30_ERRORS: tuple[tuple[str, str], ...] = (
    ("completed", "the call ended normally"),
    ("no_fax_answered", "a tone answered, but no fax machine behind it"),
    ("no_fax_answered", "nobody identified itself as a fax machine"),
    ("no_fax_answered", "the far end did not begin a fax in time"),
    ("operator_interrupt", "the far end's operator interrupted the fax"),
    ("line_quality", "the far end's signal did not stop in time"),
    ("cannot_train", "no modem speed worked on this line"),
    ("operator_interrupt", "the far end's operator interrupted the fax"),
    ("receiver_incompatible", "the far machine is not compatible"),
    ("receiver_incompatible", "the far machine cannot receive"),
    ("receiver_incompatible", "the far machine cannot send"),
    ("receiver_resolution", "the far machine cannot print this resolution"),
    ("receiver_page_size", "the far machine cannot print this page size"),
    ("protocol_error", "the far machine sent something unexpected"),
    ("cannot_train", "the far machine refused the speed test"),
    ("page_refused", "the far machine hung up after a page"),
    ("protocol_error", "the far machine answered a page wrongly"),
    ("receiver_call_dropped", "the far machine hung up before the fax began"),
    ("protocol_error", "the far machine answered a page wrongly"),
    ("no_fax_answered", "something answered, but not as a fax machine"),
    ("cannot_train", "the far machine did not answer the speed test"),
    ("page_refused", "the far machine did not answer after a page"),
    ("receiver_busy", "the far machine stayed not ready for too long"),
    ("protocol_error", "the sender confirmed pages wrongly"),
    ("protocol_error", "the sender sent a command at the wrong time"),
    ("protocol_error", "the sender sent an unexpected command after a page"),
    ("line_quality", "the signal was lost in the middle of a page"),
    ("line_quality", "a page stopped in the middle"),
    ("line_quality", "no page came"),
    ("sender_call_dropped", "the sender did not say goodbye"),
    ("sender_call_dropped", "the sender fell silent after a page"),
    ("sender_call_dropped", "the sender fell silent before a page"),
    ("sender_call_dropped", "the sender fell silent before the next page"),
    ("sender_call_dropped", "the sender fell silent while it was not ready"),
    ("sender_call_dropped", "the sender fell silent"),
    ("sender_call_dropped", "the sender hung up before the fax began"),
    ("sender_call_dropped", "the sender hung up in the middle of a page"),
    ("sender_call_dropped", "the sender hung up before a page ended"),
    ("sender_call_dropped", "the sender hung up between pages"),
    ("sender_call_dropped", "the sender hung up while it was not ready"),
    ("sender_call_dropped", "the sender hung up instead of sending a page again"),
    ("document_unusable", "the document's file could not be opened"),
    ("document_unusable", "a page is missing in the document's file"),
    ("document_unusable", "the document's file has a wrong format"),
    ("document_unusable", "a page of the document's file has no number"),
    ("document_unusable", "a page of the document's file has wrong values"),
    ("document_unusable", "the document's file has a wrong header"),
    ("out_of_memory", "the fax engine ran out of memory"),
    ("page_refused", "the far machine kept refusing a page"),
    ("receiver_call_dropped", "the call dropped"),
    ("receiver_incompatible", "polling was refused"),
)
CAUSES = {
    Cause.SILENCE: ("sender_call_dropped", "the sender fell silent"),
    Cause.CLOCK: ("call_time_limit", "the call reached its time limit"),
    Cause.PAGE_REFUSED: ("storage_failed", "a page could not be stored, so it was not confirmed"),
    Cause.PAGE_STALLED: ("storage_failed", "storing a page took too long to confirm it"),
    Cause.PAGE_LOST: ("line_quality", "a page was lost on the line, so it was not confirmed"),
    Cause.LIMIT: ("too_large", "the fax had too many pages, or a page was too large"),
    Cause.ENGINE_LOST: ("engine_lost", "the fax engine process ended in mid-call"),
}
PERSON = "a person or an answering machine answered, not a fax machine"
REMEDIES = {
    "no_fax_answered": "check the number, and that a fax machine is switched on there",
    "cannot_train": "send again; if it stays, lower the speed of the virtual fax",
    "line_quality": "send again; if it stays, lower the speed of the virtual fax",
    "receiver_call_dropped": "send again later",
    "receiver_busy": "send again later: the far machine may be out of paper or memory",
    "page_refused": "send again later, or ask the receiver to check the machine",
    "sender_call_dropped": "ask the sender to send again",
    "storage_failed": "free space on the bridge's disk, then ask the sender to send again",
    "engine_lost": "send again, and look at the bridge's log",
    "call_time_limit": "send fewer pages, or raise VFAX_MAX_CALL_SECONDS",
    "too_large": "raise VFAX_MAX_PAGES, or ask the sender to split the fax",
    "answered_by_person": "check the number",
    "receiver_resolution": "send in a lower resolution",
    "receiver_page_size": "send in A4",
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
    if sending:
        complete = expected is not None and pages == expected
    if complete and pages > 0:
        reason = "completed"
        verb = "was confirmed by the receiver" if sending else "was received and stored"
        explanation = f"Every page {verb}: {_pages(pages)}."
    else:
        reason, happened = CAUSES.get(finished.cause) or _t30(finished.t30_code)
        if sending:  # SpanDSP has one code for both directions
            reason = reason.replace("sender_", "receiver_")
            happened = happened.replace("the sender", "the receiver")
        if reason == "completed":  # the false OK
            reason, happened = "page_refused", "the call ended without every page confirmed"
        confirmed = _pages(pages) if expected is None else f"{pages} of {_pages(expected)}"
        if reason == "no_fax_answered" and stats.heard is Heard.SOUND:
            reason, happened = "answered_by_person", PERSON
        remedy = REMEDIES.get(reason)
        explanation = f"{happened[0].upper()}{happened[1:]}, with {confirmed} confirmed" + (
            f"; {remedy}." if remedy else "."
        )
    return Outcome(
        ok=complete and pages > 0,
        reason=reason,
        explanation=explanation,
        pages=pages,
        stats=stats,
        t30_code=finished.t30_code,
        t30_text=finished.t30_text,
        seconds=finished.seconds,
    )


def judge_person() -> Outcome:
    """Return the outcome of a call in which a voice answered and T.30 never began."""
    word = "answered_by_person"
    return Outcome(False, word, f"{PERSON[0].upper()}{PERSON[1:]}; {REMEDIES[word]}.")


def _pages(count: int) -> str:
    return "1 page" if count == 1 else f"{count} pages"


def _t30(code: int) -> tuple[str, str]:
    if 0 <= code < len(T30_ERRORS):
        return T30_ERRORS[code]
    return "protocol_error", f"the fax ended with T.30 code {code}"


def reason_of_t30(code: int) -> str:
    """Return the reason of an outgoing fax that ended with a T30_ERR code and pages missing."""
    reason = _t30(code)[0].replace("sender_", "receiver_")
    return "page_refused" if reason == "completed" else reason


#: SIP statuses of a call that never became a fax, as (reason, sentence).
SIP_FAILURES = {
    403: ("call_forbidden", "The call was not permitted; ask the brand operator to check routes."),
    404: ("receiver_unallocated_number", "The number does not exist; check it."),
    408: ("receiver_no_answer", "Nobody answered, or the carrier was silent; send again later."),
    410: ("receiver_unallocated_number", "The number is no longer in use; check it."),
    415: ("receiver_incompatible", "The far end refused the media that we offered."),
    480: ("receiver_no_answer", "The receiver is not available now; send again later."),
    484: ("receiver_unallocated_number", "The number is incomplete; check it."),
    486: ("user_busy", "The line is busy; send again later."),
    487: ("receiver_no_answer", "The call was ended before it was answered; send again later."),
    488: ("receiver_incompatible", "The far end refused the media that we offered."),
    600: ("user_busy", "The line is busy everywhere; send again later."),
    603: ("call_rejected", "The receiver declined the call."),
    604: ("receiver_unallocated_number", "The number does not exist anywhere; check it."),
}


def judge_sip(status: int, reason: str) -> Outcome:
    """Return the outcome of a call that was refused or never answered."""
    word, sentence = SIP_FAILURES.get(
        status,
        ("carrier_failed", "The carriers could not connect the call; send again later.")
        if 500 <= status < 600
        else ("call_failed", f"The call failed with SIP {status}."),
    )
    return Outcome(
        False, word, f"{sentence} (SIP {status} {reason})", sip_status=status, sip_reason=reason
    )
