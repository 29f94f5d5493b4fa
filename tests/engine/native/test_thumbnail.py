"""The first page in grey, made while its rows go by."""

import io
from pathlib import Path

import pytest
from PIL import Image, ImageChops, ImageDraw, ImageStat
from spandsp_bridge.native._engine import ffi, lib

from spandsp_bridge.documents.bitmaps import thumbnail, thumbnail_of_grey
from spandsp_bridge.documents.tiff import TiffError

R8, FINE = 8031, 7700  # pixels per metre


def grey(page: Image.Image, path: Path, x: int = R8, y: int = FINE) -> bytes:
    """Return what the engine makes of a page; to it, a set bit is black."""
    state = ffi.new("struct thumbnail *")
    lib.thumbnail_begin(state, page.width, x, y)
    octets = ImageChops.invert(page).tobytes()
    row = (page.width + 7) // 8
    for at in range(0, len(octets), row):
        lib.thumbnail_row(state, octets[at : at + row])
    lib.thumbnail_write(state, str(path).encode())
    lib.thumbnail_free(state)
    return path.read_bytes() if path.exists() else b""


def a_page(width: int, length: int) -> Image.Image:
    page = Image.new("1", (width, length), 255)
    draw = ImageDraw.Draw(page)
    draw.rectangle((width // 3, length // 4, width // 2, length // 2), fill=0)
    for line in range(length // 2, length - 60, 60):
        draw.text((60, line), "the quick brown fox " * 12, fill=0, font_size=30)
    return page


@pytest.mark.parametrize(
    ("width", "length", "x", "y"),
    [(1728, 2290, R8, FINE), (1728, 1143, R8, 3850), (2048, 2802, R8, FINE),
     (4864, 3000, 16063, 15400), (1728, 9, R8, FINE)],
)  # fmt: skip
def test_it_shows_what_the_page_shows(
    tmp_path: Path, width: int, length: int, x: int, y: int
) -> None:
    page = a_page(width, length)
    made = Image.open(io.BytesIO(grey(page, tmp_path / "a.pgm", x, y)))
    assert made.width == width // 8
    assert abs(made.height - length / y * x / 8) <= 1, "its pixels are square"
    shown = page.crop((0, 0, width, round(made.height * 8 * y / x)))  # but for its last rows
    want = shown.convert("L").resize(made.size, Image.Resampling.BOX)
    difference = ImageStat.Stat(ImageChops.difference(made, want))
    assert difference.mean[0] < 4


def test_the_same_thumbnail_as_of_the_file(tmp_path: Path) -> None:
    page = a_page(1728, 2290)
    file = io.BytesIO()
    page.save(file, "TIFF", compression="group4", dpi=(204, 196))
    ours = Image.open(io.BytesIO(thumbnail_of_grey(grey(page, tmp_path / "a.pgm"))))
    theirs = Image.open(io.BytesIO(thumbnail(file.getvalue())))
    assert ours.size == theirs.size
    coarse = [picture.convert("L").reduce(4) for picture in (ours, theirs)]
    assert ImageStat.Stat(ImageChops.difference(*coarse)).mean[0] < 8


def test_what_is_no_page_has_none(tmp_path: Path) -> None:
    assert grey(Image.new("1", (1728, 3), 255), tmp_path / "a.pgm") == b""
    assert grey(Image.new("1", (1728, 300), 255), tmp_path / "b.pgm", 0, 0) == b""
    assert grey(Image.new("1", (7, 300), 255), tmp_path / "c.pgm") == b""


@pytest.mark.parametrize("data", [b"", b"P5 216 286 255\n", b"P5 9 9 255\n" + bytes(80), b"II*\0"])
def test_one_that_is_cut_or_none_at_all(data: bytes) -> None:
    with pytest.raises(TiffError):
        thumbnail_of_grey(data)
