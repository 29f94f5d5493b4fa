"""Errors as RFC 9457 problem details: every one names the thing, the reason and the remedy."""

from collections.abc import Iterator
from http import HTTPStatus

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.routing import Match

from spandsp_bridge.errors import VfaxError
from spandsp_bridge.web.language import accepted_language
from spandsp_bridge.web.problems import problem_of

MEDIA_TYPE = "application/problem+json"
#: What the OpenAPI document says of every route.
RESPONSES: dict[int | str, dict[str, object]] = {
    code: {
        "description": HTTPStatus(code).phrase,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for code in (400, 401, 403, 404, 409, 413, 422, 429, 503)
}


def problem(request: Request, error: Exception) -> JSONResponse:
    """Return the problem document that an error is, in the language that the client accepts."""
    language = accepted_language(request)
    found = problem_of(error, language)
    body = {
        "type": "about:blank",
        "title": found.title,
        "status": found.status,
        "detail": found.detail,
        "reason": found.reason,
    }
    headers = {**found.headers, "Content-Language": language}
    return JSONResponse(body, found.status, headers, MEDIA_TYPE)


def methods_of(request: Request) -> list[str]:
    """Return the methods that a path takes, of all its routes (RFC 9110 §15.5.6)."""
    found: set[str] = set()
    for route in routes_of(request.app):
        match, _ = route.matches(request.scope)
        if match is not Match.NONE:
            found |= set(route.methods or ())
    return sorted(found)


def routes_of(app: FastAPI) -> Iterator[APIRoute]:
    """Yield the routes of an application, those of its routers among them."""
    for route in app.routes:
        router = getattr(route, "original_router", None)
        for found in router.routes if router is not None else [route]:
            if isinstance(found, APIRoute):
                yield found


def install(app: FastAPI) -> None:
    """Have an application answer with problems."""

    async def answer(request: Request, error: Exception) -> Response:
        made = problem(request, error)
        if made.status_code == 405:
            made.headers["Allow"] = ", ".join(methods_of(request))
        return made

    for kind in (VfaxError, RequestValidationError, HTTPException, OSError, Exception):
        app.add_exception_handler(kind, answer)
