"""Pages: templates, texts in the reader's language, times in the reader's zone.

Templates say `_("constant text with {field}", field=value)` and `ngettext(one, many, count)`: the
functions of spandsp_bridge.i18n with the page's language. jinja2.ext.i18n would fill messages with
`%`; ours have the fields of str.format, as in the rest of the catalogue. Its extractor finds both.
"""

import functools
import hashlib
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from spandsp_bridge.i18n import (
    audit_text,
    error_text,
    label,
    plural,
    sentence,
    translate,
    word,
)
from spandsp_bridge.numbers import zone_of
from spandsp_bridge.portal.fax_status import status_of
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
    environment.globals["status_of"] = status_of
    return environment


@functools.cache
def static_digest() -> str:
    """Return a digest of all static files, which is in their paths so that they can be cached."""
    digest = hashlib.sha256()
    for path in sorted(STATIC.iterdir()):
        digest.update(path.name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:12]


def static(name: str) -> str:
    """Return the path of a static file."""
    return f"/static/{static_digest()}/{name}"


def server_event(name: str, html: str) -> str:
    """Return a server-sent event (HTML §9.2) that carries HTML."""
    lines = "".join(f"data: {line}\n" for line in html.splitlines() if line.strip())
    return f"event: {name}\n{lines}\n"


def clock(principal: Principal | None) -> Callable[[datetime | None], str]:
    """Return the function that writes a time in the reader's time zone."""
    zone = zone_of(principal.time_zone) if principal else UTC

    def write(at: datetime | None) -> str:
        return f"{at.astimezone(zone):%Y-%m-%d %H:%M}" if at else "–"

    return write


def fragment(request: Request, principal: Principal | None, template: str, **facts: Any) -> str:
    """Return HTML."""
    language = language_of(request, principal)
    return (
        _environment()
        .get_template(template)
        .render(
            request=request,
            path=request.url.path,
            me=principal,
            language=language,
            _=lambda message, **fields: translate(message, language, **fields),
            ngettext=lambda one, many, count, **fields: plural(
                one, many, count, language, **fields
            ),
            when=clock(principal),
            sentence=lambda reason, detail: sentence(reason, detail, language),
            error_text=lambda error: error_text(error, language),
            label=lambda reason: label(reason, language),
            word=lambda kind, value: word(kind, value, language),
            audit_text=lambda detail: audit_text(detail, language),
            **facts,
        )
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
