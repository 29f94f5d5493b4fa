"""The site: the portal, and the API below `/v1`, as one application."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote

import structlog
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse, RedirectResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from spandsp_bridge.api import problems
from spandsp_bridge.api.broadcasts import broadcasts
from spandsp_bridge.api.config import routers
from spandsp_bridge.api.faxes import events
from spandsp_bridge.api.faxes import faxes as api_faxes
from spandsp_bridge.api.shapes import NewBroadcast, NewFax, Problem
from spandsp_bridge.documents.render import MAX_BYTES
from spandsp_bridge.errors import NotLoggedInError, VfaxError
from spandsp_bridge.portal.brand_pages import operators
from spandsp_bridge.portal.config_pages import config
from spandsp_bridge.portal.fax_pages import faxes
from spandsp_bridge.portal.page import STATIC, language_of, page, static
from spandsp_bridge.portal.send_pages import sending
from spandsp_bridge.portal.session_pages import Open, sessions
from spandsp_bridge.web.access import EVERYBODY, Principal, allow
from spandsp_bridge.web.problems import problem_of
from spandsp_bridge.web.state import Web, web_of

log = structlog.get_logger(__name__)

#: No script and no style but our own files; nobody frames us; no forms to elsewhere.
POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:;"
    " connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'"
)
HEADERS = {
    "content-security-policy": POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), microphone=(), geolocation=()",
}
MOST_OCTETS = 2 * MAX_BYTES  #: of a body: documents in base64, and what is around them
FOREVER = "public, max-age=31536000, immutable"


class SecureHeaders:
    """Puts our headers on every answer, and keeps pages out of shared caches."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message["headers"]}
                added = dict(HEADERS)
                if b"cache-control" not in present:
                    added["cache-control"] = "no-store"
                message["headers"] = [
                    *message["headers"], *((n.encode(), v.encode()) for n, v in added.items())
                ]  # fmt: skip
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)


class BodyLimit:
    """Ends a request whose body is longer than any document may be, however it is sent."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, and count its body."""
        came = 0

        async def counted() -> Message:
            nonlocal came
            message = await receive()
            came += len(message.get("body", b""))
            if came > MOST_OCTETS:
                raise HTTPException(413, f"At most {MAX_BYTES // 2**20} MiB can be faxed")
            return message

        await self._app(scope, counted if scope["type"] == "http" else receive, send)


files = APIRouter()


@files.get("/static/{digest}/{name}")
async def static_file(_: Open, digest: str, name: str) -> Response:
    """Return a static file; its name has its content's digest, so that it is cached for good."""
    path = STATIC / name
    if path.parent != STATIC or not path.is_file() or static(name) != f"/static/{digest}/{name}":
        if name == "icon.svg":  # named by the style sheet, relative to itself
            return FileResponse(STATIC / name, headers={"cache-control": FOREVER})
        raise HTTPException(404, "There is no such file")
    return FileResponse(path, headers={"cache-control": FOREVER})


@files.get("/health")
async def health(request: Request, _: Open) -> dict[str, str]:
    """Tell a load balancer that we and the database are there."""
    await web_of(request).database.ping()
    return {"status": "ok"}


def make_api(web: Web) -> FastAPI:
    """Return the API."""
    api = FastAPI(
        title="Virtual fax",
        version="1",
        description="Send and receive faxes. Every error is a problem of RFC 9457.",
        docs_url=None, redoc_url=None, responses=problems.RESPONSES,
        servers=[{"url": "/v1"}], root_path_in_servers=False,
    )  # fmt: skip
    api.state.web = web
    problems.install(api)
    for router in (api_faxes, broadcasts, events, *routers()):
        api.include_router(router)
    document = api.openapi

    def openapi() -> dict[str, Any]:
        made = document()
        schemas = made.setdefault("components", {}).setdefault("schemas", {})
        for model in (Problem, NewFax, NewBroadcast):
            schema = model.model_json_schema(ref_template="#/components/schemas/{model}")
            schemas.update(schema.pop("$defs", {}))
            schemas[model.__name__] = schema
        made["components"]["securitySchemes"] = {"key": {"type": "http", "scheme": "bearer"}}
        made["security"] = [{"key": []}]
        return made

    api.openapi = openapi  # type: ignore[method-assign]
    return api


def make_site(web: Web) -> FastAPI:
    """Return the whole site."""

    @contextlib.asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        looking = asyncio.create_task(web.hub.run())
        try:
            yield
        finally:
            looking.cancel()

    site = FastAPI(openapi_url=None, lifespan=lifespan)
    site.state.web = web
    site.mount("/v1", make_api(web))
    for router in (files, sessions, faxes, sending, config, operators):
        site.include_router(router)
    for kind in (VfaxError, RequestValidationError, HTTPException, OSError, Exception):
        site.add_exception_handler(kind, _answer)
    site.add_middleware(BodyLimit)
    site.add_middleware(SecureHeaders)
    return site


async def _answer(request: Request, error: Exception) -> Response:
    """Show an error as a page; to programs as a problem document."""
    if "text/html" not in request.headers.get("accept", ""):
        return problems.problem(request, error)
    if isinstance(error, NotLoggedInError):
        if request.method == "GET":
            to = request.url.path + (f"?{request.url.query}" if request.url.query else "")
            return RedirectResponse(f"/login?to={quote(to, safe='/')}", 303)
        error = NotLoggedInError("you are not logged in, or no longer")
    me = await _asking(request)
    found = problem_of(error, language_of(request, me))
    answer = page(request, me, "error.html", found.status, title=found.title, detail=found.detail)
    answer.headers.update(found.headers)
    return answer


async def _asking(request: Request) -> Principal | None:
    """Return who asks, where that can be told without trouble."""
    if request.method != "GET":
        return None
    with contextlib.suppress(Exception):
        return await allow(EVERYBODY)(request)
    return None
