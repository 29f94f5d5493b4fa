"""TIFF-F: what is in it, whether it is whole, and as PDF without another encoding."""

import io
import struct
import warnings

import img2pdf
from PIL import Image

# What is wrong with a file becomes one TiffError; Pillow's warnings on the way are noise.
warnings.filterwarnings("ignore", category=UserWarning, module="PIL")

#: What Pillow raises for files that are cut or hostile.
BROKEN = (
    *(OSError, ValueError, SyntaxError, EOFError, KeyError, IndexError, TypeError),
    *(OverflowError, MemoryError, struct.error, Image.DecompressionBombError),
)
MAX_PIXELS = 4864 * 30000  # A3 at 400 dpi, and very long


class TiffError(ValueError):
    """The bytes are no TIFF-F, or a page of it is not whole."""


def _frames(data: bytes) -> Image.Image:
    if data[:4] not in (b"II*\0", b"MM\0*"):
        raise TiffError("no TIFF header")
    try:
        return Image.open(io.BytesIO(data), formats=["TIFF"])
    except BROKEN as error:
        raise TiffError(str(error)) from error


def page_sizes(data: bytes) -> list[tuple[int, int]]:
    """Return (width, length) in pixels of every page. Raises TiffError."""
    try:
        with _frames(data) as image:
            sizes = []
            for page in range(getattr(image, "n_frames", 1)):
                image.seek(page)
                sizes.append(image.size)
            return sizes
    except BROKEN as error:
        raise TiffError(str(error)) from error


def page_bitmaps(data: bytes) -> list[tuple[tuple[int, int], bytes]]:
    """Return ((width, length), packed bits) of every page, for comparison. Raises TiffError."""
    try:
        with _frames(data) as image:
            bitmaps = []
            for page in range(getattr(image, "n_frames", 1)):
                image.seek(page)
                bitmaps.append((image.size, image.convert("1").tobytes()))
            return bitmaps
    except BROKEN as error:
        raise TiffError(str(error)) from error


def check_page(data: bytes, page: int) -> tuple[int, int]:
    """Decode one page (from 1) to the end; return its (width, length). Raises TiffError."""
    try:
        with _frames(data) as image:
            if getattr(image, "n_frames", 1) < page:
                raise TiffError(f"page {page} is not in the file")
            image.seek(page - 1)
            width, length = image.size
            if width * length > MAX_PIXELS:
                raise TiffError(f"page {page} is too large")
            image.load()
            return width, length
    except BROKEN as error:
        raise TiffError(str(error)) from error


def first_pages(data: bytes, pages: int) -> bytes:
    """Return the file cut after some pages, their data unchanged. Raises TiffError.

    The chain of directories (TIFF 6.0 §2) ends at the last page wanted: what follows
    was begun, and never confirmed.
    """
    order = "<" if data[:2] == b"II" else ">"
    made = bytearray(data)
    at = 4
    try:
        for _ in range(pages):
            (directory,) = struct.unpack_from(f"{order}I", made, at)
            if directory == 0:
                raise TiffError(f"the file has fewer than {pages} pages")
            (entries,) = struct.unpack_from(f"{order}H", made, directory)
            at = directory + 2 + 12 * entries
        struct.pack_into(f"{order}I", made, at, 0)
    except struct.error as error:
        raise TiffError("the chain of directories is broken") from error
    return bytes(made)


def to_pdf(data: bytes, *, title: str) -> bytes:
    """Return a PDF that embeds the G4 data as it is, at its resolution. Raises TiffError."""
    try:
        made: bytes = img2pdf.convert(data, title=title, producer="virtualfax", nodate=True)
    except Exception as error:
        # img2pdf raises whatever its parsers do; the input was checked page by page before.
        raise TiffError(f"no PDF could be made: {error}") from error
    return made
