"""The catalogues: complete, well formatted, and a language is one file."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog, Message
from babel.messages.pofile import read_po

from spandsp_bridge.i18n import __main__ as tool
from spandsp_bridge.i18n import catalogue, languages, negotiate, plural, sentence, translate
from spandsp_bridge.i18n.phrases import fields_of
from spandsp_bridge.reasons import Reason

TRANSLATED = [language for language in languages() if language != "en"]
#: Fields and units alone.
WITHOUT_WORDS = re.compile(r"(\W|\{[^}]*\}|\bs\b)*")
#: Words that are the same in English and in a language, each by name.
VARIABLES = "Jinja2: to_name, to_number, from_name, from_number, subject, text, date."
SAME = {
    "de": {
        "A4",
        "Bridges",
        "Browser",
        "Carrier",
        "DDI",
        "ECM",
        "Failovers",
        "Fax",
        "HTML",
        "Host",
        "Letter",
        "Link",
        "Name",
        "PDF",
        "Port",
        "Remote-Party-ID",
        "Route",
        "Routing",
        "Server",
        "Status",
        "Stopper",
        "Test",
        "Text",
        "URL",
        "Webhooks",
        "normal",
        "Fax {id}",
        VARIABLES,
    },
    "es": {
        "A4",
        "DDI",
        "ECM",
        "Fax",
        "Faxes",
        "HTML",
        "Letter",
        "PDF",
        "Remote-Party-ID",
        "URL",
        "Webhooks",
        "host",
        "no",
        "normal",
        "webhook",
        "Fax {id}",
        VARIABLES,
    },
}


def read(language: str) -> Catalog:
    path = catalogue.LOCALE / language / "LC_MESSAGES" / "vfax.po"
    with path.open("rb") as file:
        return read_po(file, language)


def forms(message: Message) -> Iterator[tuple[str, str]]:
    """Yield each form of a message with its translation."""
    sources = [message.id] if isinstance(message.id, str) else list(message.id)
    texts = [message.string] if isinstance(message.string, str) else list(message.string or ())
    for place, text in enumerate(texts):
        yield sources[min(place, len(sources) - 1)], text


def wrong(message: Message, language: str = "es") -> str:
    """Return what is wrong with a translation; an empty text: nothing."""
    same = SAME.get(language, set())
    if message.fuzzy:
        return "fuzzy"
    for source, text in forms(message):
        if not text:
            return "untranslated"
        if fields_of(text) != fields_of(source):
            return "its fields differ"
        if source.endswith(".") != text.endswith("."):
            return "its full stop differs"
        if text == source and source not in same and not WITHOUT_WORDS.fullmatch(source):
            return "still English"
    return ""


@pytest.mark.parametrize("language", TRANSLATED)
def test_every_message_is_translated_and_well_formatted(language: str) -> None:
    found = {str(m.id): why for m in read(language) if m.id and (why := wrong(m, language))}
    assert found == {}


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (Message("a {field}", "una {field}", flags=["fuzzy"]), "fuzzy"),
        (Message("a {field}", ""), "untranslated"),
        (Message("a {field}", "una {campo}"), "its fields differ"),
        (Message("a page.", "una página"), "its full stop differs"),
        (Message("a page", "a page"), "still English"),
        (Message(("a page", "{n} pages"), ("una página", "")), "untranslated"),
        (Message("a {field}", "una {field}"), ""),
    ],
)
def test_the_check_finds_what_is_wrong(message: Message, reason: str) -> None:
    assert wrong(message) == reason


def test_a_language_is_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A pseudo-language appears everywhere by its .po file alone."""
    monkeypatch.setattr(catalogue, "LOCALE", tmp_path)
    monkeypatch.setattr(tool, "LOCALE", tmp_path)
    tool.update(["eo"])
    path = tmp_path / "eo" / "LC_MESSAGES" / "vfax.po"
    text = path.read_text().replace(
        'msgid "The line is busy."\nmsgstr ""', 'msgid "The line is busy."\nmsgstr "Okupita."'
    )
    path.write_text(text)
    catalogue.clear_cache()
    try:
        assert languages() == ("en", "eo")
        assert negotiate("eo, en;q=0.5") == "eo"
        assert translate("The line is busy.", "eo") == "Okupita."
        assert sentence(Reason.USER_BUSY, {"sip": 486}, "eo").startswith("Okupita (SIP 486).")
        assert negotiate("de") == "en", "there is no other file"
    finally:
        monkeypatch.undo()
        catalogue.clear_cache()


@pytest.mark.parametrize(
    ("header", "language"),
    [
        ("es-ES,es;q=0.9,en;q=0.8", "es"),
        ("fr, de;q=0.5", "de"),
        ("en;q=0.3, de;q=0.7, es;q=0.5", "de"),
        ("de;q=0", "en"),
        ("de;q=x", "en"),
        ("", "en"),
        ("*", "en"),
    ],
)
def test_the_best_accepted_language_is_chosen(header: str, language: str) -> None:
    assert negotiate(header) == language


@pytest.mark.parametrize(
    ("environment", "language"),
    [
        ({"LC_ALL": "de_DE.UTF-8", "LANG": "es_ES"}, "de"),
        ({"LC_MESSAGES": "es", "LANG": "de_DE"}, "es"),
        ({"LANG": "C.UTF-8"}, "en"),
        ({}, "en"),
    ],
)
def test_a_command_speaks_the_language_of_its_environment(
    environment: dict[str, str], language: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("LC_ALL", "LC_MESSAGES", "LANG"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert catalogue.environment_language() == language


def test_a_broken_translation_costs_a_sentence_and_no_error() -> None:
    assert translate("{missing} field", "en", other=1) == "{missing} field"


def test_plural_forms() -> None:
    one, many = "{received} page was received.", "{received} pages were received."
    assert plural(one, many, 1, "de", received=1) == "1 Seite wurde empfangen."
    assert plural(one, many, 2, "es", received=2) == "Se recibieron 2 páginas."
