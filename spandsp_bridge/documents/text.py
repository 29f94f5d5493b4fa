"""Plain text to PDF: lines of a fixed width, wrapped at words."""

from collections.abc import Iterator
from pathlib import Path

from spandsp_bridge.documents.typesetting import new_pdf
from spandsp_bridge.errors import DocumentError
from spandsp_bridge.reasons import Reason

COLUMNS, LINES = 84, 66  #: characters of a line, and lines of a page
FONT_SIZE = 10  #: points


def text_to_pdf(path: Path, name: str, paper: str, max_pages: int) -> Path:
    """Return the PDF of a text file.

    Raises DocumentError: `file_format_invalid`, `document_without_pages` or
    `page_count_limit_exceeded`.
    """
    lines: list[str] = []
    for part in decode(path.read_bytes(), name).split("\f"):
        for line in part.split("\n"):
            lines += wrap(line)
        lines += [""] * (-len(lines) % LINES)
        if len(lines) > (max_pages + 1) * LINES:
            raise DocumentError(Reason.PAGE_COUNT_LIMIT_EXCEEDED, file=name, limit=max_pages)
    while len(lines) >= LINES and not any(lines[-LINES:]):
        del lines[-LINES:]
    if not lines:
        raise DocumentError(Reason.DOCUMENT_WITHOUT_PAGES, file=name, problem="no_text")
    pdf = new_pdf(paper)
    for start in range(0, len(lines), LINES):
        pdf.add_page()
        pdf.set_font("mono", size=FONT_SIZE)
        for line in lines[start : start + LINES]:
            pdf.cell(0, pdf.eph / LINES, line, new_x="LMARGIN", new_y="NEXT")
    out = Path(f"{path.name}.pdf")
    out.write_bytes(pdf.output())
    return out


def wrap(line: str) -> Iterator[str]:
    """Yield a line in parts of at most `COLUMNS` characters, cut at spaces where there are any."""
    rest = line.expandtabs(8).rstrip()
    while len(rest) > COLUMNS:
        space = rest.rfind(" ", COLUMNS // 2, COLUMNS + 1)
        cut = space if space > 0 else COLUMNS
        yield rest[:cut]
        rest = rest[cut:].lstrip()
    yield rest


def decode(data: bytes, name: str) -> str:
    r"""Return the text of a file in UTF-8, UTF-16 with a mark, or Windows-1252, ends as \n.

    Raises DocumentError: `file_format_invalid` where it has control characters.
    """
    encodings = ["utf-16"] if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ["utf-8-sig", "cp1252"]
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if all(char >= " " or char in "\t\r\n\f" for char in text):
            return text.replace("\r\n", "\n").replace("\r", "\n")
    raise DocumentError(Reason.FILE_FORMAT_INVALID, file=name, problem="unknown")
