"""The corpus of odd and hostile documents: each comes out as expected, and fast."""

import asyncio
import time
from pathlib import Path

import pytest

from spandsp_bridge.documents.bitmaps import page_bitmaps
from spandsp_bridge.documents.job import PageOptions
from spandsp_bridge.documents.render import render
from spandsp_bridge.errors import DocumentError
from spandsp_bridge.i18n import error_text, languages
from spandsp_bridge.reasons import DETAILS
from tests.documents.builders import form, stamped, turned
from tests.documents.corpus import CASES, Expected
from tests.support.sentences import assert_sentence

MAX_PAGES = 50
NAMELESS = {
    "conversion_failed",
    "conversion_timeout",
    "document_too_large",
    "page_count_limit_exceeded",
}
REASONS = {
    "document_empty",
    "file_format_invalid",
    "document_encrypted",
    "document_without_pages",
    *NAMELESS,
}


def test_the_corpus_is_large() -> None:
    assert len(CASES) >= 60
    assert len({name for name, _, _ in CASES}) == len(CASES)


@pytest.mark.parametrize(("name", "data", "expected"), CASES, ids=[name for name, _, _ in CASES])
async def test_a_document_of_the_corpus(
    name: str, data: bytes, expected: Expected, tmp_path: Path
) -> None:
    began = time.monotonic()
    try:
        made = await render([(name, data)], PageOptions(), MAX_PAGES, tmp_path)
    except DocumentError as error:
        assert error.reason in REASONS
        assert set(error.detail) <= set(DETAILS[error.reason])
        for language in languages():
            assert_sentence(error_text(error, language), language, name)
        text = error_text(error, "en")
        if expected not in ("any", "office"):
            assert error.reason == expected, text
        assert "Traceback" not in text
        assert name in text or error.reason in NAMELESS
    else:
        assert expected in ("any", "office", made.pages)
        assert all(width == 1728 for (width, _), _ in page_bitmaps(made.tiff))
    assert list(tmp_path.iterdir()) == [], "nothing half-written is left"
    assert time.monotonic() - began < 40


async def blackness(data: bytes, tmp_path: Path) -> int:
    made = await render([("a.pdf", data)], PageOptions(), 5, tmp_path)
    [(_, bits)] = page_bitmaps(made.tiff)
    return sum(8 - octet.bit_count() for octet in bits)


async def test_fields_and_annotations_appear(tmp_path: Path) -> None:
    assert await blackness(form(appearances=True), tmp_path) > 2000, "the field is drawn"
    assert await blackness(stamped(), tmp_path) > 100_000, "the stamp is there"


async def test_a_landscape_page_is_turned_and_not_shrunk(tmp_path: Path) -> None:
    upright = await blackness(turned(0), tmp_path)
    on_its_side = await blackness(turned(90), tmp_path)
    assert abs(upright - on_its_side) < 0.15 * upright


async def test_many_at_once_do_not_disturb_each_other(tmp_path: Path) -> None:
    some = [case for case in CASES if case[2] in (1, 3)][:12]
    made = await asyncio.gather(
        *(render([(name, data)], PageOptions(), MAX_PAGES, tmp_path) for name, data, _ in some)
    )
    assert [m.pages for m in made] == [expected for _, _, expected in some]
