"""Every fax command gives the same answer from the database and from the API."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs
from typer.testing import CliRunner

from spandsp_bridge.cli.main import cli
from spandsp_bridge.demo.probes import tcp_accepts
from spandsp_bridge.outbound.prepare import Preparer
from spandsp_bridge.store.api_keys import ApiKeys
from spandsp_bridge.store.faxes import FaxStore
from spandsp_bridge.store.pool import Database
from spandsp_bridge.store.queue import FaxQueue
from tests.support.pdfs import short_document
from tests.support.people import company_of, one
from tests.support.ports import PORTAL_PORT
from tests.support.waiting import until

NEVER = "2099-01-01T08:00+00:00"  #: a fax of then stays in the queue
NOWHERE = "postgresql://127.0.0.1:1/none"


@dataclass(frozen=True)
class Result:
    """What a command printed; `error` is the text of the exception, in lower case."""

    code: int
    out: str
    error: str

    @property
    def json(self) -> Any:
        assert self.code == 0, self.error
        return json.loads(self.out)


Run = Callable[..., Awaitable[Result]]


@pytest.fixture(scope="module")
def environment(database_url: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The settings of an installation without Redis, Kamailio and workers."""
    return {
        "VFAX_DATABASE_URL": database_url,
        "VFAX_REDIS_URL": "redis://127.0.0.1:1/0",
        "VFAX_VAR": str(tmp_path_factory.mktemp("var")),
        "VFAX_PORTAL_LISTEN": f"127.0.0.1:{PORTAL_PORT}",
        "LC_ALL": "C",
    }


@pytest.fixture(scope="module")
async def portal(environment: dict[str, str]) -> AsyncIterator[str]:
    """The URL of a portal, whose API the commands use."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "spandsp_bridge", "serve", "portal"),
        env={**os.environ, **environment},
    )
    try:
        await until(lambda: tcp_accepts("127.0.0.1", PORTAL_PORT), 60)
        yield f"http://127.0.0.1:{PORTAL_PORT}"
    finally:
        process.terminate()
        await process.wait()


@pytest.fixture(scope="module")
async def key(database: Database) -> str:
    scopes = ("faxes:read", "faxes:write", "config:read")
    return await ApiKeys(database).add(
        *await company_of(database, "Acme"), "test", scopes, test=False
    )


@pytest.fixture(params=["database", "api"])
async def run(
    request: pytest.FixtureRequest,
    environment: dict[str, str],
    portal: str,
    key: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Run:
    """Run a command in this process; with the API's client no database can be reached."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    if request.param == "api":
        monkeypatch.setenv("VFAX_API_URL", portal)
        monkeypatch.setenv("VFAX_API_KEY", key)
        monkeypatch.setenv("VFAX_DATABASE_URL", NOWHERE)

    async def run(*arguments: str) -> Result:
        # In a thread: a command runs an event loop of its own.
        done = await asyncio.to_thread(CliRunner().invoke, cli, arguments)
        failed = done.exception if not isinstance(done.exception, SystemExit) else None
        error = str(failed).lower() if failed else done.stderr
        return Result(done.exit_code, done.stdout, error)

    return run


@asynccontextmanager
async def working(database: Database, scratch: Path) -> AsyncIterator[None]:
    """Prepare what is due as a worker does, and let its first call confirm every page."""
    store, queue = FaxStore(database), FaxQueue(database)
    preparer = Preparer(store, queue, scratch, 100)

    async def work() -> None:
        while True:
            due = await one(
                database,
                "select id from faxes where status = 'pending' and send_at <= now() limit 1",
            )
            if due is None:
                await asyncio.sleep(0.1)
                continue
            await preparer.prepare(due)
            await one(
                database,
                "insert into attempts (brand_id, company_id, fax_id, number, bridge, finished_at,"
                " sip_status, reason, trace) select brand_id, company_id, id, 1, 'test', now(),"
                " 200, 'completed', array['received MCF'] from faxes where id = %s returning id",
                due,
            )
            await one(
                database,
                "update faxes set status = 'completed', reason = 'completed', finished_at = now(),"
                " pages_confirmed = pages where id = %s returning id",
                due,
            )

    task = asyncio.create_task(work())
    try:
        with capture_logs():  # they would stand among what the command prints
            yield
    finally:
        task.cancel()
        await asyncio.wait([task])


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    return short_document(tmp_path / "letter.pdf", 1)


@pytest.fixture
async def queued(run: Run, letter: Path) -> AsyncIterator[int]:
    """A fax that waits in the queue."""
    sent = await run(
        *("send", str(letter), "--from", "Acme/Sales", "--to", "+34911000002"),
        *("--send-at", NEVER, "--priority", "3", "--resolution", "normal", "--json"),
    )
    yield sent.json["id"]
    await run("fax", "cancel", str(sent.json["id"]))


async def test_send_and_show(run: Run, queued: int) -> None:
    shown = (await run("fax", "show", str(queued), "--json")).json
    expected = {
        "id": queued,
        "direction": "out",
        "status": "pending",
        "local_number": "+34911000001",
        "remote_number": "+34911000002",
        "priority": 3,
        "attempts": [],
        "deliveries": [],
    }
    assert {name: shown[name] for name in expected} == expected
    assert shown["send_at"].startswith("2099-01-01")
    text = (await run("fax", "show", str(queued))).out
    assert f"fax {queued} out: +34911000001 to +34911000002, pending" in text


async def test_the_place_in_the_queue(
    run: Run, database: Database, queued: int, tmp_path: Path
) -> None:
    with capture_logs():
        preparer = Preparer(FaxStore(database), FaxQueue(database), tmp_path / "scratch", 100)
        await preparer.prepare(queued)
    shown = (await run("fax", "show", str(queued), "--json")).json
    assert shown["queue"]["ahead"] == 0
    assert shown["queue"]["expected_at"].startswith("2099-01-01")
    text = (await run("fax", "show", str(queued))).out
    assert "0 faxes ahead in the queue, call expected about 01 Jan" in text


async def test_one_request_key_sends_one_fax(run: Run, letter: Path, queued: int) -> None:
    arguments = (
        *("send", str(letter), "--from", "Acme/Sales", "--to", "+34911000002"),
        *("--send-at", NEVER, "--idempotency-key", f"beside {queued}", "--json"),
    )
    first, second = [(await run(*arguments)).json["id"] for _ in range(2)]
    assert first == second
    await run("fax", "cancel", str(first))


async def test_faxes(run: Run, queued: int) -> None:
    [newest] = (await run("faxes", "--limit", "1", "--json")).json["faxes"]
    assert (newest["id"], newest["status"]) == (queued, "pending")
    text = (await run("faxes", "--limit", "5")).out
    assert str(queued) in text
    assert "pending" in text


async def test_cancel_and_resend(run: Run, queued: int) -> None:
    cancelled = await run("fax", "cancel", str(queued), "--json")
    assert cancelled.json == {"id": queued, "status": "cancelled"}
    again = await run("fax", "cancel", str(queued))
    assert again.code == 1
    assert f"fax {queued} has already ended: error" in again.error
    new = (await run("fax", "resend", str(queued), "--json")).json
    assert (new["resend_of"], new["status"]) == (queued, "pending")
    await run("fax", "cancel", str(new["id"]))


async def test_receipt_and_documents(
    run: Run, database: Database, letter: Path, tmp_path: Path
) -> None:
    """Of a fax that was sent, with the progress bar until its end."""
    async with working(database, tmp_path / "scratch"):
        sent = await run(
            "send", str(letter), "--from", "Acme/Sales", "--to", "+34911000002", "--wait", "--json"
        )
    assert (sent.json["status"], sent.json["pages_confirmed"]) == ("completed", 1)
    fax = str(sent.json["id"])
    pdf, tiff, receipt = (tmp_path / name for name in ("a.pdf", "a.tiff", "receipt.pdf"))
    shown = (await run("fax", "show", fax, "--pdf", str(pdf), "--tiff", str(tiff), "--json")).json
    assert shown["queue"] is None
    [attempt] = shown["attempts"]
    assert (attempt["reason"], attempt["sip_status"]) == ("completed", 200)
    assert any("MCF" in line for line in attempt["trace"])
    assert (await run("fax", "receipt", fax, "--out", str(receipt))).code == 0
    assert pdf.read_bytes()[:5] == receipt.read_bytes()[:5] == b"%PDF-"
    assert tiff.read_bytes()[:4] == b"II*\0"
    text = (await run("fax", "show", fax)).out
    assert "SIP 200" in text
    assert "MCF" in text


async def test_replay(run: Run, queued: int, database: Database) -> None:
    delivery = await one(
        database,
        "insert into deliveries (brand_id, company_id, fax_id, channel, event, recipients)"
        " select brand_id, company_id, id, 'mail', 'failed', array['ann@acme.example'] from faxes"
        " where id = %s returning id",
        queued,
    )
    replayed = (await run("fax", "replay", str(delivery), "--json")).json
    assert replayed["replay_of"] == delivery
    deliveries = (await run("fax", "show", str(queued), "--json")).json["deliveries"]
    assert {row["id"] for row in deliveries} == {delivery, replayed["id"]}
    missing = await run("fax", "replay", "987654321")
    assert missing.code == 1
    assert "there is no delivery 987654321" in missing.error


async def test_broadcast(run: Run, database: Database, letter: Path, tmp_path: Path) -> None:
    """Each number once, to its end; a heading is no number."""
    table = tmp_path / "to.csv"
    table.write_text("number,name\n+34911000002,Ann\n+34 911 000 002,Ann again\n")
    async with working(database, tmp_path / "scratch"):
        sent = await run(
            *("broadcast", "send", str(letter), "--from", "Acme/Sales", "--to", str(table)),
            *("--name", "Spring", "--subject", "Offer", "--wait", "--json"),
        )
    expected = {"name": "Spring", "total": 1, "completed": 1, "error": 0, "pending": 0}
    assert {name: sent.json[name] for name in expected} == expected
    broadcast = str(sent.json["id"])
    assert (await run("broadcast", "show", broadcast, "--json")).json == sent.json
    assert "1 faxes, 1 completed" in (await run("broadcast", "show", broadcast)).out


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["fax", "show", "987654321"], "there is no fax 987654321"),
        (["fax", "cancel", "987654321"], "there is no fax 987654321"),
        (["fax", "resend", "987654321"], "there is no fax 987654321"),
        (["fax", "receipt", "987654321", "--out", "/nowhere"], "there is no fax 987654321"),
        (["broadcast", "show", "987654321"], "there is no broadcast 987654321"),
    ],
)
async def test_an_unknown_id_is_an_error(run: Run, arguments: list[str], error: str) -> None:
    result = await run(*arguments)
    assert result.code == 1
    assert error in result.error


async def test_a_wrong_request_is_an_error(run: Run, letter: Path, tmp_path: Path) -> None:
    table = tmp_path / "to.csv"
    table.write_text("+34-CALL-NOW\n")
    for arguments, error in (
        (("send", "--from", "Acme/Nobody", "--to", "+34911000002"), "there is no virtual fax"),
        (("send", "--from", "Acme/Sales", "--to", "+34-CALL-NOW"), "call-now"),
        (("broadcast", "send", "--from", "Acme/Sales", "--to", str(table)), "call-now"),
    ):
        result = await run(*arguments, str(letter))
        assert result.code == 1
        assert error in result.error


async def test_the_company_of_a_list_is_the_database_s_alone(run: Run, database: Database) -> None:
    _, company = await company_of(database, "Acme")
    result = await run("faxes", "--company", str(company), "--json")
    if result.code:
        assert "an api key sees its own company only" in result.error
    else:
        assert {fax["company_id"] for fax in result.json["faxes"]} == {company}
