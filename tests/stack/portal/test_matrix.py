"""Every route times every role times own and foreign rows, generated from the route table.

RULES is written by hand, beside the rules in the code: a new route without an entry here is a
failure, and so is a rule that says something else.
"""

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from fastapi.routing import APIRoute

from spandsp_bridge.api.problems import routes_of
from spandsp_bridge.demo.stack import Stack
from spandsp_bridge.portal.session_pages import Public
from spandsp_bridge.portal.site import make_site
from spandsp_bridge.settings import Settings
from spandsp_bridge.store.api_keys import ApiKeys
from spandsp_bridge.store.pool import Database
from spandsp_bridge.store.progress import Progress
from spandsp_bridge.store.users import Users
from spandsp_bridge.web.access import Allow
from spandsp_bridge.web.limits import LimitStorage, RateLimit
from spandsp_bridge.web.live import Hub
from spandsp_bridge.web.state import Web
from tests.support.people import company_of, logged_in, one, person, with_key

FAX, ADMIN, CONFIG, BRAND, PLATFORM, ALL = "cu", "c", "bc", "b", "p", "pbcu"
#: Path to who may: p platform, b brand, c company administrator, u user, f also an
#: administrator of faxes alone; o: open to everybody.
RULES = {
    "/static/{digest}/{name}": "o", "/health": "o", "/login": "o", "/logout": "o", "/": "o",
    "/account": ALL + "f", "/account/password": ALL + "f",
    "/account/sessions/{session}/end": ALL + "f",
    "/faxes/{fax_id:int}": FAX + "f", "/faxes/{fax_id:int}/live": FAX + "f",
    "/faxes/{fax_id:int}/view": FAX + "f", "/faxes/{fax_id:int}/page/{number}.png": FAX + "f",
    "/faxes/{fax_id:int}/thumbnail.png": FAX + "f", "/faxes/{fax_id:int}/document.pdf": FAX + "f",
    "/faxes/{fax_id:int}/document.tiff": FAX + "f", "/faxes/{fax_id:int}/receipt.pdf": FAX + "f",
    "/faxes/{fax_id:int}/trace.txt": FAX + "f", "/faxes/{fax_id:int}/cancel": FAX + "f",
    "/faxes/{fax_id:int}/resend": FAX + "f", "/faxes/{fax_id:int}/delete": FAX + "f",
    "/faxes/{fax_id:int}/forward": FAX + "f",
    "/faxes/{fax_id:int}/deliveries/{delivery_id}/replay": FAX + "f",
    "/faxes/{direction}": FAX + "f", "/faxes/{direction}.csv": FAX + "f",
    "/faxes/{direction}/live": FAX + "f",
    "/send": FAX + "f", "/send/preview": FAX + "f",
    "/send/numbers": FAX + "f",
    "/config/{key}": "pbcf", "/config/{key}/new": "pbcf", "/config/{key}/{row}": "pbcf",
    "/config/{key}/{row}/delete": "pbcf", "/config/cover-pages/{row}/preview.pdf": "pbcf",
    "/keys": CONFIG, "/keys/{key}/revoke": CONFIG, "/audit": ADMIN,
    "/brand": BRAND, "/simulate": BRAND,
    "/platform": PLATFORM, "/platform/bridges/{bridge}/{what}": PLATFORM,
}  # fmt: skip
#: The API: b a brand's key, c a company's; then the scope.
API_RULES = {
    ("POST", "/faxes"): ("c", "faxes:write"), ("GET", "/faxes"): ("c", "faxes:read"),
    ("GET", "/faxes/{fax_id:int}"): ("c", "faxes:read"),
    ("GET", "/faxes/{fax_id:int}/document.pdf"): ("c", "faxes:read"),
    ("GET", "/faxes/{fax_id:int}/document.tiff"): ("c", "faxes:read"),
    ("GET", "/faxes/{fax_id:int}/receipt.pdf"): ("c", "faxes:read"),
    ("GET", "/faxes/{fax_id:int}/attempts"): ("c", "faxes:read"),
    ("GET", "/faxes/{fax_id:int}/trace"): ("c", "faxes:read"),
    ("GET", "/faxes/{fax_id:int}/deliveries"): ("c", "faxes:read"),
    ("GET", "/faxes/{fax_id:int}/queue"): ("c", "faxes:read"),
    ("POST", "/broadcasts"): ("c", "faxes:write"),
    ("GET", "/broadcasts/{broadcast_id:int}"): ("c", "faxes:read"),
    ("POST", "/faxes/{fax_id:int}/actions/cancel"): ("c", "faxes:write"),
    ("POST", "/faxes/{fax_id:int}/actions/resend"): ("c", "faxes:write"),
    ("DELETE", "/faxes/{fax_id:int}"): ("c", "faxes:write"),
    ("GET", "/events"): ("c", "faxes:read"),
    ("POST", "/routes/explain"): ("b", "config:read"),
    ("POST", "/deliveries/{delivery_id:int}/actions/replay"): ("c", "faxes:write"),
    **{(m, f"/{t}{k}"): (who if m in ("GET", "PATCH") else makers,
                         "config:read" if m == "GET" else "config:write")
       for t, who, makers in (
           ("virtual-faxes", "bc", "bc"), ("ddis", "bc", "b"), ("webhooks", "bc", "bc"),
           ("cover-pages", "bc", "bc"), ("companies", "bc", "b"), ("carriers", "b", "b"),
           ("routes", "b", "b"), ("patterns", "b", "b"), ("peer-profiles", "b", "b"))
       for m, k in (("GET", ""), ("POST", ""), ("GET", "/{key:int}"), ("PATCH", "/{key:int}"),
                    ("DELETE", "/{key:int}"))},
}  # fmt: skip


def site() -> FastAPI:
    database = Database("postgresql://127.0.0.1:1/none")
    progress = Progress("redis://127.0.0.1:1/0")
    limit = RateLimit(LimitStorage("redis://127.0.0.1:1/0"), "test", 1, 1)
    return make_site(
        Web(Settings(), database, Users(database), ApiKeys(database),
            Hub(database, progress), limit, limit, Path())
    )  # fmt: skip


def routes(app: FastAPI) -> Iterator[tuple[str, str, APIRoute]]:
    for route in routes_of(app):
        for method in route.methods or ():
            yield method, route.path, route


def rules_of(route: APIRoute) -> list[Any]:
    return [d.call for d in route.dependant.dependencies if isinstance(d.call, Allow | Public)]


SITE = site()
[API] = [r.app for r in SITE.routes if getattr(r, "path", "") == "/v1"]  # type: ignore[attr-defined]
PAGES = sorted((m, p) for m, p, _ in routes(SITE))
CALLS = sorted((m, p) for m, p, _ in routes(API))


def test_every_route_has_one_rule_and_is_in_this_table() -> None:
    assert {p for _, p in PAGES} == set(RULES), "put a new route into RULES"
    assert set(CALLS) == set(API_RULES), "put a new route into API_RULES"
    for app in (SITE, API):
        for method, path, route in routes(app):
            assert len(rules_of(route)) == 1, f"{method} {path} has no rule, or several"
    for method, path, route in routes(API):
        [rule] = rules_of(route)
        roles = "".join(role[0] for role in ("brand", "company") if role in rule.roles)
        assert (roles, rule.scope, rule.keys) == (*API_RULES[method, path], True), path


# ---- on the running stack ------------------------------------------------------------------------


#: Id of another brand's virtual fax and carrier, and of no row of ours in any table.
FOREIGN = 87654321


class Matrix:
    """Clients of every role, and ids of rows of theirs and of others."""

    def __init__(self) -> None:
        self.people: dict[str, httpx.AsyncClient] = {}
        self.own: dict[str, str] = {}
        self.foreign: dict[str, str] = {}


@pytest.fixture(scope="module")
async def matrix(stack: Stack, database: Database) -> AsyncIterator[Matrix]:
    made = Matrix()
    brand, acme = await company_of(database, "Acme")
    _, globex = await company_of(database, "Globex")
    async with database.transaction() as c:
        await c.execute("insert into brands (name) values ('Matrix') on conflict do nothing")
        await c.execute(
            "insert into companies (brand_id, name) select id, 'Elsewhere' from brands where name ="
            " 'Matrix' on conflict do nothing"
        )
        await c.execute(
            "insert into virtual_faxes (id, brand_id, company_id, name) overriding system value"
            " select %s, brand_id, id, 'there' from companies where name = 'Elsewhere'"
            " on conflict do nothing",
            [FOREIGN],
        )
        await c.execute(
            "insert into carriers (id, brand_id, name) overriding system value"
            " select %s, id, 'there' from brands where name = 'Matrix' on conflict do nothing",
            [FOREIGN],
        )
    faxes: dict[str, int] = {}
    for name, company in (("own", acme), ("foreign", globex)):
        async with database.transaction() as c:
            row = await (
                await c.execute(
                    "insert into faxes (brand_id, company_id, virtual_fax_id, direction, status,"
                    " reason, detail, local_number, remote_number)"
                    " select brand_id, company_id, id, 'out', 'error', 'user_busy', '{}',"
                    " '+34911000001', '+34911000009' from virtual_faxes where company_id = %s"
                    " order by id limit 1 returning id",
                    [company],
                )
            ).fetchone()
            assert row is not None
            faxes[name] = int(row["id"])
    sales = await one(database, "select id from virtual_faxes where company_id = %s", acme)
    await person(database, "p@matrix.example", "platform", None, None)
    await person(database, "b@matrix.example", "brand", brand, None)
    await person(database, "c@matrix.example", "company", brand, acme)
    await person(database, "f@matrix.example", "company", brand, acme, fax_only=True)
    await person(database, "u@matrix.example", "user", brand, acme, virtual_fax=sales)
    for letter in "pbcfu":
        made.people[letter] = await logged_in(stack, f"{letter}@matrix.example")
    made.people["nobody"] = httpx.AsyncClient(
        base_url=stack.portal_url,
        headers={"accept": "text/html", "sec-fetch-site": "same-origin"},
    )
    made.people["key c"] = await with_key(stack, database, brand, acme)
    made.people["key b"] = await with_key(stack, database, brand, None)
    made.people["key none"] = await with_key(stack, database, brand, acme, ())
    made.people["no key"] = httpx.AsyncClient(base_url=f"{stack.portal_url}/v1")
    made.own = {"fax_id": str(faxes["own"]), "row": str(sales), "key": "virtual-faxes"}
    made.foreign = {"fax_id": str(faxes["foreign"]), "row": str(FOREIGN), "key": "virtual-faxes"}
    yield made
    for client in made.people.values():
        await client.aclose()
    async with database.transaction() as c:
        await c.execute("delete from faxes where id = any(%s)", [list(faxes.values())])
        await c.execute("delete from users where email like '%%@matrix.example'")


#: What the table needs of a path's other parts.
FILL = {"digest": "0", "name": "x", "session": "0", "number": "1", "direction": "in",
        "delivery_id": "1", "bridge": "999999", "what": "use"}  # fmt: skip


def filled(path: str, values: dict[str, str], *, brand: bool = False) -> str:
    if brand and "/config/{key}" in path:  # what both a brand and a company see
        values = {**values, "key": "virtual-faxes"}

    def value(match: re.Match[str]) -> str:
        name = match[1].partition(":")[0]
        return values.get(name) or FILL.get(name) or "1"

    return re.sub(r"\{([^}]+)\}", value, path)


def turned_away(answer: httpx.Response) -> bool:
    login = answer.status_code == 303 and answer.headers["location"].startswith("/login")
    return login or answer.status_code in (401, 403)


async def ask(client: httpx.AsyncClient, method: str, path: str) -> httpx.Response:
    """Make a request, and read no stream to its end."""
    async with client.stream(method, path) as answer:
        if not answer.headers.get("content-type", "").startswith("text/event-stream"):
            await answer.aread()
    return answer


@pytest.mark.parametrize(("method", "path"), PAGES, ids=[f"{m} {p}" for m, p in PAGES])
async def test_a_page_and_every_role(matrix: Matrix, method: str, path: str) -> None:
    rule = RULES[path]
    if rule == "o":
        return
    if path in ("/account/password", "/account/sessions/{session}/end"):
        # These would end the sessions of this test.
        assert turned_away(await ask(matrix.people["nobody"], method, filled(path, matrix.own)))
        return
    for letter in ("nobody", "p", "b", "c", "f", "u"):
        client = matrix.people[letter]
        # What is asked to change something is asked for a row that is not there.
        values = matrix.own if method == "GET" else {"fax_id": "1234567890", "row": "1234567890",
                                                     "key": "virtual-faxes"}  # fmt: skip
        answer = await ask(client, method, filled(path, values))
        may = letter in rule
        if letter == "p" and path.startswith("/config/"):
            assert answer.status_code == 404, "the platform has no virtual faxes"
            continue
        assert turned_away(answer) != may, (letter, answer.status_code)
        assert answer.status_code < 500, (letter, answer.text[:300])


@pytest.mark.parametrize(
    ("method", "path"), [(m, p) for m, p in PAGES if "{fax_id" in p or "{row}" in p]
)
async def test_foreign_rows_are_not_there(matrix: Matrix, method: str, path: str) -> None:
    """Of another company for a company's people, of another brand for an operator."""
    for letter in "bcfu":
        if letter not in RULES[path]:
            continue
        answer = await ask(matrix.people[letter], method, filled(path, matrix.foreign))
        assert answer.status_code == 404 or (
            answer.status_code == 422 and method == "POST" and path.endswith("/forward")
        ), (letter, answer.status_code)


@pytest.mark.parametrize(("method", "path"), CALLS, ids=[f"{m} {p}" for m, p in CALLS])
async def test_a_call_of_the_api_and_every_key(matrix: Matrix, method: str, path: str) -> None:
    who, scope = API_RULES[method, path]
    values = {**matrix.own, "key": matrix.own["row"]}
    if method != "GET":  # nothing of ours is changed
        values = dict.fromkeys(("fax_id", "key", "delivery_id"), "1234567890")
    own = filled(path, values)
    for name, may in (("no key", False), ("key none", False), ("key c", "c" in who),
                      ("key b", "b" in who)):  # fmt: skip
        answer = await ask(matrix.people[name], method, own)
        assert (answer.status_code in (401, 403)) != may, (name, answer.status_code)
        assert answer.status_code < 500, (name, answer.text)
        if name == "key none":
            assert scope in answer.json()["detail"] or "role" in answer.json()["detail"]
    if "{" in path:
        foreign = filled(path, {**matrix.foreign, "key": matrix.foreign["row"]})
        for name in ("key c", "key b"):
            if name[-1] in who:
                answer = await ask(matrix.people[name], method, foreign)
                assert answer.status_code in (404, 422), (name, answer.status_code)


async def test_what_is_for_company_administrators_is_not_for_those_of_faxes_alone(
    matrix: Matrix,
) -> None:
    for path in ("/config/users", "/config/webhooks", "/config/companies", "/keys", "/audit"):
        assert (await ask(matrix.people["c"], "GET", path)).status_code in (200, 303)
        assert (await ask(matrix.people["f"], "GET", path)).status_code == 403


async def test_brand_tables_are_not_a_company_s(matrix: Matrix) -> None:
    for key in ("carriers", "routes", "patterns", "retry-rules", "peer-profiles", "brands"):
        assert (await ask(matrix.people["c"], "GET", f"/config/{key}")).status_code == 404
    for key in ("brands", "operators", "bridges"):
        assert (await ask(matrix.people["b"], "GET", f"/config/{key}")).status_code == 404
        assert (await ask(matrix.people["p"], "GET", f"/config/{key}")).status_code == 200
