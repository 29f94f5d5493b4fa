"""People and programs of every role, logged in on the running stack."""

from dataclasses import dataclass
from typing import Any

import httpx

from spandsp_bridge.demo.stack import Stack
from spandsp_bridge.store.api_keys import ApiKeys
from spandsp_bridge.store.pool import Database
from spandsp_bridge.store.tenant import Role
from spandsp_bridge.store.users import Users

PASSWORD = "correct horse battery"


@dataclass(frozen=True, slots=True)
class Somebody:
    """A client that is logged in, or has a key."""

    name: str
    client: httpx.AsyncClient


async def one(database: Database, query: str, *values: Any) -> Any:
    """Return the first column of the first row."""
    async with database.transaction() as c:
        row = await (await c.execute(query.encode(), list(values) or None)).fetchone()
    return next(iter(row.values())) if row else None


async def company_of(database: Database, name: str) -> tuple[int, int]:
    """Return (brand, company) ids."""
    async with database.transaction() as c:
        row = await (
            await c.execute("select brand_id, id from companies where name = %s", [name])
        ).fetchone()
    assert row is not None
    return int(row["brand_id"]), int(row["id"])


async def person(
    database: Database, email: str, role: Role, brand: int | None, company: int | None,
    *, fax_only: bool = False, virtual_fax: int | None = None,
) -> int:  # fmt: skip
    """Make a user with PASSWORD; return the id."""
    made = await Users(database).set_up(email, PASSWORD, role, brand, company)
    async with database.transaction() as c:
        await c.execute("update users set fax_only = %s where id = %s", [fax_only, made])
        if virtual_fax is not None:
            await c.execute(
                "insert into virtual_fax_users (brand_id, company_id, virtual_fax_id, user_id)"
                " values (%s, %s, %s, %s) on conflict do nothing",
                [brand, company, virtual_fax, made],
            )
    return made


async def logged_in(stack: Stack, email: str, password: str = PASSWORD) -> httpx.AsyncClient:
    """Return a client with a session; it says that it is a browser on our own page."""
    client = httpx.AsyncClient(
        base_url=stack.portal_url, timeout=60,
        headers={"accept": "text/html", "sec-fetch-site": "same-origin"},
    )  # fmt: skip
    answer = await client.post("/login", data={"email": email, "password": password})
    if answer.status_code != 303:
        await client.aclose()
    assert answer.status_code == 303, answer.text
    return client


async def with_key(
    stack: Stack, database: Database, brand: int, company: int | None,
    scopes: tuple[str, ...] = ("faxes:read", "faxes:write", "config:read", "config:write"),
    *, test: bool = False,
) -> httpx.AsyncClient:  # fmt: skip
    """Return a client of the API with a new key."""
    token = await ApiKeys(database).add(brand, company, "test", scopes, test=test)
    return httpx.AsyncClient(
        base_url=f"{stack.portal_url}/v1", timeout=60, headers={"authorization": f"Bearer {token}"}
    )
