"""Office documents to PDF, by LibreOffice."""

import shutil
from pathlib import Path

from spandsp_bridge.documents.programs import run_program
from spandsp_bridge.documents.sniff import FileType
from spandsp_bridge.errors import DocumentError
from spandsp_bridge.reasons import Reason

SECONDS = 60


def office_to_pdf(path: Path, name: str, file_type: FileType) -> Path:
    """Return the PDF that LibreOffice makes of an office document.

    Raises DocumentError: `office_not_installed`, `conversion_timeout` or `file_format_invalid`.
    """
    if shutil.which("soffice") is None:
        raise DocumentError(Reason.OFFICE_NOT_INSTALLED, file=name)
    # LibreOffice chooses its filter by the extension.
    source = Path(shutil.copyfile(path, f"{path.name}.{file_type}"))
    options = ["--headless", "--norestore", "--convert-to", "pdf", "--outdir", "office"]
    run_program(["soffice", *options, source.name], SECONDS)
    pdf = Path("office", f"{path.name}.pdf")
    if not pdf.exists():
        raise DocumentError(
            Reason.FILE_FORMAT_INVALID, file=name, problem="unreadable_office_document"
        )
    return pdf
