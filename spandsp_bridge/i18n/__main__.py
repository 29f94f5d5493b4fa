"""Bring the catalogues up to date with the code: `python -m spandsp_bridge.i18n`.

It does what `pybabel extract` and `pybabel update` do, with our keywords and without dates in the
files. A new language is one more file: `python -m spandsp_bridge.i18n fr` begins it.
"""

import io
import sys
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_keywords
from babel.messages.pofile import read_po, write_po

from spandsp_bridge.i18n.catalogue import DOMAIN, ENGLISH, LOCALE, languages

#: Without dates and names, so that a file changes only where its messages do.
HEADER = """\
msgid ""
msgstr ""
"Project-Id-Version: virtualfax\\n"
"Language: {language}\\n"
"MIME-Version: 1.0\\n"
"Content-Type: text/plain; charset=utf-8\\n"
"Content-Transfer-Encoding: 8bit\\n"
"Plural-Forms: {plurals}\\n"
"""
ROOT = Path(__file__).parents[2]
METHODS = [("**.py", "python"), ("**/templates/**.html", "jinja2")]
OPTIONS = {"**/templates/**.html": {"trimmed": "true", "newstyle_gettext": "true"}}
#: Calls whose first argument is a message: our markers, and each error class of the tree that
#: takes one (tests/unit/i18n compares). The others come from gettext and jinja2.ext.i18n.
ERRORS = (
    "VfaxError",
    "UserError",
    "NotFoundError",
    "ConflictError",
    "ForbiddenError",
    "NotLoggedInError",
    "SetupError",
    "UnavailableError",
    "EngineError",
    "DemoFailed",
)
KEYWORDS = (
    "translate",
    "plural:1,2",
    "translate_in:1c,2",
    "N_",
    "NN_:1,2",
    "NC_:1c,2",
    "HTTPException:2",
    "TooManyError:2",
    *ERRORS,
)


def extract() -> Catalog:
    """Return the template of all messages in the code (`pybabel extract`)."""
    keywords = parse_keywords(KEYWORDS) | DEFAULT_KEYWORDS
    found = extract_from_dir(ROOT / "spandsp_bridge", METHODS, OPTIONS, keywords)
    template = Catalog()
    for _, _, message, comments, context in sorted(found, key=lambda entry: str(entry[2])):
        template.add(message, auto_comments=comments, context=context)
    return template


def update(language: str, template: Catalog) -> bool:
    """Bring one catalogue up to date (`pybabel update`); return whether it changed.

    Messages that the code no longer has are dropped.
    """
    path = LOCALE / language / "LC_MESSAGES" / f"{DOMAIN}.po"
    path.parent.mkdir(parents=True, exist_ok=True)
    before = path.read_text(encoding="utf-8") if path.exists() else ""
    catalogue = read_po(io.StringIO(before), language, DOMAIN)
    catalogue.update(template, no_fuzzy_matching=True)
    messages = io.BytesIO()
    write_po(messages, catalogue, width=0, sort_output=True, omit_header=True, ignore_obsolete=True)
    header = HEADER.format(language=language, plurals=catalogue.plural_forms)
    after = f"{header}\n{messages.getvalue().decode().strip()}\n"
    path.write_text(after, encoding="utf-8")
    return after != before


def main(new: list[str]) -> int:
    """Update every language, and begin the new ones; return 1 if a catalogue was out of date."""
    template = extract()
    changed = [
        language
        for language in (*languages(), *new)
        if language != ENGLISH and update(language, template)
    ]
    if changed:
        sys.stderr.write(f"catalogues brought up to date: {', '.join(changed)}\n")
    return int(bool(changed))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
