"""Errors as RFC 9457 problem details: every one names the thing, the reason and the remedy."""

from collections.abc import Iterator
from http import HTTPStatus

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.routing import Match

from spandsp_bridge.errors import DocumentError, UserError
from spandsp_bridge.store.config import NotFoundError
from spandsp_bridge.store.errors import DatabaseUnavailable
from spandsp_bridge.web.access import ForbiddenError, NotLoggedInError, TooManyError

log = structlog.get_logger(__name__)

MEDIA_TYPE = "application/problem+json"
#: What the OpenAPI document says of every route.
RESPONSES: dict[int | str, dict[str, object]] = {
    code: {
        "description": HTTPStatus(code).phrase,
        "content": {MEDIA_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}},
    }
    for code in (400, 401, 403, 404, 409, 413, 422, 429, 503)
}


class ConflictError(UserError):
    """The request contradicts what is there."""


def problem(status: int, detail: str, reason: str = "", **headers: str) -> JSONResponse:
    """Return a problem. `reason` is a stable word for programs."""
    phrase = HTTPStatus(status).phrase
    body = {
        "type": "about:blank",
        "title": phrase,
        "status": status,
        "detail": detail,
        "reason": reason or phrase.lower().replace(" ", "_"),
    }
    return JSONResponse(body, status, headers or None, MEDIA_TYPE)


def problem_of(error: Exception) -> Response:
    """Return the problem that an exception is."""
    match error:
        case DocumentError():
            return problem(422, f"{error}.", error.reason)
        case NotFoundError():
            return problem(404, f"{error}.")
        case ConflictError():
            return problem(409, f"{error}.")
        case UserError():
            return problem(422, f"{error}.", "invalid_request")
        case NotLoggedInError():
            return problem(
                401, "Send a key that is in force, as Authorization: Bearer vfax_...",
                **{"WWW-Authenticate": "Bearer"},
            )  # fmt: skip
        case ForbiddenError():
            return problem(403, f"{error}.")
        case TooManyError():
            return problem(
                429, f"{error}.", **{"Retry-After": str(max(1, round(error.seconds)))}
            )  # fmt: skip
        case RequestValidationError():
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"] if part not in ("body", "query"))
            return problem(422, f"{where or 'the request'}: {first['msg']}.", "invalid_request")
        case HTTPException():
            return problem(error.status_code, f"{error.detail}.", **dict(error.headers or {}))
        case DatabaseUnavailable() | OSError():
            log.warning("a request waits for PostgreSQL in vain", error=str(error)[:200])
            return problem(
                503, "The database is away: try again in a moment.", **{"Retry-After": "5"}
            )
        case _:
            log.exception("a request failed", exc_info=error)
            return problem(500, "Something is wrong inside the fax system; see its log.")


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
        made = problem_of(error)
        if made.status_code == 405:
            made.headers["Allow"] = ", ".join(methods_of(request))
        return made

    for kind in (UserError, NotLoggedInError, ForbiddenError, TooManyError, RequestValidationError,
                 HTTPException, DatabaseUnavailable, OSError, Exception):  # fmt: skip
        app.add_exception_handler(kind, answer)
