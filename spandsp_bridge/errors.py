"""The one tree of errors; where each is shown, its class says how.

::

                                HTTP  problem code         exit code
    VfaxError                    500  internal_error       1
    ├── UserError                422  invalid_request      2   the request is at fault
    │   ├── DocumentError        422  its reason           2   the document is at fault
    │   ├── NotFoundError        404  not_found            2
    │   ├── ConflictError        409  conflict             2   it contradicts what is stored
    │   ├── ForbiddenError       403  forbidden            2
    │   ├── NotLoggedInError     401  unauthorized         2
    │   └── TooManyError         429  too_many_requests    2
    ├── SetupError               500  setup_error          3   the installation is at fault
    ├── UnavailableError         503  service_unavailable  3   a service does not answer: retry
    ├── EngineError              503  engine_failed        1   the fax engine refused a call
    ├── CallFailed               502  call_failed          1   a SIP call ended without a fax
    ├── MalformedError           400  malformed            1   bytes do not follow their format
    └── DeliveryError            502  delivery_failed      1   a delivery failed; it is retried
        └── DeliveryRefused      502  delivery_refused     1   the receiver will never accept it

An error of one room derives from one of these in that room (`SipParseError` and `TiffError` from
MalformedError, `DatabaseUnavailable` from UnavailableError).

A message is a constant: the msgid of the catalogues (`spandsp_bridge/i18n`), with named fields
(`str.format`) whose values are keyword arguments. It names the thing, the reason and the remedy,
begins in lower case and ends without a full stop; `i18n.error_text` makes a sentence of it.
"""

from collections.abc import Mapping
from typing import ClassVar

from spandsp_bridge.reasons import Reason


class VfaxError(Exception):
    """Base of everything that is raised on purpose; its text is fit for a user."""

    status: ClassVar[int] = 500  #: HTTP
    code: ClassVar[str] = "internal_error"  #: the problem's `reason`, for programs
    exit_code: ClassVar[int] = 1

    def __init__(self, message: str = "", /, **fields: object) -> None:
        super().__init__(message)
        self.msgid = message
        self.fields = fields

    def __str__(self) -> str:
        """Return the message in English, for logs."""
        return self.msgid.format(**self.fields) if self.fields else self.msgid

    @property
    def headers(self) -> Mapping[str, str]:
        """Header fields that an HTTP answer carries with this error."""
        return {}


class UserError(VfaxError):
    """The request is at fault: a number, a name, a file."""

    status = 422
    code = "invalid_request"
    exit_code = 2


class DocumentError(UserError):
    """A document cannot become a fax; its sentence is made of the reason and the detail.

    A message is given only where another process has made the sentence already.
    `detail` has the keys that `reasons.DETAILS` lists for the reason.
    """

    def __init__(self, reason: Reason | str, message: str = "", /, **detail: object) -> None:
        super().__init__(message, **detail)
        self.reason = Reason(reason)
        self.detail = detail

    def __str__(self) -> str:
        """Return the reason and its detail, for logs."""
        return super().__str__() or _reason_text(self.reason, self.detail)


class NotFoundError(UserError):
    """What the request names does not exist, or not for this user."""

    status = 404
    code = "not_found"


class ConflictError(UserError):
    """The request contradicts what is stored."""

    status = 409
    code = "conflict"


class ForbiddenError(UserError):
    """The user or the key may not do this."""

    status = 403
    code = "forbidden"


class NotLoggedInError(UserError):
    """The request carries neither a valid session nor a valid key."""

    status = 401
    code = "unauthorized"

    def __init__(self, message: str = "", /) -> None:
        super().__init__(message or "no valid key: send Authorization: Bearer vfax_...")

    @property
    def headers(self) -> Mapping[str, str]:
        """The challenge (RFC 9110 §11.6.1)."""
        return {"WWW-Authenticate": "Bearer"}


class TooManyError(UserError):
    """A limit is reached; the next request is accepted after `seconds`."""

    status = 429
    code = "too_many_requests"

    def __init__(self, seconds: float) -> None:
        self.seconds = max(1, round(seconds))
        super().__init__("too many requests: try again in {seconds} s", seconds=self.seconds)

    @property
    def headers(self) -> Mapping[str, str]:
        """When to try again (RFC 9110 §10.2.3)."""
        return {"Retry-After": str(self.seconds)}


class SetupError(VfaxError):
    """Something that the system needs is missing, outdated, or set wrongly."""

    code = "setup_error"
    exit_code = 3


class UnavailableError(VfaxError):
    """A service that the system needs does not answer now."""

    status = 503
    code = "service_unavailable"
    exit_code = 3

    @property
    def headers(self) -> Mapping[str, str]:
        """When to try again (RFC 9110 §10.2.3)."""
        return {"Retry-After": "5"}


class EngineError(VfaxError):
    """The fax engine refused or lost a call."""

    status = 503
    code = "engine_failed"


class CallFailed(VfaxError):
    """A call was refused or never answered.

    `sip_status` and `sip_reason` are the answer's (RFC 3261 §21). `by_answer` is true where a
    re-INVITE was accepted, but not the media that it offered.
    """

    status = 502
    code = "call_failed"

    def __init__(self, sip_status: int, sip_reason: str, *, by_answer: bool = False) -> None:
        super().__init__(
            "the call failed: SIP {status} {reason}", status=sip_status, reason=sip_reason
        )
        self.sip_status = sip_status
        self.sip_reason = sip_reason
        self.by_answer = by_answer


class MalformedError(VfaxError, ValueError):
    """Bytes do not follow the format that they should have."""

    status = 400
    code = "malformed"


class DeliveryError(VfaxError):
    """A mail or a webhook call failed; it is tried again.

    Its sentence is made of the reason and the detail, which the row in `deliveries` keeps.
    """

    status = 502
    code = "delivery_failed"

    def __init__(self, reason: Reason, /, **detail: object) -> None:
        super().__init__()
        self.reason = reason
        self.detail = detail

    def __str__(self) -> str:
        """Return the reason and its detail, for logs."""
        return _reason_text(self.reason, self.detail)


class DeliveryRefused(DeliveryError):
    """The receiver will never accept the delivery."""

    code = "delivery_refused"


def _reason_text(reason: Reason, detail: Mapping[str, object]) -> str:
    values = ", ".join(f"{key}={value!r}" for key, value in detail.items())
    return f"{reason} ({values})" if values else str(reason)
