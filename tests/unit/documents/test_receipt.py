"""The receipt: its words in each language."""

import io
from datetime import UTC, datetime

import pytest
from pypdf import PdfReader

from spandsp_bridge.documents.receipt import Receipt, ReceiptPage, make

AT = datetime(2026, 3, 1, 12, 30, 5, tzinfo=UTC)


def receipt(*, complete: bool) -> Receipt:
    return Receipt(
        fax_id=7,
        sending=True,
        complete=complete,
        explanation="An explanation.",
        sender="+34911000001 Acme",
        receiver="+34911000002",
        station_id="",
        created=AT,
        finished=AT if complete else None,
        sha256="ab" * 32,
        pages=2,
        attempts=[(1, AT, "user_busy", "The line is busy.")],
    )


def text_of(pdf: bytes) -> str:
    return " ".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf)).pages)


@pytest.mark.parametrize(
    ("language", "complete", "words"),
    [
        ("en", True, ["Every page confirmed", "Delivery receipt · fax 7", "Calls", "12.3 kB"]),
        ("en", False, ["Not every page confirmed", "not yet", "Retransmissions"]),
        ("es", True, ["Todas las páginas confirmadas", "Llamadas", "12,3 kB"]),
        ("de", False, ["Nicht alle Seiten bestätigt", "Sendebericht · Fax 7", "noch nicht"]),
    ],
)
def test_a_receipt_speaks_the_language_of_its_reader(
    language: str, complete: bool, words: list[str]
) -> None:
    pages = [ReceiptPage(1, AT, 12345, 6.28, 2), ReceiptPage(2, None, None, None)]
    text = text_of(make(receipt(complete=complete), pages, b"", language))
    assert [word for word in words if word not in text] == []
    assert "2026-03-01 12:30:05 UTC" in text
