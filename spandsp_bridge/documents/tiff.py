"""TIFF-F: what is in it, whether it is whole, and as PDF without another encoding."""

import io
import os
import struct
import warnings
from pathlib import Path
from typing import BinaryIO

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


def check_page(path: Path, page: int) -> tuple[int, int]:
    """Tell that one page (from 1) of a G4 file is whole on disk; return its (width, length).

    Reads the directories (TIFF 6.0 §2) up to the page's, and the end of its data, which has
    to be there and to be the end of a page: EOFB (T.6 §2.4.1.1). What the page shows is not
    decoded: it costs less than a millisecond, however long the file is. Raises TiffError.
    """
    with path.open("rb") as file:
        tags, order = _directory(file, page)
        width, length = tags.get(_WIDTH, [0])[0], tags.get(_LENGTH, [0])[0]
        if not 0 < width * length <= MAX_PIXELS:
            raise TiffError(f"page {page} has {width} x {length} pixels")
        offsets, sizes = tags.get(_OFFSETS, []), tags.get(_SIZES, [])
        if not offsets or len(offsets) != len(sizes) or 0 in sizes:
            raise TiffError(f"page {page} has no data")
        end = os.fstat(file.fileno()).st_size
        if any(offset + size > end for offset, size in zip(offsets, sizes, strict=True)):
            raise TiffError(f"the data of page {page} ends beyond the file")
        if tags.get(_COMPRESSION) != [_G4]:
            raise TiffError(f"page {page} is not in G4")
        tail = min(sizes[-1], 8)
        file.seek(offsets[-1] + sizes[-1] - tail)
        bits = "".join(f"{octet:08b}"[::order] for octet in file.read(tail)).rstrip("0")
        if not bits.endswith(_EOFB):
            raise TiffError(f"the data of page {page} does not end as a page does")
    return width, length


_WIDTH, _LENGTH, _COMPRESSION, _FILL_ORDER, _OFFSETS, _SIZES = 256, 257, 259, 266, 273, 279
_G4 = 4
_EOFB = "000000000001" * 2
_TYPES = {3: "H", 4: "I"}  # SHORT and LONG, as far as a page needs
_MAX_VALUES = 65536


def _directory(file: BinaryIO, page: int) -> tuple[dict[int, list[int]], int]:
    """Return the numbers in a page's directory, and 1 or -1 for the order of the bits."""

    def unpack(form: str, at: int) -> tuple[int, ...]:
        file.seek(at)
        return struct.unpack(byte_order + form, file.read(struct.calcsize(byte_order + form)))

    head = file.read(4)
    if head not in (b"II*\0", b"MM\0*"):
        raise TiffError("no TIFF header")
    byte_order = "<" if head[:1] == b"I" else ">"
    try:
        (at,) = unpack("I", 4)
        for _ in range(page - 1):
            if at == 0:
                break
            (entries,) = unpack("H", at)
            (at,) = unpack("I", at + 2 + 12 * entries)
        if at == 0:
            raise TiffError(f"page {page} is not in the file")
        (entries,) = unpack("H", at)
        tags = {}
        for number in range(entries):
            entry = at + 2 + 12 * number
            tag, kind, count = unpack("HHI", entry)
            form = _TYPES.get(kind)
            if form is None or count == 0 or count > _MAX_VALUES:
                continue
            size = count * struct.calcsize(byte_order + form)
            where = entry + 8 if size <= 4 else unpack("I", entry + 8)[0]
            tags[tag] = list(unpack(f"{count}{form}", where))
    except struct.error as error:
        raise TiffError("the chain of directories is broken") from error
    return tags, -1 if tags.get(_FILL_ORDER) == [2] else 1


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
