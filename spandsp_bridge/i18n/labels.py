"""Short words for pills, lists and headings, by kind and value."""

from collections.abc import Mapping
from dataclasses import dataclass

from spandsp_bridge.i18n.catalogue import ENGLISH, translate_in
from spandsp_bridge.i18n.constraint_labels import RULES
from spandsp_bridge.i18n.form_labels import CHOICES, FIELDS, KINDS, SECTIONS, TABLES
from spandsp_bridge.i18n.phrases import NC_
from spandsp_bridge.reasons import Reason

LABELS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "status": {
        "pending": NC_("status", "waiting"),
        "inprogress": NC_("status", "in progress"),
        "completed": NC_("status", "completed"),
        "error": NC_("status", "failed"),
        "received": NC_("status", "received"),
        "sent": NC_("status", "sent"),
        "partial": NC_("status", "partial"),
    },
    "delivery": {
        "pending": NC_("delivery", "waiting"),
        "done": NC_("delivery", "delivered"),
        "failed": NC_("delivery", "failed"),
    },
    "pictures": {
        "auto": NC_("pictures", "automatic, page by page"),
        "text": NC_("pictures", "text, black and white"),
        "photo": NC_("pictures", "photos, greyscale"),
    },
    "server": {
        "active": NC_("server", "active"),
        "inactive": NC_("server", "inactive"),
        "unknown": NC_("server", "unknown"),
    },
    "table": TABLES,
    "kind": KINDS,
    "field": FIELDS,
    "choice": CHOICES,
    "section": SECTIONS,
    "rule": RULES,
    "audit": {
        "document_read": NC_("audit", "read"),
        "document_deleted": NC_("audit", "document deleted"),
        "fax_cancelled": NC_("audit", "cancelled"),
        "fax_resent": NC_("audit", "sent again"),
        "fax_deleted": NC_("audit", "deleted"),
    },
    "reason": {
        Reason.COMPLETED: NC_("reason", "completed"),
        Reason.CANCELLED: NC_("reason", "cancelled"),
        Reason.USER_BUSY: NC_("reason", "line busy"),
        Reason.RECEIVER_NO_ANSWER: NC_("reason", "no answer"),
        Reason.RECEIVER_UNALLOCATED_NUMBER: NC_("reason", "number does not exist"),
        Reason.CALL_FORBIDDEN: NC_("reason", "call forbidden"),
        Reason.CALL_REJECTED: NC_("reason", "call rejected"),
        Reason.CALL_FAILED: NC_("reason", "call failed"),
        Reason.CARRIER_FAILED: NC_("reason", "carriers failed"),
        Reason.T38_REFUSED: NC_("reason", "T.38 refused"),
        Reason.NO_FAX_BEGAN: NC_("reason", "no fax began"),
        Reason.ANSWERED_BY_PERSON: NC_("reason", "answered by a person"),
        Reason.NO_FAX_ANSWERED: NC_("reason", "no fax machine"),
        Reason.RECEIVER_INCOMPATIBLE: NC_("reason", "incompatible terminals"),
        Reason.RECEIVER_RESOLUTION: NC_("reason", "resolution not supported"),
        Reason.RECEIVER_PAGE_SIZE: NC_("reason", "page size not supported"),
        Reason.RECEIVER_BUSY: NC_("reason", "receiver not ready"),
        Reason.RECEIVER_CALL_DROPPED: NC_("reason", "call dropped"),
        Reason.SENDER_CALL_DROPPED: NC_("reason", "sender hung up"),
        Reason.CANNOT_TRAIN: NC_("reason", "training failed"),
        Reason.LINE_QUALITY: NC_("reason", "poor line quality"),
        Reason.PROTOCOL_ERROR: NC_("reason", "protocol error"),
        Reason.PAGE_REFUSED: NC_("reason", "page refused"),
        Reason.OPERATOR_INTERRUPT: NC_("reason", "operator interrupt"),
        Reason.CALL_TIME_LIMIT: NC_("reason", "call too long"),
        Reason.TOO_LARGE: NC_("reason", "fax too large"),
        Reason.STORAGE_FAILED: NC_("reason", "page not stored"),
        Reason.ENGINE_LOST: NC_("reason", "fax engine failed"),
        Reason.ENGINE_FAILED: NC_("reason", "fax engine unavailable"),
        Reason.BRIDGE_LOST: NC_("reason", "fax bridge stopped"),
        Reason.WORKER_LOST: NC_("reason", "worker failed"),
        Reason.WORKER_STOPPED: NC_("reason", "worker stopped"),
        Reason.OUT_OF_MEMORY: NC_("reason", "out of memory"),
        Reason.INTERNAL_ERROR: NC_("reason", "internal error"),
        Reason.DOCUMENT_MISSING: NC_("reason", "document deleted"),
        Reason.DOCUMENT_UNUSABLE: NC_("reason", "document unusable"),
        Reason.DOCUMENT_EMPTY: NC_("reason", "document empty"),
        Reason.DOCUMENT_WITHOUT_PAGES: NC_("reason", "document without pages"),
        Reason.DOCUMENT_TOO_LARGE: NC_("reason", "document too large"),
        Reason.DOCUMENT_ENCRYPTED: NC_("reason", "document encrypted"),
        Reason.DOCUMENT_NOT_FETCHED: NC_("reason", "document not fetched"),
        Reason.PAGE_COUNT_LIMIT_EXCEEDED: NC_("reason", "too many pages"),
        Reason.FILE_FORMAT_INVALID: NC_("reason", "invalid file format"),
        Reason.OFFICE_NOT_INSTALLED: NC_("reason", "office documents not supported"),
        Reason.CONVERSION_TIMEOUT: NC_("reason", "conversion timed out"),
        Reason.CONVERSION_FAILED: NC_("reason", "conversion failed"),
        Reason.COVER_PAGE_INVALID: NC_("reason", "invalid cover page"),
        Reason.DELIVERED: NC_("reason", "delivered"),
        Reason.DELIVERY_FAILED: NC_("reason", "delivery failed"),
        Reason.RECIPIENTS_MISSING: NC_("reason", "no recipients"),
        Reason.RECIPIENTS_REFUSED: NC_("reason", "recipients refused"),
        Reason.MAIL_REFUSED: NC_("reason", "mail refused"),
        Reason.MAIL_SERVER_NOT_SET: NC_("reason", "no mail server"),
        Reason.VIRTUAL_FAX_DELETED: NC_("reason", "virtual fax deleted"),
        Reason.WEBHOOK_DELETED: NC_("reason", "webhook deleted"),
        Reason.WEBHOOK_FAILED: NC_("reason", "webhook failed"),
        Reason.WEBHOOK_GONE: NC_("reason", "webhook switched off"),
        Reason.HOST_UNREACHABLE: NC_("reason", "host unreachable"),
        Reason.HOST_FORBIDDEN: NC_("reason", "address not allowed"),
    },
}


def word(kind: str, value: str, language: str) -> str:
    """Return the short text of a value: a status, a column, an audit action."""
    known = LABELS[kind].get(value)
    return translate_in(*known, language) if known else str(value).replace("_", " ")


@dataclass(frozen=True, slots=True)
class Label:
    """A field of an error that is itself a word of the catalogues: of a column, of a table."""

    kind: str
    value: str

    def __str__(self) -> str:
        """Return the English text, for logs."""
        return self.text(ENGLISH)

    def text(self, language: str) -> str:
        """Return the text in a language."""
        return word(self.kind, self.value, language)
