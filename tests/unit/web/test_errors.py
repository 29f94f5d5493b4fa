"""One error as a page and as a problem document, in the reader's language; without a database."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import psycopg
import pytest
from structlog.testing import capture_logs

from spandsp_bridge.errors import ConflictError, ForbiddenError, UnavailableError, UserError
from spandsp_bridge.i18n import Label
from spandsp_bridge.portal.site import make_site
from spandsp_bridge.settings import Settings
from spandsp_bridge.store.api_keys import ApiKeys
from spandsp_bridge.store.errors import DatabaseUnavailable
from spandsp_bridge.store.pool import Database
from spandsp_bridge.store.progress import Progress
from spandsp_bridge.store.users import Users
from spandsp_bridge.web.limits import LimitStorage, RateLimit
from spandsp_bridge.web.live import Hub
from spandsp_bridge.web.problems import problem_of
from spandsp_bridge.web.state import Web

BROKEN = "/broken"


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    """Ask a site without a database; /broken raises what no handler expects."""
    database = Database("postgresql://127.0.0.1:1/none")
    limit = RateLimit(LimitStorage("redis://127.0.0.1:1/0"), "test", 9, 9)
    hub = Hub(database, Progress("redis://127.0.0.1:1/0"))
    users, keys = Users(database), ApiKeys(database)
    site = make_site(Web(Settings(), database, users, keys, hub, limit, limit, Path()))

    async def broken() -> None:
        raise ZeroDivisionError("secret detail")

    site.add_api_route(BROKEN, broken)
    transport = httpx.ASGITransport(site, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://portal") as opened:
        yield opened


@pytest.mark.parametrize(
    ("language", "title", "detail"),
    [("en", "Not found", "Not found."), ("de", "Nicht gefunden", "Nicht gefunden."),
     ("es", "No encontrado", "No encontrado.")],
)  # fmt: skip
async def test_an_error_page_is_in_the_language_that_the_browser_accepts(
    client: httpx.AsyncClient, language: str, title: str, detail: str
) -> None:
    headers = {"accept": "text/html", "accept-language": language}
    answer = await client.get("/nowhere", headers=headers)
    assert answer.status_code == 404
    assert f'<html lang="{language}">' in answer.text
    assert f"<h1>{title}</h1>" in answer.text
    assert f"<p>{detail}</p>" in answer.text


async def test_a_program_gets_the_same_problem_as_json(client: httpx.AsyncClient) -> None:
    for path in ("/nowhere", "/v1/nowhere"):
        answer = await client.get(path, headers={"accept-language": "de"})
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.headers["content-language"] == "de"
        assert answer.json() == {
            "type": "about:blank", "title": "Not Found", "status": 404,
            "detail": "Nicht gefunden.", "reason": "not_found",
        }  # fmt: skip


async def test_an_unexpected_error_shows_the_request_id_of_the_log(
    client: httpx.AsyncClient,
) -> None:
    for accept in ("text/html", "application/json"):
        with capture_logs() as logs:
            answer = await client.get(BROKEN, headers={"accept": accept})
        assert answer.status_code == 500
        [entry] = [entry for entry in logs if entry["event"] == "request failed"]
        assert entry["request_id"] == answer.headers["x-request-id"]
        assert f"Internal server error (request {entry['request_id']})." in answer.text
        assert "secret detail" not in answer.text


async def test_a_page_that_needs_a_log_in_leads_to_it(client: httpx.AsyncClient) -> None:
    answer = await client.get("/faxes/in?status=error", headers={"accept": "text/html"})
    assert answer.status_code == 303
    assert answer.headers["location"] == "/login?to=/faxes/in%3Fstatus%3Derror"
    assert (await client.get("/faxes/in")).status_code == 401


async def test_static_files_are_cached_under_the_digest_of_all(client: httpx.AsyncClient) -> None:
    page = (await client.get("/login")).text
    style = page.partition('rel="stylesheet" href="')[2].partition('"')[0]
    for path in (style, style.replace("portal.css", "icon.svg")):
        answer = await client.get(path)
        assert answer.status_code == 200
        assert "immutable" in answer.headers["cache-control"]
    for path in ("/static/000000000000/portal.css", style.replace("portal.css", "none.css")):
        assert (await client.get(path)).status_code == 404


@pytest.mark.parametrize(
    ("error", "status", "reason"),
    [
        (UserError("{field} is required", field=Label("field", "number")), 422, "invalid_request"),
        (ConflictError("you may not change this"), 409, "conflict"),
        (ForbiddenError("you may not change this"), 403, "forbidden"),
        (UnavailableError("you may not change this"), 503, "service_unavailable"),
        (DatabaseUnavailable(psycopg.OperationalError("refused")), 503, "service_unavailable"),
        (OSError("no route"), 503, "service_unavailable"),
        (KeyError("x"), 500, "internal_server_error"),
    ],
)
def test_every_error_has_its_status_and_reason(error: Exception, status: int, reason: str) -> None:
    found = problem_of(error, "en")
    assert (found.status, found.reason) == (status, reason)


def test_a_label_within_an_error_is_translated() -> None:
    error = UserError("{field} is required", field=Label("field", "number"))
    assert str(error) == "number is required"
    assert problem_of(error, "en").detail == "Number is required."
    assert problem_of(error, "de").detail == "Nummer ist erforderlich."
