"""The catalogues, and what depends on a language alone: plurals, dates, numbers.

A catalogue is read from its .po file when its language is first used (12 ms for 400 messages),
so that nothing has to be compiled when the system is installed. A message without a translation,
or marked fuzzy, stays English.
"""

import functools
import gettext
import io
import os
import re
from datetime import datetime, tzinfo
from decimal import Decimal
from pathlib import Path

import babel
import babel.dates
import babel.numbers
import structlog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

log = structlog.get_logger(__name__)

ENGLISH = "en"
DOMAIN = "vfax"
LOCALE = Path(__file__).parent / "locale"


@functools.cache
def languages() -> tuple[str, ...]:
    """Return the codes of the languages that have a catalogue, English among them."""
    found = {path.parent.parent.name for path in LOCALE.glob(f"*/LC_MESSAGES/{DOMAIN}.po")}
    return tuple(sorted({ENGLISH, *found}))


@functools.cache
def translations(language: str) -> gettext.NullTranslations:
    """Return the messages of a language; those of an unknown one are English."""
    if language == ENGLISH or language not in languages():
        return gettext.NullTranslations()
    with (LOCALE / language / "LC_MESSAGES" / f"{DOMAIN}.po").open("rb") as file:
        catalogue = read_po(file, locale=language, domain=DOMAIN)
    binary = io.BytesIO()
    write_mo(binary, catalogue)
    binary.seek(0)
    return gettext.GNUTranslations(binary)


def clear_cache() -> None:
    """Read the folders and catalogues again."""
    languages.cache_clear()
    translations.cache_clear()


def translate(message: str, language: str, /, **fields: object) -> str:
    """Return a message in a language, with its fields filled in."""
    if not message:  # the empty msgid is a catalogue's header
        return ""
    return _fill(translations(language).gettext(message), message, fields)


def translate_in(context: str, message: str, language: str, /) -> str:
    """Return a message in a language; `context` tells apart what is the same in English."""
    return translations(language).pgettext(context, message)


def plural(one: str, many: str, count: int, language: str, /, **fields: object) -> str:
    """Return the plural form of a message for a count, which is the field `count` too."""
    text = translations(language).ngettext(one, many, count)
    return _fill(text, one if count == 1 else many, {"count": count, **fields})


def _fill(text: str, message: str, fields: dict[str, object]) -> str:
    if not fields:
        return text
    try:
        return text.format(**fields)
    except (KeyError, IndexError, ValueError, AttributeError) as error:
        # tests/unit/i18n holds the catalogues to the messages' fields; a broken one costs a word.
        log.error("message format failed", message=message, error=str(error))  # noqa: TRY400
        return message


def locale_of(language: str) -> babel.Locale:
    """Return Babel's locale of a language; English where it has none."""
    try:
        return babel.Locale.parse(language)
    except (ValueError, babel.UnknownLocaleError):
        return babel.Locale.parse(ENGLISH)


def language_name(language: str) -> str:
    """Return a language's own name for itself."""
    locale = locale_of(language)
    return (locale.get_display_name(locale) or language).capitalize()


def date_time(at: datetime, language: str, zone: tzinfo) -> str:
    """Return a moment in a zone as a language writes it, to the minute."""
    return babel.dates.format_datetime(
        at.astimezone(zone), "short", locale=locale_of(language)
    ).replace("\u202f", " ")


def number(value: float | Decimal, language: str) -> str:
    """Return a number with a language's separators."""
    return babel.numbers.format_decimal(value, locale=locale_of(language))


def negotiate(accept_language: str) -> str:
    """Return the best available language of an Accept-Language field (RFC 9110 §12.5.4)."""
    wanted: list[tuple[float, int, str]] = []
    for place, part in enumerate(accept_language.split(",")[:20]):
        tag, _, parameter = part.partition(";")
        language = tag.strip().partition("-")[0].lower()
        try:
            weight = float(parameter.partition("=")[2] or 1)
        except ValueError:
            weight = 0.0
        if weight > 0 and language in languages():
            wanted.append((-weight, place, language))
    return min(wanted)[2] if wanted else ENGLISH


def environment_language() -> str:
    """Return the language of the process's environment (POSIX XBD §8.2).

    LANGUAGE, GNU gettext's list of preferences, goes before the locale, but not where that is C.
    """
    locale = next(filter(None, map(os.environ.get, ("LC_ALL", "LC_MESSAGES", "LANG"))), "")
    wanted = [locale]
    if locale.partition(".")[0] not in ("C", "POSIX"):
        wanted = [*os.environ.get("LANGUAGE", "").split(":"), locale]
    codes = (re.split(r"[_.@]", name)[0].lower() for name in wanted)
    return next((code for code in codes if code in languages()), ENGLISH)
