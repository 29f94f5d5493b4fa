"""The pages of a TIFF-F as bitmaps: for comparison, and small for a list."""

import io
import struct
import warnings

from PIL import Image

from spandsp_bridge.documents.tiff import TiffError

# What is wrong with a file becomes one TiffError; Pillow's warnings on the way are noise.
warnings.filterwarnings("ignore", category=UserWarning, module="PIL")

#: What Pillow raises for files that are cut or hostile.
BROKEN = (
    *(OSError, ValueError, SyntaxError, EOFError, KeyError, IndexError, TypeError),
    *(OverflowError, MemoryError, struct.error, Image.DecompressionBombError),
)


def open_frames(data: bytes) -> Image.Image:
    """Open a TIFF with Pillow, one frame a page. Raises TiffError."""
    if data[:4] not in (b"II*\0", b"MM\0*"):
        raise TiffError("no TIFF header")
    try:
        return Image.open(io.BytesIO(data), formats=["TIFF"])
    except BROKEN as error:
        raise TiffError("unreadable image: {error}", error=error) from error


def page_bitmaps(data: bytes) -> list[tuple[tuple[int, int], bytes]]:
    """Return ((width, length), packed bits) of every page, 1 for white. Raises TiffError."""
    try:
        with open_frames(data) as image:
            bitmaps = []
            for page in range(getattr(image, "n_frames", 1)):
                image.seek(page)
                bitmaps.append((image.size, image.convert("1").tobytes()))
            return bitmaps
    except BROKEN as error:
        raise TiffError("unreadable image: {error}", error=error) from error


def thumbnail(data: bytes, width: int = 160) -> bytes:
    """Return a PNG in 16 greys, `width` pixels wide, of the first page. Raises TiffError."""
    try:
        with open_frames(data) as image:
            across, down = image.size
            dpi = image.info.get("dpi") or (1, 1)
            return _small(image.convert("L"), width, width * down / across * dpi[0] / dpi[1])
    except (*BROKEN, ZeroDivisionError) as error:
        raise TiffError("unreadable image: {error}", error=error) from error


def thumbnail_of_grey(data: bytes, width: int = 160) -> bytes:
    """Return a PNG in 16 greys of a page that is a PGM with square pixels. Raises TiffError."""
    try:
        with Image.open(io.BytesIO(data), formats=["PPM"]) as image:
            across, down = image.size
            return _small(image.convert("L"), width, width * down / across)
    except (*BROKEN, ZeroDivisionError) as error:
        raise TiffError("unreadable image: {error}", error=error) from error


def _small(grey: Image.Image, width: int, length: float) -> bytes:
    """Return a PNG of 16 greys; very long pages are cut down to eight times their width."""
    size = (width, max(1, min(round(length), 8 * width)))
    small = grey.resize(size, Image.Resampling.BOX, reducing_gap=1.0)
    small = small.point([level >> 4 for level in range(256)])
    small.putpalette([level * 17 for level in range(16) for _ in "rgb"])
    out = io.BytesIO()
    small.save(out, "PNG", bits=4)
    return out.getvalue()
