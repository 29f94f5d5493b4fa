"""PDF pages that are made here, of text and of simple HTML, in the fonts of DejaVu."""

from pathlib import Path
from typing import Any

FONTS = Path("/usr/share/fonts/truetype/dejavu")
MARGIN = 15  #: millimetres


def new_pdf(paper: str) -> Any:
    """Return an empty `fpdf.FPDF` with the fonts `sans` and `mono`."""
    from fpdf import FPDF  # noqa: PLC0415 - half of the child's start; few documents need it

    pdf = FPDF(format="A4" if paper == "a4" else "Letter")
    pdf.set_auto_page_break(False)
    pdf.set_margin(MARGIN)
    for style, file in (
        ("", "DejaVuSans"),
        ("B", "DejaVuSans-Bold"),
        ("I", "DejaVuSans"),
        ("BI", "DejaVuSans-Bold"),
    ):
        pdf.add_font("sans", style, FONTS / f"{file}.ttf")
    pdf.add_font("mono", "", FONTS / "DejaVuSansMono.ttf")
    return pdf


def html_to_pdf(html: str, paper: str) -> bytes:
    """Return simple HTML (headings, paragraphs, tables, bold) as PDF.

    Raises whatever its HTML reader stumbles over.
    """
    pdf = new_pdf(paper)
    pdf.set_auto_page_break(True, MARGIN)
    pdf.add_page()
    pdf.set_font("sans", size=12)
    pdf.write_html(html, font_family="sans")
    return bytes(pdf.output())
