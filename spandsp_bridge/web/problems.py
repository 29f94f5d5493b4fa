"""What an error is to a client over HTTP: the one place where both answers are made.

The API renders a `Problem` as JSON (RFC 9457), the portal as a page.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

import structlog
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException

from spandsp_bridge.errors import DocumentError, UnavailableError, UserError, VfaxError
from spandsp_bridge.i18n import error_text, translate
from spandsp_bridge.store.errors import DatabaseUnavailable

log = structlog.get_logger(__name__)


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


def problem_of(error: Exception, language: str) -> Problem:
    """Return an error as a problem; one that is not the client's is logged and becomes 500."""
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
            detail = f"{translate(error.detail, language).rstrip('.')}."
            reason = phrase.lower().replace(" ", "_")
            return Problem(error.status_code, reason, detail, dict(error.headers or {}))
        case _:
            log.exception("request failed", exc_info=error)
            internal = VfaxError("internal server error")
            return Problem(internal.status, "internal_server_error", error_text(internal, language))
