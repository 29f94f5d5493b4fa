"""The exceptions of the bridge, by whose fault it was.

::

    VfaxError                 every message names the thing, the reason and the remedy
    ├── UserError             what was asked for cannot be done: exit code 2
    │   └── DocumentError     the document is at fault (has a reason code)
    ├── SetupError            the installation or its settings are at fault: exit code 3
    ├── EngineError           the fax engine could not take the call
    ├── CallFailed            a SIP call ended before it became a fax
    └── DeliveryRefused       a mail or a webhook call will never be taken
"""


class VfaxError(Exception):
    """Base of everything that we raise on purpose; its text is fit for a user."""


class UserError(VfaxError):
    """The request is at fault: a number, a name, a file."""


class DocumentError(UserError):
    """A document cannot become a fax.

    `reason` is one of the stable words that users and programs see, such as
    `file_format_invalid` or `page_count_limit_exceeded`.
    """

    def __init__(self, reason: str, message: str) -> None:
        super().__init__(message)
        self.reason = reason


class SetupError(VfaxError):
    """Something that the system needs is missing, old, or set wrongly."""


class EngineError(VfaxError):
    """The fax engine refused or lost a call."""


class CallFailed(VfaxError):
    """A call was refused or never answered; `status` is the SIP status (RFC 3261 §21).

    `by_answer` says that a re-INVITE was accepted, but not the media that it offered.
    """

    def __init__(self, status: int, reason: str, *, by_answer: bool = False) -> None:
        super().__init__(f"SIP {status} {reason}")
        self.status = status
        self.reason = reason
        self.by_answer = by_answer


class DeliveryRefused(VfaxError):
    """A mail server or a webhook's receiver refused a delivery for good."""
