"""Requests that carry documents: as JSON, or as a form with files."""

import base64
import binascii
import json
from pathlib import PurePosixPath
from typing import TypeVar
from urllib.parse import urlsplit

from fastapi import Request
from pydantic import ValidationError
from starlette.datastructures import UploadFile as FormFile

from spandsp_bridge.api.shapes import Content, Documents
from spandsp_bridge.delivery import safe_http
from spandsp_bridge.documents.render import MAX_BYTES
from spandsp_bridge.errors import DocumentError, UserError
from spandsp_bridge.reasons import Reason
from spandsp_bridge.settings import parse_networks
from spandsp_bridge.store.documents import File
from spandsp_bridge.web.state import Web

FETCH_SECONDS = 30.0
Model = TypeVar("Model", bound=Documents)


def openapi_body(schema: str, field: str) -> dict[str, object]:
    """Describe both forms of a request for OpenAPI; `field` holds the JSON in a form."""
    return {
        "requestBody": {
            "required": True,
            "content": {
                "application/json": {"schema": {"$ref": f"#/components/schemas/{schema}"}},
                "multipart/form-data": {
                    "schema": {
                        "type": "object",
                        "required": [field, "contents"],
                        "properties": {
                            field: {
                                "type": "string",
                                "description": f"The JSON of a {schema}, without its documents.",
                            },
                            "contents": {
                                "type": "array",
                                "items": {"type": "string", "format": "binary"},
                            },
                        },
                    }
                },
            },
        }
    }


async def read(
    request: Request, web: Web, model: type[Model], field: str
) -> tuple[Model, list[File]]:
    """Return a request and its documents, decoded or fetched. Raises UserError, DocumentError."""
    size = int(request.headers.get("content-length") or 0)
    if size > 2 * MAX_BYTES:
        raise DocumentError(Reason.DOCUMENT_TOO_LARGE, limit=MAX_BYTES // 2**20)
    try:
        if request.headers.get("content-type", "").startswith("multipart/form-data"):
            return await _read_form(request, model, field)
        parsed = model.model_validate(json.loads(await request.body()))
    except (ValueError, TypeError, RecursionError) as error:
        if isinstance(error, ValidationError):
            first = error.errors()[0]
            place = ".".join(map(str, first["loc"])) or "body"
            raise UserError("{field}: {error}", field=place, error=first["msg"]) from error
        raise UserError("the request is neither JSON nor a form") from error
    return parsed, [await _file(web, document) for document in parsed.documents]


async def _read_form(request: Request, model: type[Model], field: str) -> tuple[Model, list[File]]:
    form = await request.form(max_files=50, max_fields=10)
    values = json.loads(str(form.get(field) or "{}"))
    files = [
        (upload.filename or "document", await upload.read())
        for upload in form.getlist("contents")
        if isinstance(upload, FormFile)
    ]
    if not files:
        raise UserError("the form has no files: send them as contents")
    # The model requires documents, which a form has in its other part.
    return model.model_validate(
        {**values, "documents": [{"name": name} for name, _ in files]}
    ), files


async def _file(web: Web, document: Content) -> File:
    if (document.content is None) == (document.url is None):
        raise UserError("document {name!r} needs either its content or a url", name=document.name)
    if document.content is not None:
        try:
            return document.name, base64.b64decode(document.content, validate=True)
        except (binascii.Error, ValueError) as error:
            raise UserError("the content of {name!r} is not base64", name=document.name) from error
    url = document.url
    assert url is not None
    try:
        answer = await safe_http.request(
            "GET",
            url,
            parse_networks(web.settings.webhook_networks),
            FETCH_SECONDS,
            limit=MAX_BYTES,
        )
    except safe_http.RequestError as error:
        raise DocumentError(Reason.DOCUMENT_NOT_FETCHED, url=url, error=str(error)) from error
    if answer.status != 200:
        raise DocumentError(Reason.DOCUMENT_NOT_FETCHED, url=url, http=answer.status)
    name = document.name
    if name == "document.pdf":
        name = PurePosixPath(urlsplit(url).path).name or name
    return name, answer.body
