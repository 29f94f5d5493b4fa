"""Errors as pages; as problem documents for clients that do not accept HTML."""

import contextlib
from urllib.parse import quote

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from spandsp_bridge.api import problems
from spandsp_bridge.errors import NotLoggedInError
from spandsp_bridge.portal.page import language_of, page
from spandsp_bridge.web.access import ALL_ROLES, Principal, allow
from spandsp_bridge.web.problems import problem_of


async def answer(request: Request, error: Exception) -> Response:
    """Return an error as a page; a reader who is not logged in goes to the log-in page."""
    if "text/html" not in request.headers.get("accept", ""):
        return problems.problem(request, error)
    if isinstance(error, NotLoggedInError):
        if request.method == "GET":
            to = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse(f"/login?to={quote(to, safe='/')}", 303)
        error = NotLoggedInError("you are not logged in: log in again")
    me = await _principal(request)
    problem = problem_of(error, language_of(request, me))
    response = page(request, me, "error.html", problem.status, problem=problem)
    response.headers.update(problem.headers)
    return response


async def _principal(request: Request) -> Principal | None:
    """Return the reader, for the menu of the page; None where the lookup fails too."""
    if request.method != "GET":
        return None
    with contextlib.suppress(Exception):
        return await allow(ALL_ROLES)(request)
    return None
