"""The client of the REST API, against answers of servers of this and of a newer version."""

from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from spandsp_bridge.cli.api_client import ApiClient
from spandsp_bridge.errors import (
    DocumentError,
    SetupError,
    UnavailableError,
    UserError,
    VfaxError,
)
from spandsp_bridge.i18n import error_text, sentence
from spandsp_bridge.reasons import Reason

NOW = datetime(2026, 11, 28, 8, 30, tzinfo=UTC).isoformat()
FAX: dict[str, Any] = {
    "id": 7, "virtual_fax_id": 1, "direction": "out", "status": "error", "detail": {},
    "from": "+34911000001", "to": "+34911000002", "remote_station_id": "", "pages": 1,
    "pages_confirmed": 0, "created_at": NOW, "started_at": None, "finished_at": NOW,
    "send_at": None, "read_at": None, "prepared_at": None, "expected_seconds": None,
    "priority": 5, "resolution": None, "pictures": None, "cover": None, "document_fax_id": None,
    "resend_of": None, "broadcast_id": None, "test": False, "client_state": None,
    "deleted_at": None,
}  # fmt: skip


def client(status: int, answer: object) -> ApiClient:
    """Return a client of a server that always gives one answer."""
    transport = httpx.MockTransport(lambda _: httpx.Response(status, json=answer))
    return ApiClient("http://fax.example", "vfax_key", transport)


@pytest.mark.parametrize(
    ("status", "reason", "kind", "exit_code"),
    [
        (422, "document_encrypted", DocumentError, 2),
        (422, "document_haunted", UserError, 2),  # a word that this version does not know
        (422, "invalid_request", UserError, 2),
        (404, "not_found", UserError, 2),
        (403, "forbidden", SetupError, 3),
        (503, "service_unavailable", UnavailableError, 3),
    ],
)
async def test_a_problem_is_an_error_with_the_servers_sentence(
    status: int, reason: str, kind: type[VfaxError], exit_code: int
) -> None:
    problem = {"status": status, "reason": reason, "detail": "x.pdf no sirve."}
    async with client(status, problem) as api:
        with pytest.raises(kind) as raised:
            await api.fax(7)
    assert error_text(raised.value, "en").startswith("x.pdf no sirve.")
    assert raised.value.exit_code == exit_code


async def test_what_is_not_a_problem_document_is_not_our_api() -> None:
    async with client(502, ["nginx"]) as api:
        with pytest.raises(SetupError, match="not as a virtualfax API"):
            await api.fax(7)


@pytest.mark.parametrize(
    ("reason", "text"), [("user_busy", "The line is busy."), ("moon_phase", "Moon phase.")]
)
async def test_a_fax_may_have_a_reason_of_a_newer_server(reason: str, text: str) -> None:
    async with client(200, {"data": {**FAX, "reason": reason}}) as api:
        fax = await api.fax(7)
    assert fax.reason == reason
    assert isinstance(fax.reason, Reason) == (reason == "user_busy")
    assert sentence(fax.reason, fax.detail, "en").startswith(text)
