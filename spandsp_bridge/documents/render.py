"""PDF to TIFF-F: fine resolution, G4 in the file, A4 or Letter.

Ghostscript runs as a program of its own with -dSAFER and hard limits; nothing
of a stranger's file is interpreted in this process beyond the page count.
"""

import asyncio
import io
import logging
import os
import shutil
import signal
import tempfile
from dataclasses import dataclass
from pathlib import Path

from pypdf import PdfReader, PdfWriter
from pypdf.errors import PyPdfError

from spandsp_bridge.documents.tiff import TiffError, page_sizes
from spandsp_bridge.errors import DocumentError, SetupError

# A damaged document becomes one DocumentError; pypdf's remarks on the way are noise.
logging.getLogger("pypdf").setLevel(logging.CRITICAL)

X_DPI, Y_DPI = 204, 196  # T.4 §2: fine resolution, 8.04 by 7.7 lines a millimetre
WIDTH = 1728  # T.4 §2: pixels of a line, 215 mm
LENGTHS = {"a4": 2291, "letter": 2156}  # rows of 297 mm and 279 mm

MAX_BYTES = 100 * 2**20
SECONDS_PER_PAGE = 10
BASE_SECONDS = 30
MEMORY = 2 * 2**30
FILE_SIZE = 2**30


@dataclass(frozen=True, slots=True)
class Rendered:
    """A document as it will be faxed."""

    tiff: bytes
    pages: int


def inspect(data: bytes, max_pages: int, name: str = "the document") -> int:
    """Check that bytes are a PDF that can be faxed; return its page count.

    Raises DocumentError with one of the reasons `document_empty`, `file_format_invalid`,
    `document_encrypted`, `document_too_large`, `document_without_pages`,
    `page_count_limit_exceeded`.
    """
    if not data:
        raise DocumentError("document_empty", f"{name} is empty: give a PDF with at least one page")
    if len(data) > MAX_BYTES:
        raise DocumentError(
            "document_too_large",
            f"{name} has {len(data) // 2**20} MiB: at most {MAX_BYTES // 2**20} MiB can be faxed",
        )
    if b"%PDF-" not in data[:1024]:
        raise DocumentError(
            "file_format_invalid", f"{name} is no PDF: only PDF documents can be faxed"
        )
    try:
        reader = PdfReader(io.BytesIO(data))
        if reader.is_encrypted and not reader.decrypt(""):
            raise DocumentError(
                "document_encrypted",
                f"{name} is protected by a password: save it without one, then send it again",
            )
        pages = len(reader.pages)
    except (PyPdfError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DocumentError(
            "file_format_invalid",
            f"{name} is a damaged PDF: open it in a viewer and save it again, then send that",
        ) from error
    if pages == 0:
        raise DocumentError("document_without_pages", f"{name} has no pages: nothing can be faxed")
    if pages > max_pages:
        raise DocumentError(
            "page_count_limit_exceeded",
            f"{name} has {pages} pages: at most {max_pages} can be faxed, so split it",
        )
    return pages


def join(documents: list[tuple[str, bytes]], max_pages: int) -> bytes:
    """Check (name, PDF) pairs and return them as one PDF. Raises DocumentError."""
    pages = sum(inspect(data, max_pages, name) for name, data in documents)
    if pages > max_pages:
        raise DocumentError(
            "page_count_limit_exceeded",
            f"the documents have {pages} pages together: at most {max_pages} can be faxed",
        )
    if len(documents) == 1:
        return documents[0][1]
    writer = PdfWriter()
    for name, data in documents:
        try:
            writer.append(io.BytesIO(data))
        except (PyPdfError, ValueError, KeyError, TypeError, AttributeError) as error:
            raise DocumentError(
                "file_format_invalid", f"{name} cannot be joined with the others: send it alone"
            ) from error
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


async def _ghostscript(folder: Path, paper: str, seconds: float) -> bool:
    if shutil.which("gs") is None:
        raise SetupError("ghostscript (gs) is not installed: apt-get install ghostscript")
    arguments = [
        *("prlimit", f"--as={MEMORY}", f"--fsize={FILE_SIZE}", "--core=0", "--"),
        "gs",
        "-q",
        "-dSAFER",
        "-dBATCH",
        "-dNOPAUSE",
        "-sDEVICE=tiffg4",
        f"-r{X_DPI}x{Y_DPI}",
        f"-g{WIDTH}x{LENGTHS[paper]}",
        "-dPDFFitPage",
        "-dMaxStripSize=0",
        "-sOutputFile=out.tif",
        "in.pdf",
    ]
    try:
        process = await asyncio.create_subprocess_exec(
            *arguments,
            cwd=folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
            env={"PATH": os.environ.get("PATH", "/usr/bin:/bin"), "TMPDIR": str(folder)},
            start_new_session=True,
        )
    except FileNotFoundError as error:
        raise SetupError("prlimit is not installed: apt-get install util-linux") from error
    try:
        return await asyncio.wait_for(process.wait(), seconds) == 0
    except TimeoutError:
        raise DocumentError(
            "conversion_timeout",
            f"the document took longer than {seconds:.0f} s to render: make it simpler or split it",
        ) from None
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()


async def render(data: bytes, paper: str, max_pages: int, scratch: Path) -> Rendered:
    """Render a PDF to TIFF-F, with its files under `scratch`. Raises DocumentError."""
    pages = await asyncio.to_thread(inspect, data, max_pages)
    with tempfile.TemporaryDirectory(prefix="render-", dir=scratch) as name:
        folder = Path(name)
        await asyncio.to_thread((folder / "in.pdf").write_bytes, data)
        good = await _ghostscript(folder, paper, BASE_SECONDS + SECONDS_PER_PAGE * pages)
        output = folder / "out.tif"
        tiff = await asyncio.to_thread(output.read_bytes) if good and output.exists() else b""
    try:
        made = len(page_sizes(tiff))
    except TiffError:
        made = 0
    if made != pages:
        raise DocumentError(
            "conversion_failed",
            f"the document could not be rendered ({made} of {pages} pages): "
            "open it in a viewer and save it again, then send that",
        )
    return Rendered(tiff, pages)
