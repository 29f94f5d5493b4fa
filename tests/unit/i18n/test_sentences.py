"""Every reason in every language: each field filled, nothing left in English."""

import pytest

from spandsp_bridge.calls.outcome import SIP_REASONS, T30_REASONS
from spandsp_bridge.errors import DocumentError, UserError
from spandsp_bridge.i18n import error_text, label, languages, sentence
from spandsp_bridge.i18n.labels import LABELS
from spandsp_bridge.i18n.sentences import NEXT_PHRASES, PHRASES, T30_PHRASES
from spandsp_bridge.reasons import DETAILS, PROBLEMS, Detail, Reason
from tests.support.sentences import ENGLISH, assert_sentence

VALUES = {
    "pages": 5, "confirmed": 3, "received": 2, "sip": 486, "sip_phrase": "Busy", "t30": 21,
    "file": "x.pdf", "limit": 7, "mebibytes": 9, "seconds": 60, "error": "E42", "http": 404,
    "url": "https://x.example/y.pdf", "answer": "250 Ok", "host": "x.example",
    "address": "10.0.0.1", "resolution": "fine",
}  # fmt: skip
NEXT = [{"action": action, "why": why, "attempt": 4} for action, why in NEXT_PHRASES]


def details(reason: Reason) -> list[Detail]:
    """Return details of a reason: without a key, with each key alone, with all of them."""
    known = [key for key in DETAILS[reason] if key in VALUES]
    found: list[Detail] = [{}, *({key: VALUES[key]} for key in known)]
    whole = {key: VALUES[key] for key in known}
    found.append(whole)
    found += [{**whole, "problem": problem} for problem in PROBLEMS.get(reason, ())]
    found += [{"problem": problem} for problem in PROBLEMS.get(reason, ())]
    if "next" in DETAILS[reason]:
        found += [{**whole, "next": decision} for decision in NEXT]
    if "t30" in DETAILS[reason]:
        found += [{"t30": code, "pages": 1, "confirmed": 0} for code in range(-1, 60)]
    if "sip" in DETAILS[reason]:
        found += [{"sip": status} for status in (*SIP_REASONS, 499, 503)]
    return found


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("reason", Reason)
def test_every_reason_is_a_sentence_in_every_language(reason: Reason, language: str) -> None:
    for detail in details(reason):
        assert_sentence(sentence(reason, detail, language), language)


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("reason", Reason)
def test_every_reason_has_a_label(reason: Reason, language: str) -> None:
    text = label(reason, language)
    assert text
    assert "_" not in text
    if language != "en":
        assert ENGLISH.findall(text) == []


def test_the_tables_have_every_reason() -> None:
    assert set(PHRASES) == set(Reason) == set(DETAILS)
    assert set(LABELS["reason"]) == set(Reason)
    assert len(T30_PHRASES) == len(T30_REASONS)
    assert all(not phrases[-1].fields for phrases in PHRASES.values()), "the last one needs none"


def test_what_the_policy_decided_replaces_the_remedy() -> None:
    detail = {"sip": 486, "next": {"action": "retry", "attempt": 2}}
    text = sentence(Reason.USER_BUSY, detail, "en")
    assert text == "The line is busy (SIP 486). Attempt 2 follows automatically."
    text = sentence(Reason.USER_BUSY, {"sip": 486}, "en")
    assert text == "The line is busy (SIP 486). Send it again later."


def test_plural_forms_agree_with_the_count() -> None:
    one = sentence(Reason.PAGE_REFUSED, {"pages": 1, "confirmed": 0}, "de")
    assert "0 von 1 Seite wurde bestätigt." in one
    many = sentence(Reason.PAGE_REFUSED, {"pages": 5, "confirmed": 3}, "es")
    assert "Se confirmaron 3 de 5 páginas." in many


def test_a_reason_of_a_newer_version_does_not_raise() -> None:
    assert sentence("moon_phase", {}, "es") == "Moon phase."
    assert sentence(None, {}, "es") == ""


def test_an_error_is_a_sentence_in_the_readers_language() -> None:
    error = UserError("invalid phone number {number!r}: use E.164, e.g. +34911234567", number="+x")
    assert str(error) == "invalid phone number '+x': use E.164, e.g. +34911234567"
    assert error_text(error, "de").startswith("Ungültige Rufnummer '+x':")
    document = DocumentError(Reason.DOCUMENT_ENCRYPTED, file="a {b}.pdf")
    assert error_text(document, "es").startswith("a {b}.pdf está protegido")
    wrapped = UserError("{problem}", problem=document)
    assert error_text(wrapped, "es") == error_text(document, "es")
