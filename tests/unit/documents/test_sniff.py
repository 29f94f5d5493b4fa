"""What a file is: by its content, and any bytes at all."""

import io
import zipfile

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from spandsp_bridge.documents.sniff import FileType, sniff
from spandsp_bridge.errors import DocumentError
from spandsp_bridge.reasons import DETAILS, PROBLEMS, Reason

OLE = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"
ODF = "application/vnd.oasis.opendocument."


def archive(**files: str | bytes) -> bytes:
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as made:
        for name, content in files.items():
            made.writestr(name, content)
    return out.getvalue()


def stream(name: str) -> bytes:
    return OLE + bytes(512) + name.encode("utf-16-le") + bytes(512)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"%PDF-1.7\n", FileType.PDF),
        (b"\n" * 1000 + b"%PDF-1.7\n", FileType.PDF),
        (b"\x89PNG\r\n\x1a\n", FileType.PICTURE),
        (b"\xff\xd8\xff\xe0", FileType.PICTURE),
        (b"II*\0", FileType.PICTURE),
        (b"MM\0*", FileType.PICTURE),
        (b"GIF89a", FileType.PICTURE),
        (b"BM", FileType.PICTURE),
        (b"RIFF\x10\0\0\0WEBP", FileType.PICTURE),
        (b"RIFF\x10\0\0\0WAVE", FileType.TEXT),
        (rb"{\rtf1 A letter}", FileType.RTF),
        (stream("WordDocument"), FileType.DOC),
        (stream("Workbook"), FileType.XLS),
        (stream("PowerPoint Document"), FileType.PPT),
        (archive(**{"word/document.xml": ""}), FileType.DOCX),
        (archive(**{"xl/workbook.xml": ""}), FileType.XLSX),
        (archive(**{"ppt/presentation.xml": ""}), FileType.PPTX),
        (archive(mimetype=f"{ODF}text"), FileType.ODT),
        (archive(mimetype=f"{ODF}spreadsheet"), FileType.ODS),
        (archive(mimetype=f"{ODF}presentation"), FileType.ODP),
        (b"Dear all,", FileType.TEXT),
        (b"\xff\xfeG\0", FileType.TEXT),
    ],
)
def test_content_decides(data: bytes, expected: FileType) -> None:
    assert sniff(io.BytesIO(data), "letter.bin") is expected


@pytest.mark.parametrize(
    ("name", "data", "reason", "problem"),
    [
        ("a.txt", b"", Reason.DOCUMENT_EMPTY, None),
        ("a.PDF", b"Dear all,", Reason.FILE_FORMAT_INVALID, "not_a_pdf"),
        ("a.doc", stream("EncryptedPackage"), Reason.DOCUMENT_ENCRYPTED, None),
        ("a.zip", archive(**{"a.txt": "text"}), Reason.FILE_FORMAT_INVALID, "unknown"),
        ("a.odg", archive(mimetype=f"{ODF}graphics"), Reason.FILE_FORMAT_INVALID, "unknown"),
        ("a.docx", b"PK\x03\x04", Reason.FILE_FORMAT_INVALID, "damaged_office_document"),
    ],
)
def test_a_refusal_has_its_reason(name: str, data: bytes, reason: Reason, problem: str) -> None:
    with pytest.raises(DocumentError) as refusal:
        sniff(io.BytesIO(data), name)
    assert refusal.value.reason is reason
    assert refusal.value.detail == {"file": name} | ({"problem": problem} if problem else {})


def sniffed_or_refused(data: bytes, name: str) -> None:
    """Sniff: it returns a type, or raises a DocumentError that fits the lists, nothing else."""
    try:
        assert isinstance(sniff(io.BytesIO(data), name), FileType)
    except DocumentError as refusal:
        assert set(refusal.detail) <= set(DETAILS[refusal.reason])
        problem = refusal.detail.get("problem")
        assert problem is None or problem in PROBLEMS[refusal.reason]


HEADERS = [b"", b"%PDF-", b"\x89PNG", b"II*\0", b"RIFF", b"{\\rtf", OLE, b"PK\x03\x04"]
ARCHIVES = [
    archive(mimetype=f"{ODF}text", content="x" * 50),
    archive(**{"word/document.xml": "x" * 50}),
]


@given(header=st.sampled_from(HEADERS), data=st.binary(max_size=300), name=st.text(max_size=8))
@example(header=b"PK\x03\x04", data=b"PK\x05\x06" + bytes(18), name=".docx")
def test_any_bytes_are_sniffed_or_refused(header: bytes, data: bytes, name: str) -> None:
    sniffed_or_refused(header + data, name)


@pytest.mark.parametrize("data", ARCHIVES)
def test_every_truncation_of_an_archive_is_sniffed_or_refused(data: bytes) -> None:
    for end in range(len(data)):
        sniffed_or_refused(data[:end], "letter.docx")


@settings(max_examples=300)
@given(
    data=st.sampled_from(ARCHIVES),
    changes=st.lists(st.tuples(st.floats(0, 0.999), st.integers(0, 255)), min_size=1, max_size=6),
)
def test_a_damaged_archive_is_sniffed_or_refused(
    data: bytes, changes: list[tuple[float, int]]
) -> None:
    damaged = bytearray(data)
    for place, octet in changes:
        damaged[int(place * len(data))] = octet
    sniffed_or_refused(bytes(damaged), "letter.odt")
