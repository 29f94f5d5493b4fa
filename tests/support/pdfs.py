"""PDFs that are wrong on purpose."""

import io

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
