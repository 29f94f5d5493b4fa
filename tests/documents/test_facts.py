"""Facts: what a PDF says of itself, and that hostile files cost little."""

import io
import json
import subprocess
import time
import zlib
from dataclasses import asdict
from pathlib import Path
from typing import Literal

import pikepdf
import pytest
from fpdf import FPDF

from spandsp_bridge.documents.facts import MAX_TEXT, DocumentFacts, read, storable
from spandsp_bridge.documents.job import PageOptions
from spandsp_bridge.documents.render import render
from spandsp_bridge.errors import DocumentError
from tests.documents.builders import by_hand, edited, form, lines, picture
from tests.documents.corpus import CASES


def facts_of(data: bytes, tmp_path: Path, room: int = MAX_TEXT) -> DocumentFacts:
    """Return what is read in this process."""
    file = tmp_path / "0"
    file.write_bytes(data)
    *_, facts = read(file, "a.pdf", room)
    return facts


def letter() -> bytes:
    pdf = FPDF(format="A4")
    pdf.set_title("Offer 7")
    pdf.set_author("Ada")
    pdf.set_subject("Prices")
    for number in range(2):
        pdf.add_page()
        pdf.set_font("Helvetica", "", 12)
        pdf.cell(0, 10, f"Dear all, this is page {number + 1}")
    return bytes(pdf.output())


def encrypted_for_reading(revision: Literal[4, 6]) -> bytes:
    out = io.BytesIO()
    with pikepdf.open(io.BytesIO(letter())) as pdf:
        pdf.save(out, encryption=pikepdf.Encryption(owner="owner", user="", R=revision))
    return out.getvalue()


def portfolio() -> bytes:
    def change(pdf: pikepdf.Pdf) -> None:
        name = "prices.csv"
        pdf.attachments[name] = pikepdf.AttachedFileSpec(pdf, b"1,2\n", filename=name)
        pdf.Root["/Collection"] = pikepdf.Dictionary(Type=pikepdf.Name.Collection)

    return edited(change, lines())


def xfa() -> bytes:
    def change(pdf: pikepdf.Pdf) -> None:
        pdf.Root["/AcroForm"]["/XFA"] = pdf.make_stream(b"<xdp/>")

    return edited(change, form(appearances=False))


def test_text_and_metadata(tmp_path: Path) -> None:
    facts = facts_of(letter(), tmp_path)
    assert facts.text == "Dear all, this is page 1\fDear all, this is page 2"
    assert (facts.title, facts.author, facts.subject) == ("Offer 7", "Ada", "Prices")
    assert facts.page_sizes == ((595.28, 841.89),) * facts.pages
    assert (facts.pages, facts.complete, facts.encrypted, facts.has_form) == (2, True, False, False)


@pytest.mark.parametrize("revision", [4, 6])
def test_a_file_that_is_encrypted_for_reading_is_read(
    revision: Literal[4, 6], tmp_path: Path
) -> None:
    facts = facts_of(encrypted_for_reading(revision), tmp_path)
    assert facts.encrypted
    assert facts.complete
    assert facts.text.startswith("Dear all")


def test_forms_and_attachments(tmp_path: Path) -> None:
    drawn, undrawn = form(appearances=False), form(appearances=True)
    assert [facts_of(data, tmp_path).has_form for data in (lines(), drawn)] == [False, True]
    assert [facts_of(d, tmp_path).needs_appearances for d in (drawn, undrawn)] == [False, True]
    assert [facts_of(data, tmp_path).has_xfa for data in (drawn, xfa())] == [False, True]
    found = facts_of(portfolio(), tmp_path)
    assert (found.portfolio, found.attachments) == (True, ("prices.csv",))


def test_a_damaged_file_is_read_as_it_is_repaired(tmp_path: Path) -> None:
    data = {name: data for name, data, _ in CASES}["garbled 0.pdf"]
    assert facts_of(data, tmp_path).text


def test_the_text_is_limited(tmp_path: Path) -> None:
    facts = facts_of(letter(), tmp_path, room=10)
    assert (facts.text, facts.complete) == ("Dear all, ", False)


def test_what_postgresql_refuses_is_left_out() -> None:
    assert storable("a\0b\ud800c€") == "abc€"


def test_facts_survive_json(tmp_path: Path) -> None:
    facts = facts_of(portfolio(), tmp_path)
    assert DocumentFacts.from_json(json.loads(json.dumps(asdict(facts)))) == facts


def test_no_document_of_the_corpus_raises(tmp_path: Path) -> None:
    for name, data, _ in CASES:
        if name.endswith(".pdf") and data:
            facts = facts_of(data, tmp_path)
            assert "\0" not in facts.text


def embedded_cff() -> bytes:
    """Return a page whose letters have codes that its font alone, a CFF one, explains."""
    program = b"""
    /NimbusSans-Regular findfont dup length dict copy dup /FID undef dup /Encoding 256 array
    0 1 255 { 1 index exch /.notdef put } for
    dup 1 /H put dup 2 /e put dup 3 /l put dup 4 /o put put
    /Own exch definefont 20 scalefont setfont 100 500 moveto <0102030304> show showpage
    """
    made = subprocess.run(
        ["gs", "-q", "-dSAFER", "-dBATCH", "-sDEVICE=pdfwrite", "-sOutputFile=-", "-"],
        input=program,
        capture_output=True,
        check=True,
    ).stdout

    def change(pdf: pikepdf.Pdf) -> None:
        for font in pdf.pages[0].obj["/Resources"]["/Font"].values():
            assert font["/FontDescriptor"]["/FontFile3"]["/Subtype"] == "/Type1C"
            for key in {"/Encoding", "/ToUnicode"} & set(font.keys()):
                del font[key]

    return edited(change, made)


async def test_codes_that_an_embedded_font_explains_are_read(tmp_path: Path) -> None:
    """They are read by fontTools, which is not imported for other documents."""
    made = await render([("a.pdf", embedded_cff())], PageOptions(), 10, tmp_path, facts=True)
    assert made.facts[0].text == "Hello"


async def test_the_facts_of_each_file_come_with_the_pages(tmp_path: Path) -> None:
    text = "Grüße, señor €5"
    files = [("a.pdf", letter()), ("b.png", picture("PNG")), ("c.txt", text.encode())]
    made = await render(files, PageOptions(), 10, tmp_path, facts=True)
    assert made.pages == 4
    assert [(f.name, f.pages, f.complete) for f in made.facts] == [
        ("a.pdf", 2, True),
        ("b.png", 0, True),
        ("c.txt", 1, True),
    ]
    assert made.facts[0].title == "Offer 7"
    assert made.facts[2].text == text
    assert (await render(files[:1], PageOptions(), 10, tmp_path)).facts == ()


def deep() -> bytes:
    """Return a PDF whose pages and resources are nested 5,000 deep."""
    depth = 5000
    kids = [f"<< /Type /Pages /Kids [{n + 1} 0 R] /Count 1 >>" for n in range(2, depth)]
    page = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 1 0 R >>"
    return by_hand("<< /Type /Catalog /Pages 2 0 R >>", *kids, page)


def bomb(content: bytes, times: int) -> bytes:
    """Return a PDF of a page whose content stream is `times` as long as it seems."""
    stream = zlib.compress(content * times, 9)
    body = f"<< /Length {len(stream)} /Filter /FlateDecode >>\nstream\n".encode("latin-1")
    page = "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R >>"
    return by_hand(
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        page,
        (body + stream + b"\nendstream").decode("latin-1"),
    )


def loop_of_forms() -> bytes:
    """Return a PDF with a form that draws itself."""

    def change(pdf: pikepdf.Pdf) -> None:
        shape = pdf.make_stream(b"/F Do", Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Form)
        shape = pdf.make_indirect(shape)
        shape["/Resources"] = pikepdf.Dictionary(XObject=pikepdf.Dictionary(F=shape))
        page = pdf.pages[0].obj
        page["/Resources"] = pikepdf.Dictionary(XObject=pikepdf.Dictionary(F=shape))
        page["/Contents"] = pdf.make_stream(b"/F Do")

    return edited(change, lines())


HOSTILE = {
    "nested pages": deep(),
    "stream of 500 MB": bomb(b" " * 1_000_000, 500),
    "text of 60 MB": bomb(b"BT /F1 9 Tf (aaaaaaaaaaaaaaaaaaaa) Tj ET\n" * 1000, 1500),
    "nested arrays": bomb(b"[" * 1000, 1000),
    "form that draws itself": loop_of_forms(),
}


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_hostile_file_costs_little(name: str, tmp_path: Path) -> None:
    """Its facts are incomplete or not; the fax is made, or refused for what ghostscript does."""
    began = time.monotonic()
    try:
        made = await render([("a.pdf", HOSTILE[name])], PageOptions(), 5, tmp_path, facts=True)
    except DocumentError as error:
        assert error.reason in ("conversion_failed", "conversion_timeout", "file_format_invalid")
    else:
        [facts] = made.facts
        assert len(facts.text) <= MAX_TEXT
    assert time.monotonic() - began < 50
    assert list(tmp_path.iterdir()) == []
