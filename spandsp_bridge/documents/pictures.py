"""Pictures to PDF: a page for each, black and white or grey, no larger than a fax needs."""

from pathlib import Path
from typing import Any

import img2pdf
import pikepdf
from PIL import Image, ImageOps, ImageSequence

from spandsp_bridge.documents.geometry import WIDTH, picture_dpi
from spandsp_bridge.documents.job import PageOptions
from spandsp_bridge.errors import DocumentError
from spandsp_bridge.reasons import Reason

MAX_PIXELS = 120_000_000  #: of one picture
FORMATS = ("PNG", "JPEG", "TIFF", "GIF", "BMP", "WEBP")
#: What Pillow raises for pictures that are cut or hostile.
DAMAGED = (
    *(OSError, ValueError, SyntaxError, EOFError, KeyError, IndexError, TypeError),
    *(OverflowError, AttributeError),
)


def picture_to_pdf(path: Path, name: str, options: PageOptions, max_pages: int) -> Path:
    """Return a PDF with each frame of a TIFF, or the only picture of another file, on a page.

    Raises DocumentError: `document_too_large`, `file_format_invalid` or
    `page_count_limit_exceeded`.
    """
    Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2  # Pillow refuses twice of this
    pages: list[tuple[Path, tuple[float, float]]] = []
    try:
        with Image.open(path, formats=FORMATS) as image:
            frames = getattr(image, "n_frames", 1) if image.format == "TIFF" else 1
            if frames > max_pages:
                raise DocumentError(
                    Reason.PAGE_COUNT_LIMIT_EXCEEDED, file=name, pages=frames, limit=max_pages
                )
            for number, frame in enumerate(ImageSequence.Iterator(image)):
                if number == frames:
                    break
                dpi = frame.info.get("dpi")
                page = flatten(ImageOps.exif_transpose(frame) or frame)
                saved = _save(page, f"{path.name}.{number}")
                pages.append((saved, picture_dpi(page.size, dpi, options)))
    except Image.DecompressionBombError as error:
        raise DocumentError(
            Reason.DOCUMENT_TOO_LARGE, file=name, problem="pixels", limit=MAX_PIXELS // 10**6
        ) from error
    except DAMAGED as error:
        raise DocumentError(
            Reason.FILE_FORMAT_INVALID, file=name, problem="damaged_picture"
        ) from error
    return _join(pages, Path(f"{path.name}.pdf"))


def _save(page: Image.Image, stem: str) -> Path:
    """Write a page as img2pdf embeds it without another encoding."""
    if page.mode == "1":
        out = Path(f"{stem}.tif")
        page.save(out, compression="group4")
    else:
        out = Path(f"{stem}.png")
        page.save(out, compress_level=1, icc_profile=None)
    return out


def _join(pages: list[tuple[Path, tuple[float, float]]], out: Path) -> Path:
    """Write one PDF of pictures with their dots an inch, which img2pdf takes one at a time."""
    made = [
        img2pdf.convert(str(file), layout_fun=img2pdf.get_fixed_dpi_layout_fun(dpi))
        for file, dpi in pages
    ]
    if len(made) == 1:
        out.write_bytes(made[0])
        return out
    joined = pikepdf.new()
    for number, page in enumerate(made):
        part = out.with_suffix(f".{number}.pdf")
        part.write_bytes(page)
        with pikepdf.open(part) as opened:
            joined.pages.extend(opened.pages)
    joined.save(out)
    return out


def flatten(image: Any) -> Any:
    """Return a picture in black and white, or in 8 bits of grey on white paper.

    Its shorter side has at most twice the pixels of a line: more would not be seen.
    """
    if image.mode == "1":
        return image
    if image.mode.startswith(("I", "F")):  # 16 and 32 bits a pixel
        low, high = image.getextrema()
        scale = 255.0 / ((high - low) or 1)
        image = image.convert("F").point(lambda value: value * scale - low * scale)
    elif image.mode == "P" or "A" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
        paper = Image.new("RGBA", image.size, "white")
        paper.alpha_composite(image)
        image = paper
    image = image.convert("L")
    limit = 2 * WIDTH
    if min(image.size) > limit:
        factor = limit / min(image.size)
        size = round(image.width * factor), round(image.height * factor)
        image = image.resize(size, reducing_gap=2.0)
    return image
