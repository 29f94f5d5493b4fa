"""Documents to TIFF-F: what may be faxed, and the sandboxed child that makes pages of it."""

import asyncio
import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from spandsp_bridge.documents import sandbox
from spandsp_bridge.documents.facts import MAX_TEXT, DocumentFacts
from spandsp_bridge.documents.job import CoverPage, Job, PageOptions
from spandsp_bridge.documents.tiff import TiffError, line_bytes, page_sizes
from spandsp_bridge.errors import DocumentError
from spandsp_bridge.reasons import Reason

MAX_BYTES = 100 * 2**20
SECONDS_PER_PAGE = 5
BASE_SECONDS = 60
MAX_SECONDS = 600
#: LibreOffice takes a gigabyte and a second or two for each document: this many run at a time.
CONCURRENCY = max(1, os.cpu_count() or 1)


@dataclass(frozen=True, slots=True)
class Rendered:
    """A document as it will be faxed."""

    tiff: bytes
    pages: int
    line_bytes: tuple[int, ...]  #: octets of each page's image data, G4
    facts: tuple[DocumentFacts, ...] = ()  #: of each file, in their order; none if not asked for


def check_sizes(files: Sequence[tuple[str, bytes]]) -> None:
    """Refuse files that are empty or too large, before they are stored.

    Raises DocumentError: `document_empty` or `document_too_large`.
    """
    if not files:
        raise DocumentError(Reason.DOCUMENT_EMPTY)
    for name, data in files:
        if not data:
            raise DocumentError(Reason.DOCUMENT_EMPTY, file=name)
    size = sum(len(data) for _, data in files)
    if size > MAX_BYTES:
        only = {"file": files[0][0]} if len(files) == 1 else {}
        raise DocumentError(
            Reason.DOCUMENT_TOO_LARGE, **only, mebibytes=size // 2**20, limit=MAX_BYTES // 2**20
        )


async def render(
    files: Sequence[tuple[str, bytes]],
    options: PageOptions,
    max_pages: int,
    scratch: Path | None = None,
    cover: CoverPage | None = None,
    *,
    facts: bool = False,
) -> Rendered:
    """Make one fax of (name, content) pairs, with its files under `scratch`.

    `cover` is a page that comes first; `facts` asks for the text and the facts of each file.
    Raises DocumentError with one of the reasons `document_empty`, `document_too_large`,
    `document_without_pages`, `document_encrypted`, `file_format_invalid`,
    `office_not_installed`, `page_count_limit_exceeded`, `cover_page_invalid`,
    `conversion_failed`, `conversion_timeout`.
    """
    if files or not cover:
        check_sizes(files)
    names = [name for name, _ in files]
    job = Job(names, options, max_pages=max_pages, cover=cover, facts=facts)
    result, tiff = await _in_sandbox(files, job, scratch)
    try:
        octets = tuple(line_bytes(tiff))
        pages = len(page_sizes(tiff))
        read = tuple(DocumentFacts.from_json(values) for values in result["facts"])
    except (TiffError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise DocumentError(Reason.CONVERSION_FAILED) from error
    if pages == 0 or pages != result.get("pages") or any(len(f.text) > MAX_TEXT for f in read):
        raise DocumentError(Reason.CONVERSION_FAILED)
    return Rendered(tiff, pages, octets, read)


async def check(
    files: Sequence[tuple[str, bytes]],
    options: PageOptions,
    max_pages: int,
    scratch: Path | None = None,
) -> int:
    """Return how many pages a document will have, without making them. Raises DocumentError."""
    check_sizes(files)
    names = [name for name, _ in files]
    job = Job(names, options, max_pages=max_pages, facts=False, check_only=True)
    result, _ = await _in_sandbox(files, job, scratch)
    pages = result.get("pages")
    if not isinstance(pages, int) or pages <= 0:
        raise DocumentError(Reason.CONVERSION_FAILED)
    return pages


async def _in_sandbox(
    files: Sequence[tuple[str, bytes]], job: Job, scratch: Path | None
) -> tuple[dict[str, Any], bytes]:
    """Run the child; return its result, `convert` says which, and the TIFF-F that it made.

    The child may be in the hands of the document that it read: its result is to be checked.
    Raises DocumentError.
    """
    with tempfile.TemporaryDirectory(prefix="render-", dir=scratch) as name:
        folder = Path(name)
        await asyncio.to_thread(_write, folder, files, job)
        seconds = min(MAX_SECONDS, BASE_SECONDS + SECONDS_PER_PAGE * job.max_pages)
        command = sandbox.python("spandsp_bridge.documents.sandbox_child")
        try:
            async with _slot():
                output = await sandbox.run(command, folder, seconds)
        except TimeoutError:
            raise DocumentError(Reason.CONVERSION_TIMEOUT, seconds=seconds) from None
        except sandbox.OutputError:
            output = b""
    first, _, tiff = output.partition(b"\n")
    try:
        result = json.loads(first)
        error = result.get("error")
        reason = Reason(error) if error is not None else None
        detail = dict(result.get("detail") or {})
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise DocumentError(Reason.CONVERSION_FAILED) from error
    if reason is not None:
        raise DocumentError(reason, **detail)
    return result, tiff


_slots: dict[asyncio.AbstractEventLoop, asyncio.Semaphore] = {}


def _slot() -> asyncio.Semaphore:
    return _slots.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(CONCURRENCY))


def _write(folder: Path, files: Sequence[tuple[str, bytes]], job: Job) -> None:
    for number, (_, data) in enumerate(files):
        (folder / str(number)).write_bytes(data)
    (folder / "job.json").write_text(json.dumps(asdict(job)))
