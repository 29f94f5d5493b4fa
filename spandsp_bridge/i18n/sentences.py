"""Sentences: what a reason with its detail, or an error, says to a reader.

A sentence of an outcome has up to four parts, each a whole sentence that is translated as such:
what happened, which pages arrived, what to do, and what the retry policy decided. A detail may
lack any key (rows of earlier versions have fewer): of the phrases of a reason the first one
whose fields are all there is taken, and the last one needs none.

Over 400 lines because its phrases are data: what a reason says is read in one place.
"""

from collections.abc import Mapping, Sequence
from string import Formatter
from typing import Any

from spandsp_bridge.errors import DeliveryError, DocumentError, VfaxError
from spandsp_bridge.i18n.catalogue import translate
from spandsp_bridge.i18n.labels import Label, word
from spandsp_bridge.i18n.phrases import N_, NN_, Phrase
from spandsp_bridge.reasons import Detail, Reason

#: What SpanDSP's T30_ERR_... say, by their number.
T30_PHRASES: Sequence[Phrase] = (
    N_("The call ended before every page was confirmed."),
    N_("A tone answered, but no fax machine followed."),
    N_("Neither side was identified as a fax machine in time."),
    N_("The remote fax machine did not begin a fax in time."),
    N_("The operator of the remote fax machine interrupted the fax."),
    N_("The signal of the remote fax machine did not stop in time."),
    N_("Training failed: no modem speed worked on this line."),
    N_("The operator of the remote fax machine interrupted the fax."),
    N_("The remote fax machine is not compatible."),
    N_("The remote fax machine cannot receive."),
    N_("The remote fax machine cannot send."),
    N_("The remote fax machine does not support this resolution."),
    N_("The remote fax machine does not support this page size."),
    N_("The remote fax machine sent an unexpected message."),
    N_("Training failed: the remote fax machine refused it."),
    N_("The remote fax machine disconnected after a page."),
    N_("The remote fax machine answered a page with an invalid response."),
    N_("The remote fax machine disconnected before the fax began."),
    N_("The remote fax machine answered a page with an invalid response."),
    N_("Something answered, but not as a fax machine."),
    N_("Training failed: the remote fax machine did not answer it."),
    N_("The remote fax machine did not answer after a page."),
    N_("The remote fax machine stayed not ready for too long."),
    N_("The remote fax machine confirmed pages in an invalid way."),
    N_("The remote fax machine sent a command at the wrong time."),
    N_("The remote fax machine sent an unexpected command after a page."),
    N_("The signal was lost in the middle of a page."),
    N_("A page stopped in the middle."),
    N_("No page arrived."),
    N_("The remote fax machine did not disconnect properly."),
    N_("The remote fax machine fell silent after a page."),
    N_("The remote fax machine fell silent before a page."),
    N_("The remote fax machine fell silent before the next page."),
    N_("The remote fax machine fell silent while it was not ready."),
    N_("The remote fax machine fell silent."),
    N_("The remote fax machine disconnected before the fax began."),
    N_("The remote fax machine disconnected in the middle of a page."),
    N_("The remote fax machine disconnected before the end of a page."),
    N_("The remote fax machine disconnected between pages."),
    N_("The remote fax machine disconnected while it was not ready."),
    N_("The remote fax machine disconnected instead of sending a page again."),
    N_("The file of the document could not be opened."),
    N_("A page is missing in the file of the document."),
    N_("The file of the document has an invalid format."),
    N_("A page of the document has no number."),
    N_("A page of the document has invalid values."),
    N_("The file of the document has an invalid header."),
    N_("The fax engine ran out of memory."),
    N_("The remote fax machine refused a page again and again."),
    N_("The call dropped."),
    N_("Polling was refused."),
)

_MEDIA_REFUSED = N_("The remote end refused the media that was offered.")
SIP_PHRASES: Mapping[int, Phrase] = {
    410: N_("The number is no longer in use."),
    415: _MEDIA_REFUSED,
    480: N_("The receiver is not available now."),
    484: N_("The number is incomplete."),
    487: N_("The call ended before it was answered."),
    488: _MEDIA_REFUSED,
}

PROBLEM_PHRASES: Mapping[tuple[Reason, str], Phrase] = {
    (Reason.RECEIVER_CALL_DROPPED, "silence"): N_("The remote fax machine fell silent."),
    (Reason.RECEIVER_CALL_DROPPED, "before_fax"): N_("The receiver hung up before the fax began."),
    (Reason.SENDER_CALL_DROPPED, "silence"): N_("The remote fax machine fell silent."),
    (Reason.LINE_QUALITY, "page_lost"): N_("A page was lost on the line and not confirmed."),
    (Reason.STORAGE_FAILED, "page_not_stored"): N_(
        "A page could not be stored and was not confirmed."
    ),
    (Reason.STORAGE_FAILED, "page_stalled"): N_(
        "Storing a page took too long, and it was not confirmed."
    ),
    (Reason.DOCUMENT_EMPTY, "mail_empty"): N_(
        "The mail has neither an attachment nor text: nothing can be faxed."
    ),
    (Reason.DOCUMENT_WITHOUT_PAGES, "no_text"): N_("{file} has no text: nothing can be faxed."),
    (Reason.DOCUMENT_TOO_LARGE, "pixels"): N_(
        "{file} has too many pixels: at most {limit} million can be faxed."
    ),
    (Reason.DOCUMENT_TOO_LARGE, "mail_parts"): N_("The mail has more than {limit} parts."),
    (Reason.PAGE_COUNT_LIMIT_EXCEEDED, "paper"): N_(
        "The document needs more than {limit} pages of paper: split it."
    ),
    (Reason.PAGE_COUNT_LIMIT_EXCEEDED, "with_cover"): N_(
        "The fax has {pages} pages with its cover page: at most {limit} can be faxed."
    ),
    (Reason.COVER_PAGE_INVALID, "time"): N_(
        "The template of the cover page takes longer than {seconds} s to fill in: simplify it."
    ),
    (Reason.COVER_PAGE_INVALID, "memory"): N_(
        "The template of the cover page needs too much memory: simplify it."
    ),
    (Reason.FILE_FORMAT_INVALID, "unknown"): N_(
        "{file} has no format that can be faxed: send PDF, TIFF, PNG, JPEG, plain text or an "
        "office document."
    ),
    (Reason.FILE_FORMAT_INVALID, "not_a_pdf"): N_(
        "{file} has the extension .pdf but is not a PDF: send the PDF itself."
    ),
    (Reason.FILE_FORMAT_INVALID, "truncated_pdf"): N_(
        "{file} is a truncated PDF: get the whole file."
    ),
    (Reason.FILE_FORMAT_INVALID, "damaged_pdf"): N_(
        "{file} is a damaged PDF: open it in a viewer, save it again, and send that."
    ),
    (Reason.FILE_FORMAT_INVALID, "damaged_picture"): N_(
        "{file} is a damaged picture: open it and save it again."
    ),
    (Reason.FILE_FORMAT_INVALID, "damaged_office_document"): N_(
        "{file} is a damaged office document: open it and save it again."
    ),
    (Reason.FILE_FORMAT_INVALID, "unreadable_office_document"): N_(
        "LibreOffice cannot read {file}: open it, save it as PDF, and send that."
    ),
    (Reason.FILE_FORMAT_INVALID, "unreadable_mail"): N_("The mail cannot be read."),
    (Reason.DELIVERED, "template_failed"): N_(
        "Delivered in the standard text: {answer}. The template of this mail failed: {error}."
    ),
    (Reason.DELIVERED, "template_limit"): N_(
        "Delivered in the standard text: {answer}. The template of this mail exceeded its limits "
        "of time or memory."
    ),
}

PHRASES: Mapping[Reason, Sequence[Phrase]] = {
    Reason.COMPLETED: (
        NN_(
            "The receiver confirmed every page: {confirmed} page.",
            "The receiver confirmed every page: {confirmed} pages.",
            "confirmed",
        ),
        NN_(
            "Every page was received and stored: {received} page.",
            "Every page was received and stored: {received} pages.",
            "received",
        ),
        N_("Every page was confirmed."),
    ),
    Reason.CANCELLED: (N_("The fax was cancelled."),),
    Reason.USER_BUSY: (N_("The line is busy."),),
    Reason.RECEIVER_NO_ANSWER: (N_("The call was not answered."),),
    Reason.RECEIVER_UNALLOCATED_NUMBER: (N_("The number does not exist."),),
    Reason.CALL_FORBIDDEN: (N_("The call was not permitted."),),
    Reason.CALL_REJECTED: (N_("The receiver declined the call."),),
    Reason.CALL_FAILED: (N_("The call failed."),),
    Reason.CARRIER_FAILED: (N_("The carriers could not connect the call."),),
    Reason.T38_REFUSED: (N_("The call was answered, but the remote end refused T.38."),),
    Reason.NO_FAX_BEGAN: (N_("The call ended before a fax began."),),
    Reason.ANSWERED_BY_PERSON: (
        N_("A person or an answering machine answered, not a fax machine."),
    ),
    Reason.NO_FAX_ANSWERED: (N_("No fax machine answered."),),
    Reason.RECEIVER_INCOMPATIBLE: (N_("The remote fax machine is not compatible."),),
    Reason.RECEIVER_RESOLUTION: (N_("The remote fax machine does not support this resolution."),),
    Reason.RECEIVER_PAGE_SIZE: (N_("The remote fax machine does not support this page size."),),
    Reason.RECEIVER_BUSY: (N_("The remote fax machine stayed not ready for too long."),),
    Reason.RECEIVER_CALL_DROPPED: (N_("The remote fax machine ended the call."),),
    Reason.SENDER_CALL_DROPPED: (N_("The remote fax machine ended the call."),),
    Reason.CANNOT_TRAIN: (N_("Training failed: no modem speed worked on this line."),),
    Reason.LINE_QUALITY: (N_("The line is too poor for a fax."),),
    Reason.PROTOCOL_ERROR: (
        N_("The fax ended with T.30 code {t30}."),
        N_("The fax machines did not understand each other."),
    ),
    Reason.PAGE_REFUSED: (N_("The call ended before every page was confirmed."),),
    Reason.OPERATOR_INTERRUPT: (N_("The operator of the remote fax machine interrupted the fax."),),
    Reason.CALL_TIME_LIMIT: (N_("The call reached its time limit."),),
    Reason.TOO_LARGE: (N_("The fax had too many pages, or a page was too large."),),
    Reason.STORAGE_FAILED: (N_("A page could not be stored and was not confirmed."),),
    Reason.ENGINE_LOST: (N_("The fax engine failed during the call."),),
    Reason.ENGINE_FAILED: (N_("The fax engine could not start the call."),),
    Reason.BRIDGE_LOST: (N_("The fax bridge stopped during the call."),),
    Reason.WORKER_LOST: (N_("The sending process failed during the call."),),
    Reason.WORKER_STOPPED: (N_("The sending process was stopped during the call."),),
    Reason.OUT_OF_MEMORY: (N_("The fax engine ran out of memory."),),
    Reason.INTERNAL_ERROR: (N_("An internal error of the fax system stopped the fax."),),
    Reason.DOCUMENT_MISSING: (N_("The document or its virtual fax was deleted."),),
    Reason.DOCUMENT_UNUSABLE: (N_("The file of the document cannot be used."),),
    Reason.DOCUMENT_EMPTY: (
        N_("{file} is empty: send a document with at least one page."),
        N_("There is no document: attach at least one file."),
    ),
    Reason.DOCUMENT_WITHOUT_PAGES: (
        N_("{file} has no pages: nothing can be faxed."),
        N_("The document has no pages: nothing can be faxed."),
    ),
    Reason.DOCUMENT_TOO_LARGE: (
        N_("{file} has {mebibytes} MiB: at most {limit} MiB can be faxed."),
        N_("The documents have {mebibytes} MiB: at most {limit} MiB can be faxed."),
        N_("At most {limit} MiB can be faxed."),
        N_("The document is too large."),
    ),
    Reason.DOCUMENT_ENCRYPTED: (
        N_("{file} is protected by a password: save it without one, then send it again."),
        N_("The document is protected by a password: save it without one, then send it again."),
    ),
    Reason.DOCUMENT_NOT_FETCHED: (
        N_("{url} was not fetched: it answered with HTTP {http}."),
        N_("{url} was not fetched: {error}."),
        N_("The document was not fetched."),
    ),
    Reason.PAGE_COUNT_LIMIT_EXCEEDED: (
        N_("{file} has {pages} pages: at most {limit} can be faxed, so split it."),
        N_("The documents have {pages} pages: at most {limit} can be faxed, so split them."),
        N_("{file} has more than {limit} pages: split it."),
        N_("The document has too many pages: split it."),
    ),
    Reason.FILE_FORMAT_INVALID: (N_("The document has no format that can be faxed."),),
    Reason.OFFICE_NOT_INSTALLED: (
        N_("{file} is an office document, and LibreOffice is not installed: send it as PDF."),
        N_("Office documents need LibreOffice, which is not installed: send a PDF."),
    ),
    Reason.CONVERSION_TIMEOUT: (
        N_("The document took longer than {seconds} s to convert: simplify it or split it."),
        N_("The document took too long to convert: simplify it or split it."),
    ),
    Reason.CONVERSION_FAILED: (
        N_(
            "The document could not be converted: open it in a viewer, save it again as PDF, and "
            "send that."
        ),
    ),
    Reason.COVER_PAGE_INVALID: (
        N_("The template of the cover page is invalid: {error}."),
        N_("The template of the cover page is invalid."),
    ),
    Reason.DELIVERED: (N_("Delivered: {answer}."), N_("Delivered.")),
    Reason.DELIVERY_FAILED: (N_("The delivery failed: {answer}."), N_("The delivery failed.")),
    Reason.RECIPIENTS_MISSING: (N_("The virtual fax has no mail addresses: add one."),),
    Reason.RECIPIENTS_REFUSED: (
        N_("The mail server refused every recipient: {answer}."),
        N_("The mail server refused every recipient."),
    ),
    Reason.MAIL_REFUSED: (
        N_("The mail server refused the mail: {answer}."),
        N_("The mail server refused the mail."),
    ),
    Reason.MAIL_SERVER_NOT_SET: (N_("There is no mail server: set VFAX_SMTP_SERVER."),),
    Reason.VIRTUAL_FAX_DELETED: (N_("The virtual fax was deleted."),),
    Reason.WEBHOOK_DELETED: (N_("The webhook was deleted."),),
    Reason.WEBHOOK_FAILED: (
        N_("The webhook answered with HTTP {answer}."),
        N_("The webhook failed."),
    ),
    Reason.WEBHOOK_GONE: (
        N_("The webhook answered with HTTP {answer} and was switched off."),
        N_("The webhook no longer exists and was switched off."),
    ),
    Reason.HOST_UNREACHABLE: (
        N_("{host} could not be reached: {error}."),
        N_("The host could not be reached."),
    ),
    Reason.HOST_FORBIDDEN: (
        N_(
            "{host} has the internal address {address}: add its network to "
            "VFAX_WEBHOOK_NETWORKS to allow it."
        ),
        N_("The host has an internal address."),
    ),
}

_LATER = N_("Send it again later.")
_CHECK_NUMBER = N_("Check the number.")
_SLOWER = N_("Send it again; if it keeps failing, lower the speed of the virtual fax.")
#: What the sender of an outgoing fax can do.
REMEDIES: Mapping[Reason, Phrase] = {
    Reason.USER_BUSY: _LATER,
    Reason.RECEIVER_NO_ANSWER: _LATER,
    Reason.RECEIVER_UNALLOCATED_NUMBER: _CHECK_NUMBER,
    Reason.CALL_FORBIDDEN: N_("Ask the brand operator to check the outgoing routes."),
    Reason.CARRIER_FAILED: _LATER,
    Reason.T38_REFUSED: N_(
        "Use another carrier for this number, or allow fax over audio on the virtual fax."
    ),
    Reason.ANSWERED_BY_PERSON: _CHECK_NUMBER,
    Reason.NO_FAX_ANSWERED: N_("Check the number, and that a fax machine is switched on there."),
    Reason.RECEIVER_RESOLUTION: N_("Send it in a lower resolution."),
    Reason.RECEIVER_PAGE_SIZE: N_("Send it in A4."),
    Reason.RECEIVER_BUSY: N_(
        "Send it again later: the remote fax machine may be out of paper or memory."
    ),
    Reason.RECEIVER_CALL_DROPPED: _LATER,
    Reason.CANNOT_TRAIN: _SLOWER,
    Reason.LINE_QUALITY: _SLOWER,
    Reason.PAGE_REFUSED: N_("Send it again later, or ask the receiver to check the machine."),
    Reason.CALL_TIME_LIMIT: N_("Send fewer pages, or raise VFAX_MAX_CALL_SECONDS."),
    Reason.ENGINE_LOST: N_("Send it again, and check the log of the bridge."),
    Reason.ENGINE_FAILED: N_("Send it again, and check the log of the bridge."),
    Reason.WORKER_LOST: N_("Ask the receiver which pages arrived, then send it again."),
    Reason.WORKER_STOPPED: N_("Ask the receiver which pages arrived, then send it again."),
    Reason.INTERNAL_ERROR: N_("Check the log of the worker."),
}
_ASK_SENDER = N_("Ask the sender to send it again.")
#: What the receiver of an incoming fax can do.
REMEDIES_RECEIVING: Mapping[Reason, Phrase] = {
    Reason.SENDER_CALL_DROPPED: _ASK_SENDER,
    Reason.PROTOCOL_ERROR: _ASK_SENDER,
    Reason.CANNOT_TRAIN: _ASK_SENDER,
    Reason.LINE_QUALITY: _ASK_SENDER,
    Reason.BRIDGE_LOST: N_("The pages that were confirmed are kept."),
    Reason.STORAGE_FAILED: N_(
        "Free space on the disk of the bridge, then ask the sender to send it again."
    ),
    Reason.ENGINE_LOST: N_("Check the log of the bridge, then ask the sender to send it again."),
    Reason.CALL_TIME_LIMIT: N_("Raise VFAX_MAX_CALL_SECONDS, or ask the sender to split the fax."),
    Reason.TOO_LARGE: N_("Raise VFAX_MAX_PAGES, or ask the sender to split the fax."),
    Reason.NO_FAX_BEGAN: N_(
        "Ask the provider of the caller to enable T.38, or allow fax over audio on the virtual fax."
    ),
    Reason.T38_REFUSED: N_(
        "Ask the provider of the caller to enable T.38, or allow fax over audio on the virtual fax."
    ),
}

_CONFIRMED = NN_(
    "{confirmed} of {pages} page was confirmed.",
    "{confirmed} of {pages} pages were confirmed.",
    "pages",
)
_RECEIVED = NN_("{received} page was received.", "{received} pages were received.", "received")
#: What the retry policy decided: detail["next"], by (action, why).
NEXT_PHRASES: Mapping[tuple[str, str], Phrase] = {
    ("retry", ""): N_("Attempt {attempt} follows automatically."),
    ("retry", "coarser"): N_("It is sent again automatically in a lower resolution."),
    ("stop", "rule"): NN_(
        "It was tried once, as often as the retry rule allows.",
        "It was tried {attempt} times, as often as the retry rule allows.",
        "attempt",
    ),
    ("stop", "attempts"): NN_(
        "It was tried once, as often as any fax is tried.",
        "It was tried {attempt} times, as often as any fax is tried.",
        "attempt",
    ),
    ("stop", "virtual_fax"): NN_(
        "It was tried once, as often as its virtual fax allows.",
        "It was tried {attempt} times, as often as its virtual fax allows.",
        "attempt",
    ),
}
NO_REMEDY = frozenset({Reason.COMPLETED, Reason.CANCELLED})


def sentence(reason: Reason | str | None, detail: Detail | None, language: str) -> str:
    """Return what an outcome says, in a language; an empty text where there is no reason yet."""
    if not reason:
        return ""
    try:
        known = Reason(reason)
    except ValueError:  # of a newer version, while both run
        return f"{str(reason).replace('_', ' ').capitalize()}."
    facts = dict(detail or {})
    followed = facts.get("next") if isinstance(facts.get("next"), Mapping) else None
    parts = [_happened(known, facts, language)]
    if known is not Reason.COMPLETED:
        parts += _pages(facts, language)
    if followed is None or followed.get("action") != "retry":
        remedies = REMEDIES_RECEIVING if "received" in facts else REMEDIES
        if known in remedies:
            parts.append(remedies[known].text({}, language))
    if followed is not None:
        parts.append(decision_text(followed, language))
    return " ".join(filter(None, parts))


def _happened(reason: Reason, detail: Mapping[str, Any], language: str) -> str:
    text = _cause(reason, detail).text(detail, language)
    if detail.get("sip") is not None and reason is not Reason.COMPLETED:
        phrase = f"SIP {detail['sip']} {detail.get('sip_phrase') or ''}".strip()
        text = f"{text.removesuffix('.')} ({phrase})."
    return text


def _cause(reason: Reason, detail: Mapping[str, Any]) -> Phrase:
    if (reason, detail.get("problem")) in PROBLEM_PHRASES:
        phrase = PROBLEM_PHRASES[reason, str(detail["problem"])]
        if phrase.fits(detail):
            return phrase
    code, status = detail.get("t30"), detail.get("sip")
    if (
        isinstance(code, int)
        and reason is not Reason.ANSWERED_BY_PERSON
        and 0 <= code < len(T30_PHRASES)
    ):
        return T30_PHRASES[code]
    if isinstance(status, int) and status in SIP_PHRASES:
        return SIP_PHRASES[status]
    return next(phrase for phrase in PHRASES[reason] if phrase.fits(detail))


def _pages(detail: Mapping[str, Any], language: str) -> list[str]:
    return [p.text(detail, language) for p in (_CONFIRMED, _RECEIVED) if p.fits(detail)][:1]


def decision_text(decision: Mapping[str, Any], language: str) -> str:
    """Return what the retry policy decided, from a detail's `next`; empty: nothing to say."""
    phrase = NEXT_PHRASES.get((str(decision.get("action")), str(decision.get("why") or "")))
    return phrase.text(decision, language) if phrase and phrase.fits(decision) else ""


def explained(row: Mapping[str, Any], language: str) -> dict[str, Any]:
    """Return a row that has a reason and a detail with its `explanation`, None without a reason."""
    return {**row, "explanation": sentence(row["reason"], row["detail"], language) or None}


def label(reason: Reason | str, language: str) -> str:
    """Return a reason as the short text of a pill."""
    return word("reason", reason, language)


def error_text(error: VfaxError, language: str) -> str:
    """Return an error as a sentence: with a capital and a full stop."""
    text = _error_words(error, language)
    if _begins_with_word(error):
        text = text[:1].upper() + text[1:]
    return text if text.endswith((".", "?", "!")) else f"{text}."


def _error_words(error: VfaxError, language: str) -> str:
    """Return an error as it stands within a sentence."""
    if isinstance(error, DocumentError | DeliveryError) and not error.msgid:
        return sentence(error.reason, error.detail, language)
    fields = {name: _field_words(value, language) for name, value in error.fields.items()}
    return translate(error.msgid, language, **fields)


def _field_words(value: object, language: str) -> object:
    match value:
        case VfaxError():
            return _error_words(value, language).rstrip(".")
        case Label():
            return value.text(language)
        case _:
            return value


def _begins_with_word(error: VfaxError) -> bool:
    """Tell whether an error begins with our words, not with a name or number from outside."""
    for literal, field, _, _ in Formatter().parse(error.msgid):
        if literal:
            return literal[0].isalpha()
        inner = error.fields.get(field or "")
        return isinstance(inner, Label) or (
            isinstance(inner, VfaxError) and _begins_with_word(inner)
        )
    return False
