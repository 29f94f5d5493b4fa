"""Bring the catalogues up to date with the code: `python -m spandsp_bridge.i18n update`.

It does what `pybabel extract` and `pybabel update` do, with our keywords and without dates in the
files. A new language is one more file: `python -m spandsp_bridge.i18n update fr` begins it.
`python -m spandsp_bridge.i18n check` writes nothing and fails where a catalogue is out of date.
"""

import io
import sys
from collections.abc import Sequence
from pathlib import Path

from babel.messages.catalog import Catalog
from babel.messages.extract import DEFAULT_KEYWORDS, extract_from_dir
from babel.messages.frontend import parse_keywords
from babel.messages.pofile import read_po, write_po

from spandsp_bridge.i18n.catalogue import DOMAIN, ENGLISH, LOCALE, languages
from spandsp_bridge.i18n.column_help import help_messages

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
SCHEMA = ROOT / "sql" / "schema.sql"
METHODS = [("**.py", "python"), ("**/templates/**.html", "jinja2")]
OPTIONS = {"**/templates/**.html": {"trimmed": "true", "newstyle_gettext": "true"}}
#: The error classes that take a message which a user may read. tests/unit/i18n/test_errors.py
#: compares this with the tree, and lists those whose messages only logs have.
ERRORS = (
    "VfaxError",
    "UserError",
    "NotFoundError",
    "ConflictError",
    "ForbiddenError",
    "NotLoggedInError",
    "SetupError",
    "UnavailableError",
    "NotYetError",
    "EngineError",
    "TiffError",
    "DemoFailed",
)
#: Calls whose first argument is a message: our markers, the errors, and the constructors of those
#: that bring their own message. The others come from gettext and jinja2.ext.i18n.
KEYWORDS = (
    "translate",
    "plural:1,2",
    "translate_in:1c,2",
    "N_",
    "NN_:1,2",
    "NC_:1c,2",
    "HTTPException:2",
    "__init__",
    *ERRORS,
)


def extract() -> Catalog:
    """Return the template of all messages in the code (`pybabel extract`)."""
    keywords = parse_keywords(KEYWORDS) | DEFAULT_KEYWORDS
    found = extract_from_dir(ROOT / "spandsp_bridge", METHODS, OPTIONS, keywords)
    template = Catalog()
    for _, _, message, comments, context in sorted(found, key=lambda entry: str(entry[2])):
        template.add(message, auto_comments=comments, context=context)
    for help_message in sorted(help_messages(SCHEMA)):
        template.add(help_message)
    return template


def path_of(language: str) -> Path:
    """Return the file of a language's catalogue."""
    return LOCALE / language / "LC_MESSAGES" / f"{DOMAIN}.po"


def stored(language: str) -> str:
    """Return a catalogue as its file has it; empty for a new language."""
    path = path_of(language)
    return path.read_text(encoding="utf-8") if path.exists() else ""


def merged(language: str, template: Catalog) -> str:
    """Return a catalogue brought up to date (`pybabel update`).

    Messages that the code no longer has are dropped.
    """
    catalogue = read_po(io.StringIO(stored(language)), language, DOMAIN)
    catalogue.update(template, no_fuzzy_matching=True)
    messages = io.BytesIO()
    write_po(messages, catalogue, width=0, sort_output=True, omit_header=True, ignore_obsolete=True)
    header = HEADER.format(language=language, plurals=catalogue.plural_forms)
    return f"{header}\n{messages.getvalue().decode().strip()}\n"


def outdated(languages: Sequence[str]) -> list[str]:
    """Return the languages whose catalogue differs from the code's messages."""
    template = extract()
    return [language for language in languages if merged(language, template) != stored(language)]


def update(languages: Sequence[str]) -> None:
    """Write the catalogues of languages; a new language's has no translation yet."""
    template = extract()
    for language in languages:
        path = path_of(language)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(merged(language, template), encoding="utf-8")


def main(arguments: Sequence[str]) -> int:
    """Update or check every catalogue; return the exit code: 1 if one is out of date."""
    translated = [language for language in languages() if language != ENGLISH]
    match arguments:
        case ["update", *new]:
            update([*translated, *new])
            return 0
        case ["check"]:
            found = outdated(translated)
            if found:
                sys.stderr.write(f"out of date: {', '.join(found)}; run `make messages`\n")
            return int(bool(found))
        case _:
            sys.stderr.write("usage: python -m spandsp_bridge.i18n update [LANGUAGE ...] | check\n")
            return 2


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
