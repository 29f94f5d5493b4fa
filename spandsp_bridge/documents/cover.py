"""Cover pages: a company's template (Jinja2, simple HTML) with what the sender wrote."""

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


def page(cover: Cover, template: str = "", language: str = "en") -> str:
    """Return the HTML of a cover page. Raises UserError when the template is wrong."""
    facts = {**asdict(cover), "text": cover.text[:MAX_TEXT]}
    return _filled(template or STANDARD, language, **facts)


def continuation(from_number: str, confirmed: int, pages: int, language: str = "en") -> str:
    """Return the HTML of the page that comes before the rest of a fax that was cut off."""
    return _filled(CONTINUATION, language, from_number=from_number, confirmed=confirmed,
                   pages=pages)  # fmt: skip


def _filled(template: str, language: str, **facts: Any) -> str:
    words = words_of(language)
    environment = ImmutableSandboxedEnvironment(autoescape=True)
    try:
        return environment.from_string(template).render(**facts, words=words, title=words["title"])
    except TemplateError as error:
        raise UserError(
            f"the cover page's template is wrong: {error}; see cover_pages.html"
        ) from error
    except Exception as error:  # a template computes: whatever it stumbles over is its own
        raise UserError(
            f"the cover page's template cannot be filled in: {error}; see cover_pages.html"
        ) from error
