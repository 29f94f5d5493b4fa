"""Forms that keep secrets, and those below another row; on the running stack."""

from collections.abc import AsyncIterator

import httpx
import pytest

from spandsp_bridge.demo.stack import Stack
from spandsp_bridge.store.pool import Database
from tests.support.people import company_of, logged_in, one, person, with_key


@pytest.fixture(scope="module")
async def operator(stack: Stack, database: Database) -> AsyncIterator[httpx.AsyncClient]:
    brand, _ = await company_of(database, "Acme")
    await person(database, "forms@browser.example", "brand", brand, None)
    client = await logged_in(stack, "forms@browser.example")
    try:
        yield client
    finally:
        await client.aclose()
    async with database.transaction() as c:
        await c.execute("delete from users where email = 'forms@browser.example'")


async def test_a_sip_account_s_password_becomes_its_digest(
    operator: httpx.AsyncClient, database: Database
) -> None:
    _, acme = await company_of(database, "Acme")
    account = {"username": "formphone", "company_id": str(acme), "enabled": "1"}
    domain = await one(database, "select sip_domain from companies where id = %s", acme)
    if domain is None:
        async with database.transaction() as c:
            await c.execute(
                "update companies set sip_domain = 'forms.example' where id = %s", [acme]
            )
    answer = await operator.post("/config/accounts", data=account)
    assert answer.status_code == 422
    assert "The password is required" in answer.text
    answer = await operator.post("/config/accounts", data={**account, "password": "s3cret word"})
    assert answer.status_code == 303, answer.text
    where = answer.headers["location"].partition("?")[0]
    right = (
        "select a.ha1 = sip_ha1(a.username, c.sip_domain, %s) from sip_accounts a"
        " join companies c on c.id = a.company_id where a.username like 'formphone%%'"
    )
    try:
        assert await one(database, right, "s3cret word")
        page = (await operator.get(where)).text
        assert "formphone" in page
        assert "s3cret word" not in page
        answer = await operator.post(where, data={**account, "fax_device": "1"})
        assert answer.status_code == 303, "what is no part of the digest needs no password"
        assert await one(database, right, "s3cret word")
        renamed = {**account, "username": "formphone2"}
        answer = await operator.post(where, data=renamed)
        assert answer.status_code == 422
        assert "its digest includes user name and company" in answer.text
        answer = await operator.post(where, data={**renamed, "password": "another"})
        assert answer.status_code == 303
        assert await one(database, right, "another")
    finally:
        assert (await operator.post(f"{where}/delete")).status_code == 303
        async with database.transaction() as c:
            await c.execute("update companies set sip_domain = %s where id = %s", [domain, acme])


async def test_a_carrier_server_s_login(operator: httpx.AsyncClient, database: Database) -> None:
    carrier = await one(database, "select id from carriers where name = 'Demo Carrier'")
    server = {"host": "sip.forms.example", "transport": "udp", "priority": "50"}
    login = {"auth_user": "trunk1", "auth_realm": "carrier.example"}
    new = f"/config/carrier-servers?parent={carrier}"
    answer = await operator.post(new, data={**server, **login})
    assert answer.status_code == 422
    assert "The password is required" in answer.text
    answer = await operator.post(new, data={**server, **login, "password": "pass word"})
    assert answer.status_code == 303, answer.text
    find = "select {} from carrier_servers where host = 'sip.forms.example'"
    row = await one(database, find.format("id"))
    try:
        digest = "auth_ha1 = sip_ha1('trunk1', 'carrier.example', 'pass word')"
        assert await one(database, find.format(digest))
        where = f"/config/carrier-servers/{row}"
        answer = await operator.post(where, data={**server, **login, "port": "99999999"})
        assert answer.status_code == 422
        assert f'href="/config/carriers/{carrier}"' in answer.text, "the way back to its carrier"
        answer = await operator.post(where, data=server)
        assert answer.status_code == 303, "without a user there is no login"
        assert await one(database, find.format("auth_ha1 is null and auth_user is null"))
    finally:
        async with database.transaction() as c:
            await c.execute("delete from carrier_servers where id = %s", [row])


@pytest.mark.parametrize(
    "asked",
    [
        "to=%00&sender=%00",
        "to=1&sender=x/%00",
        "to=%FF&sender=1",
        "sender=99999999999999999999&to=1",
        "to=" + "%0A1" * 3000,
    ],
)
async def test_strange_numbers_do_no_harm(stack: Stack, database: Database, asked: str) -> None:
    brand, acme = await company_of(database, "Acme")
    await person(database, "strange@browser.example", "company", brand, acme)
    client = await logged_in(stack, "strange@browser.example")
    try:
        answer = await client.get(f"/send/numbers?{asked}")
        assert answer.status_code == 200, answer.text
        for order in ("number", "-pages", "time", "nonsense", "%00"):
            answer = await client.get(f"/faxes/out?sort={order}&station=%00&number=%00")
            assert answer.status_code == 200, order
        answer = await client.get("/faxes/out?sort=number&cursor=AAAA")
        assert answer.status_code == 422
    finally:
        await client.aclose()
        async with database.transaction() as c:
            await c.execute("delete from users where email = 'strange@browser.example'")


async def test_faxes_go_to_the_brand_s_countries_alone(
    stack: Stack, database: Database, operator: httpx.AsyncClient
) -> None:
    brand, acme = await company_of(database, "Acme")
    sales = await one(database, "select id from virtual_faxes where name = 'Sales'")
    new = f"/config/countries?parent={brand}"
    answer = await operator.post(new, data={"country": "QQ"})
    assert answer.status_code == 422
    assert "country is known" in answer.text
    assert (await operator.post(new, data={"country": "PT"})).status_code == 303
    fax = {"virtual_fax_id": sales, "to": "+34911000002",
           "documents": [{"name": "a.txt", "content": "SGVsbG8="}]}  # fmt: skip
    try:
        async with await with_key(stack, database, brand, acme) as key:
            answer = await key.post("/faxes", json=fax)
            assert answer.status_code == 422
            assert "+34911000002 is in ES: faxes go to PT only" in answer.json()["detail"]
    finally:
        async with database.transaction() as c:
            await c.execute("delete from brand_countries where brand_id = %s", [brand])
