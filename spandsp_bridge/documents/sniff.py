"""What a file is, by its content; its name counts only where the content contradicts it."""

import zipfile
import zlib
from enum import StrEnum
from typing import BinaryIO

from spandsp_bridge.errors import DocumentError
from spandsp_bridge.reasons import Reason

HEAD = 4096  #: octets that are looked at first
PDF_HEADER_WITHIN = 1024  #: octets in which viewers accept %PDF- (ISO 32000-1 Annex H.3, note 13)


class FileType(StrEnum):
    """What can be faxed; an office format's value is its extension."""

    PDF = "pdf"
    PICTURE = "picture"
    TEXT = "text"  #: or nothing that is known: only decoding it tells
    RTF = "rtf"
    DOC = "doc"
    XLS = "xls"
    PPT = "ppt"
    DOCX = "docx"
    XLSX = "xlsx"
    PPTX = "pptx"
    ODT = "odt"
    ODS = "ods"
    ODP = "odp"


PICTURE_HEADERS = (b"\x89PNG", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"GIF8", b"BM")
OLE_HEADER = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"  # MS-CFB §2.2
OLE_STREAMS = {"Workbook": FileType.XLS, "PowerPoint Document": FileType.PPT}
ZIP_HEADER = b"PK\x03\x04"
OOXML_FOLDERS = {"word/": FileType.DOCX, "xl/": FileType.XLSX, "ppt/": FileType.PPTX}
#: By the end of the media type in the entry `mimetype` (ODF 1.2 part 3 §3.3).
ODF_TYPES = {
    "text": FileType.ODT,
    "spreadsheet": FileType.ODS,
    "presentation": FileType.ODP,
}
#: What zipfile raises for archives that are cut or hostile.
BROKEN_ZIP = (
    *(zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError, ValueError, EOFError),
    *(KeyError, IndexError, OverflowError, MemoryError, zlib.error, zipfile.LargeZipFile),
)


def sniff(file: BinaryIO, name: str) -> FileType:
    """Return what a file is; `name` is what its sender calls it.

    Raises DocumentError: `document_empty`, `document_encrypted` (an office document) or
    `file_format_invalid`; nothing else, whatever the bytes are.
    """
    head = file.read(HEAD)
    if not head:
        raise DocumentError(Reason.DOCUMENT_EMPTY, file=name)
    if b"%PDF-" in head[:PDF_HEADER_WITHIN]:
        return FileType.PDF
    if head.startswith(PICTURE_HEADERS) or (head[:4] == b"RIFF" and head[8:12] == b"WEBP"):
        return FileType.PICTURE
    if head.startswith(b"{\\rtf"):
        return FileType.RTF
    if head.startswith(OLE_HEADER):
        return _ole_type(file, name)
    if head.startswith(ZIP_HEADER):
        return _zip_type(file, name)
    if name.lower().endswith(".pdf"):
        raise DocumentError(Reason.FILE_FORMAT_INVALID, file=name, problem="not_a_pdf")
    return FileType.TEXT


def _ole_type(file: BinaryIO, name: str) -> FileType:
    """Return which format of Office 97 a compound file has, by the names of its streams."""
    file.seek(0)
    data = file.read()
    if "EncryptedPackage".encode("utf-16-le") in data:
        raise DocumentError(Reason.DOCUMENT_ENCRYPTED, file=name)
    for stream, file_type in OLE_STREAMS.items():
        if stream.encode("utf-16-le") in data:
            return file_type
    return FileType.DOC


def _zip_type(file: BinaryIO, name: str) -> FileType:
    """Return which office format an archive has (ODF or OOXML)."""
    try:
        with zipfile.ZipFile(file) as archive:
            names = archive.namelist()
            odf = None
            if "mimetype" in names:
                with archive.open("mimetype") as entry:
                    odf = entry.read(100).decode("ascii", "replace").rpartition(".")[2]
    except BROKEN_ZIP as error:
        raise DocumentError(
            Reason.FILE_FORMAT_INVALID, file=name, problem="damaged_office_document"
        ) from error
    if odf is None:
        for folder, file_type in OOXML_FOLDERS.items():
            if any(part.startswith(folder) for part in names):
                return file_type
    elif odf in ODF_TYPES:
        return ODF_TYPES[odf]
    raise DocumentError(Reason.FILE_FORMAT_INVALID, file=name, problem="unknown")
