"""Cover pages are filled in here, by the sandboxed child: a template computes, and is hostile."""

import signal

from spandsp_bridge.documents.job import CoverPage
from spandsp_bridge.errors import DocumentError
from spandsp_bridge.reasons import Reason

SECONDS = 5  #: that a template may compute


class _TimeLimit(BaseException):
    """A template computes for too long; Jinja2 does not catch this."""


def fill_in(page: CoverPage) -> str:
    """Return the HTML of a cover page. Raises DocumentError: `cover_page_invalid`."""
    from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415

    def expire(*_: object) -> None:
        raise _TimeLimit

    environment = ImmutableSandboxedEnvironment(autoescape=True)
    signal.signal(signal.SIGALRM, expire)
    signal.alarm(SECONDS)
    try:
        return environment.from_string(page.template).render(**page.facts)
    except _TimeLimit as error:
        raise DocumentError(Reason.COVER_PAGE_INVALID, problem="time", seconds=SECONDS) from error
    except MemoryError as error:
        raise DocumentError(Reason.COVER_PAGE_INVALID, problem="memory") from error
    except Exception as error:  # a template computes: whatever it stumbles over is its own
        text = (str(error) or type(error).__name__).rstrip(".")  # a sentence ends with it
        raise DocumentError(Reason.COVER_PAGE_INVALID, error=text) from error
    finally:
        signal.alarm(0)
