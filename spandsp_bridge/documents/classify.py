"""Which pages are scanned text, to be black and white, and which have greys to keep."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import pikepdf

from spandsp_bridge.documents.arrange import inherited
from spandsp_bridge.documents.geometry import WIDTH, rows
from spandsp_bridge.documents.job import PageOptions
from spandsp_bridge.documents.raster import ghostscript

MAX_OBJECTS = 2000  #: that are looked at in a page's resources, which may be a loop
GREY = range(40, 226)  #: levels between ink and paper
PAPER = 235  #: levels above are paper
#: An area is grey where all 7 x 7 pixels around are: letters have none at 102 dots an inch.
BLUR_RADIUS = 3
MIN_OF_PAGE, MIN_OF_INK = 0.004, 0.02  #: shares of grey areas from which a page has greys


def classify(ready: Path, pdf: pikepdf.Pdf, options: PageOptions) -> list[bool]:
    """Return of each page whether it is scanned text: black and white, without greys to keep."""
    count = len(pdf.pages)
    if options.pictures != "auto":
        return [options.pictures == "text"] * count
    scanned = [False] * count
    candidates = [number for number, page in enumerate(pdf.pages) if has_picture(page.obj)]
    if candidates:
        greys = _have_greys(ready, candidates, options)
        for number, has_greys in zip(candidates, greys, strict=True):
            scanned[number] = not has_greys
    return scanned


def has_picture(page: pikepdf.Object) -> bool:
    """Return whether a page shows a picture, by itself or within a form."""
    todo, seen = [inherited(page, "/Resources")], 0
    while todo:
        resources = todo.pop()
        if not isinstance(resources, pikepdf.Dictionary):
            continue
        objects = resources.get("/XObject")
        if not isinstance(objects, pikepdf.Dictionary):
            continue
        for item in objects.values():
            seen += 1
            if seen > MAX_OBJECTS or not isinstance(item, pikepdf.Stream):
                continue
            if item.get("/Subtype") == "/Image":
                return True
            todo.append(item.get("/Resources"))
    return False


def _have_greys(ready: Path, pages: Sequence[int], options: PageOptions) -> Iterator[bool]:
    """Yield of each page whether it has areas of grey; one that cannot be drawn has."""
    size = f"-g{WIDTH // 2}x{rows(options.paper, 'normal')}"
    ghostscript(ready, "grey-%d.pgm", pages, "-sDEVICE=pgmraw", "-r102", size, "-dDOINTERPOLATE")
    for number in range(1, len(pages) + 1):
        file = Path(f"grey-{number}.pgm")
        yield not file.exists() or has_grey_areas(file)


def has_grey_areas(file: Path) -> bool:
    """Return whether a page, as a picture in grey, has areas of grey."""
    from PIL import Image, ImageFilter  # noqa: PLC0415 - pages without pictures need no Pillow

    with Image.open(file) as image:
        grey = image.convert("L")
    middle = grey.point([255 * (level in GREY) for level in range(256)])
    # White where all 7 x 7 around are: MinFilter(7) says the same in 50 times the time.
    blurred = middle.filter(ImageFilter.BoxBlur(BLUR_RADIUS))
    area = blurred.histogram()[255]
    inked = max(1, sum(grey.histogram()[: PAPER + 1]))
    return area / (grey.width * grey.height) > MIN_OF_PAGE and area / inked > MIN_OF_INK
