"""The structure of TIFF-F files (TIFF 6.0 §2): directories, pages, their G4 data.

One walker, `directories`, reads the chain of image file directories; all else asks it. It takes
hostile bytes: whatever they are, it ends, and raises nothing but TiffError. Pixels are the
matter of `bitmaps`, PDFs that of `pdfa`.
"""

import functools
import io
import itertools
import os
import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from spandsp_bridge.errors import MalformedError

MAX_PIXELS = 4864 * 30000  # A3 at 400 dpi, and very long
X_DPI = 204  # T.4 §2: 8.04 pixels a millimetre
#: Bounds of a hostile chain: each directory may be read at another offset without a loop.
MAX_DIRECTORIES = 20_000
MAX_ENTRIES = 512
MAX_VALUES = 65536

IMAGE_WIDTH, IMAGE_LENGTH, COMPRESSION, FILL_ORDER = 256, 257, 259, 266
STRIP_OFFSETS, STRIP_BYTE_COUNTS = 273, 279
G4 = 4  # of COMPRESSION: T.6
EOFB = "000000000001" * 2  # T.6 §2.4.1.1
INTEGERS = {3: "H", 4: "I"}  # SHORT and LONG, as far as a page needs
#: Octets of a value by its type, BYTE (1) to DOUBLE (12).
SIZES = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 6: 1, 7: 1, 8: 2, 9: 4, 10: 8, 11: 4, 12: 8}


class TiffError(MalformedError):
    """The bytes are not a TIFF-F, or a page of it is incomplete."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One field of a directory; `offset` is where its `count` values stand in the file."""

    kind: int
    count: int
    offset: int


@dataclass(frozen=True)
class Directory:
    """One page: its fields by tag; values are read from the file when they are asked for."""

    file: BinaryIO
    byte_order: str  #: `<` or `>`, as `struct` writes it
    link: int  #: offset of the four octets that lead to the next directory
    table: bytes  #: the fields, twelve octets each
    start: int  #: offset of the table

    @functools.cached_property
    def entries(self) -> dict[int, Entry]:
        """Return the fields by tag."""
        entries = {}
        fields = struct.iter_unpack(f"{self.byte_order}HHII", self.table)
        for place, (tag, kind, count, value) in enumerate(fields):
            inline = SIZES.get(kind, 1) * count <= 4
            offset = self.start + 12 * place + 8 if inline else value
            entries[tag] = Entry(kind, count, offset)
        return entries

    def octets(self, tag: int) -> bytes:
        """Return the values of a field as they stand in the file. Raises TiffError."""
        entry = self.entries[tag]
        return read_at(self.file, entry.offset, SIZES.get(entry.kind, 1) * entry.count)

    def integers(self, tag: int) -> tuple[int, ...]:
        """Return the values of a field; none if it is absent or not of integers.

        Raises TiffError.
        """
        entry = self.entries.get(tag)
        if entry is None or entry.kind not in INTEGERS or entry.count > MAX_VALUES:
            return ()
        return struct.unpack(
            f"{self.byte_order}{entry.count}{INTEGERS[entry.kind]}", self.octets(tag)
        )

    @property
    def size(self) -> tuple[int, int]:
        """Return (width, length) in pixels, both above 0. Raises TiffError."""
        width = (*self.integers(IMAGE_WIDTH), 0)[0]
        length = (*self.integers(IMAGE_LENGTH), 0)[0]
        if not 0 < width * length <= MAX_PIXELS:
            raise TiffError("a page has {width} x {length} pixels", width=width, length=length)
        return width, length

    @property
    def strips(self) -> list[tuple[int, int]]:
        """Return (offset, octets) of the image data, all within the file. Raises TiffError."""
        offsets, sizes = self.integers(STRIP_OFFSETS), self.integers(STRIP_BYTE_COUNTS)
        if not offsets or len(offsets) != len(sizes) or 0 in sizes:
            raise TiffError("a page has no data")
        strips = list(zip(offsets, sizes, strict=True))
        end = self.file.seek(0, os.SEEK_END)
        if any(offset + size > end for offset, size in strips):
            raise TiffError("the data of a page ends beyond the file")
        return strips


def read_at(file: BinaryIO, offset: int, octets: int) -> bytes:
    """Return that many octets of a file. Raises TiffError where it is too short."""
    file.seek(offset)
    data = file.read(octets) if octets <= MAX_VALUES * 8 else b""
    if len(data) != octets:
        raise TiffError("a value ends beyond the file")
    return data


def directories(file: BinaryIO) -> Iterator[Directory]:
    """Yield the directories of a TIFF, in the order of its pages. Raises TiffError."""
    byte_order = {b"II*\0": "<", b"MM\0*": ">"}.get(read_at(file, 0, 4))
    if byte_order is None:
        raise TiffError("no TIFF header")
    seen: set[int] = set()
    link = 4
    while True:
        (at,) = struct.unpack(f"{byte_order}I", read_at(file, link, 4))
        if at == 0:
            return
        if at in seen or len(seen) >= MAX_DIRECTORIES:
            raise TiffError("the chain of directories is a loop")
        seen.add(at)
        (count,) = struct.unpack(f"{byte_order}H", read_at(file, at, 2))
        if count > MAX_ENTRIES:
            raise TiffError("a directory has {count} fields", count=count)
        start = at + 2
        link = start + 12 * count
        yield Directory(file, byte_order, link, read_at(file, start, 12 * count), start)


def page_sizes(data: bytes) -> list[tuple[int, int]]:
    """Return (width, length) in pixels of every page. Raises TiffError."""
    return [directory.size for directory in directories(io.BytesIO(data))]


def line_bytes(data: bytes) -> list[int]:
    """Return the octets of each page's image data. Raises TiffError."""
    return [
        sum(size for _, size in directory.strips) for directory in directories(io.BytesIO(data))
    ]


def check_page(path: Path, page: int) -> tuple[int, int]:
    """Prove that one page (from 1) of a G4 file is complete on disk; return its (width, length).

    Reads the directories up to the page's, and the end of its data, which has to be there and
    to be the end of a page: EOFB (T.6 §2.4.1.1). What the page shows is not decoded: it costs
    less than a millisecond, however long the file is. Raises TiffError.
    """
    with path.open("rb") as file:
        directory = next(itertools.islice(directories(file), page - 1, None), None)
        if directory is None:
            raise TiffError("page {page} is not in the file", page=page)
        size, strips = directory.size, directory.strips
        if directory.integers(COMPRESSION) != (G4,):
            raise TiffError("page {page} is not in G4", page=page)
        bits_reversed = -1 if directory.integers(FILL_ORDER) == (2,) else 1
        offset, octets = strips[-1]
        tail = min(octets, 8)
        data = read_at(file, offset + octets - tail, tail)
        bits = "".join(f"{octet:08b}"[::bits_reversed] for octet in data).rstrip("0")
        if not bits.endswith(EOFB):
            raise TiffError("the data of page {page} does not end with EOFB", page=page)
    return size


def first_pages(data: bytes, pages: int) -> bytes:
    """Return the file cut after its first pages, their data unchanged. Raises TiffError.

    The chain of directories ends at the last of them: what follows was begun, and never
    confirmed.
    """
    chain = list(itertools.islice(directories(io.BytesIO(data)), pages))
    if len(chain) < pages:
        raise TiffError(
            "the file has {found} pages, fewer than {pages}", found=len(chain), pages=pages
        )
    cut = bytearray(data)
    link = chain[-1].link if chain else 4
    cut[link : link + 4] = bytes(4)
    return bytes(cut)


def call_seconds(octets: Iterable[int], bit_rate: int = 14400) -> int:
    """Return about how long, in seconds, a call takes to send pages of these sizes in octets.

    A call is set up and trained in about 15 s; a page costs its image data with the framing
    of ECM (T.30 Annex A: 256 octets in a frame of 263 or so), and 4 s for its end.
    """
    sizes = list(octets)
    return round(15 + 4 * len(sizes) + sum(sizes) * 8 * 1.05 / bit_rate)


def join_pages(pages: Sequence[tuple[bytes, int]]) -> bytes:
    """Return a file of (file, page from 0) pairs, their image data unchanged.

    The files are little-endian, as ghostscript's and SpanDSP's are. Raises TiffError.
    """
    out = bytearray(b"II*\0\0\0\0\0")
    link = 4
    chains: dict[int, list[Directory]] = {}
    for data, number in pages:
        chain = chains.get(id(data))
        if chain is None:
            chain = chains[id(data)] = list(directories(io.BytesIO(data)))
        if number >= len(chain):
            raise TiffError("page {page} is not in the file", page=number + 1)
        link = _append_page(out, link, data, chain[number])
    return bytes(out)


def join_files(first: bytes, second: bytes, start: int = 0) -> bytes:
    """Return the pages of two files as one, of the second those from `start` (from 0) on.

    Raises TiffError.
    """
    pages = [(first, number) for number in range(len(page_sizes(first)))]
    pages += [(second, number) for number in range(start, len(page_sizes(second)))]
    return join_pages(pages)


def _append_page(out: bytearray, link: int, data: bytes, page: Directory) -> int:
    """Append a page; return the offset of its link to the next one."""
    if page.byte_order != "<":
        raise TiffError("the file is not little-endian")
    offsets = []
    for offset, size in page.strips:
        offsets.append(len(out))
        out += data[offset : offset + size] + bytes(size % 2)
    fields = {
        tag: (entry.kind, entry.count, page.octets(tag)) for tag, entry in page.entries.items()
    }
    fields[STRIP_OFFSETS] = (4, len(offsets), struct.pack(f"<{len(offsets)}I", *offsets))
    table = b""
    for tag, (kind, count, values) in sorted(fields.items()):
        if len(values) <= 4:
            value = values.ljust(4, b"\0")
        else:
            value = struct.pack("<I", len(out))
            out += values + bytes(len(values) % 2)
        table += struct.pack("<HHI", tag, kind, count) + value
    struct.pack_into("<I", out, link, len(out))
    out += struct.pack("<H", len(fields)) + table + bytes(4)
    return len(out) - 4
