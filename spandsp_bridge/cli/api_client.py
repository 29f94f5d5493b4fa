"""The fax commands by the REST API of an installation, as the company of an API key."""

import base64
from collections.abc import Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

import httpx

from spandsp_bridge.cli.client import Broadcast, DocumentKind, FaxDetails
from spandsp_bridge.errors import (
    DocumentError,
    SetupError,
    UnavailableError,
    UserError,
    VfaxError,
)
from spandsp_bridge.i18n import environment_language
from spandsp_bridge.model import FaxStatus
from spandsp_bridge.outbound.submit import Destination
from spandsp_bridge.reasons import Reason, reason_of
from spandsp_bridge.store.documents import File
from spandsp_bridge.store.fax_rows import Fax
from spandsp_bridge.store.submissions import SendOptions

TIMEOUT = 120.0
PAGE_LIMIT = 200  #: faxes in one answer of the API
FILES: dict[DocumentKind, str] = {
    "pdf": "document.pdf",
    "tiff": "document.tiff",
    "receipt": "receipt.pdf",
}


class ApiClient:
    """An async context manager."""

    def __init__(
        self, url: str, key: str, transport: httpx.AsyncBaseTransport | None = None
    ) -> None:
        self._url = url.rstrip("/").removesuffix("/v1")
        self._client = httpx.AsyncClient(
            base_url=f"{self._url}/v1",
            timeout=TIMEOUT,
            headers={
                "authorization": f"Bearer {key}",
                "accept-language": environment_language(),
            },
            transport=transport,
        )

    async def __aenter__(self) -> "ApiClient":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def send(self, sender: str, to: str, files: Sequence[File], options: SendOptions) -> Fax:
        """Put documents into the queue as one fax."""
        body = {**await self._new(sender, files, options), "to": to}
        key = options.idempotency_key
        headers = {"Idempotency-Key": key} if key else {}
        return _fax(await self._data("POST", "/faxes", json=body, headers=headers))

    async def fax(self, fax_id: int) -> Fax:
        """Return one fax."""
        return _fax(await self._data("GET", f"/faxes/{fax_id}"))

    async def stage(self, fax_id: int) -> str:
        """Return nothing: the API has live stages in its event stream alone."""
        del fax_id
        return ""

    async def details(self, fax_id: int) -> FaxDetails:
        """Return the attempts, deliveries and queue position of a fax."""
        queue = await self._data("GET", f"/faxes/{fax_id}/queue")
        if queue is not None:
            queue["expected_at"] = datetime.fromisoformat(queue["expected_at"])
        return FaxDetails(
            attempts=await self._data("GET", f"/faxes/{fax_id}/attempts"),
            deliveries=await self._data("GET", f"/faxes/{fax_id}/deliveries"),
            queue=queue,
        )

    async def faxes(self, limit: int, company_id: int | None) -> list[Fax]:
        """Return the newest faxes of the key's company."""
        if company_id is not None:
            raise UserError("an API key sees its own company only: omit --company")
        faxes: list[Fax] = []
        cursor: str | None = None
        while len(faxes) < limit:
            wanted = {"limit": min(limit - len(faxes), PAGE_LIMIT), "cursor": cursor}
            params = {name: value for name, value in wanted.items() if value is not None}
            page = (await self._request("GET", "/faxes", params=params)).json()
            faxes += map(_fax, page["data"])
            cursor = page["next"]
            if cursor is None:
                break
        return faxes

    async def document(self, fax_id: int, kind: DocumentKind) -> bytes:
        """Return a document of a fax; the API records who read it."""
        return (await self._request("GET", f"/faxes/{fax_id}/{FILES[kind]}")).content

    async def cancel(self, fax_id: int) -> None:
        """End an outbound fax."""
        await self._request("POST", f"/faxes/{fax_id}/actions/cancel")

    async def resend(self, fax_id: int) -> Fax:
        """Send a fax that has ended again; return the new fax."""
        return _fax(await self._data("POST", f"/faxes/{fax_id}/actions/resend"))

    async def replay(self, delivery_id: int) -> int:
        """Repeat a delivery; return the id of the new one."""
        return int((await self._data("POST", f"/deliveries/{delivery_id}/actions/replay"))["id"])

    async def send_broadcast(
        self,
        sender: str,
        to: list[Destination],
        files: Sequence[File],
        options: SendOptions,
        name: str,
    ) -> Broadcast:
        """Put documents into the queue as one fax to each destination."""
        body = {
            **await self._new(sender, files, options),
            "name": name,
            "destinations": [{"to": row.number, "name": row.name} for row in to],
        }
        return _broadcast(await self._data("POST", "/broadcasts", json=body))

    async def broadcast(self, broadcast_id: int) -> Broadcast:
        """Return the state of a broadcast."""
        return _broadcast(await self._data("GET", f"/broadcasts/{broadcast_id}"))

    async def _new(
        self, sender: str, files: Sequence[File], options: SendOptions
    ) -> dict[str, Any]:
        return {
            "virtual_fax_id": await self._virtual_fax(sender),
            "documents": [
                {"name": name[-255:], "content": base64.b64encode(data).decode()}
                for name, data in files
            ],
            "cover": options.cover,
            "resolution": options.resolution,
            "pictures": options.pictures,
            "priority": options.priority,
            "send_at": options.send_at.isoformat() if options.send_at else None,
        }

    async def _virtual_fax(self, text: str) -> int:
        if text.isascii() and text.isdigit() and len(text) < 19:
            return int(text)
        name = text.rpartition("/")[2]
        for row in await self._data("GET", "/virtual-faxes"):
            if row["name"] == name:
                return int(row["id"])
        raise UserError("there is no virtual fax {name!r} in the company of the API key", name=name)

    async def _data(self, method: str, path: str, **options: Any) -> Any:
        return (await self._request(method, path, **options)).json()["data"]

    async def _request(self, method: str, path: str, **options: Any) -> httpx.Response:
        """Make a request. Raises UserError, DocumentError or SetupError for a problem."""
        try:
            response = await self._client.request(method, path, **options)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise SetupError(
                "the API at {url} cannot be reached ({error}): check VFAX_API_URL",
                url=self._url,
                error=" ".join(filter(None, (type(error).__name__, str(error)))),
            ) from error
        if response.status_code < 400:
            return response
        try:
            problem = response.json()
            detail, reason = str(problem["detail"]), str(problem["reason"])
        except (ValueError, KeyError, TypeError):
            raise SetupError(
                "{url} answered {status} and not as a virtualfax API: check VFAX_API_URL",
                url=self._url,
                status=response.status_code,
            ) from None
        raise _error(response.status_code, detail, reason)


def _error(status: int, detail: str, reason: str) -> VfaxError:
    """Return a problem document of the API as the error that it was made of."""
    if status in (401, 403):
        return SetupError("{problem} check VFAX_API_KEY", problem=detail)
    if status >= 500:
        return UnavailableError("{problem}", problem=detail)
    if reason in set(Reason):
        return DocumentError(reason, "{problem}", problem=detail)
    return UserError("{problem}", problem=detail)


FAX_TIMES = ("created_at", "started_at", "finished_at", "send_at", "read_at")


def _fax(shape: dict[str, Any]) -> Fax:
    """Return a fax of the API as the store's; what the API does not show is 0 or None."""
    outgoing = shape["direction"] == "out"
    times = {
        name: datetime.fromisoformat(shape[name]) if shape[name] else None for name in FAX_TIMES
    }
    values: dict[str, Any] = {
        **dict.fromkeys(field.name for field in fields(Fax)),
        **{name: value for name, value in shape.items() if name not in ("from", "to")},
        **times,
        "send_at": times["send_at"] or times["created_at"],
        "brand_id": 0,
        "company_id": 0,
        "status": FaxStatus(shape["status"]),
        "reason": reason_of(shape["reason"]),
        "local_number": shape["from" if outgoing else "to"],
        "remote_number": shape["to" if outgoing else "from"],
    }
    return Fax(**{field.name: values[field.name] for field in fields(Fax)})


def _broadcast(shape: dict[str, Any]) -> Broadcast:
    created_at = datetime.fromisoformat(shape["created_at"])
    return Broadcast(**{**shape, "created_at": created_at, "company_id": 0})
