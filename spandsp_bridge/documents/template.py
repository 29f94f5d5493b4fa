"""Templates of brands and companies are filled in here: they compute, and are hostile.

In the sandboxed child of the documents that is a cover page; run as a program of its own
(`fill`), the texts of a mail. Both have the same limits.
"""

import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from spandsp_bridge.documents.job import CoverPage
from spandsp_bridge.documents.limits import ComputationError, LimitError, limited
from spandsp_bridge.errors import DocumentError
from spandsp_bridge.reasons import Reason

SECONDS = 10  #: of processor time and of the wall clock, for one mail or one cover page
MEMORY = 2**30  #: octets of address space
MAX_CHARACTERS = 500_000  #: that one template makes
TEMPLATES = "templates.json"  #: {"templates": [{"text", "html"}], "facts"}: what `main` reads


def fill_in(template: str, facts: Mapping[str, Any], *, html: bool) -> str:
    """Return a filled-in template; values are escaped in HTML. Raises whatever it stumbles over."""
    from jinja2.sandbox import ImmutableSandboxedEnvironment  # noqa: PLC0415

    text = ImmutableSandboxedEnvironment(autoescape=html).from_string(template).render(facts)
    if len(text) > MAX_CHARACTERS:
        raise ValueError(f"it makes more than {MAX_CHARACTERS} characters")
    text.encode()  # half of a surrogate pair is not text
    return text


def cover_pdf(page: CoverPage, paper: str) -> bytes:
    """Return a cover page as PDF. Raises DocumentError: `cover_page_invalid`."""
    # Imported here: the fork is to find it, and few documents need it.
    from spandsp_bridge.documents.typesetting import html_to_pdf  # noqa: PLC0415

    def compute() -> bytes:
        return html_to_pdf(fill_in(page.template, page.facts, html=True), paper)

    try:
        return limited(compute, SECONDS, MEMORY)
    except LimitError as error:
        if error.time:
            raise DocumentError(
                Reason.COVER_PAGE_INVALID, problem="time", seconds=SECONDS
            ) from error
        raise DocumentError(Reason.COVER_PAGE_INVALID, problem="memory") from error
    except ComputationError as error:
        text = str(error).rstrip(".")  # a sentence ends with it
        raise DocumentError(Reason.COVER_PAGE_INVALID, error=text) from error


def main() -> None:
    """Fill in the templates of the folder in the last argument; the kernel keeps the limits.

    Writes ``{"texts": [...]}`` or ``{"error": text}``.
    """
    job = json.loads((Path(sys.argv[-1]) / TEMPLATES).read_text())
    answer: dict[str, Any]
    try:
        answer = {
            "texts": [
                fill_in(template["text"], job["facts"], html=template["html"])
                for template in job["templates"]
            ]
        }
    except (MemoryError, RecursionError):
        sys.exit(1)
    except Exception as error:  # a template computes: whatever it stumbles over is its own
        answer = {"error": (str(error) or type(error).__name__).rstrip(".")}
    sys.stdout.write(json.dumps(answer))
