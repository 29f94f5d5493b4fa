"""TIFF-F: what is in it, whether it is whole, and as PDF without another encoding."""

import functools
import io
import os
import struct
import tempfile
import warnings
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

import img2pdf
from PIL import Image, ImageCms

# What is wrong with a file becomes one TiffError; Pillow's warnings on the way are noise.
warnings.filterwarnings("ignore", category=UserWarning, module="PIL")

#: What Pillow raises for files that are cut or hostile.
BROKEN = (
    *(OSError, ValueError, SyntaxError, EOFError, KeyError, IndexError, TypeError),
    *(OverflowError, MemoryError, struct.error, Image.DecompressionBombError),
)
MAX_PIXELS = 4864 * 30000  # A3 at 400 dpi, and very long
X_DPI = 204  # T.4 §2: 8.04 pixels a millimetre


class TiffError(ValueError):
    """The bytes are no TIFF-F, or a page of it is not whole."""


def open_frames(data: bytes) -> Image.Image:
    """Open a file of ours as pictures. Raises TiffError."""
    if data[:4] not in (b"II*\0", b"MM\0*"):
        raise TiffError("no TIFF header")
    try:
        return Image.open(io.BytesIO(data), formats=["TIFF"])
    except BROKEN as error:
        raise TiffError(str(error)) from error


def page_sizes(data: bytes) -> list[tuple[int, int]]:
    """Return (width, length) in pixels of every page. Raises TiffError."""
    try:
        with open_frames(data) as image:
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
        with open_frames(data) as image:
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


def line_bytes(data: bytes) -> list[int]:
    """Return the octets of each page's image data. Raises TiffError."""
    return [sum(_longs(entries[_SIZES])) for entries in _chain(data)]


def call_seconds(octets: Iterable[int], bit_rate: int = 14400) -> int:
    """Return how long a call takes that sends pages of so many octets, about.

    A call is set up and trained in about 15 s; a page costs its image data with the framing
    of ECM (T.30 Annex A: 256 octets in a frame of 263 or so), and 4 s for its end.
    """
    sizes = list(octets)
    return round(15 + 4 * len(sizes) + sum(sizes) * 8 * 1.05 / bit_rate)


def join_pages(pages: list[tuple[bytes, int]]) -> bytes:
    """Return a file of (file, page from 0) pairs, their image data unchanged.

    The files are little-endian, as ghostscript's and SpanDSP's are. Raises TiffError.
    """
    out = bytearray(b"II*\0\0\0\0\0")
    link = 4
    chains: dict[int, list[dict[int, _Entry]]] = {}
    for data, number in pages:
        chain = chains.get(id(data))
        if chain is None:
            chain = chains[id(data)] = list(_chain(data))
        if number >= len(chain):
            raise TiffError(f"the file has no page {number + 1}")
        link = _append_page(out, link, data, chain[number])
    return bytes(out)


_Entry = tuple[int, int, bytes]  #: type, count, values
_SIZE_OF = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}


def _chain(data: bytes) -> Iterable[dict[int, _Entry]]:
    """Yield the directories of a little-endian file."""
    if data[:4] != b"II*\0":
        raise TiffError("no little-endian TIFF")
    seen = set()
    try:
        (at,) = struct.unpack_from("<I", data, 4)
        while at:
            if at in seen:
                raise TiffError("the chain of directories is a loop")
            seen.add(at)
            (count,) = struct.unpack_from("<H", data, at)
            entries = {}
            for number in range(count):
                place = at + 2 + 12 * number
                tag, kind, values = struct.unpack_from("<HHI", data, place)
                size = _SIZE_OF.get(kind, 1) * values
                where = place + 8
                if size > 4:
                    (where,) = struct.unpack_from("<I", data, where)
                if where + size > len(data):
                    raise TiffError("a value lies beyond the file")
                entries[tag] = (kind, values, data[where : where + size])
            if not {_OFFSETS, _SIZES} <= entries.keys():
                raise TiffError("a page has no data")
            yield entries
            (at,) = struct.unpack_from("<I", data, at + 2 + 12 * count)
    except struct.error as error:
        raise TiffError("the chain of directories is broken") from error


def _longs(entry: _Entry) -> tuple[int, ...]:
    kind, count, values = entry
    return struct.unpack(f"<{count}{_TYPES[kind]}", values)


def _append_page(out: bytearray, link: int, data: bytes, entries: dict[int, _Entry]) -> int:
    """Append a page; return where the link to the next one goes."""
    places = []
    for offset, size in zip(_longs(entries[_OFFSETS]), _longs(entries[_SIZES]), strict=True):
        places.append(len(out))
        out += data[offset : offset + size] + bytes(size % 2)
    entries = {**entries, _OFFSETS: (4, len(places), struct.pack(f"<{len(places)}I", *places))}
    inline = {}
    for tag, (_, _, values) in entries.items():
        if len(values) <= 4:
            inline[tag] = values.ljust(4, b"\0")
        else:
            inline[tag] = struct.pack("<I", len(out))
            out += values + bytes(len(values) % 2)
    struct.pack_into("<I", out, link, len(out))
    out += struct.pack("<H", len(entries))
    for tag in sorted(entries):
        out += struct.pack("<HHI", tag, *entries[tag][:2]) + inline[tag]
    out += bytes(4)
    return len(out) - 4


def thumbnail(data: bytes, width: int = 160) -> bytes:
    """Return a small PNG, in grey, of the first page. Raises TiffError."""
    try:
        with open_frames(data) as image:
            across, down = image.size
            dpi = image.info.get("dpi") or (1, 1)
            return _small(image.convert("L"), width, width * down / across * dpi[0] / dpi[1])
    except BROKEN as error:
        raise TiffError(str(error)) from error


def thumbnail_of_grey(data: bytes, width: int = 160) -> bytes:
    """Return a small PNG of a page in grey, a PGM with square pixels. Raises TiffError."""
    try:
        with Image.open(io.BytesIO(data), formats=["PPM"]) as image:
            across, down = image.size
            return _small(image.convert("L"), width, width * down / across)
    except BROKEN as error:
        raise TiffError(str(error)) from error


def _small(grey: Image.Image, width: int, length: float) -> bytes:
    """Return a PNG of 16 greys; very long pages are cut down to eight times their width."""
    size = (width, max(1, min(round(length), 8 * width)))
    small = grey.resize(size, Image.Resampling.BOX, reducing_gap=1.0)
    small = small.point([level >> 4 for level in range(256)])
    small.putpalette([level * 17 for level in range(16) for _ in "rgb"])
    out = io.BytesIO()
    small.save(out, "PNG", bits=4)
    return out.getvalue()


@functools.cache
def _colour_profile() -> str:
    """Return the path of the sRGB profile that PDF/A wants to be named (ISO 19005-1 §6.2.2)."""
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    with tempfile.NamedTemporaryFile(prefix="srgb-", suffix=".icc", delete=False) as file:
        file.write(profile)
    return file.name


def to_pdf(
    data: bytes, *, title: str, subject: str = "", keywords: Iterable[str] = (),
    made_at: datetime | None = None,
) -> bytes:  # fmt: skip
    """Return a PDF/A-1b that embeds the G4 data as it is, at its resolution. Raises TiffError."""
    more: dict[str, Any] = {"creationdate": made_at, "moddate": made_at} if made_at else {}
    try:
        made: bytes = img2pdf.convert(
            data,
            title=title,
            subject=subject or None,
            keywords=list(keywords) or None,
            producer="virtualfax",
            nodate=made_at is None,
            pdfa=_colour_profile(),
            **more,
        )
    except Exception as error:
        # img2pdf raises whatever its parsers do; the input was checked page by page before.
        raise TiffError(f"no PDF could be made: {error}") from error
    return made
