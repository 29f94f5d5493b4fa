"""Log-in, log-out, lock-out, and what browsers are told."""

import time

import httpx
import pytest

from spandsp_bridge.demo.stack import Stack
from spandsp_bridge.store.pool import Database
from spandsp_bridge.store.users import MAX_FAILED_LOGINS, hashed, matches
from tests.stack.portal.conftest import LogIn
from tests.support.people import PASSWORD, company_of, one, person

SAME = {"sec-fetch-site": "same-origin", "accept": "text/html"}


@pytest.fixture
async def carl(database: Database) -> str:
    brand, acme = await company_of(database, "Acme")
    await person(database, "carl@acme.example", "company", brand, acme)
    async with database.transaction() as c:
        await c.execute("delete from web_sessions")
    return "carl@acme.example"


async def test_a_session_begins_and_ends(
    log_in: LogIn, stack: Stack, database: Database, carl: str
) -> None:
    client = await log_in(carl)
    assert (await client.get("/faxes/in")).status_code == 200
    cookie = client.cookies["vfax"]
    stored = await one(database, "select encode(token_sha256, 'hex') from web_sessions")
    assert cookie not in stored, "only a digest is stored"
    await client.post("/logout")
    client.cookies.set("vfax", cookie)
    assert (await client.get("/faxes/in")).status_code == 303, "the old cookie opens nothing"


async def test_a_deleted_session_and_a_disabled_user_are_out_at_once(
    log_in: LogIn, stack: Stack, database: Database, carl: str
) -> None:
    client = await log_in(carl)
    async with database.transaction() as c:
        await c.execute("update users set enabled = false where email = %s", [carl])
    assert (await client.get("/faxes/in")).status_code == 303
    answer = await client.post("/login", data={"email": carl, "password": PASSWORD})
    assert answer.status_code == 401
    async with database.transaction() as c:
        await c.execute("update users set enabled = true where email = %s", [carl])
        await c.execute("delete from web_sessions")
    assert (await client.get("/faxes/in")).status_code == 303


async def test_wrong_passwords_lock_the_account_and_tell_nothing(
    stack: Stack, database: Database, carl: str
) -> None:
    async with httpx.AsyncClient(base_url=stack.portal_url, headers=SAME) as client:
        texts = set()
        for email in (carl, "nobody@acme.example"):
            answer = await client.post("/login", data={"email": email, "password": "wrong"})
            assert answer.status_code == 401
            texts.add(answer.text.replace(email, ""))
        assert len(texts) == 1, "an unknown address looks like a wrong password"
        for _ in range(MAX_FAILED_LOGINS - 1):
            await client.post("/login", data={"email": carl, "password": "wrong"})
        answer = await client.post("/login", data={"email": carl, "password": PASSWORD})
        assert answer.status_code == 401, "locked"
        assert await one(database, "select locked_until > now() from users where email = %s", carl)
        async with database.transaction() as c:
            await c.execute("update users set locked_until = now() - interval '1 s'")
        answer = await client.post("/login", data={"email": carl, "password": PASSWORD})
        assert answer.status_code == 303
        assert await one(database, "select failed_logins from users where email = %s", carl) == 0


@pytest.mark.parametrize(
    "headers",
    [{"sec-fetch-site": "cross-site"}, {"sec-fetch-site": "same-site"},
     {"origin": "https://evil.example"}, {}],
)  # fmt: skip
async def test_forms_of_other_sites_are_refused(
    log_in: LogIn, stack: Stack, carl: str, headers: dict[str, str]
) -> None:
    client = await log_in(carl)
    del client.headers["sec-fetch-site"]
    for path in ("/account", "/send", "/faxes/1/delete", "/logout", "/login"):
        assert (await client.post(path, headers=headers)).status_code == 403, path
    own = {"origin": stack.portal_url}
    assert (await client.post("/account", headers=own)).status_code == 303


async def test_every_answer_has_a_strict_policy(log_in: LogIn, stack: Stack, carl: str) -> None:
    client = await log_in(carl)
    for path in ("/login", "/faxes/in", "/nowhere", "/v1/faxes", "/health"):
        headers = (await client.get(path)).headers
        policy = headers["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cache-control"] == "no-store"
    page = (await client.get("/faxes/in")).text
    assert "<script>" not in page
    assert " style=" not in page
    assert "onclick" not in page


async def test_the_way_after_a_log_in_stays_inside(stack: Stack, carl: str) -> None:
    async with httpx.AsyncClient(base_url=stack.portal_url, headers=SAME) as client:
        for to, where in (("/faxes/out", "/faxes/out"), ("//evil.example", "/"),
                          ("https://evil.example", "/"), ("/\\evil.example", "/")):  # fmt: skip
            answer = await client.post(
                "/login", data={"email": carl, "password": PASSWORD, "to": to}
            )
            assert answer.headers["location"] == where


async def test_a_changed_password_ends_every_session(
    log_in: LogIn, stack: Stack, database: Database, carl: str
) -> None:
    first, second = await log_in(carl), await log_in(carl)
    answer = await first.post("/account/password", data={"old": "wrong", "new": "a new password"})
    assert answer.status_code == 422
    answer = await first.post("/account/password", data={"old": PASSWORD, "new": "short"})
    assert answer.status_code == 422
    answer = await first.post("/account/password", data={"old": PASSWORD, "new": "a new password"})
    assert answer.status_code == 303
    assert (await second.get("/faxes/in")).status_code == 303
    await log_in(carl, "a new password")
    assert (
        await one(database, "select password_hash from users where email = %s", carl)
    ).startswith("$argon2id$")


def test_a_missing_hash_takes_as_long_as_a_wrong_password() -> None:
    real = hashed("0123456789")
    took = []
    for stored in (real, None):
        began = time.process_time()
        assert not matches(stored, "9876543210")
        took.append(time.process_time() - began)
    assert took[1] > took[0] / 5


async def test_a_row_below_another_leads_back_to_it(
    log_in: LogIn, database: Database, carl: str
) -> None:
    """Opening hours of a virtual fax: made, shown, changed and deleted from its page."""
    fax = await one(database, "select id from virtual_faxes where name = 'Sales'")
    client = await log_in(carl)
    day = {"weekday": "2", "opens": "08:00", "closes": "18:00"}
    answer = await client.post(f"/config/hours?parent={fax}", data=day)
    assert answer.headers["location"] == f"/config/virtual-faxes/{fax}"
    hours = await one(database, "select id from virtual_fax_hours where virtual_fax_id = %s", fax)
    page = (await client.get(f"/config/hours/{hours}")).text
    assert f'href="/config/virtual-faxes/{fax}"' in page
    answer = await client.post(f"/config/hours/{hours}", data={**day, "closes": "07:00"})
    assert answer.status_code == 422
    assert "hours open before they close" in answer.text
    answer = await client.post(f"/config/hours/{hours}/delete")
    assert answer.headers["location"] == f"/config/virtual-faxes/{fax}?done=deleted"
    assert (await client.post(f"/config/hours/{hours}/delete")).status_code == 404
