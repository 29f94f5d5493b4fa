"""Mail and webhooks on the real stack: what happened is told, once, whatever is away."""

import asyncio
import email
import email.policy
import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import aiosmtplib
import pytest
from standardwebhooks import Webhook

from spandsp_bridge.demo.stack import Stack
from spandsp_bridge.documents.bitmaps import page_bitmaps
from spandsp_bridge.documents.job import PageOptions
from spandsp_bridge.documents.render import render
from spandsp_bridge.model import FaxStatus, Outcome
from spandsp_bridge.reasons import Reason
from spandsp_bridge.store.deliveries import DeliveryStore
from spandsp_bridge.store.fax_rows import Fax
from spandsp_bridge.store.faxes import FaxStore
from spandsp_bridge.store.pool import Database
from tests.support.commands import vfax
from tests.support.faxes import received_after
from tests.support.pdfs import encrypted, short_document
from tests.support.peers.http_server import HttpServer, http_server
from tests.support.ports import HTTP_PORT
from tests.support.waiting import until


@pytest.fixture
async def store(database: Database) -> AsyncIterator[FaxStore]:
    """The queries, on the stack's database."""
    yield FaxStore(database)


@pytest.fixture
async def receiver(database: Database) -> AsyncIterator[HttpServer]:
    """A webhook of Globex, and the server that it calls."""
    async with http_server(HTTP_PORT) as server:
        async with database.transaction() as c:
            await c.execute(
                "insert into webhooks (brand_id, company_id, url, secret, events)"
                " select brand_id, id, %s, %s, '{fax.received,fax.failed}' from companies"
                " where name = 'Globex'",
                [f"http://127.0.0.1:{HTTP_PORT}/hook?a=b", SECRET],
            )
        yield server
        async with database.transaction() as c:
            await c.execute("delete from webhooks")


SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"


def mail(to: str, **more: str) -> EmailMessage:
    made = EmailMessage()
    made["From"] = more.get("sender", "Ann Sales <sales@acme.example>")
    made["To"] = to
    made["Subject"] = "An order"
    made["Message-ID"] = more.get("message_id", f"<{id(made)}.{to}>")
    made.set_content(more.get("text", "Dear Globex,\n\nplease find our order attached.\n"))
    return made


async def hand_in(stack: Stack, message: EmailMessage) -> tuple[int, str]:
    """Hand a mail to the fax system as a mail server would; return its answer."""
    try:
        _, answer = await aiosmtplib.send(
            message, hostname="127.0.0.1", port=stack.mail_port, start_tls=False
        )
    except aiosmtplib.SMTPRecipientsRefused as error:
        return error.recipients[0].code, error.recipients[0].message
    except aiosmtplib.SMTPResponseException as error:
        return error.code, error.message
    return 250, str(answer)


async def ended(store: FaxStore, fax_id: int, seconds: float = 90) -> Fax:
    async def over() -> Fax | None:
        fax = await store.fax(fax_id)
        return fax if fax and fax.finished_at else None

    found = await until(over, seconds)
    assert isinstance(found, Fax)
    return found


async def test_a_mail_becomes_a_fax_and_a_mail_again(
    stack: Stack, store: FaxStore, tmp_path: Path, receiver: HttpServer
) -> None:
    order = short_document(tmp_path / "order.pdf", 2).read_bytes()
    message = mail("911000002@fax.example")
    message.add_attachment(order, maintype="application", subtype="pdf", filename="order.pdf")
    code, said = await hand_in(stack, message)
    assert code == 250, said
    fax_id = int(said.rpartition(" ")[2])
    assert "Accepted as fax" in said
    again = await hand_in(stack, message)
    assert again[1].endswith(f" {fax_id}"), "handed in twice, faxed once"

    sent = await ended(store, fax_id)
    assert (sent.status, sent.pages, sent.reason) == (FaxStatus.COMPLETED, 3, "completed")
    assert sent.cover is not None
    assert sent.cover["subject"] == "An order"
    received = await until(lambda: received_after(store, sent))
    theirs = await store.document(received, "tiff")
    assert theirs is not None
    _, *pages = page_bitmaps(theirs)
    made = await render([("order.pdf", order)], PageOptions(), 10)
    assert pages == page_bitmaps(made.tiff), "behind the cover page, pixel for pixel"

    # What the receiver gets by mail.
    async def arrived() -> Any:
        for file in stack.mail_folder.glob("*.eml"):
            got = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
            if f".fax-{received.id}@" in str(got["Message-ID"]):
                return got
        return None

    got = await until(arrived)
    [attachment] = got.iter_attachments()
    assert attachment.get_content() == await store.document(received, "pdf")

    # And by webhook.
    async def called() -> Any:
        return [c for c in receiver.calls if json.loads(c.body)["data"]["id"] == received.id]

    [call] = await until(called)
    assert call.path == "/hook?a=b"
    body = Webhook(SECRET).verify(call.body, call.headers)
    assert (body["type"], body["data"]["pages"]) == ("fax.received", 3)
    with pytest.raises(Exception, match="signature"):
        Webhook(SECRET).verify(call.body + b" ", call.headers)


@pytest.mark.parametrize(
    ("sender", "to", "attached", "code", "expected"),
    [
        ("stranger@evil.example", "911000002@fax.example", b"%PDF", 550, "may not fax by mail"),
        ("sales@acme.example", "911000002@other.example", b"%PDF", 550, "Only addresses of"),
        ("sales@acme.example", "call-now@fax.example", b"%PDF", 550, "use E.164"),
        ("sales@acme.example", "12@fax.example", b"%PDF", 550, "phone number"),
        ("sales@acme.example", "911000002@fax.example", encrypted(), 554, "password"),
        ("sales@acme.example", "911000002@fax.example", b"MZ\0\1\2", 554, "is not a PDF"),
        ("sales@acme.example", "911000002@fax.example", None, 554, "nothing can be faxed"),
    ],
)
async def test_a_mail_that_cannot_be_faxed_is_answered_with_the_reason(
    stack: Stack, store: FaxStore, sender: str, to: str, attached: bytes | None, code: int,
    expected: str,
) -> None:  # fmt: skip
    before = [fax.id for fax in await store.faxes(1)]
    message = mail(to, sender=sender, text="" if attached is None else "Hello")
    if attached is not None:
        message.add_attachment(attached, maintype="application", subtype="pdf", filename="o.pdf")
    said = await hand_in(stack, message)
    assert said[0] == code, said
    assert expected in said[1]
    assert [fax.id for fax in await store.faxes(1)] == before, "nothing was accepted"


async def failed_fax(database: Database, store: FaxStore) -> int:
    """Put a failed fax of Globex there."""
    sender = await store.find_virtual_fax("Globex/Office")
    async with database.transaction() as c:
        cursor = await c.execute(
            "insert into faxes (brand_id, company_id, virtual_fax_id, direction, status, reason,"
            " detail, local_number, remote_number, finished_at) values (%s, %s, %s, 'out',"
            " 'error', 'user_busy', '{\"sip\": 486}', '+34911000002', '+34600000001', now())"
            " returning id",
            [sender.brand_id, sender.company_id, sender.id],
        )
        row = await cursor.fetchone()
    assert row is not None
    return int(row["id"])


async def test_a_webhook_is_tried_again_and_replayed_under_the_same_id(
    stack: Stack, database: Database, store: FaxStore, receiver: HttpServer
) -> None:
    receiver.answers = [500]
    fax_id = await failed_fax(database, store)
    deliveries = DeliveryStore(database)

    async def done() -> Any:
        found = [d for d in await deliveries.deliveries(fax_id) if d.channel == "webhook"]
        return found if found and all(d.state == "done" for d in found) else None

    [first] = await until(done)
    assert (first.tries, first.reason, first.detail) == (2, "delivered", {"answer": "204 Said"})
    code, out, _ = await vfax(stack, "fax", "replay", str(first.id), "--json")
    assert code == 0
    assert json.loads(out)["replay_of"] == first.id
    assert len(await until(done)) == 2
    ids = {call.headers["webhook-id"] for call in receiver.calls}
    assert len(receiver.calls) == 3
    assert ids == {f"msg_{first.id}"}


async def test_a_receiver_that_is_gone_is_switched_off(
    database: Database, store: FaxStore, receiver: HttpServer
) -> None:
    receiver.answers = [410]
    fax_id = await failed_fax(database, store)

    async def failed() -> Any:
        [d] = [d for d in await DeliveryStore(database).deliveries(fax_id)
               if d.channel == "webhook"]  # fmt: skip
        return d if d.state == "failed" else None

    delivery = await until(failed)
    assert (delivery.reason, delivery.detail["answer"][:3]) == ("webhook_gone", "410")
    async with database.transaction() as c:
        cursor = await c.execute("select enabled from webhooks")
        assert [row["enabled"] for row in await cursor.fetchall()] == [False]


@pytest.mark.parametrize(
    "url",
    ["http://10.1.2.3/", "http://[::1]:8080/", "http://169.254.169.254/latest/meta-data",
     "https://[::ffff:10.0.0.1]/"],
)  # fmt: skip
async def test_a_webhook_into_our_own_network_is_never_called(
    database: Database, store: FaxStore, receiver: HttpServer, url: str
) -> None:
    async with database.transaction() as c:
        await c.execute("update webhooks set url = %s", [url])
    fax_id = await failed_fax(database, store)

    async def failed() -> Any:
        [d] = [d for d in await DeliveryStore(database).deliveries(fax_id)
               if d.channel == "webhook"]  # fmt: skip
        return d if d.state == "failed" else None

    assert (await until(failed)).reason == "host_forbidden"


async def test_a_mail_server_that_is_away_gets_the_mail_later_and_once(
    stack: Stack, database: Database, store: FaxStore
) -> None:
    sink = stack.supervisor.get("mail-sink")
    await stack.supervisor.stop(sink)
    async with database.transaction() as c:
        await c.execute("update virtual_faxes set mail_events = mail_events || '{failed}'::text[]"
                        " where name = 'Office'")  # fmt: skip
        await c.execute(
            "insert into mail_templates (brand_id, event, language, subject, text)"
            " select id, 'failed', 'en', 'Not sent: {{ FAX_DST }}', '{{ FAX_REASON }}' from brands"
            " where name = 'Demo Telecom'"
        )
    try:
        fax_id = await failed_fax(database, store)

        async def tried() -> Any:
            [d] = await DeliveryStore(database).deliveries(fax_id)
            return d if d.tries else None

        waiting = await until(tried)
        assert (waiting.state, waiting.channel) == ("pending", "mail")
    finally:
        await stack.start_mail_sink()

    async def done() -> Any:
        [d] = await DeliveryStore(database).deliveries(fax_id)
        return d if d.state == "done" else None

    await until(done, 30)
    await asyncio.sleep(1)
    got = [
        email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
        for file in stack.mail_folder.glob("*.eml")
    ]
    [mine] = [m for m in got if f".fax-{fax_id}@" in str(m["Message-ID"])]
    assert mine["Subject"] == "Not sent: +34600000001"
    assert mine.get_content().strip() == "The line is busy (SIP 486). Send it again later."
    async with database.transaction() as c:
        await c.execute("delete from mail_templates")
        await c.execute("update virtual_faxes set mail_events = '{received,partial}'")


async def test_a_fax_is_cancelled_in_mid_call(
    stack: Stack, store: FaxStore, tmp_path: Path
) -> None:
    document = short_document(tmp_path / "long.pdf", 40)
    sender = await store.find_virtual_fax("Acme/Sales")
    fax_id = await store.submit(sender, "+34911000002", [("a.pdf", document.read_bytes())])

    async def runs() -> Any:
        fax = await store.fax(fax_id)
        return fax is not None and fax.pages_confirmed > 0

    await until(runs, 60)
    code, _, err = await vfax(stack, "fax", "cancel", str(fax_id))
    assert (code, err) == (0, "")
    fax = await ended(store, fax_id, 10)
    assert (fax.status, fax.reason) == (FaxStatus.ERROR, "cancelled")
    assert 0 < fax.pages_confirmed < 40
    assert fax.detail == {"pages": 40, "confirmed": fax.pages_confirmed}
    received = await until(lambda: received_after(store, fax))
    assert received.pages_confirmed >= fax.pages_confirmed, "what was confirmed is kept"
    code, _, err = await vfax(stack, "fax", "cancel", str(fax_id))
    assert code == 2
    assert "has already ended" in err
    code, out, _ = await vfax(stack, "fax", "resend", str(fax_id), "--json")
    new = json.loads(out)
    assert (code, new["resend_of"], new["pages"]) == (0, fax_id, 40)
    await vfax(stack, "fax", "cancel", str(new["id"]))


async def test_a_receipt_shows_every_page(stack: Stack, store: FaxStore, tmp_path: Path) -> None:
    sender = await store.find_virtual_fax("Acme/Sales")
    document = short_document(tmp_path / "letter.pdf", 1)
    fax_id = await store.submit(sender, "+34911000002", [("a.pdf", document.read_bytes())])
    await ended(store, fax_id)
    out = tmp_path / "receipt.pdf"
    code, _, err = await vfax(stack, "fax", "receipt", str(fax_id), "--out", str(out))
    assert (code, err) == (0, "")
    process = await asyncio.create_subprocess_exec(
        "pdftotext", "-layout", str(out), "-", stdout=asyncio.subprocess.PIPE
    )
    text = (await process.communicate())[0].decode()
    for word in ("Every page confirmed", f"fax {fax_id}", "+34911000002", "+34 911 000 002",
                 "SHA-256", "completed"):  # fmt: skip
        assert word in text


async def test_who_looked_is_written_down(
    stack: Stack, database: Database, store: FaxStore, tmp_path: Path
) -> None:
    fax = next(f for f in await store.faxes(50) if f.direction == "in" and f.pages)
    code, _, _ = await vfax(stack, "fax", "show", str(fax.id), "--pdf", str(tmp_path / "a.pdf"))
    assert code == 0
    async with database.transaction() as c:
        cursor = await c.execute(
            "select who, detail from audit_log where fax_id = %s and action = 'document_read'"
            " order by id desc limit 1", [fax.id],
        )  # fmt: skip
        row = await cursor.fetchone()
    assert row is not None
    assert row["who"].startswith("cli:")
    assert row["detail"] == {"document": "pdf"}


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        (b"", "has no numbers"),
        (b"number,name\n", "has no numbers"),
        (b"+34911000002,A\nnot a number,B\n", "to.csv:2"),
        (b"\xff\xfe\x00", "has no numbers"),
    ],
)
async def test_a_bad_list_of_destinations_is_one_clear_line(
    stack: Stack, tmp_path: Path, rows: bytes, problem: str
) -> None:
    document, table = short_document(tmp_path / "a.pdf", 1), tmp_path / "to.csv"
    table.write_bytes(rows)
    code, _, err = await vfax(stack, "broadcast", "send", str(document), "--from", "Acme/Sales",
                              "--to", str(table))  # fmt: skip
    assert code == 2
    assert problem in err
    assert len(err.strip().splitlines()) == 1


async def test_an_outcome_without_a_page_tells_nobody(database: Database, store: FaxStore) -> None:
    office = await store.find_virtual_fax("Globex/Office")
    fax_id = await store.store_received(
        spool_key="nothing-came", virtual_fax=office, local_number="+34911000002",
        remote_number="+34600000001", bridge="test", call_id="x",
        outcome=Outcome(False, Reason.SENDER_CALL_DROPPED), pages=[],
        tiff=b"", pdf=b"", received_at=datetime.now(UTC),
    )  # fmt: skip
    assert fax_id is not None
    assert await DeliveryStore(database).deliveries(fax_id) == []
