"""Cover pages: a company's template (Jinja2, simple HTML) with what the sender wrote.

A template computes, and is a stranger's: it is filled in by the sandboxed child that makes the
pages (`html`), never by us.
"""

from dataclasses import asdict, dataclass
from typing import Any

from jinja2 import TemplateError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from spandsp_bridge.errors import UserError

#: What a company without a template of its own gets.
STANDARD = """\
<h1>{{ title }}</h1>
<table border="0" width="100%">
<tr><td width="20%"><b>{{ words.to }}</b></td>
<td width="80%">{{ to_name }} {{ to_number }}</td></tr>
<tr><td><b>{{ words.sender }}</b></td><td>{{ from_name }} {{ from_number }}</td></tr>
<tr><td><b>{{ words.date }}</b></td><td>{{ date }}</td></tr>
{% if subject %}<tr><td><b>{{ words.subject }}</b></td><td>{{ subject }}</td></tr>{% endif %}
</table>
<p></p>
{% for paragraph in text.splitlines() %}<p>{{ paragraph }}</p>
{% endfor %}"""

CONTINUATION = """\
<h1>{{ words.continuation }}</h1>
<p>{{ words.arrived.format(confirmed, pages) }}</p>
<p>{{ words.follows.format(confirmed + 1, pages) }}</p>
<p>{{ words.sender }}: {{ from_number }}</p>"""

WORDS = {
    "en": {
        "title": "Fax", "to": "To", "sender": "From", "date": "Date", "subject": "Subject",
        "continuation": "Continuation of a fax",
        "arrived": "The call was cut off: {0} of {1} pages had arrived.",
        "follows": "This call goes on with page {0} of {1}.",
    },
    "es": {
        "title": "Fax", "to": "Para", "sender": "De", "date": "Fecha", "subject": "Asunto",
        "continuation": "Continuación de un fax",
        "arrived": "La llamada se cortó: habían llegado {0} de {1} páginas.",
        "follows": "Esta llamada sigue con la página {0} de {1}.",
    },
}  # fmt: skip
MAX_TEXT = 20_000


@dataclass(frozen=True, slots=True)
class Cover:
    """What a cover page says."""

    to_number: str
    from_number: str
    to_name: str = ""
    from_name: str = ""
    subject: str = ""
    text: str = ""
    date: str = ""


SAID = ("to_name", "from_name", "subject", "text")  #: what the sender writes


def words_of(language: str) -> dict[str, str]:
    """Return the words of a language; English where it is not known."""
    return WORDS.get(language, WORDS["en"])


@dataclass(frozen=True, slots=True)
class CoverPage:
    """A page to be made: a template, and what it may name."""

    template: str
    facts: dict[str, Any]
    language: str = "en"


def page(cover: Cover, template: str = "", language: str = "en") -> CoverPage:
    """Return a cover page, to be made."""
    facts = {**asdict(cover), "text": cover.text[:MAX_TEXT]}
    return CoverPage(template or STANDARD, facts, language)


def continuation(from_number: str, confirmed: int, pages: int, language: str = "en") -> CoverPage:
    """Return the page that comes before the rest of a fax that was cut off."""
    facts = {"from_number": from_number, "confirmed": confirmed, "pages": pages}
    return CoverPage(CONTINUATION, facts, language)


def html(page: CoverPage) -> str:
    """Fill in the template of a page. Raises UserError when it is wrong."""
    words = words_of(page.language)
    environment = ImmutableSandboxedEnvironment(autoescape=True)
    facts = {**page.facts, "words": words, "title": words["title"]}
    try:
        return environment.from_string(page.template).render(**facts)
    except TemplateError as error:
        raise UserError(
            f"the cover page's template is wrong: {error}; see cover_pages.html"
        ) from error
    except Exception as error:  # a template computes: whatever it stumbles over is its own
        raise UserError(
            f"the cover page's template cannot be filled in: {error}; see cover_pages.html"
        ) from error
