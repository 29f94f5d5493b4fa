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


def update(language: str, template: Catalog) -> None:
    """Bring one catalogue up to date (`pybabel update`); what is no longer said is dropped."""
    path = LOCALE / language / "LC_MESSAGES" / f"{DOMAIN}.po"
    path.parent.mkdir(parents=True, exist_ok=True)
    catalogue = Catalog(language, DOMAIN)
    if path.exists():
        with path.open("rb") as file:
            catalogue = read_po(file, language, DOMAIN)
    catalogue.update(template, no_fuzzy_matching=True)
    messages = io.BytesIO()
    write_po(messages, catalogue, width=0, sort_output=True, omit_header=True, ignore_obsolete=True)
    header = HEADER.format(language=language, plurals=catalogue.plural_forms)
    path.write_text(f"{header}\n{messages.getvalue().decode().strip()}\n", encoding="utf-8")


def main(new: list[str]) -> None:
    """Update every language, and begin the new ones."""
    template = extract()
    for language in (*languages(), *new):
        if language != ENGLISH:
            update(language, template)


if __name__ == "__main__":
    main(sys.argv[1:])
