"""Every text of the portal is a message: of the templates, the forms and the help of columns."""

import html
import re
from pathlib import Path

import pytest

from spandsp_bridge.i18n import help_text, languages
from spandsp_bridge.i18n.column_help import COMMENT, FORM_TABLES
from spandsp_bridge.i18n.form_labels import CHOICES, FIELDS, KINDS, SECTIONS, TABLES
from spandsp_bridge.portal.charts import T30_MESSAGES, ladder
from spandsp_bridge.portal.page import HERE
from spandsp_bridge.settings import ROOT
from spandsp_bridge.store.config_tables import RESOURCES

TEMPLATES = sorted((HERE / "templates").glob("*.html"))
#: Names, units and symbols, the same in every language.
UNTRANSLATED = {"PDF", "TIFF", "T", "G", "SIP", "ECM", "bit", "s", "Kamailios", "OpenAPI", "R"}
#: Choices that are names of their own: shown as they are.
NAMES = re.compile(r"udp|tcp|tls|en|es|de|fax\.\w+|[0-9]{4,5}")


@pytest.mark.parametrize("template", TEMPLATES, ids=lambda path: path.name)
def test_a_template_has_no_text_outside_of_messages(template: Path) -> None:
    text = re.sub(r"\{#.*?#\}|\{%.*?%\}|\{\{.*?\}\}", " ", template.read_text(), flags=re.DOTALL)
    attributes = re.findall(r'\b(?:alt|aria-label|title)="([^"]*)"', text)
    shown = html.unescape(re.sub(r"<[^>]*>", " ", text)) + " ".join(attributes)
    assert set(re.findall(r"[A-Za-z]+", shown)) <= UNTRANSLATED


def test_every_table_column_section_and_choice_has_a_label() -> None:
    fields = [field for resource in RESOURCES.values() for field in resource.fields]
    assert set(TABLES) == set(KINDS) == set(RESOURCES)
    assert {field.name for field in fields} <= set(FIELDS)
    assert {field.section for field in fields if field.section} == set(SECTIONS)
    choices = {choice for field in fields for choice in field.choices}
    assert {choice for choice in choices if not NAMES.fullmatch(choice)} == set(CHOICES)


def test_the_tables_with_helps_are_those_with_forms() -> None:
    assert {resource.table for resource in RESOURCES.values()} == FORM_TABLES


@pytest.mark.parametrize("language", [code for code in languages() if code != "en"])
def test_every_help_of_a_form_is_translated(language: str) -> None:
    comments = {
        (table, column): text.replace("''", "'")
        for table, column, text in COMMENT.findall((ROOT / "sql" / "schema.sql").read_text())
    }
    helps = [
        comments.get((resource.table, name), "")
        for resource in RESOURCES.values()
        for name in ("", *(field.name for field in resource.fields))
    ]
    shown = {text for text in helps if text and not text.startswith("Jinja2: ")}  # names alone
    assert len(shown) > 120
    assert [text for text in shown if help_text(text, language) == text] == []


def test_a_ladder_spells_the_messages_out() -> None:
    svg = ladder(["0.1 > DIS", "1.2 < DCN", "1.3 ! hung up"], "us", "remote", "de")
    assert "DIS</tspan> · digitales Kennungssignal" in svg
    assert "DCN</tspan> · Verbindungsende" in svg
    assert ">hung up</text>" in svg
    assert set(T30_MESSAGES) >= {"EOP", "NSF", "DCN", "CRP"}
