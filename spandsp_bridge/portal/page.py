"""Pages: templates, words in the reader's language, times in the reader's zone."""

import functools
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from spandsp_bridge.errors import VfaxError
from spandsp_bridge.i18n import error_text, label, sentence, translate, word
from spandsp_bridge.numbers import zone_of
from spandsp_bridge.portal.words import ENGLISH, LANGUAGES
from spandsp_bridge.web.access import Principal
from spandsp_bridge.web.language import accepted_language

HERE = Path(__file__).parent
STATIC = HERE / "static"


@functools.cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(HERE / "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters["cap"] = lambda text: text[:1].upper() + text[1:]
    environment.filters["kb"] = lambda octets: f"{octets / 1000:.0f} kB"
    environment.globals["static"] = static
    # A word of ours that has a name for readers; every language has the same ones.
    environment.globals["known"] = ENGLISH.__contains__
    return environment


@functools.cache
def static(name: str) -> str:
    """Return the path of a static file; its content is in the name, so that it never changes."""
    digest = hashlib.sha256((STATIC / name).read_bytes()).hexdigest()[:12]
    return f"/static/{digest}/{name}"


def translator(language: str) -> Callable[..., str]:
    """Return the function that says an English text in a language; `{}` stand for values."""
    words = LANGUAGES.get(language, {})

    def say(text: str, *values: object) -> str:
        return words.get(text, text).format(*values) if values else words.get(text, text)

    return say


def clock(principal: Principal | None) -> Callable[[datetime | None], str]:
    """Return the function that writes a time in the reader's zone."""
    zone = zone_of(principal.time_zone) if principal else UTC

    def write(at: datetime | None) -> str:
        return f"{at.astimezone(zone):%Y-%m-%d %H:%M}" if at else "–"

    return write


def fragment(request: Request, principal: Principal | None, template: str, **facts: Any) -> str:
    """Return HTML."""
    language = language_of(request, principal)
    return _environment().get_template(template).render(
        request=request,
        path=request.url.path,
        me=principal,
        language=language,
        t=translator(language),
        when=clock(principal),
        sentence=lambda reason, detail: sentence(reason, detail, language),
        error_text=lambda error: _error_text(error, language),
        label=lambda reason: label(reason, language),
        word=lambda kind, value: word(kind, value, language),
        **facts,
    )  # fmt: skip


def _error_text(error: VfaxError | str, language: str) -> str:
    """Return an error, or a message of the portal's own, in a language."""
    return (
        error_text(error, language) if isinstance(error, VfaxError) else translate(error, language)
    )


def page(
    request: Request, principal: Principal | None, template: str, status: int = 200, **facts: Any
) -> HTMLResponse:
    """Return a page."""
    return HTMLResponse(fragment(request, principal, template, **facts), status)


def language_of(request: Request, principal: Principal | None) -> str:
    """Return the language of a page: the user's, else one that the browser accepts."""
    if principal is not None:
        return principal.language
    return accepted_language(request)
