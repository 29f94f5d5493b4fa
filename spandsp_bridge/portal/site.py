"""The site: the portal, and the API under `/v1`, as one application."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import structlog
from fastapi import APIRouter, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import FileResponse
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from spandsp_bridge.api import problems
from spandsp_bridge.api.broadcasts import broadcasts
from spandsp_bridge.api.config import routers
from spandsp_bridge.api.faxes import events
from spandsp_bridge.api.faxes import faxes as api_faxes
from spandsp_bridge.api.shapes import NewBroadcast, NewFax, Problem
from spandsp_bridge.documents.render import MAX_BYTES
from spandsp_bridge.errors import NotFoundError, VfaxError
from spandsp_bridge.portal.brand_pages import operators
from spandsp_bridge.portal.config_pages import config
from spandsp_bridge.portal.error_page import answer
from spandsp_bridge.portal.fax_documents import documents
from spandsp_bridge.portal.fax_lists import lists
from spandsp_bridge.portal.fax_pages import faxes
from spandsp_bridge.portal.key_pages import keys
from spandsp_bridge.portal.page import STATIC, static_digest
from spandsp_bridge.portal.send_pages import sending
from spandsp_bridge.portal.session_pages import Open, sessions
from spandsp_bridge.web.state import Web, web_of

log = structlog.get_logger(__name__)

#: Scripts and styles from our own files only; no frames; forms to this site only.
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
MAX_OCTETS = 2 * MAX_BYTES  #: of a body: documents in base64, and what is around them
IMMUTABLE = "public, max-age=31536000, immutable"


class SecureHeaders:
    """Adds HEADERS to every answer, and keeps pages out of caches."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward a request."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                present = {name.lower() for name, _ in message["headers"]}
                added = dict(HEADERS)
                if b"cache-control" not in present:
                    added["cache-control"] = "no-store"
                message["headers"] = [
                    *message["headers"],
                    *((n.encode(), v.encode()) for n, v in added.items()),
                ]
            await send(message)

        await self._app(scope, receive, with_headers if scope["type"] == "http" else send)


class BodyLimit:
    """Refuses a request whose body is longer than any document may be, also in chunks."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Forward a request, and count the octets of its body."""
        received = 0

        async def counted() -> Message:
            nonlocal received
            message = await receive()
            received += len(message.get("body", b""))
            if received > MAX_OCTETS:
                # MAX_BYTES, in words: a message of the catalogues is constant.
                raise HTTPException(413, "At most 100 MiB can be faxed")
            return message

        await self._app(scope, counted if scope["type"] == "http" else receive, send)


files = APIRouter()


@files.get("/static/{digest}/{name}")
async def static_file(_: Open, digest: str, name: str) -> Response:
    """Return a static file; the digest of all of them is in the path, so it may be cached."""
    path = STATIC / name
    if path.parent != STATIC or not path.is_file() or digest != static_digest():
        raise NotFoundError("not found")
    return FileResponse(path, headers={"cache-control": IMMUTABLE})


@files.get("/health")
async def health(request: Request, _: Open) -> dict[str, str]:
    """Answer a load balancer: the portal and its database are available."""
    await web_of(request).database.ping()
    return {"status": "ok"}


def make_api(web: Web) -> FastAPI:
    """Return the API."""
    api = FastAPI(
        title="Virtual fax",
        version="1",
        description="Send and receive faxes. Every error is a problem of RFC 9457.",
        docs_url=None,
        redoc_url=None,
        responses=problems.RESPONSES,
        servers=[{"url": "/v1"}],
        root_path_in_servers=False,
    )
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
        polling = asyncio.create_task(web.hub.run())
        try:
            yield
        finally:
            polling.cancel()

    site = FastAPI(openapi_url=None, lifespan=lifespan)
    site.state.web = web
    site.mount("/v1", make_api(web))
    for router in (files, sessions, faxes, documents, lists, sending, config, keys, operators):
        site.include_router(router)
    for kind in (VfaxError, RequestValidationError, HTTPException, OSError, Exception):
        site.add_exception_handler(kind, answer)
    site.add_middleware(BodyLimit)
    site.add_middleware(SecureHeaders)
    return site
