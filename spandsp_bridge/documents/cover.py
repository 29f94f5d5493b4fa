"""Cover pages: a company's template (Jinja2, simple HTML) and what the sender wrote.

Here a page is only described; the sandboxed child fills it in (`template`).
"""

from dataclasses import asdict, dataclass
from typing import Any

from spandsp_bridge.documents.job import CoverPage
from spandsp_bridge.i18n import translate, translate_in

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
<h1>{{ title }}</h1>
<p>{{ arrived }}</p>
<p>{{ follows }}</p>
<p>{{ words.sender }}: {{ from_number }}</p>"""

MAX_TEXT = 20_000  #: characters


@dataclass(frozen=True, slots=True)
class Cover:
    """The fields of a cover page."""

    to_number: str
    from_number: str
    to_name: str = ""
    from_name: str = ""
    subject: str = ""
    text: str = ""
    date: str = ""


WRITTEN = ("to_name", "from_name", "subject", "text")  #: the fields that the sender writes


def page(cover: Cover, template: str = "", language: str = "en") -> CoverPage:
    """Return a cover page of a template, or of the standard one."""
    facts = {**asdict(cover), "text": cover.text[:MAX_TEXT], **_words(language)}
    return CoverPage(template or STANDARD, facts)


def continuation(from_number: str, confirmed: int, pages: int, language: str = "en") -> CoverPage:
    """Return the page that precedes the rest of a fax whose call ended after `confirmed` pages."""
    arrived = translate(
        "The call was cut off: {confirmed} of {pages} pages had arrived.",
        language,
        confirmed=confirmed,
        pages=pages,
    )
    follows = translate(
        "This call continues with page {page} of {pages}.",
        language,
        page=confirmed + 1,
        pages=pages,
    )
    facts = {
        **_words(language),
        "title": translate("Continuation of a fax", language),
        "arrived": arrived,
        "follows": follows,
        "from_number": from_number,
    }
    return CoverPage(CONTINUATION, facts)


def _words(language: str) -> dict[str, Any]:
    """Return what a template may name beside the fields: `title`, and `words` of a form."""
    title = translate_in("cover page", "Fax", language)
    words = {
        "title": title,
        "to": translate_in("cover page", "To", language),
        "sender": translate_in("cover page", "From", language),
        "date": translate_in("cover page", "Date", language),
        "subject": translate_in("cover page", "Subject", language),
    }
    return {"title": title, "words": words}
