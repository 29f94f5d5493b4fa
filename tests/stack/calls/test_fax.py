"""A fax on the real stack, watched on the wire; what users and operators see of it."""

import email
import email.policy
import json
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from spandsp_bridge.demo.layout import BRIDGE_A, BRIDGE_B, CARRIER, WORKER
from spandsp_bridge.demo.stack import Stack
from spandsp_bridge.documents.bitmaps import page_bitmaps
from spandsp_bridge.i18n import sentence
from spandsp_bridge.model import FaxStatus
from spandsp_bridge.store.fax_rows import Fax
from spandsp_bridge.store.faxes import FaxStore
from spandsp_bridge.store.pool import Database
from spandsp_bridge.store.progress import Progress
from tests.support.capture import captured, packets
from tests.support.commands import vfax
from tests.support.faxes import received_after
from tests.support.pdfs import short_document
from tests.support.waiting import until

#: Pages of a call that is still going on when something happens to it.
LONG = 40


async def test_a_pdf_becomes_a_fax_and_a_pdf_again(
    stack: Stack, database: Database, tmp_path: Path
) -> None:
    store = FaxStore(database)
    document = short_document(tmp_path / "letter.pdf")
    pcap = tmp_path / "call.pcapng"
    async with captured(stack, pcap):
        code, out, err = await vfax(
            stack, "send", str(document), "--from", "Acme/Sales", "--to", "922 00 00 02",
            "--wait", "--json",
        )  # fmt: skip
    assert code == 0, err
    told = json.loads(out)
    assert (told["status"], told["pages"], told["pages_confirmed"]) == ("completed", 2, 2)
    assert told["remote_number"] == "+34922000002", "a national number of the company's country"

    # What is stored on both sides.
    sent = await store.fax(told["id"])
    assert sent is not None
    received = await received_after(store, sent)
    assert (received.status, received.pages_confirmed) == (FaxStatus.COMPLETED, 2)
    ours, theirs = await store.document(sent, "tiff"), await store.document(received, "tiff")
    assert ours is not None
    assert theirs is not None
    assert page_bitmaps(ours) == page_bitmaps(theirs), "pixel for pixel"
    pdf = await store.document(received, "pdf")
    assert pdf is not None
    assert pdf.startswith(b"%PDF-")
    [attempt] = await store.attempts(sent)
    assert (attempt.sip_status, attempt.t30_code, attempt.reason) == (200, 0, "completed")
    assert (attempt.bit_rate, attempt.ecm) == (14400, True)
    assert attempt.remote_station_id == "+34 911 000 002"
    assert attempt.route is not None
    assert attempt.route["uri"] == f"sip:{CARRIER}:{stack.port + 4}"
    assert attempt.trace is not None
    frames = [line.split()[1:3] for line in attempt.trace]
    for frame in (["<", "DIS"], [">", "DCS"], ["<", "CFR"], ["<", "MCF"], [">", "DCN"]):
        assert frame in frames, attempt.trace

    # What went over the wire.
    invites = await packets(pcap, 'sip.Method == "INVITE" && !(sip.to.tag)', "ip.src", "ip.dst")
    assert [WORKER, "127.0.0.1"] in invites
    assert ["127.0.0.1", CARRIER] in invites
    assert [CARRIER, "127.0.0.1"] in invites
    assert any(dst in (BRIDGE_A, BRIDGE_B) for _, dst in invites)
    reinvites = await packets(pcap, 'sip.Method == "INVITE" && sip.to.tag', "sdp.media", "ip.src")
    assert any("image" in media and "udptl t38" in media for media, _ in reinvites)
    assert len(await packets(pcap, "t38", "frame.number")) > 100
    assert await packets(pcap, 'sip.Method == "BYE"', "ip.src")
    leaked = await packets(
        pcap, f'ip.dst == {CARRIER} && sip.msg_hdr contains "X-Vfax"', "frame.number"
    )
    assert leaked == [], "our headers went to a carrier"
    for header in ("X-Vfax-Ddi", "X-Vfax-Virtual-Fax"):
        named = await packets(
            pcap, f'sip.Method == "INVITE" && sip.msg_hdr contains "{header}"', "ip.dst"
        )
        assert {dst for [dst] in named} <= {BRIDGE_A, BRIDGE_B}
        assert named
    faxes = await packets(
        pcap, 'sip.Method == "INVITE" && sip.msg_hdr contains "X-Vfax-Fax"', "ip.src", "ip.dst"
    )
    assert {tuple(pair) for pair in faxes} == {(WORKER, "127.0.0.1")}, "a fax's id: outbound alone"

    # What the receiver gets by mail.
    async def mail() -> Any:
        for file in stack.mail_folder.glob("*.eml"):
            message = email.message_from_bytes(file.read_bytes(), policy=email.policy.default)
            if f".fax-{received.id}@" in str(message["Message-ID"]):
                return message
        return None

    message = await until(mail)
    assert message["To"] == "office@globex.example"
    [attachment] = message.iter_attachments()
    assert attachment.get_content_type() == "application/pdf"
    assert attachment.get_content() == pdf

    # What the commands tell.
    code, out, _ = await vfax(stack, "fax", "show", str(sent.id))
    assert code == 0
    assert "MCF" in out
    code, out, _ = await vfax(stack, "fax", "show", str(received.id), "--json",
                              "--pdf", str(tmp_path / "out.pdf"))  # fmt: skip
    assert json.loads(out)["attempts"][0]["remote_station_id"] == "+34 911 000 001"
    assert (tmp_path / "out.pdf").read_bytes() == pdf
    code, out, _ = await vfax(stack, "faxes", "--json")
    assert {sent.id, received.id} <= {f["id"] for f in json.loads(out)["faxes"]}


async def test_a_killed_bridge_loses_no_confirmed_page(
    stack: Stack, database: Database, tmp_path: Path
) -> None:
    """kill -9 in mid-call, after a page was confirmed: it is kept, and both sides say why."""
    store = FaxStore(database)
    document = short_document(tmp_path / "long.pdf", LONG)
    sender = await store.find_virtual_fax("Acme/Sales")
    fax_id = await store.submit(sender, "+34911000002", [("letter.pdf", document.read_bytes())])

    async def two_pages() -> bool:
        fax = await store.fax(fax_id)
        assert fax is not None
        return fax.pages_confirmed >= 2

    await until(two_pages, 60)
    [bridge] = [
        stack.supervisor.get(name)
        for name in ("bridge-a", "bridge-b")
        if list((stack.var / "spool" / name).iterdir())
    ]
    assert bridge.process is not None
    bridge.state = "stopped"  # on purpose
    os.killpg(bridge.process.pid, signal.SIGKILL)
    await bridge.process.wait()
    await stack.start_bridge(bridge.name)

    sent = await store.fax(fax_id)
    assert sent is not None
    received = await received_after(store, sent)
    assert (received.status, received.reason) == (FaxStatus.ERROR, "bridge_lost")
    assert received.pages_confirmed >= 2
    tiff = await store.document(received, "tiff")
    original = await store.document(sent, "tiff")
    assert tiff is not None
    assert original is not None
    kept = page_bitmaps(tiff)
    assert kept == page_bitmaps(original)[: len(kept)]

    async def waiting() -> Fax | None:
        fax = await store.fax(fax_id)
        assert fax is not None
        return fax if fax.status is FaxStatus.PENDING else None

    failed = await until(waiting, 90)
    assert failed.reason in ("receiver_call_dropped", "page_refused")
    confirmed = failed.pages_confirmed
    assert confirmed <= received.pages_confirmed, "confirmed, but not kept"
    assert (failed.detail["confirmed"], failed.detail["pages"]) == (confirmed, LONG)
    assert failed.detail["next"] == {"action": "retry", "attempt": 2}

    async with database.transaction() as c:  # it is due in two minutes
        await c.execute("update faxes set send_at = now() where id = %s", [fax_id])
        await c.execute("notify vfax_faxes")

    async def completed() -> Fax | None:
        fax = await store.fax(fax_id)
        assert fax is not None
        return fax if fax.status is FaxStatus.COMPLETED else None

    sent = await until(completed, 120)
    assert sent.pages_confirmed == LONG

    async def rest_is_stored() -> Fax | None:
        fax = await received_after(store, sent)
        return fax if fax.id != received.id else None

    tiff = await store.document(await until(rest_is_stored), "tiff")
    assert tiff is not None
    continuation, *rest = page_bitmaps(tiff)
    assert rest == page_bitmaps(original)[confirmed:], "no page came again"
    assert continuation not in page_bitmaps(original), "a page that says so came first"


def children(parent: int) -> list[int]:
    """Return the processes whose parent this is."""
    found = []
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[1]) == parent:
            found.append(int(stat.parent.name))
    return found


async def test_faxes_are_received_while_postgresql_stands_still(
    stack: Stack, database: Database, tmp_path: Path
) -> None:
    """Frozen from the INVITE to the end of the call: every page is confirmed and kept."""
    store = FaxStore(database)
    document = short_document(tmp_path / "letter.pdf")
    sender = await store.find_virtual_fax("Acme/Sales")
    fax_id = await store.submit(sender, "+34911000002", [("letter.pdf", document.read_bytes())])
    live = Progress(stack.settings().redis_url)

    async def dialling() -> bool:
        return (await live.get(fax_id)).stage == "dialling"

    def spooled() -> list[Path]:
        return list((stack.var / "spool").glob("*/*/journal"))

    async def call_is_over() -> bool:
        return any('"end"' in journal.read_text() for journal in spooled())

    await until(dialling)
    postgres = stack.supervisor.get("postgresql").process
    assert postgres is not None
    os.kill(postgres.pid, signal.SIGSTOP)
    frozen = [postgres.pid, *children(postgres.pid)]  # each backend has a session of its own
    for pid in frozen:
        os.kill(pid, signal.SIGSTOP)
    try:
        await until(call_is_over, 60)
        [journal] = spooled()
        assert journal.read_text().count('{"page": {') == 2
    finally:
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)

    async def ended() -> Fax | None:
        fax = await store.fax(fax_id)
        assert fax is not None
        return fax if fax.status in (FaxStatus.COMPLETED, FaxStatus.ERROR) else None

    sent = await until(ended, 60)
    assert (sent.status, sent.pages_confirmed) == (FaxStatus.COMPLETED, 2), sent.detail
    async with database.transaction() as c:
        cursor = await c.execute("select page from pages where fax_id = %s order by 1", [fax_id])
        assert [row["page"] for row in await cursor.fetchall()] == [1, 2]
    received = await received_after(store, sent)
    assert (received.status, received.pages_confirmed) == (FaxStatus.COMPLETED, 2)
    await live.close()


async def test_a_fax_without_an_answer_says_why(stack: Stack, database: Database,
                                                tmp_path: Path) -> None:  # fmt: skip
    """The number exists nowhere: it comes back in as an unknown DDI, which is 404."""
    document = short_document(tmp_path / "letter.pdf", 1)
    code, out, _ = await vfax(
        stack, "send", str(document), "--from", "Acme/Sales", "--to", "+34911777777",
        "--wait", "--json",
    )  # fmt: skip
    told = json.loads(out)
    assert code == 1
    assert (told["status"], told["reason"]) == ("error", "receiver_unallocated_number")
    assert told["detail"]["sip"] == 404
    assert "SIP 404" in told["explanation"]
    sent = await FaxStore(database).fax(told["id"])
    assert sent is not None
    [attempt] = await FaxStore(database).attempts(sent)
    assert attempt.sip_status == 404


async def test_a_document_that_fails_after_it_was_accepted_ends_in_error(
    stack: Stack, database: Database
) -> None:
    store = FaxStore(database)
    sender = await store.find_virtual_fax("Acme/Sales")
    fax_id = await store.submit(
        sender, "+34911000002", [("letter.pdf", b"%PDF-1.7\nnot really\n%%EOF")]
    )

    async def ended() -> Fax | None:
        fax = await store.fax(fax_id)
        return fax if fax is not None and fax.status is FaxStatus.ERROR else None

    fax = await until(ended)
    assert fax.reason in ("file_format_invalid", "document_without_pages")
    assert fax.detail["file"] == "letter.pdf"
    assert "letter.pdf" in sentence(fax.reason, fax.detail, "en")
    assert await store.document(fax, "tiff") is None, "nothing half-written"
    assert await store.attempts(fax) == [], "nobody was called"
    assert list((stack.var / "sending" / "worker").iterdir()) == []


@pytest.mark.parametrize("direction", ["in", "out"])
async def test_what_is_stored_is_consistent(database: Database, direction: str) -> None:
    """Whatever the other tests did: completed faxes have every page, errors have reasons."""
    for fax in await FaxStore(database).faxes(1000):
        if fax.direction == direction and fax.status is FaxStatus.COMPLETED:
            assert fax.pages == fax.pages_confirmed
        if fax.status is FaxStatus.ERROR:
            assert fax.reason
            assert sentence(fax.reason, fax.detail, "en")
