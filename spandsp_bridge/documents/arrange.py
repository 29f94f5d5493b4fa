"""PDFs are opened, repaired and put page by page on paper, with pikepdf."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pikepdf

from spandsp_bridge.documents.geometry import LETTER, Box, Window, plan_page, visible_box
from spandsp_bridge.documents.job import Job
from spandsp_bridge.errors import DocumentError
from spandsp_bridge.reasons import Reason

TOP = 12.0  #: points above a page that is smaller than the paper
TAIL = 4096  #: octets in which a file's %%EOF stands
MAX_DEPTH = 50  #: of the tree of pages, which may be a loop
#: What pikepdf raises for files that qpdf cannot repair.
DAMAGED = (pikepdf.PdfError, ValueError, TypeError, KeyError, RuntimeError)


def open_pdf(path: Path, name: str) -> pikepdf.Pdf:
    """Open a PDF; qpdf repairs what it can of a damaged one.

    Raises DocumentError: `file_format_invalid`, `document_encrypted` or
    `document_without_pages`.
    """
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - TAIL))
        if b"%%EOF" not in file.read():  # what is left could be shown: a part of a document
            raise DocumentError(Reason.FILE_FORMAT_INVALID, file=name, problem="truncated_pdf")
    try:
        pdf = pikepdf.open(path)
        count = len(pdf.pages)
    except pikepdf.PasswordError as error:
        raise DocumentError(Reason.DOCUMENT_ENCRYPTED, file=name) from error
    except DAMAGED as error:
        raise DocumentError(Reason.FILE_FORMAT_INVALID, file=name, problem="damaged_pdf") from error
    if count == 0:
        raise DocumentError(Reason.DOCUMENT_WITHOUT_PAGES, file=name)
    return pdf


def arrange(pdfs: Sequence[pikepdf.Pdf], job: Job) -> tuple[pikepdf.Pdf, bool]:
    """Return one PDF in which each page is one of paper, and whether that is a new one.

    Landscape pages are turned, long ones are split or left to be scaled, small ones keep their
    size. Nothing is cropped, and nothing that was cropped comes back. Raises DocumentError:
    `page_count_limit_exceeded`.
    """
    out = pdfs[0]
    changed = len(pdfs) > 1
    for pdf in pdfs:
        changed |= _draw_fields(pdf)
    for pdf in pdfs[1:]:
        out.pages.extend(pdf.pages)
    sheets: list[tuple[pikepdf.Page, list[Window]]] = []
    total = 0
    for page in out.pages:
        windows, page_changed = _fit(page, job)
        changed |= page_changed
        sheets.append((page, windows))
        total += max(1, len(windows))
        if total > job.max_pages:
            raise DocumentError(
                Reason.PAGE_COUNT_LIMIT_EXCEEDED, problem="paper", limit=job.max_pages
            )
    if not any(windows for _, windows in sheets):
        return out, changed
    out.flatten_annotations("print")
    arranged = pikepdf.new()
    for page, windows in sheets:
        for window in windows:
            arranged.pages.append(_sheet(out, page, window))
        if not windows:
            arranged.pages.append(page)
    return arranged, True


def _draw_fields(pdf: pikepdf.Pdf) -> bool:
    """Draw the fields of a form that relies on its viewer for it; return whether it did."""
    form = pdf.Root.get("/AcroForm")
    if isinstance(form, pikepdf.Dictionary) and form.get("/NeedAppearances"):
        pdf.generate_appearance_streams()
        return True
    return False


def _fit(page: pikepdf.Page, job: Job) -> tuple[list[Window], bool]:
    """Return the windows of a page, and whether it was turned or got a size."""
    box = visible_box(inherited(page.obj, key) for key in ("/MediaBox", "/CropBox"))
    changed = box is None
    if box is None:  # a page must have a size
        box = LETTER
        page.obj["/MediaBox"] = page.obj["/CropBox"] = pikepdf.Array(LETTER)
    turn = _turn(page)
    unit = max(0.01, float(page.obj.get("/UserUnit", 1)))
    plan = plan_page(box, turn, unit, job.options, job.max_pages)
    if plan.turn != turn:
        page.obj["/Rotate"] = plan.turn
        changed = True
    return plan.windows, changed


def inherited(page: pikepdf.Object, key: str) -> Any:
    """Return an attribute of a page, which its ancestors may have (ISO 32000-1 §7.7.3.4)."""
    for _ in range(MAX_DEPTH):
        if key in page:
            return page[key]
        if "/Parent" not in page:
            return None
        page = page["/Parent"]
    return None


def _turn(page: pikepdf.Page) -> int:
    """Return the rotation of a page in degrees clockwise, a multiple of 90 below 360."""
    try:
        return int(inherited(page.obj, "/Rotate") or 0) // 90 * 90 % 360
    except (TypeError, ValueError):
        return 0


def _sheet(pdf: pikepdf.Pdf, page: pikepdf.Page, window: Window) -> pikepdf.Page:
    """Return a page that shows a part of another, alone or at the top middle of some paper.

    What lies outside of the part stays hidden.
    """
    x0, y0, x1, y1 = window.box
    width, length = x1 - x0, y1 - y0
    sheet, left, low = _place(window.box, _turn(page), window.width, window.length)
    copy = pikepdf.Page(pdf.make_indirect(pikepdf.Dictionary(dict(page.obj.items()))))
    for key in ("/Resources", "/Rotate"):
        value = inherited(page.obj, key)
        if value is not None:
            copy.obj[key] = value
    start = (
        f"q 1 0 0 1 {left - x0:.3f} {low - y0:.3f} cm "
        f"{x0:.3f} {y0:.3f} {width:.3f} {length:.3f} re W n q\n"
    )
    copy.contents_add(start.encode(), prepend=True)
    copy.contents_add(b"\nQ Q")
    copy.obj["/MediaBox"] = copy.obj["/CropBox"] = pikepdf.Array(sheet)
    return copy


def _place(box: Box, turn: int, wide: float, tall: float) -> tuple[Box, float, float]:
    """Return a sheet, as it is before it is turned, and where a box's left and bottom go on it.

    `wide` and `tall` are the paper's, as displayed.
    """
    width, length = box[2] - box[0], box[3] - box[1]
    if turn in (90, 270):
        wide, tall = tall, wide
    wide, tall = max(wide, width), max(tall, length)
    left, low = (wide - width) / 2, (tall - length) / 2
    match turn:  # the middle, moved to what is displayed as the top
        case 90:
            left = min(TOP, left)
        case 180:
            low = min(TOP, low)
        case 270:
            left = wide - width - min(TOP, left)
        case _:
            low = tall - length - min(TOP, low)
    return (0.0, 0.0, wide, tall), left, low
