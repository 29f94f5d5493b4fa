"""The TIFF walker: good files in both byte orders, and any bytes at all."""

import io
import struct
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from PIL import Image

from spandsp_bridge.documents.bitmaps import page_bitmaps
from spandsp_bridge.documents.tiff import (
    MAX_DIRECTORIES,
    Directory,
    TiffError,
    check_page,
    directories,
    first_pages,
    join_files,
    join_pages,
    line_bytes,
    page_sizes,
)

WIDTH, LENGTH, COMPRESSION, OFFSETS, COUNTS = 256, 257, 259, 273, 279
EOFB = bytes.fromhex("001001")


def fax(pages: int, width: int = 64) -> bytes:
    """Return a little-endian G4 file, page n with n rows of black."""
    images = []
    for number in range(pages):
        image = Image.new("1", (width, 32), 1)
        image.paste(0, (0, 0, width, number + 1))
        images.append(image)
    out = io.BytesIO()
    images[0].save(
        out,
        "TIFF",
        compression="group4",
        save_all=True,
        append_images=images[1:],
        tiffinfo={278: 32},
    )
    return out.getvalue()


def by_hand(order: str, chain: list[list[tuple[int, int, int, int]]], data: bytes = EOFB) -> bytes:
    """Return a TIFF of these directories of (tag, type, count, value); `data` stands at 8."""
    body = bytearray((b"II*\0" if order == "<" else b"MM\0*") + bytes(4) + data)
    link = 4
    for entries in chain:
        struct.pack_into(f"{order}I", body, link, len(body))
        body += struct.pack(f"{order}H", len(entries))
        for tag, kind, count, value in entries:
            packed = struct.pack(f"{order}H2x" if kind == 3 else f"{order}I", value)
            body += struct.pack(f"{order}HHI", tag, kind, count) + packed
        link = len(body)
        body += bytes(4)
    return bytes(body)


GOOD_PAGE = [
    (WIDTH, 3, 1, 1728),
    (LENGTH, 4, 1, 2291),
    (COMPRESSION, 3, 1, 4),
    (OFFSETS, 4, 1, 8),
    (COUNTS, 4, 1, 3),
]

GOOD = fax(3)


@pytest.mark.parametrize("order", ["<", ">"])
def test_both_byte_orders_are_read(order: str, tmp_path: Path) -> None:
    data = by_hand(order, [GOOD_PAGE] * 3)
    assert page_sizes(data) == [(1728, 2291)] * 3
    assert line_bytes(data) == [3, 3, 3]
    file = tmp_path / "page.tif"
    file.write_bytes(data)
    assert check_page(file, 3) == (1728, 2291)
    assert line_bytes(first_pages(data, 2)) == [3, 3]


def test_the_walker_and_pillow_agree() -> None:
    assert page_sizes(GOOD) == [size for size, _ in page_bitmaps(GOOD)]
    assert len(line_bytes(GOOD)) == 3


def test_joined_pages_keep_their_pixels() -> None:
    bitmaps = page_bitmaps(GOOD)
    assert page_bitmaps(join_pages([(GOOD, 2), (GOOD, 0)])) == [bitmaps[2], bitmaps[0]]
    assert page_bitmaps(join_files(fax(1), GOOD, 1)) == [bitmaps[0], bitmaps[1], bitmaps[2]]
    with pytest.raises(TiffError, match="page 4 is not in the file"):
        join_pages([(GOOD, 3)])
    with pytest.raises(TiffError, match="little-endian"):
        join_pages([(by_hand(">", [GOOD_PAGE]), 0)])


def test_a_loop_of_directories_is_refused() -> None:
    data = bytearray(by_hand("<", [GOOD_PAGE] * 2))
    chain = list(directories(io.BytesIO(bytes(data))))
    for link in (chain[0].link, chain[1].link):
        looped = bytearray(data)
        looped[link : link + 4] = data[4:8]
        with pytest.raises(TiffError, match="loop"):
            page_sizes(bytes(looped))


def test_a_chain_without_a_loop_ends_too() -> None:
    """Empty directories that overlap: each offset is another one, and leads to the next."""
    links = MAX_DIRECTORIES + 10
    data = bytearray(b"II*\0" + struct.pack("<I", 8))
    for number in range(links):
        data += struct.pack("<HI", 0, 8 + 6 * (number + 1))
    with pytest.raises(TiffError, match="loop"):
        list(directories(io.BytesIO(bytes(data))))


@pytest.mark.parametrize(
    ("entry", "words"),
    [
        ((WIDTH, 4, 1, 0), "0 x 2291 pixels"),
        ((WIDTH, 4, 1, 2**32 - 1), "pixels"),
        ((OFFSETS, 4, 1, 2**32 - 1), "beyond the file"),
        ((OFFSETS, 4, 2**32 - 1, 8), "has no data"),
        ((OFFSETS, 2, 1, 8), "has no data"),
        ((COUNTS, 4, 1, 0), "has no data"),
        ((COUNTS, 4, 2, 8), "has no data|beyond the file"),
        ((COUNTS, 4, 1, 2**31), "beyond the file"),
        ((COMPRESSION, 3, 1, 1), "is not in G4"),
    ],
)
def test_a_wrong_field_is_refused(
    entry: tuple[int, int, int, int], words: str, tmp_path: Path
) -> None:
    page = [entry if entry[0] == good[0] else good for good in GOOD_PAGE]
    file = tmp_path / "page.tif"
    file.write_bytes(by_hand("<", [page]))
    with pytest.raises(TiffError, match=words):
        check_page(file, 1)


def every_reader(data: bytes, file: Path) -> list[Callable[[], object]]:
    file.write_bytes(data)
    return [
        lambda: page_sizes(data),
        lambda: line_bytes(data),
        lambda: first_pages(data, 1),
        lambda: join_files(data, GOOD),
        lambda: check_page(file, 2),
    ]


def reads_or_refuses(data: bytes, file: Path) -> None:
    """Run every reader: each returns, or raises TiffError and nothing else."""
    for read in every_reader(data, file):
        try:
            read()
        except TiffError as error:
            assert str(error)


def test_every_truncation_is_refused(tmp_path: Path) -> None:
    padding = len(GOOD.rstrip(b"\0")) + 4  # the last link is zeros, and so is what follows it
    for end in range(padding):
        reads_or_refuses(GOOD[:end], tmp_path / "cut.tif")
        try:
            joined = join_files(GOOD[:end], GOOD)
        except TiffError:
            continue
        assert end >= len(GOOD.rstrip(b"\0"))
        assert joined == join_files(GOOD, GOOD)


@given(data=st.binary(max_size=400), header=st.sampled_from([b"", b"II*\0", b"MM\0*"]))
@example(data=struct.pack("<IHI", 8, 0, 8), header=b"II*\0")
def test_any_bytes_are_read_or_refused(
    data: bytes, header: bytes, tmp_path_factory: pytest.TempPathFactory
) -> None:
    reads_or_refuses(header + data, tmp_path_factory.getbasetemp() / "any.tif")


FIELD = st.tuples(
    st.sampled_from([WIDTH, LENGTH, COMPRESSION, OFFSETS, COUNTS, 266, 700]),
    st.integers(0, 20),
    st.one_of(st.integers(0, 4), st.integers(0, 2**32 - 1)),
    st.one_of(st.integers(0, 300), st.integers(0, 2**16 - 1)),
)


@settings(max_examples=100)
@given(order=st.sampled_from("<>"), chain=st.lists(st.lists(FIELD, max_size=8), max_size=4))
def test_any_directories_are_read_or_refused(
    order: str,
    chain: list[list[tuple[int, int, int, int]]],
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    reads_or_refuses(by_hand(order, chain), tmp_path_factory.getbasetemp() / "directories.tif")


@settings(max_examples=100)
@given(changes=st.lists(st.tuples(st.integers(0, len(GOOD) - 1), st.integers(0, 255)), max_size=8))
def test_a_damaged_file_is_read_or_refused(
    changes: list[tuple[int, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    data = bytearray(GOOD)
    for place, octet in changes:
        data[place] = octet
    reads_or_refuses(bytes(data), tmp_path_factory.getbasetemp() / "damaged.tif")


@settings(max_examples=50)
@given(pages=st.lists(st.integers(0, 2), min_size=1, max_size=6))
def test_joining_keeps_order_and_data(pages: list[int]) -> None:
    sizes = line_bytes(GOOD)
    joined = join_pages([(GOOD, number) for number in pages])
    assert line_bytes(joined) == [sizes[number] for number in pages]
    chain: list[Directory] = list(directories(io.BytesIO(joined)))
    assert [page.size for page in chain] == [(64, 32)] * len(pages)
