"""Documents: bad ones are refused with a reason, good ones keep their pixels and their data."""

import io
import random
import struct
from pathlib import Path

import pytest
from fpdf import FPDF
from pypdf import PdfReader

from spandsp_bridge.demo import document
from spandsp_bridge.documents import cover
from spandsp_bridge.documents.bitmaps import page_bitmaps
from spandsp_bridge.documents.geometry import WIDTH, rows
from spandsp_bridge.documents.job import PageOptions
from spandsp_bridge.documents.pdfa import to_pdf
from spandsp_bridge.documents.render import Rendered, check, render
from spandsp_bridge.documents.tiff import TiffError, check_page, first_pages, page_sizes
from spandsp_bridge.errors import DocumentError
from spandsp_bridge.i18n import error_text, languages
from spandsp_bridge.reasons import Reason
from tests.support.pdfs import blank, encrypted
from tests.support.sentences import assert_sentence


def pdf(pages: int = 1) -> bytes:
    made = FPDF(format="A4")
    made.set_font("Helvetica", "", 30)
    for number in range(pages):
        made.add_page()
        made.cell(0, 20, f"Page {number + 1}")
    return bytes(made.output())


BAD = {
    "document_empty": b"",
    "file_format_invalid": b"This is a text file that somebody named .pdf\n",
    "document_encrypted": encrypted(),
    "document_without_pages": blank(0),
    "page_count_limit_exceeded": blank(2000),
}


@pytest.mark.parametrize("reason", BAD)
async def test_bad_documents_are_refused_with_a_reason_and_a_remedy(reason: str) -> None:
    with pytest.raises(DocumentError) as failure:
        await check([("letter.pdf", BAD[reason])], PageOptions(), 1000)
    assert failure.value.reason == reason
    assert failure.value.detail["file"] == "letter.pdf"
    assert error_text(failure.value, "en").startswith("letter.pdf ")
    assert "\n" not in error_text(failure.value, "en")


async def test_several_documents_become_one() -> None:
    assert await check([("a.pdf", pdf(2)), ("b.pdf", pdf(1))], PageOptions(), 10) == 3
    with pytest.raises(DocumentError) as failure:
        await check([("a.pdf", pdf(1)), ("b.pdf", b"")], PageOptions(), 10)
    assert (failure.value.reason, failure.value.detail) == (
        Reason.DOCUMENT_EMPTY,
        {"file": "b.pdf"},
    )
    with pytest.raises(DocumentError) as failure:
        await check([("a.pdf", pdf(3)), ("b.pdf", pdf(3))], PageOptions(), 5)
    assert (failure.value.reason, failure.value.detail) == (
        Reason.PAGE_COUNT_LIMIT_EXCEEDED,
        {"pages": 6, "limit": 5},
    )


@pytest.mark.parametrize("damage", ["truncated", "garbled", "header alone"])
async def test_corrupt_pdfs_are_refused(damage: str, tmp_path: Path) -> None:
    good = pdf(3)
    data = {
        "truncated": good[: len(good) // 3],
        "garbled": good[:40] + bytes(b ^ 0x5A for b in good[40:]),
        "header alone": b"%PDF-1.7\n",
    }[damage]
    with pytest.raises(DocumentError) as failure:
        await render([("a.pdf", data)], PageOptions(), 1000, tmp_path)
    assert failure.value.reason in (
        "file_format_invalid",
        "conversion_failed",
        "document_without_pages",
    )
    assert list(tmp_path.iterdir()) == [], "nothing half-written is left"


@pytest.fixture(scope="module")
def rendered_document(tmp_path_factory: pytest.TempPathFactory) -> Path:
    file = tmp_path_factory.mktemp("document") / "demo.pdf"
    assert document.write(file) == 3
    return file


async def rendered(file: Path, paper: str, scratch: Path) -> Rendered:
    return await render([(file.name, file.read_bytes())], PageOptions(paper), 1000, scratch)


@pytest.mark.parametrize("paper", ["a4", "letter"])
async def test_a_pdf_becomes_tiff_f(rendered_document: Path, paper: str, tmp_path: Path) -> None:
    made = await rendered(rendered_document, paper, tmp_path)
    assert made.pages == 3
    assert page_sizes(made.tiff) == [(WIDTH, rows(paper, "fine"))] * 3
    for _, bits in page_bitmaps(made.tiff):
        black = sum(bin(byte).count("0") - 1 for byte in bits[:100000])
        assert black > 0


async def test_the_pdf_embeds_the_g4_data_unchanged(
    rendered_document: Path, tmp_path: Path
) -> None:
    made = await rendered(rendered_document, "a4", tmp_path)
    out = PdfReader(io.BytesIO(to_pdf(made.tiff, title="A fax")))
    assert len(out.pages) == 3
    for number, page in enumerate(out.pages):
        image = page["/Resources"]["/XObject"].values()  # type: ignore[index]
        stream = next(iter(image)).get_object()
        filters = stream["/Filter"]
        assert "/CCITTFaxDecode" in (filters if isinstance(filters, list) else [filters])
        assert strip(made.tiff, number) in (stream._data, stream._data.rstrip(b"\n"))
        width, height = float(page.mediabox.width), float(page.mediabox.height)
        assert width == pytest.approx(1728 / 204 * 72, rel=0.01)
        assert height == pytest.approx(2291 / 196 * 72, rel=0.01)


def strip(tiff: bytes, page: int) -> bytes:
    """Return the only strip of a page, by walking the directories."""
    order = "<" if tiff[:2] == b"II" else ">"
    (at,) = struct.unpack_from(order + "I", tiff, 4)
    for _ in range(page + 1):
        (count,) = struct.unpack_from(order + "H", tiff, at)
        tags = {}
        for entry in range(count):
            tag, kind, _, value = struct.unpack_from(order + "HHII", tiff, at + 2 + 12 * entry)
            tags[tag] = value if kind != 3 or order == "<" else value >> 16
        (at,) = struct.unpack_from(order + "I", tiff, at + 2 + 12 * count)
    return tiff[tags[273] : tags[273] + tags[279]]


async def test_a_cut_file_ends_after_its_confirmed_pages(
    rendered_document: Path, tmp_path: Path
) -> None:
    made = await rendered(rendered_document, "a4", tmp_path)
    for pages in (1, 2, 3):
        cut = first_pages(made.tiff, pages)
        assert page_bitmaps(cut) == page_bitmaps(made.tiff)[:pages]
    with pytest.raises(TiffError):
        first_pages(made.tiff, 4)


async def test_a_page_that_is_not_whole_is_noticed(rendered_document: Path, tmp_path: Path) -> None:
    made = await rendered(rendered_document, "a4", tmp_path)
    file = tmp_path / "page.tif"
    file.write_bytes(made.tiff)
    assert [check_page(file, page) for page in (1, 2, 3)] == [(1728, 2291)] * 3
    with pytest.raises(TiffError, match="page 4 is not in the file"):
        check_page(file, 4)
    cut = [b"", b"II*\0", made.tiff[:1000], b"x" + made.tiff[1:], made.tiff[: len(made.tiff) // 2]]
    for broken in cut:
        file.write_bytes(broken)
        with pytest.raises(TiffError):
            check_page(file, 3)
    dice = random.Random(3)
    refused = 0
    for _ in range(2000):
        damaged = bytearray(made.tiff[:600] + made.tiff[-600:])
        for _ in range(dice.randint(1, 8)):
            damaged[dice.randrange(len(damaged))] = dice.randrange(256)
        file.write_bytes(damaged)
        try:
            check_page(file, 1)
        except TiffError:
            refused += 1
    assert refused == 2000, "the data of the page is not there"


@pytest.mark.parametrize(
    ("template", "detail"),
    [
        ("{{ to_name", {"error": "unexpected end of template, expected 'end of print statement'"}),
        (
            "{{ ''.__class__.__mro__ }}",
            {"error": "access to attribute '__class__' of 'str' object is unsafe"},
        ),
        ("{{ 1 / 0 }}", {"error": "division by zero"}),
        (
            "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
            {"problem": "time", "seconds": 10},
        ),
        ("{% set x = 9**(9**8) %}{{ x is even }}", {"problem": "time", "seconds": 10}),
        ("{{ 'x' * 10**10 }}", {"problem": "memory"}),
        ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", {"problem": "memory"}),
        ("{{ 'x' * 10**6 }}", {"error": "it makes more than 500000 characters"}),
    ],
)
async def test_a_hostile_cover_page_is_a_clear_error(
    tmp_path: Path, template: str, detail: dict[str, object]
) -> None:
    """It is filled in inside the sandbox, for a limited time."""
    page = cover.page(cover.Cover("+34911000001", "+34911000002"), template)
    with pytest.raises(DocumentError) as failure:
        await render([], PageOptions(), 1, tmp_path, cover=page)
    assert failure.value.reason is Reason.COVER_PAGE_INVALID
    assert failure.value.detail == detail
    for language in languages():
        assert_sentence(error_text(failure.value, language), language, str(detail.get("error")))
