"""The delivery receipt: one PDF that shows, page by page, what was confirmed."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from fpdf import FPDF
from fpdf.enums import XPos, YPos

FONTS = Path("/usr/share/fonts/truetype/dejavu")
INK, FAINT, LINE = (25, 28, 33), (105, 112, 122), (214, 218, 224)
GREEN, RED = (20, 120, 70), (175, 40, 35)


@dataclass(frozen=True, slots=True)
class ReceiptPage:
    """One page of the fax."""

    page: int
    confirmed: datetime | None
    line_bytes: int | None
    seconds: float | None
    retransmissions: int = 0


@dataclass(frozen=True, slots=True)
class Receipt:
    """What a receipt says; times have their zone."""

    fax_id: int
    sending: bool
    complete: bool
    explanation: str
    sender: str
    receiver: str
    station_id: str
    created: datetime
    finished: datetime | None
    sha256: str
    pages: int
    attempts: Sequence[tuple[int, datetime, str, str]]  #: number, start, reason, explanation


def make(receipt: Receipt, pages: Sequence[ReceiptPage], thumbnail: bytes) -> bytes:
    """Return the receipt as PDF, with the first page of the fax in small."""
    pdf = FPDF(format="A4")
    pdf.set_title(f"Delivery receipt of fax {receipt.fax_id}")
    pdf.set_creator("virtualfax")
    pdf.set_margin(18)
    pdf.set_auto_page_break(True, 18)
    pdf.add_font("sans", "", FONTS / "DejaVuSans.ttf")
    pdf.add_font("sans", "B", FONTS / "DejaVuSans-Bold.ttf")
    pdf.add_page()
    _head(pdf, receipt, thumbnail)
    _pages(pdf, pages)
    _attempts(pdf, receipt)
    return bytes(pdf.output())


def _text(pdf: FPDF, size: float, colour: tuple[int, int, int], *, bold: bool = False) -> None:
    pdf.set_font("sans", "B" if bold else "", size)
    pdf.set_text_color(*colour)


def _head(pdf: FPDF, receipt: Receipt, thumbnail: bytes) -> None:
    width = pdf.epw - 58
    if thumbnail:
        pdf.image(io.BytesIO(thumbnail), x=pdf.w - pdf.r_margin - 50, y=pdf.t_margin, w=50,
                  h=70, keep_aspect_ratio=True)  # fmt: skip
        pdf.set_draw_color(*LINE)
        pdf.rect(pdf.w - pdf.r_margin - 50, pdf.t_margin, 50, 70)
    _text(pdf, 9, FAINT)
    pdf.cell(width, 5, f"Delivery receipt · fax {receipt.fax_id}", new_x=XPos.LMARGIN,
             new_y=YPos.NEXT)  # fmt: skip
    confirmed = "Every page confirmed" if receipt.complete else "Not every page confirmed"
    _text(pdf, 18, GREEN if receipt.complete else RED, bold=True)
    pdf.cell(width, 11, confirmed, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    _text(pdf, 9, INK)
    pdf.multi_cell(width, 4.6, receipt.explanation, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    pdf.ln(3)
    facts = [
        ("From", receipt.sender), ("To", receipt.receiver), ("Far machine", receipt.station_id),
        ("Asked for" if receipt.sending else "Received", f"{receipt.created:%Y-%m-%d %H:%M:%S %Z}"),
        ("Ended", f"{receipt.finished:%Y-%m-%d %H:%M:%S %Z}" if receipt.finished else "not yet"),
        ("Pages", str(receipt.pages)), ("SHA-256", f"{receipt.sha256[:32]}\n{receipt.sha256[32:]}"),
    ]  # fmt: skip
    for name, value in facts:
        if value:
            _text(pdf, 8.5, FAINT)
            pdf.cell(26, 5, name)
            _text(pdf, 8.5, INK)
            pdf.multi_cell(width - 26, 5, value, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    pdf.set_y(max(pdf.get_y(), pdf.t_margin + 74) + 4)


def _table(pdf: FPDF, title: str, head: Sequence[str], rows: Sequence[Sequence[str]],
           widths: Sequence[int]) -> None:  # fmt: skip
    _text(pdf, 11, INK, bold=True)
    pdf.cell(0, 8, title, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
    _text(pdf, 8, INK)
    pdf.set_draw_color(*LINE)
    with pdf.table(col_widths=tuple(widths), line_height=5, borders_layout="HORIZONTAL_LINES",
                   text_align="LEFT") as table:  # fmt: skip
        for line in (head, *rows):
            row = table.row()
            for text in line:
                row.cell(text)
    pdf.ln(5)


def _pages(pdf: FPDF, pages: Sequence[ReceiptPage]) -> None:
    rows = [
        (str(p.page), f"{p.confirmed:%Y-%m-%d %H:%M:%S %Z}" if p.confirmed else "no",
         f"{p.line_bytes / 1000:.1f} kB" if p.line_bytes else "",
         f"{p.seconds:.1f} s" if p.seconds else "",
         str(p.retransmissions) if p.retransmissions else "")
        for p in pages
    ]  # fmt: skip
    _table(pdf, "Pages", ("Page", "Confirmed", "On the line", "Took", "Sent again"), rows,
           (10, 34, 20, 16, 20))  # fmt: skip


def _attempts(pdf: FPDF, receipt: Receipt) -> None:
    rows: list[tuple[Any, ...]] = [
        (str(number), f"{started:%Y-%m-%d %H:%M:%S %Z}", reason.replace("_", " "), explanation)
        for number, started, reason, explanation in receipt.attempts
    ]
    _table(pdf, "Calls", ("Call", "Began", "Result", "In words"), rows, (8, 27, 22, 43))
