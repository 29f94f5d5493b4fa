"""Why a default rule is as it is, and what an audit entry is about, in every language."""

import pytest

from spandsp_bridge.i18n import audit_text, languages, rule_text
from spandsp_bridge.i18n.rule_texts import FAILOVER_PHRASES, RETRY_PHRASES


@pytest.mark.parametrize("language", languages())
@pytest.mark.parametrize("key", [*RETRY_PHRASES, *FAILOVER_PHRASES])
def test_every_default_rule_has_a_sentence(key: str, language: str) -> None:
    text = rule_text(key, language)
    assert text.endswith(".")
    assert (text == rule_text(key, "en")) == (language == "en")


def test_what_has_no_default_rule_has_no_sentence() -> None:
    assert rule_text("delivered", "en") == ""
    assert rule_text("7xx", "en") == ""


@pytest.mark.parametrize(
    ("detail", "text"),
    [
        ({}, ""),
        ({"document": "receipt"}, "receipt"),
        ({"recipients": ["a@b.example", "c@d.example"]}, "mailed to a@b.example, c@d.example"),
        ({"new_fax": 7}, "as fax 7"),
        ({"days": 1}, "older than 1 day"),
        ({"days": 30}, "older than 30 days"),
        ({"fact_of_a_newer_version": 1}, ""),
    ],
)
def test_the_facts_of_an_audit_entry_are_words(detail: dict[str, object], text: str) -> None:
    assert audit_text(detail, "en") == text


def test_audit_entries_are_translated() -> None:
    assert audit_text({"recipients": ["a@b.example"]}, "de") == "per E-Mail an a@b.example"
    assert audit_text({"days": 30}, "es") == "de más de 30 días"
