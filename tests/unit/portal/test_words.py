"""Everything that the portal says can be said in every language."""

import re
from collections.abc import Iterator
from string import Formatter

from spandsp_bridge.portal.charts import SAYS
from spandsp_bridge.portal.config_pages import TITLES, help_of, words
from spandsp_bridge.portal.page import HERE
from spandsp_bridge.portal.words import ENGLISH, LANGUAGES, SPANISH
from spandsp_bridge.settings import ROOT
from spandsp_bridge.store.resources import RESOURCES

SAID = re.compile(r"""\bt\(\s*(?:"([^"]+)"|'([^']+)')\s*[,)]""")
LINK = re.compile(r"""link\("[^"]+", "([^"]+)"\)""")


def said() -> set[str]:
    found = set(SAYS.values()) | set(TITLES.values())
    for file in [*(HERE / "templates").glob("*.html"), *HERE.glob("*.py")]:
        text = file.read_text()
        found |= {a or b for a, b in SAID.findall(text)} | set(LINK.findall(text))
    for resource in RESOURCES.values():
        found.add(resource.title)
        found |= {words(field.name) for field in resource.fields}
        found |= {field.section for field in resource.fields if field.section}
    return found


def test_every_text_is_there_in_spanish() -> None:
    found = said()
    assert len(found) > 300
    assert sorted(found - set(SPANISH)) == [], "add them to spandsp_bridge/portal/words.py"


COMMENT = re.compile(r"comment on (?:column|table) ([\w.]+) is\s+'((?:[^']|'')*)'")


def helps() -> Iterator[str]:
    """Yield what the forms say of their tables and columns."""
    comments: dict[str, str] = {}
    for file in sorted((ROOT / "sql" / "migrations").glob("*.sql")):
        for name, text in COMMENT.findall(file.read_text()):
            comments[name] = text.replace("''", "'")
    for resource in RESOURCES.values():
        yield help_of(comments[resource.table])
        for field in resource.fields:
            if field.writers is None or field.writers:
                yield help_of(comments.get(f"{resource.table}.{field.name}", ""))


def test_every_help_is_there_in_spanish() -> None:
    found = {text for text in helps() if text}
    assert len(found) > 120
    assert sorted(found - set(SPANISH)) == [], "add them to spandsp_bridge/portal/words.py"


def test_words_of_ours_are_in_every_language() -> None:
    for language, texts in LANGUAGES.items():
        assert set(ENGLISH) <= set(texts), language


def test_every_language_keeps_the_places_for_values() -> None:
    for text, spanish in SPANISH.items():
        if text not in ENGLISH:
            holes = [len([f for _, f, _, _ in Formatter().parse(t) if f is not None])
                     for t in (text, spanish)]  # fmt: skip
            assert holes[0] == holes[1], text
