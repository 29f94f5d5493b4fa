"""Fills in templates of others in the sandbox, beside the event loop."""

import asyncio
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from spandsp_bridge.documents import sandbox
from spandsp_bridge.documents.template import MAX_CHARACTERS, MEMORY, SECONDS, TEMPLATES

#: An octet of JSON for each, and up to 12 for a character beyond the basic plane.
MAX_OUTPUT = 4 * MAX_CHARACTERS


class TemplateError(Exception):
    """A template failed; `limited`: it took too long, or too much memory."""

    def __init__(self, text: str, *, limited: bool = False) -> None:
        super().__init__(text)
        self.limited = limited


async def fill(
    templates: Sequence[tuple[str, bool]], facts: Mapping[str, Any], scratch: Path | None = None
) -> list[str]:
    """Fill in (template, is it HTML) pairs, within the limits of `template` for all of them.

    Raises TemplateError.
    """
    job = {"templates": [{"text": t, "html": html} for t, html in templates], "facts": facts}
    with tempfile.TemporaryDirectory(prefix="template-", dir=scratch) as parent:
        folder = Path(parent, "given")
        await asyncio.to_thread(_write, folder, json.dumps(job))
        command = sandbox.python("spandsp_bridge.documents.template")
        try:
            output = await sandbox.run(
                command, folder, SECONDS, memory=MEMORY, file_size=MAX_OUTPUT
            )
        except (TimeoutError, sandbox.OutputError):
            limits = f"more than {SECONDS} s or {MEMORY // 2**20} MiB"
            raise TemplateError(limits, limited=True) from None
    return _checked(output, len(templates))


def _checked(output: bytes, count: int) -> list[str]:
    """Return the texts. The child may be in the hands of the template: nothing is believed."""
    try:
        answer = json.loads(output)
        error, texts = answer.get("error"), answer.get("texts")
    except (ValueError, AttributeError, RecursionError) as wrong:
        raise TemplateError("no answer") from wrong
    if error is not None:
        raise TemplateError(str(error)[:300])
    if (
        not isinstance(texts, list)
        or len(texts) != count
        or not all(isinstance(text, str) and len(text) <= MAX_CHARACTERS for text in texts)
    ):
        raise TemplateError("no answer")
    return texts


def _write(folder: Path, job: str) -> None:
    folder.mkdir()
    (folder / TEMPLATES).write_text(job)
