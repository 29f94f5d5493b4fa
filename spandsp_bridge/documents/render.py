"""Documents to TIFF-F: what may be faxed, and the sandboxed child that makes pages of it."""

import asyncio
import json
import os
import tempfile
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from spandsp_bridge.documents import sandbox
from spandsp_bridge.documents.cover import CoverPage
from spandsp_bridge.documents.job import Job, PageOptions
from spandsp_bridge.documents.tiff import TiffError, line_bytes, page_sizes
from spandsp_bridge.errors import DocumentError

MAX_BYTES = 100 * 2**20
SECONDS_PER_PAGE = 5
BASE_SECONDS = 60
MOST_SECONDS = 600
#: LibreOffice takes a gigabyte and a second or two for each document: so many at a time.
AT_A_TIME = max(1, os.cpu_count() or 1)


@dataclass(frozen=True, slots=True)
class Rendered:
    """A document as it will be faxed."""

    tiff: bytes
    pages: int
    line_bytes: tuple[int, ...]  #: octets of each page's image data, G4


def check_sizes(files: Sequence[tuple[str, bytes]]) -> None:
    """Refuse files that are empty or too large, before they are stored. Raises DocumentError."""
    if not files:
        raise DocumentError("document_empty", "there is no document: give at least one file")
    for name, data in files:
        if not data:
            raise DocumentError("document_empty", f"{name} is empty: give a document with a page")
    size = sum(len(data) for _, data in files)
    if size > MAX_BYTES:
        raise DocumentError(
            "document_too_large",
            f"{'the documents have' if len(files) > 1 else f'{files[0][0]} has'} "
            f"{size // 2**20} MiB: at most {MAX_BYTES // 2**20} MiB can be faxed",
        )


async def render(
    files: Sequence[tuple[str, bytes]],
    options: PageOptions,
    max_pages: int,
    scratch: Path | None = None,
    cover: CoverPage | None = None,
) -> Rendered:
    """Make one fax of (name, content) pairs, with its files under `scratch`.

    `cover` is a page that comes first. Raises DocumentError with one of the reasons
    `document_empty`, `document_too_large`, `document_without_pages`, `document_encrypted`,
    `file_format_invalid`, `office_not_installed`, `page_count_limit_exceeded`,
    `cover_page_invalid`, `conversion_failed`, `conversion_timeout`.
    """
    if files or not cover:
        check_sizes(files)
    first = asdict(cover) if cover is not None else None
    job = Job(names=[name for name, _ in files], max_pages=max_pages, cover=first, options=options)
    said, tiff = await _in_sandbox(files, job, scratch)
    try:
        made = len(page_sizes(tiff))
        octets = tuple(line_bytes(tiff))
    except TiffError:
        made, octets = 0, ()
    if made == 0 or made != said:
        raise _failed()
    return Rendered(tiff, made, octets)


def _failed() -> DocumentError:
    return DocumentError(
        "conversion_failed",
        "the document could not be rendered: open it in a viewer and save it again as PDF, then "
        "send that",
    )


async def check(
    files: Sequence[tuple[str, bytes]],
    options: PageOptions,
    max_pages: int,
    scratch: Path | None = None,
) -> int:
    """Return how many pages a document will have, without making them. Raises DocumentError."""
    check_sizes(files)
    names = [name for name, _ in files]
    job = Job(names=names, max_pages=max_pages, check_only=True, options=options)
    pages, _ = await _in_sandbox(files, job, scratch)
    if pages == 0:
        raise _failed()
    return pages


async def _in_sandbox(
    files: Sequence[tuple[str, bytes]], job: Job, scratch: Path | None
) -> tuple[int, bytes]:
    """Run the child; return the pages that it speaks of, and the TIFF-F that it made."""
    with tempfile.TemporaryDirectory(prefix="render-", dir=scratch) as name:
        folder = Path(name)
        await asyncio.to_thread(_write, folder, files, job)
        seconds = min(MOST_SECONDS, BASE_SECONDS + SECONDS_PER_PAGE * job.max_pages)
        command = sandbox.python("spandsp_bridge.documents.prepare")
        try:
            async with _turn():
                said = await sandbox.run(command, folder, seconds)
        except TimeoutError:
            raise DocumentError(
                "conversion_timeout",
                f"the document took longer than {seconds} s to render: make it simpler or split it",
            ) from None
        except sandbox.OutputError:
            said = b""
    first, _, tiff = said.partition(b"\n")
    try:
        result = json.loads(first)
    except ValueError:
        result = {}
    if "error" in result:
        reason, message = result["error"]
        raise DocumentError(str(reason), str(message))
    return int(result.get("pages", 0)), tiff


_turns: dict[asyncio.AbstractEventLoop, asyncio.Semaphore] = {}


def _turn() -> asyncio.Semaphore:
    return _turns.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(AT_A_TIME))


def _write(folder: Path, files: Sequence[tuple[str, bytes]], job: Job) -> None:
    for number, (_, data) in enumerate(files):
        (folder / str(number)).write_bytes(data)
    (folder / "job.json").write_text(json.dumps(asdict(job)))
