"""The API from the other side: what `vfax` uses when it is given a URL and a key."""

import base64
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import httpx

from spandsp_bridge.errors import DocumentError, SetupError, UserError
from spandsp_bridge.model import FaxStatus
from spandsp_bridge.store.documents import File
from spandsp_bridge.store.fax_rows import Fax
from spandsp_bridge.store.submissions import SendOptions

TIMEOUT = 120.0
TIMES = ("created_at", "started_at", "finished_at", "send_at", "read_at")


def fax_of(shape: dict[str, Any]) -> Fax:
    """Return a fax of the API as the rest of the command knows it."""
    outgoing = shape["direction"] == "out"
    times = {n: datetime.fromisoformat(shape[n]) if shape[n] else None for n in TIMES}
    same = ("id", "virtual_fax_id", "direction", "reason", "explanation", "remote_station_id",
            "pages", "pages_confirmed", "expected_seconds", "priority", "resend_of",
            "broadcast_id", "client_state", "test")  # fmt: skip
    values: dict[str, Any] = {
        **{name: shape[name] for name in same},
        **times,
        "send_at": times["send_at"] or times["created_at"],
        "brand_id": 0,
        "company_id": 0,
        "status": FaxStatus(shape["status"]),
        "local_number": shape["from" if outgoing else "to"],
        "remote_number": shape["to" if outgoing else "from"],
        "prepared_at": None,
        "resolution": None,
        "pictures": None,
        "cover": None,
        "document_fax_id": None,
    }
    return Fax(**values)


class RemoteApi:
    """The API of an installation. An async context manager."""

    def __init__(self, url: str, key: str) -> None:
        self._url = url.rstrip("/").removesuffix("/v1")
        self._client = httpx.AsyncClient(
            base_url=f"{self._url}/v1", timeout=TIMEOUT, headers={"authorization": f"Bearer {key}"}
        )

    async def __aenter__(self) -> "RemoteApi":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._client.aclose()

    async def _ask(self, method: str, path: str, **more: Any) -> httpx.Response:
        """Make a request. Raises UserError with the problem's words, SetupError."""
        try:
            answer = await self._client.request(method, path, **more)
        except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
            raise SetupError(
                f"the API at {self._url} cannot be used: {type(error).__name__} {error}; "
                "check VFAX_API_URL"
            ) from error
        if answer.status_code < 400:
            return answer
        try:
            problem = answer.json()
            detail, reason = str(problem["detail"]).rstrip("."), str(problem["reason"])
        except (ValueError, KeyError, TypeError):
            raise SetupError(
                f"{self._url} answered {answer.status_code} and is no API of ours: "
                "check VFAX_API_URL"
            ) from None
        if answer.status_code in (401, 403):
            raise SetupError(f"{detail}; check VFAX_API_KEY")
        if answer.status_code >= 500:
            raise SetupError(detail)
        if reason in ("invalid_request", "not_found", "conflict"):
            raise UserError(detail)
        raise DocumentError(reason, detail)

    async def _virtual_fax(self, text: str) -> int:
        if text.isascii() and text.isdigit() and len(text) < 19:
            return int(text)
        name = text.rpartition("/")[2]
        for row in (await self._ask("GET", "/virtual-faxes")).json()["data"]:
            if row["name"] == name:
                return int(row["id"])
        raise UserError(f"the key's company has no virtual fax {name!r}")

    async def submit(self, sender: str, to: str, files: Sequence[File], wishes: SendOptions) -> Fax:
        """Send documents as one fax."""
        body = {
            "virtual_fax_id": await self._virtual_fax(sender),
            "to": to,
            "documents": [
                {"name": name[-255:], "content": base64.b64encode(data).decode()}
                for name, data in files
            ],
            "cover": wishes.cover,
            "resolution": wishes.resolution,
            "pictures": wishes.pictures,
            "priority": wishes.priority,
            "send_at": wishes.send_at.isoformat() if wishes.send_at else None,
        }
        key = {"Idempotency-Key": wishes.idempotency_key} if wishes.idempotency_key else {}
        answer = await self._ask("POST", "/faxes", json=body, headers=key)
        return fax_of(answer.json()["data"])

    async def fax(self, fax_id: int) -> Fax:
        """Return one fax."""
        return fax_of((await self._ask("GET", f"/faxes/{fax_id}")).json()["data"])

    async def faxes(self, limit: int) -> list[Fax]:
        """Return the newest faxes of the key's company."""
        answer = await self._ask("GET", "/faxes", params={"limit": min(limit, 200)})
        return [fax_of(shape) for shape in answer.json()["data"]]

    async def more(self, fax_id: int) -> dict[str, Any]:
        """Return the attempts and deliveries of a fax."""
        found: dict[str, Any] = {"queue": None}
        for what in ("attempts", "deliveries"):
            found[what] = (await self._ask("GET", f"/faxes/{fax_id}/{what}")).json()["data"]
        return found

    async def document(self, fax_id: int, kind: str) -> bytes:
        """Return `document.pdf`, `document.tiff`, `receipt.pdf` or `trace` of a fax."""
        return (await self._ask("GET", f"/faxes/{fax_id}/{kind}")).content

    async def act(self, fax_id: int, what: str) -> Fax:
        """`cancel` or `resend` a fax; return it, or the new one."""
        answer = await self._ask("POST", f"/faxes/{fax_id}/actions/{what}")
        return fax_of(answer.json()["data"])
