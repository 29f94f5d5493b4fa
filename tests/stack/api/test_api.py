"""The API as programs use it, on the running stack: real faxes, real errors."""

import asyncio
import base64
import json
import os
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from spandsp_bridge.demo.stack import Stack
from spandsp_bridge.documents.bitmaps import page_bitmaps
from spandsp_bridge.store.pool import Database
from tests.support.pdfs import short_document
from tests.support.people import company_of, one, with_key
from tests.support.ports import HTTP_PORT
from tests.support.waiting import until


@pytest.fixture(scope="module")
async def acme(stack: Stack, database: Database) -> AsyncIterator[httpx.AsyncClient]:
    brand, company = await company_of(database, "Acme")
    async with await with_key(stack, database, brand, company) as client:
        yield client


@pytest.fixture(scope="module")
async def globex(stack: Stack, database: Database) -> AsyncIterator[httpx.AsyncClient]:
    brand, company = await company_of(database, "Globex")
    async with await with_key(stack, database, brand, company) as client:
        yield client


@pytest.fixture(scope="module")
async def sales(database: Database) -> int:
    return int(await one(database, "select id from virtual_faxes where name = 'Sales'"))


def new_fax(virtual_fax: int, document: Path, **more: Any) -> dict[str, Any]:
    content = base64.b64encode(document.read_bytes()).decode()
    return {"virtual_fax_id": virtual_fax, "to": "+34911000002",
            "documents": [{"name": document.name, "content": content}], **more}  # fmt: skip


async def ended(client: httpx.AsyncClient, fax_id: int) -> dict[str, Any]:
    async def over() -> Any:
        fax = (await client.get(f"/faxes/{fax_id}")).json()["data"]
        return fax if fax["status"] in ("completed", "error") else None

    found: dict[str, Any] = await until(over, 120)
    return found


#: Pages of a fax whose news are listened to: they come once a second.
WATCHED = 20


async def test_a_fax_from_key_to_key(
    acme: httpx.AsyncClient, globex: httpx.AsyncClient, sales: int, tmp_path: Path
) -> None:
    """Sent by one company's key, received by another's, equal by pixels; each step is told."""
    document = short_document(tmp_path / "letter.pdf", WATCHED)
    newest = (await globex.get("/faxes", params={"direction": "in", "limit": 1})).json()["data"]
    told: list[dict[str, Any]] = []

    async def listen() -> None:
        async with acme.stream("GET", "/events") as stream:
            async for line in stream.aiter_lines():
                told.extend(json.loads(data) for data in [line[6:]] if line.startswith("data: "))

    listening = asyncio.create_task(listen())
    await asyncio.sleep(1.5)  # the first look of the stream is over
    answer = await acme.post(
        "/faxes", json=new_fax(sales, document, client_state="order 7"),
        headers={"Idempotency-Key": "a-fax-from-key-to-key"},
    )  # fmt: skip
    assert answer.status_code == 202, answer.text
    fax = answer.json()["data"]
    assert (fax["from"], fax["to"], fax["client_state"]) == (
        "+34911000001", "+34911000002", "order 7")  # fmt: skip
    again = await acme.post(
        "/faxes", json=new_fax(sales, document, client_state="order 7"),
        headers={"Idempotency-Key": "a-fax-from-key-to-key"},
    )  # fmt: skip
    assert again.json()["data"]["id"] == fax["id"], "the same key, no second fax"
    other = await acme.post(
        "/faxes", json=new_fax(sales, document, priority=1),
        headers={"Idempotency-Key": "a-fax-from-key-to-key"},
    )  # fmt: skip
    assert other.status_code == 409
    over = await ended(acme, fax["id"])
    assert (over["status"], over["pages_confirmed"]) == ("completed", WATCHED)
    [attempt] = (await acme.get(f"/faxes/{fax['id']}/attempts")).json()["data"]
    assert (attempt["sip_status"], attempt["reason"]) == (200, "completed")
    trace = (await acme.get(f"/faxes/{fax['id']}/trace")).text
    assert "MCF" in trace

    async def arrived() -> Any:
        found = (await globex.get("/faxes", params={"direction": "in", "limit": 1})).json()["data"]
        return found[0] if found and found != newest else None

    received = await until(arrived, 30)
    ours = await acme.get(f"/faxes/{fax['id']}/document.tiff")
    theirs = await globex.get(f"/faxes/{received['id']}/document.tiff")
    assert page_bitmaps(ours.content) == page_bitmaps(theirs.content)
    assert (await globex.get(f"/faxes/{received['id']}/document.pdf")).content[:5] == b"%PDF-"
    assert (await acme.get(f"/faxes/{fax['id']}/receipt.pdf")).content[:5] == b"%PDF-"

    async def heard() -> bool:
        return any((t["fax_id"], t["status"]) == (fax["id"], "completed") for t in told)

    await until(heard, 10)
    listening.cancel()
    await asyncio.wait([listening])
    mine = [t["status"] for t in told if t["fax_id"] == fax["id"]]
    assert mine[-1] == "completed"
    assert "inprogress" in mine
    assert {t["company_id"] for t in told} == {told[0]["company_id"]}, "nobody else's news"


async def test_files_of_a_form_become_one_fax(
    acme: httpx.AsyncClient, sales: int, tmp_path: Path
) -> None:
    document = short_document(tmp_path / "a.pdf", 1)
    answer = await acme.post(
        "/faxes",
        data={"fax": json.dumps({"virtual_fax_id": sales, "to": "911 000 002",
                                 "send_at": "2099-01-01T00:00:00Z",
                                 "cover": {"subject": "Two files"}})},
        files=[("contents", ("a.pdf", document.read_bytes())), ("contents", ("b.txt", b"Text."))],
    )  # fmt: skip
    assert answer.status_code == 202, answer.text
    fax = answer.json()["data"]
    assert fax["to"] == "+34911000002"

    async def prepared() -> Any:
        found = (await acme.get(f"/faxes/{fax['id']}")).json()["data"]
        return found if found["pages"] else None

    assert (await until(prepared, 60))["pages"] == 3
    cancelled = await acme.post(f"/faxes/{fax['id']}/actions/cancel")
    assert cancelled.json()["data"]["reason"] == "cancelled"
    assert (await acme.post(f"/faxes/{fax['id']}/actions/cancel")).status_code == 409
    resent = await acme.post(f"/faxes/{fax['id']}/actions/resend")
    assert (resent.status_code, resent.json()["data"]["resend_of"]) == (202, fax["id"])
    await acme.post(f"/faxes/{resent.json()['data']['id']}/actions/cancel")
    await ended(acme, resent.json()["data"]["id"])
    assert (await acme.delete(f"/faxes/{fax['id']}")).status_code == 204
    assert (await acme.get(f"/faxes/{fax['id']}")).status_code == 404


async def test_a_document_is_fetched_but_not_from_inside(
    acme: httpx.AsyncClient, sales: int, stack: Stack
) -> None:
    # 127.0.0.0/8 is allowed on this stack: a page of ours is a text that can be faxed.
    answer = await acme.post(
        "/faxes",
        json={"virtual_fax_id": sales, "to": "+34911000002", "send_at": "2099-01-01T00:00:00Z",
              "documents": [{"name": "page.txt", "url": f"{stack.portal_url}/login"}]},
    )  # fmt: skip
    assert answer.status_code == 202, answer.text
    await acme.post(f"/faxes/{answer.json()['data']['id']}/actions/cancel")
    for url, reason in (
        (f"http://127.0.0.1:{HTTP_PORT + 1}/a.pdf", "document_not_fetched"),
        ("http://10.0.0.1/a.pdf", "document_not_fetched"),
        ("http://[::1]/a.pdf", "document_not_fetched"),
        ("file:///etc/passwd", "document_not_fetched"),
    ):
        answer = await acme.post(
            "/faxes",
            json={"virtual_fax_id": sales, "to": "+34911000002", "documents": [{"url": url}]},
        )
        problem = answer.json()
        assert (answer.status_code, problem["reason"]) == (422, reason), (url, problem)
        assert "root:" not in answer.text


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"to": "none"}, "phone number"),
        ({"to": "+34"}, "phone number"),
        ({"virtual_fax_id": 999999}, "no virtual fax"),
        ({"virtual_fax_id": "1; drop table faxes"}, "virtual_fax_id"),
        ({"documents": []}, "documents"),
        ({"documents": [{"name": "a.pdf", "content": "***"}]}, "base64"),
        ({"documents": [{"name": "a.pdf", "content": ""}]}, "empty"),
        ({"documents": [{"name": "a.pdf"}]}, "content or a url"),
        ({"priority": 11}, "priority"),
        ({"resolution": "ultra"}, "resolution"),
        ({"unknown": 1}, "unknown"),
        ({"send_at": "tomorrow"}, "send_at"),
    ],
)
async def test_a_wrong_request_is_a_problem_in_words(
    acme: httpx.AsyncClient, sales: int, tmp_path: Path, change: dict[str, Any], words: str
) -> None:
    document = short_document(tmp_path / "a.pdf", 1)
    answer = await acme.post("/faxes", json={**new_fax(sales, document), **change})
    problem = answer.json()
    assert answer.status_code == 422, problem
    assert answer.headers["content-type"] == "application/problem+json"
    assert words in problem["detail"], problem
    assert set(problem) == {"type", "title", "status", "detail", "reason"}


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff", b"null", b"[" * 100000])
async def test_hostile_bodies(acme: httpx.AsyncClient, body: bytes) -> None:
    for headers in ({"content-type": "application/json"},
                    {"content-type": "multipart/form-data; boundary=x"},
                    {"content-type": "multipart/form-data"}):  # fmt: skip
        answer = await acme.post("/faxes", content=body, headers=headers)
        assert answer.status_code in (400, 422), answer.text
        assert "Traceback" not in answer.text


async def test_lists_go_on_where_a_page_ends(acme: httpx.AsyncClient, database: Database) -> None:
    brand, company = await company_of(database, "Acme")
    async with database.transaction() as c:
        await c.execute(
            "insert into faxes (brand_id, company_id, virtual_fax_id, direction, status, pages,"
            " pages_confirmed, local_number, remote_number, remote_station_id, created_at)"
            " select %s, %s, v.id, 'in', 'completed', 1, 1, '+34911000001',"
            " '+3497' || lpad(n::text, 7, '0'), '+34 97 ' || n,"
            " '2020-01-01'::timestamptz + (n / 3) * interval '1 s' from virtual_faxes v,"
            " generate_series(1, 25) n where v.name = 'Sales' and v.company_id = %s",
            [brand, company, company],
        )
    try:
        seen: list[int] = []
        cursor = None
        while True:
            params = {"direction": "in", "limit": "7", "until": "2021-01-01T00:00:00Z"}
            page = (
                await acme.get(
                    "/faxes", params={**params, **({"cursor": cursor} if cursor else {})}
                )
            ).json()
            seen += [fax["id"] for fax in page["data"]]
            cursor = page["next"]
            if cursor is None:
                break
        assert len(seen) == 25
        assert len(set(seen)) == 25, "each once, also those of the same second"
        found = (await acme.get("/faxes", params={"number": "970000013"})).json()["data"]
        assert [fax["from"] for fax in found] == ["+34970000013"]
        found = (await acme.get("/faxes", params={"station": "+349713"})).json()["data"]
        assert [fax["remote_station_id"] for fax in found] == ["+34 97 13"]
        for wild in ("%", "_", "\\", "' or true --"):
            assert (await acme.get("/faxes", params={"number": wild})).json()["data"] == []
    finally:
        async with database.transaction() as c:
            await c.execute("delete from faxes where remote_number like '+3497%%'")


async def test_configuration_by_the_api(
    acme: httpx.AsyncClient, globex: httpx.AsyncClient, database: Database
) -> None:
    made = await acme.post("/virtual-faxes", json={"name": "By the API", "email": ["a@b.example"]})
    assert made.status_code == 201, made.text
    key = made.json()["data"]["id"]
    twice = await acme.post("/virtual-faxes", json={"name": "By the API"})
    assert twice.status_code == 422
    assert "virtual fax name is unique in its company" in twice.json()["detail"]
    changed = await acme.patch(f"/virtual-faxes/{key}", json={"send_by_email": True})
    assert changed.json()["data"]["send_by_email"] is True
    assert changed.json()["data"]["email"] == ["a@b.example"], "what is not named stays"
    wrong = await acme.patch(f"/virtual-faxes/{key}", json={"station_id": "x" * 21})
    assert "station id is 20 printable characters" in wrong.json()["detail"]
    assert (await globex.patch(f"/virtual-faxes/{key}", json={"name": "x"})).status_code == 404
    assert (await globex.delete(f"/virtual-faxes/{key}")).status_code == 404
    ddi = await one(
        database, "select d.id from ddis d join companies c on c.id = d.company_id"
        " where c.name = 'Acme' order by d.id limit 1",
    )  # fmt: skip
    assert (await acme.patch(f"/ddis/{ddi}", json={"number": "+34911999999"})).status_code == 422
    in_use = await acme.delete(f"/virtual-faxes/{key}")
    assert in_use.status_code == 204


async def test_routes_are_explained_to_a_brand_s_key(stack: Stack, database: Database) -> None:
    brand, company = await company_of(database, "Acme")
    async with await with_key(stack, database, brand, None) as client:
        answer = await client.post(
            "/routes/explain", json={"company_id": company, "to": "911 234 567", "seed": 1}
        )
        assert answer.status_code == 200, answer.text
        told = answer.json()["data"]
        assert told["number"] == "+34911234567"
        assert told["candidates"]
        missing = await client.post("/routes/explain", json={"company_id": 999999, "to": "+34911"})
        assert missing.status_code == 404
        wrong = await client.post("/routes/explain", json={"company_id": company, "to": "abc"})
        assert "nvalid phone number 'abc'" in wrong.json()["detail"]


async def test_the_command_speaks_to_the_api(
    stack: Stack, acme: httpx.AsyncClient, tmp_path: Path
) -> None:
    """With a URL and a key it needs no database: send, look, cancel, and errors in words."""
    key = acme.headers["authorization"].removeprefix("Bearer ")
    remote = {"VFAX_API_URL": stack.portal_url, "VFAX_API_KEY": key,
              "VFAX_DATABASE_URL": "postgresql://127.0.0.1:1/none"}  # fmt: skip

    async def run(*arguments: str, **more: str) -> tuple[int, str, str]:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "spandsp_bridge", *arguments,
            env={**os.environ, **stack.environment(), **remote, **more},
            stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        )  # fmt: skip
        out, err = await process.communicate()
        assert process.returncode is not None
        return process.returncode, out.decode(), err.decode()

    document = short_document(tmp_path / "a.pdf", 1)
    code, out, err = await run("send", str(document), "--from", "Acme/Sales", "--to",
                               "+34911000002", "--wait", "--json")  # fmt: skip
    assert code == 0, err
    fax = json.loads(out)
    assert (fax["status"], fax["remote_number"]) == ("completed", "+34911000002")
    code, out, _ = await run("fax", "show", str(fax["id"]), "--json", "--pdf",
                             str(tmp_path / "out.pdf"))  # fmt: skip
    assert json.loads(out)["attempts"][0]["reason"] == "completed"
    assert (tmp_path / "out.pdf").read_bytes()[:5] == b"%PDF-"
    code, out, _ = await run("faxes", "--json")
    assert fax["id"] in [f["id"] for f in json.loads(out)["faxes"]]
    code, _, err = await run("fax", "cancel", str(fax["id"]))
    assert (code, err.count("\n")) == (2, 1)
    assert "has already ended: completed" in err
    code, _, err = await run("fax", "show", "999999999")
    assert (code, "999999999" in err) == (2, True)
    code, _, err = await run("faxes", VFAX_API_KEY="vfax_wrong")
    assert (code, "VFAX_API_KEY" in err) == (3, True)
    code, _, err = await run("faxes", VFAX_API_URL="http://127.0.0.1:1")
    assert (code, "VFAX_API_URL" in err) == (3, True)
    code, _, err = await run("send", str(tmp_path / "out.pdf"), "--from", "Nobody", "--to", "+34")
    assert (code, "Nobody" in err) == (2, True)


async def test_a_webhook_tells_its_secret_once(acme: httpx.AsyncClient) -> None:
    made = await acme.post("/webhooks", json={"url": "https://hook.example/", "enabled": False})
    assert made.status_code == 201, made.text
    assert made.json()["data"]["secret"].startswith("whsec_")
    key = made.json()["data"]["id"]
    assert "secret" not in (await acme.get(f"/webhooks/{key}")).json()["data"]
    assert (await acme.delete(f"/webhooks/{key}")).status_code == 204


async def test_a_body_without_end_is_ended(acme: httpx.AsyncClient) -> None:
    """No Content-Length: it is counted as it comes."""

    async def endless() -> AsyncIterator[bytes]:
        yield b'{"to": "'
        for _ in range(220):
            yield b"0" * 2**20

    answer = await acme.post(
        "/faxes", content=endless(), headers={"content-type": "application/json"}
    )
    assert answer.status_code == 413
    assert "At most 100 MiB" in answer.json()["detail"]


async def test_the_test_mode_really_calls_and_leaves_to_nobody(
    stack: Stack, database: Database, sales: int, tmp_path: Path
) -> None:
    """Each number does what it stands for, in real calls to a peer in the worker."""
    document = short_document(tmp_path / "a.pdf", 2)
    expected = {
        "+15005550000": ("completed", "completed", 1),
        "+15005550001": ("error", "user_busy", 5),
        "+15005550003": ("error", "receiver_unallocated_number", 1),
        "+15005550006": ("completed", "completed", 2),
        "+15005550008": ("completed", "completed", 1),
        "+34911000002": ("completed", "completed", 1),  # Globex's number, and not Globex
    }
    received = await one(database, "select count(*) from faxes where direction = 'in'")
    brand, company = await company_of(database, "Acme")
    async with await with_key(stack, database, brand, company, test=True) as client:

        async def send(number: str) -> tuple[dict[str, Any], list[dict[str, Any]]]:
            answer = await client.post("/faxes", json={**new_fax(sales, document), "to": number})
            assert answer.status_code == 202, answer.text
            assert answer.json()["data"]["test"] is True
            fax = await ended(client, answer.json()["data"]["id"])
            return fax, (await client.get(f"/faxes/{fax['id']}/attempts")).json()["data"]

        found = dict(zip(expected, await asyncio.gather(*map(send, expected)), strict=True))
    for number, (status, reason, calls) in expected.items():
        fax, attempts = found[number]
        assert (fax["status"], fax["reason"], len(attempts)) == (status, reason, calls), number
    assert found["+15005550008"][1][0]["bit_rate"] == 4800
    assert [a["pages_confirmed"] for a in found["+15005550006"][1]] == [1, 1]
    assert await one(database, "select count(*) from faxes where direction = 'in'") == received
    assert (
        await one(database, "select count(*) from peer_profiles where number like '+1500%%'") == 0
    )
