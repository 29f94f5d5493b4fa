"""The delivery receipt: one PDF that shows, page by page, what was confirmed."""

import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from fpdf import FPDF
from fpdf.enums import XPos, YPos

from spandsp_bridge.documents.typesetting import FONTS
from spandsp_bridge.i18n import ENGLISH, number, translate, translate_in

#: Colours, in RGB of 0 to 255.
INK, FAINT, LINE = (25, 28, 33), (105, 112, 122), (214, 218, 224)
GREEN, RED = (20, 120, 70), (175, 40, 35)
#: Millimetres.
MARGIN, THUMBNAIL_WIDTH, THUMBNAIL_LENGTH, GUTTER, NAME_WIDTH = 18, 50, 70, 8, 26


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
    """The contents of a receipt; times have their zone, sentences their language."""

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


def make(
    receipt: Receipt, pages: Sequence[ReceiptPage], thumbnail: bytes, language: str = ENGLISH
) -> bytes:
    """Return the receipt as PDF, with a small PNG of the first page of the fax."""
    pdf = FPDF(format="A4")
    pdf.set_title(translate("Delivery receipt of fax {id}", language, id=receipt.fax_id))
    pdf.set_creator("virtualfax")
    pdf.set_margin(MARGIN)
    pdf.set_auto_page_break(True, MARGIN)
    pdf.add_font("sans", "", FONTS / "DejaVuSans.ttf")
    pdf.add_font("sans", "B", FONTS / "DejaVuSans-Bold.ttf")
    pdf.add_page()
    writer = _Writer(pdf, language)
    writer.head(receipt, thumbnail)
    writer.pages(pages)
    writer.attempts(receipt)
    return bytes(pdf.output())


def _time(at: datetime) -> str:
    """Return a time that is the same in all languages, to the second, with its zone."""
    return f"{at:%Y-%m-%d %H:%M:%S %Z}"


@dataclass(frozen=True, slots=True)
class _Writer:
    """Writes the parts of a receipt, from the top to the bottom."""

    pdf: FPDF
    language: str

    def head(self, receipt: Receipt, thumbnail: bytes) -> None:
        """Write the outcome and the facts of the fax, beside its first page."""
        pdf, language = self.pdf, self.language
        width = pdf.epw - THUMBNAIL_WIDTH - GUTTER
        if thumbnail:
            left = pdf.w - pdf.r_margin - THUMBNAIL_WIDTH
            frame = left, pdf.t_margin, THUMBNAIL_WIDTH, THUMBNAIL_LENGTH
            pdf.image(io.BytesIO(thumbnail), *frame, keep_aspect_ratio=True)
            pdf.set_draw_color(*LINE)
            pdf.rect(*frame)
        self._font(9, FAINT)
        self._line(width, 5, translate("Delivery receipt · fax {id}", language, id=receipt.fax_id))
        self._font(18, GREEN if receipt.complete else RED, bold=True)
        confirmed = translate("Every page confirmed", language)
        not_confirmed = translate("Not every page confirmed", language)
        self._line(width, 11, confirmed if receipt.complete else not_confirmed)
        self._font(9, INK)
        pdf.multi_cell(width, 4.6, receipt.explanation, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        pdf.ln(3)
        for name, value in self._facts(receipt):
            if value:
                self._font(8.5, FAINT)
                pdf.cell(NAME_WIDTH, 5, name)
                self._font(8.5, INK)
                pdf.multi_cell(width - NAME_WIDTH, 5, value, new_x=XPos.LMARGIN, new_y=YPos.NEXT)
        pdf.set_y(max(pdf.get_y(), pdf.t_margin + THUMBNAIL_LENGTH + 4) + 4)

    def _facts(self, receipt: Receipt) -> list[tuple[str, str]]:
        language = self.language
        submitted = translate_in("receipt", "Submitted", language)
        received = translate_in("receipt", "Received", language)
        not_finished = translate_in("receipt", "not yet", language)
        finished = _time(receipt.finished) if receipt.finished else not_finished
        return [
            (translate_in("receipt", "From", language), receipt.sender),
            (translate_in("receipt", "To", language), receipt.receiver),
            (translate_in("receipt", "Station id", language), receipt.station_id),
            (submitted if receipt.sending else received, _time(receipt.created)),
            (translate_in("receipt", "Finished", language), finished),
            (translate_in("receipt", "Pages", language), str(receipt.pages)),
            ("SHA-256", f"{receipt.sha256[:32]}\n{receipt.sha256[32:]}"),
        ]

    def pages(self, pages: Sequence[ReceiptPage]) -> None:
        """Write the table of pages."""
        language = self.language
        columns = [
            (translate_in("receipt", "Page", language), 10),
            (translate_in("receipt", "Confirmed", language), 34),
            (translate_in("receipt", "Transmitted", language), 20),
            (translate_in("receipt", "Duration", language), 16),
            (translate_in("receipt", "Retransmissions", language), 20),
        ]
        never = translate_in("receipt", "not confirmed", language)
        rows = [
            (
                str(page.page),
                _time(page.confirmed) if page.confirmed else never,
                self._amount(page.line_bytes, 1000, "kB"),
                self._amount(page.seconds, 1, "s"),
                str(page.retransmissions) if page.retransmissions else "",
            )
            for page in pages
        ]
        self._table(translate_in("receipt", "Pages", language), columns, rows)

    def attempts(self, receipt: Receipt) -> None:
        """Write the table of calls."""
        language = self.language
        columns = [
            (translate_in("receipt", "Call", language), 8),
            (translate_in("receipt", "Started", language), 27),
            (translate_in("receipt", "Result", language), 22),
            (translate_in("receipt", "Explanation", language), 43),
        ]
        rows = [
            (str(number_), _time(started), reason.replace("_", " "), explanation)
            for number_, started, reason, explanation in receipt.attempts
        ]
        self._table(translate_in("receipt", "Calls", language), columns, rows)

    def _amount(self, value: float | None, unit: int, symbol: str) -> str:
        return f"{number(round(value / unit, 1), self.language)} {symbol}" if value else ""

    def _font(self, size: float, colour: tuple[int, int, int], *, bold: bool = False) -> None:
        self.pdf.set_font("sans", "B" if bold else "", size)
        self.pdf.set_text_color(*colour)

    def _line(self, width: float, height: float, text: str) -> None:
        self.pdf.cell(width, height, text, new_x=XPos.LMARGIN, new_y=YPos.NEXT)

    def _table(
        self, title: str, columns: Sequence[tuple[str, int]], rows: Sequence[Sequence[str]]
    ) -> None:
        """Write a table; a column is its name and its share of the width in percent."""
        self._font(11, INK, bold=True)
        self._line(0, 8, title)
        self._font(8, INK)
        self.pdf.set_draw_color(*LINE)
        with self.pdf.table(
            col_widths=tuple(share for _, share in columns),
            line_height=5,
            borders_layout="HORIZONTAL_LINES",
            text_align="LEFT",
        ) as table:
            for line in ([name for name, _ in columns], *rows):
                row = table.row()
                for text in line:
                    row.cell(text)
        self.pdf.ln(5)
