"""Paper: how large it is in pixels and points, and where a page or a picture goes on it.

Lengths are points (1/72 inch) unless a name says otherwise; boxes are PDF's (ISO 32000-1 §7.9.5).
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from spandsp_bridge.documents.job import PageOptions

WIDTH = 1728  # T.4 §2: pixels of a line, 215 mm
#: Lines an inch of the resolutions: 3.85, 7.7 and 15.4 lines a millimetre (T.4 §2.2).
Y_DPI = {"normal": 98, "fine": 196, "superfine": 391}
MILLIMETRES = {"a4": 297.0, "letter": 279.4}
POINTS = {"a4": (595.28, 841.89), "letter": (612.0, 792.0)}
INCH = 25.4  #: millimetres

LONGER_THAN_PAPER = 1.1  #: a page may be so much too long before it is split
WIDER_THAN_LONG = 1.02  #: a page is turned that is wider than long by more than this
SMALLER_THAN_PAPER = 0.93  #: a page keeps its size that is smaller than this both ways
LONG_PICTURE = 4.0  #: a picture longer than this many times its width is split as a strip
PICTURE_MARGIN = 0.4  #: inches
OWN_DPI = 90  #: a picture's own resolution counts from here on

#: Left, bottom, right, top.
Box = tuple[float, float, float, float]
LETTER: Box = (0.0, 0.0, 612.0, 792.0)


@dataclass(frozen=True, slots=True)
class Window:
    """A part of a page that fills a sheet, or that is put at the top middle of a larger one."""

    box: Box
    width: float = 0.0  #: of the sheet as it is displayed; 0 is that of the box
    length: float = 0.0


@dataclass(frozen=True, slots=True)
class Plan:
    """What becomes of a page."""

    turn: int  #: degrees clockwise: 0, 90, 180 or 270
    windows: list[Window] = field(default_factory=list)  #: one a sheet; none leaves it as it is


def rows(paper: str, resolution: str) -> int:
    """Return how many rows of pixels a page has."""
    return math.floor(MILLIMETRES[paper] / INCH * Y_DPI[resolution])


def visible_box(boxes: Iterable[Any]) -> Box | None:
    """Return what a viewer shows of a page with these boxes, the media box first.

    A box without a finite area of at least a point each way counts as absent; where all do,
    the answer is None.
    """
    visible: Box | None = None
    for values in boxes:
        try:
            x0, y0, x1, y1 = (float(value) for value in values)
        except (TypeError, ValueError, OverflowError):
            continue
        box = (min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))
        if visible is not None:
            left, low, right, top = visible
            box = (max(left, box[0]), max(low, box[1]), min(right, box[2]), min(top, box[3]))
        if all(map(math.isfinite, box)) and box[2] - box[0] >= 1 and box[3] - box[1] >= 1:
            visible = box
    return visible


def plan_page(box: Box, turn: int, unit: float, options: PageOptions, max_pages: int) -> Plan:
    """Return how a page is put on paper.

    `turn` is its /Rotate, `unit` its /UserUnit. A landscape page is turned, a long one is split
    (into `max_pages` + 1 windows at most) or left to be scaled, a small one keeps its size.
    """
    width, length = POINTS[options.paper]
    across, down = (box[2] - box[0]) * unit, (box[3] - box[1]) * unit
    if turn in (90, 270):
        across, down = down, across
    if across > down * WIDER_THAN_LONG:
        turn, across, down = (turn + 90) % 360, down, across
    scale = min(1.0, width / across)
    sheets = math.ceil(down * scale / length - (LONGER_THAN_PAPER - 1))
    if sheets > 1 and options.long_pages == "split":
        share = length / (down * scale)
        starts = [n * share for n in range(min(sheets, max_pages + 1))]
        ends = [*starts[1:], starts[-1] + share]
        if len(starts) == sheets:  # the last takes the rest, up to a tenth longer than paper
            ends[-1] = 1.0
        parts = zip(starts, ends, strict=True)
        return Plan(turn, [Window(slice_box(box, turn, start, end)) for start, end in parts])
    if across < width * SMALLER_THAN_PAPER and down < length * SMALLER_THAN_PAPER:
        return Plan(turn, [Window(box, width / unit, length / unit)])
    if min(box) < 0:  # ghostscript shows nothing of it
        return Plan(turn, [Window(box)])
    return Plan(turn)


def slice_box(box: Box, turn: int, start: float, end: float) -> Box:
    """Return the part of a page between two fractions of its length, as it is displayed."""
    x0, y0, x1, y1 = box
    width, length = x1 - x0, y1 - y0
    end = min(end, 1.0)
    match turn:
        case 90:
            return x0 + start * width, y0, x0 + end * width, y1
        case 180:
            return x0, y0 + start * length, x1, y0 + end * length
        case 270:
            return x1 - end * width, y0, x1 - start * width, y1
        case _:
            return x0, y1 - end * length, x1, y1 - start * length


def picture_dpi(size: tuple[int, int], dpi: Any, options: PageOptions) -> tuple[float, float]:
    """Return the dots an inch, across and down, at which a picture is put on paper.

    `size` is in pixels, `dpi` what the file claims. Its own resolution counts where the picture
    fits the paper with it; else the picture fills the paper, and a long strip its width.
    """
    width, length = (points / 72 for points in POINTS[options.paper])
    try:
        across, down = float(dpi[0]), float(dpi[1])
    except (TypeError, ValueError, IndexError, ZeroDivisionError):
        across = down = 0.0
    short, long = sorted((size[0] / (across or 1), size[1] / (down or 1)))
    if across >= OWN_DPI and down >= OWN_DPI and short <= width * 1.03 and long <= length * 1.03:
        return across, down
    if size[0] > size[1]:  # it will be turned
        width, length = length, width
    usable = width - 2 * PICTURE_MARGIN, length - 2 * PICTURE_MARGIN
    fitting = max(size[0] / usable[0], size[1] / usable[1])
    if max(size) / min(size) > LONG_PICTURE and options.long_pages == "split":
        fitting = min(size) / min(usable)
    return fitting, fitting
