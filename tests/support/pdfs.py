"""PDFs for tests: short ones, and some that are wrong on purpose."""

import io
from pathlib import Path

from fpdf import FPDF
from pypdf import PdfWriter


def _written(writer: PdfWriter) -> bytes:
    out = io.BytesIO()
    writer.write(out)
    return out.getvalue()


def blank(pages: int) -> bytes:
    """Return a PDF with so many empty pages."""
    writer = PdfWriter()
    for _ in range(pages):
        writer.add_blank_page(595, 842)
    return _written(writer)


def encrypted() -> bytes:
    """Return a PDF that needs a password."""
    pdf = FPDF()
    pdf.add_page()
    writer = PdfWriter(clone_from=io.BytesIO(bytes(pdf.output())))
    writer.encrypt("secret", algorithm="AES-256")
    return _written(writer)


def short_document(path: Path, pages: int = 2) -> Path:
    """Pages that are quick on the line."""
    pdf = FPDF(format="A4")
    pdf.set_font("Times", "", 24)
    for number in range(pages):
        pdf.add_page()
        pdf.cell(0, 20, f"Page {number + 1} of a real fax")
    pdf.output(str(path))
    return path
