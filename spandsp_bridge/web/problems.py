"""Errors as HTTP answers: `problem_of` is the one place that maps an error.

The API renders a `Problem` as JSON (RFC 9457, api/problems.py), the portal as a page
(portal/error_page.py).
"""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

import structlog
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from spandsp_bridge.errors import DocumentError, UnavailableError, UserError, VfaxError
from spandsp_bridge.i18n import error_text, translate
from spandsp_bridge.i18n.phrases import N_, Phrase
from spandsp_bridge.store.errors import DatabaseUnavailable

log = structlog.get_logger(__name__)


#: Headings of error pages, which are the phrases of their statuses.
TITLES: Mapping[int, Phrase] = {
    400: N_("Bad request"),
    401: N_("Unauthorized"),
    403: N_("Forbidden"),
    404: N_("Not found"),
    405: N_("Method not allowed"),
    409: N_("Conflict"),
    413: N_("Request too large"),
    422: N_("Invalid request"),
    429: N_("Too many requests"),
    500: N_("Internal server error"),
    503: N_("Service unavailable"),
}


@dataclass(frozen=True, slots=True)
class Problem:
    """An error as an HTTP answer, in the reader's language."""

    status: int
    reason: str  #: stable word for programs
    detail: str  #: a sentence
    headers: Mapping[str, str] = field(default_factory=dict)

    @property
    def title(self) -> str:
        """The status's phrase (RFC 9110 §15)."""
        return HTTPStatus(self.status).phrase

    def heading(self, language: str) -> str:
        """Return the title in a language."""
        known = TITLES.get(self.status)
        return known.text({}, language) if known else self.title


def problem_of(error: Exception, language: str) -> Problem:
    """Return an error as a problem.

    An unexpected error is logged and becomes 500; its `request_id` in the log is in the detail and
    in X-Request-Id.
    """
    if isinstance(error, DatabaseUnavailable | OSError):
        log.warning("database unavailable", error=str(error)[:200])
        error = UnavailableError("the database is unavailable: try again in a moment")
    match error:
        case DocumentError():
            return Problem(error.status, error.reason, error_text(error, language))
        case UserError() | UnavailableError():
            return Problem(error.status, error.code, error_text(error, language), error.headers)
        case RequestValidationError():
            first = error.errors()[0]
            place = ".".join(str(part) for part in first["loc"] if part not in ("body", "query"))
            invalid = UserError("{field}: {error}", field=place or "body", error=first["msg"])
            return Problem(invalid.status, invalid.code, error_text(invalid, language))
        case HTTPException():
            phrase = HTTPStatus(error.status_code).phrase
            known = TITLES.get(error.status_code) if error.detail == phrase else None
            text = known.text({}, language) if known else translate(error.detail, language)
            detail = f"{text.rstrip('.')}."
            reason = phrase.lower().replace(" ", "_")
            return Problem(error.status_code, reason, detail, dict(error.headers or {}))
        case _:
            request_id = secrets.token_hex(8)
            log.exception("request failed", exc_info=error, request_id=request_id)
            internal = VfaxError("internal server error (request {id})", id=request_id)
            detail = error_text(internal, language)
            headers = {"X-Request-Id": request_id}
            return Problem(internal.status, "internal_server_error", detail, headers)
