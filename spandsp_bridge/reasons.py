"""The closed list of outcome reasons, and the facts that each keeps beside it.

A fax, an attempt, a delivery and a refusal carry a reason and a detail (JSON). A sentence is made
of both where somebody reads it (`i18n/sentences.py`), never stored. The domain
`outcome_reason` in PostgreSQL has the same list; tests/sql/test_outcomes.py compares them.

To add a reason: a member here with its detail keys, its phrase in `i18n/sentences.py`, a migration
of the domain, then `make messages`.
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

#: A detail as JSON keeps it.
Detail = Mapping[str, Any]


class Reason(StrEnum):
    """Why a fax, an attempt, a delivery or a document ended as it did."""

    COMPLETED = "completed"
    CANCELLED = "cancelled"

    # The call never became a fax (RFC 3261 §21).
    USER_BUSY = "user_busy"
    RECEIVER_NO_ANSWER = "receiver_no_answer"
    RECEIVER_UNALLOCATED_NUMBER = "receiver_unallocated_number"
    CALL_FORBIDDEN = "call_forbidden"
    CALL_REJECTED = "call_rejected"
    CALL_FAILED = "call_failed"
    CARRIER_FAILED = "carrier_failed"
    T38_REFUSED = "t38_refused"
    NO_FAX_BEGAN = "no_fax_began"
    ANSWERED_BY_PERSON = "answered_by_person"

    # The fax session ended early (T.30).
    NO_FAX_ANSWERED = "no_fax_answered"
    RECEIVER_INCOMPATIBLE = "receiver_incompatible"
    RECEIVER_RESOLUTION = "receiver_resolution"
    RECEIVER_PAGE_SIZE = "receiver_page_size"
    RECEIVER_BUSY = "receiver_busy"
    RECEIVER_CALL_DROPPED = "receiver_call_dropped"
    SENDER_CALL_DROPPED = "sender_call_dropped"
    CANNOT_TRAIN = "cannot_train"
    LINE_QUALITY = "line_quality"
    PROTOCOL_ERROR = "protocol_error"
    PAGE_REFUSED = "page_refused"
    OPERATOR_INTERRUPT = "operator_interrupt"
    CALL_TIME_LIMIT = "call_time_limit"
    TOO_LARGE = "too_large"

    # Our own side failed.
    STORAGE_FAILED = "storage_failed"
    ENGINE_LOST = "engine_lost"
    ENGINE_FAILED = "engine_failed"
    BRIDGE_LOST = "bridge_lost"
    WORKER_LOST = "worker_lost"
    WORKER_STOPPED = "worker_stopped"
    OUT_OF_MEMORY = "out_of_memory"
    INTERNAL_ERROR = "internal_error"

    # The document cannot be faxed.
    DOCUMENT_MISSING = "document_missing"
    DOCUMENT_UNUSABLE = "document_unusable"
    DOCUMENT_EMPTY = "document_empty"
    DOCUMENT_WITHOUT_PAGES = "document_without_pages"
    DOCUMENT_TOO_LARGE = "document_too_large"
    DOCUMENT_ENCRYPTED = "document_encrypted"
    DOCUMENT_NOT_FETCHED = "document_not_fetched"
    PAGE_COUNT_LIMIT_EXCEEDED = "page_count_limit_exceeded"
    FILE_FORMAT_INVALID = "file_format_invalid"
    OFFICE_NOT_INSTALLED = "office_not_installed"
    CONVERSION_TIMEOUT = "conversion_timeout"
    CONVERSION_FAILED = "conversion_failed"
    COVER_PAGE_INVALID = "cover_page_invalid"

    # A mail or a webhook call.
    DELIVERED = "delivered"
    DELIVERY_FAILED = "delivery_failed"
    RECIPIENTS_MISSING = "recipients_missing"
    RECIPIENTS_REFUSED = "recipients_refused"
    MAIL_REFUSED = "mail_refused"
    MAIL_SERVER_NOT_SET = "mail_server_not_set"
    VIRTUAL_FAX_DELETED = "virtual_fax_deleted"
    WEBHOOK_DELETED = "webhook_deleted"
    WEBHOOK_FAILED = "webhook_failed"
    WEBHOOK_GONE = "webhook_gone"
    HOST_UNREACHABLE = "host_unreachable"
    HOST_FORBIDDEN = "host_forbidden"


def reason_of(word: str | None) -> Reason | str | None:
    """Return a stored word as a Reason; one of a newer version stays text, while both run."""
    return Reason(word) if word in set(Reason) else word


#: Sending: `confirmed` of `pages` by the receiver. Receiving: `received` pages kept. `next` is the
#: retry policy's decision: {action: retry|stop, attempt, why: rule|attempts|virtual_fax}.
_PAGES = ("pages", "confirmed", "received", "next")
_SIP = ("sip", "sip_phrase", *_PAGES)
_T30 = ("t30", *_PAGES)
_FILE = ("file", "problem")
_ANSWER = ("answer",)  #: what the other side said, verbatim

#: The keys that a reason's detail may have; each may be absent.
DETAILS: Mapping[Reason, tuple[str, ...]] = {
    Reason.COMPLETED: _PAGES,
    Reason.CANCELLED: _PAGES,
    Reason.USER_BUSY: _SIP,
    Reason.RECEIVER_NO_ANSWER: _SIP,
    Reason.RECEIVER_UNALLOCATED_NUMBER: _SIP,
    Reason.CALL_FORBIDDEN: _SIP,
    Reason.CALL_REJECTED: _SIP,
    Reason.CALL_FAILED: _SIP,
    Reason.CARRIER_FAILED: _SIP,
    Reason.T38_REFUSED: _SIP,
    Reason.NO_FAX_BEGAN: _SIP,
    Reason.ANSWERED_BY_PERSON: (*_SIP, "t30"),
    Reason.NO_FAX_ANSWERED: _T30,
    Reason.RECEIVER_INCOMPATIBLE: (*_SIP, "t30"),
    Reason.RECEIVER_RESOLUTION: ("resolution", *_T30),
    Reason.RECEIVER_PAGE_SIZE: _T30,
    Reason.RECEIVER_BUSY: _T30,
    Reason.RECEIVER_CALL_DROPPED: (*_SIP, "t30", "problem"),
    Reason.SENDER_CALL_DROPPED: ("problem", *_T30),
    Reason.CANNOT_TRAIN: _T30,
    Reason.LINE_QUALITY: ("problem", *_T30),
    Reason.PROTOCOL_ERROR: _T30,
    Reason.PAGE_REFUSED: _T30,
    Reason.OPERATOR_INTERRUPT: _T30,
    Reason.CALL_TIME_LIMIT: _PAGES,
    Reason.TOO_LARGE: _PAGES,
    Reason.STORAGE_FAILED: ("problem", *_PAGES),
    Reason.ENGINE_LOST: _PAGES,
    Reason.ENGINE_FAILED: _PAGES,
    Reason.BRIDGE_LOST: _PAGES,
    Reason.WORKER_LOST: _PAGES,
    Reason.WORKER_STOPPED: _PAGES,
    Reason.OUT_OF_MEMORY: _T30,
    Reason.INTERNAL_ERROR: _PAGES,
    Reason.DOCUMENT_MISSING: _PAGES,
    Reason.DOCUMENT_UNUSABLE: _T30,
    Reason.DOCUMENT_EMPTY: _FILE,
    Reason.DOCUMENT_WITHOUT_PAGES: _FILE,
    Reason.DOCUMENT_TOO_LARGE: (*_FILE, "mebibytes", "limit"),
    Reason.DOCUMENT_ENCRYPTED: _FILE,
    Reason.DOCUMENT_NOT_FETCHED: ("url", "error", "http"),
    Reason.PAGE_COUNT_LIMIT_EXCEEDED: (*_FILE, "pages", "limit"),
    Reason.FILE_FORMAT_INVALID: _FILE,
    Reason.OFFICE_NOT_INSTALLED: _FILE,
    Reason.CONVERSION_TIMEOUT: ("seconds",),
    Reason.CONVERSION_FAILED: (),
    Reason.COVER_PAGE_INVALID: ("error", "problem", "seconds"),
    Reason.DELIVERED: ("problem", "error", *_ANSWER),  #: `error` of the template of a mail
    Reason.DELIVERY_FAILED: _ANSWER,
    Reason.RECIPIENTS_MISSING: (),
    Reason.RECIPIENTS_REFUSED: _ANSWER,
    Reason.MAIL_REFUSED: _ANSWER,
    Reason.MAIL_SERVER_NOT_SET: (),
    Reason.VIRTUAL_FAX_DELETED: (),
    Reason.WEBHOOK_DELETED: (),
    Reason.WEBHOOK_FAILED: _ANSWER,
    Reason.WEBHOOK_GONE: _ANSWER,
    Reason.HOST_UNREACHABLE: ("host", "error"),
    Reason.HOST_FORBIDDEN: ("host", "address"),
}
#: What `problem` may be, where a reason has several sentences.
PROBLEMS: Mapping[Reason, tuple[str, ...]] = {
    Reason.RECEIVER_CALL_DROPPED: ("silence", "before_fax"),
    Reason.SENDER_CALL_DROPPED: ("silence",),
    Reason.LINE_QUALITY: ("page_lost",),
    Reason.STORAGE_FAILED: ("page_not_stored", "page_stalled"),
    Reason.DOCUMENT_EMPTY: ("mail_empty",),
    Reason.DOCUMENT_WITHOUT_PAGES: ("no_text",),
    Reason.DOCUMENT_TOO_LARGE: ("pixels", "mail_parts"),
    Reason.PAGE_COUNT_LIMIT_EXCEEDED: ("paper", "with_cover"),
    Reason.COVER_PAGE_INVALID: ("time", "memory"),
    Reason.DELIVERED: ("template_failed", "template_limit"),
    Reason.FILE_FORMAT_INVALID: (
        "unknown",
        "not_a_pdf",
        "truncated_pdf",
        "damaged_pdf",
        "damaged_picture",
        "damaged_office_document",
        "unreadable_office_document",
        "unreadable_mail",
    ),
}
