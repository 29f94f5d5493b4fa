"""A broadcast through Kamailio to machines of every kind: each end is as the table says."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from spandsp_bridge.demo.stack import Stack
from spandsp_bridge.documents.job import PageOptions
from spandsp_bridge.documents.render import render
from spandsp_bridge.store.faxes import FaxStore
from spandsp_bridge.store.pool import Database
from tests.documents.builders import picture, word
from tests.support.commands import vfax
from tests.support.pdfs import short_document
from tests.support.peers.fax_machines import FaxMachines, digests, fax_machines, world
from tests.support.ports import MEDIA_PORTS, PORT_BASE
from tests.support.scaled_engine import scaled
from tests.support.waiting import until

CARRIER = ("127.0.0.83", PORT_BASE + 50)

#: behaviour of a number to (status, reasons, calls) by the defaults of the table of retries
TABLE: dict[str, tuple[str, set[str], set[int]]] = {
    "fine": ("completed", {"completed"}, {1}),
    "busy": ("error", {"user_busy"}, {5}),
    "busy once": ("completed", {"completed"}, {2}),
    "absent": ("error", {"receiver_no_answer"}, {4}),
    "unknown": ("error", {"receiver_unallocated_number"}, {1}),
    "incomplete": ("error", {"receiver_unallocated_number"}, {1}),
    "declined": ("error", {"call_rejected"}, {1}),
    "forbidden": ("error", {"call_forbidden"}, {1}),
    "broken": ("error", {"carrier_failed"}, {4}),
    "wrong media": ("error", {"receiver_incompatible"}, {1}),
    "hangs up once": ("completed", {"completed"}, {2}),
    "refuses pages": ("error", {"page_refused", "receiver_call_dropped"}, {4}),
    "audio": ("completed", {"completed"}, {1}),
    "person": ("error", {"answered_by_person"}, {2}),
    "silent": ("error", {"no_fax_answered"}, {2}),
}
KINDS = [*TABLE]  # the first numbers are of these kinds, all others are fine
NUMBERS = 500
BEHIND_A_GATEWAY = NUMBERS  # the place of one more number, of the kind "audio"


def number_of(place: int) -> str:
    return f"+3491800{place:04d}"


def behaviour(number: str) -> str:
    place = int(number[-4:])
    if place == BEHIND_A_GATEWAY:
        return "audio"
    return KINDS[place] if place < len(KINDS) else "fine"


@pytest.fixture(scope="module")
async def machines(
    stack: Stack, database: Database, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[FaxMachines]:
    """A company whose faxes go to machines of every kind; retries follow at once."""
    async with database.transaction() as c:
        await c.execute(world("Bulk", CARRIER).encode())
        await c.execute(
            "insert into retry_rules (brand_id, reason, action, delay, tries, steps)"
            " select b.id, reason, action, 0, tries, steps from retry_defaults, brands b"
            " where b.name = 'Demo Telecom'"
        )
    folder = tmp_path_factory.mktemp("machines")
    async with fax_machines(
        CARRIER, stack.kamailio, MEDIA_PORTS, folder, behaviour, build=scaled()
    ) as made:
        yield made
    async with database.transaction() as c:
        await c.execute("delete from retry_rules")
        await c.execute("delete from peer_profiles")
        await c.execute("update carriers set enabled = false where name = 'Bulk machines'")


async def test_every_failure_ends_as_the_table_says(
    stack: Stack, database: Database, machines: FaxMachines, tmp_path: Path
) -> None:
    document = short_document(tmp_path / "mailing.pdf", 2)
    rows = ["number,name", *(f"{number_of(n)},Customer {n}" for n in range(NUMBERS))]
    table = tmp_path / "customers.csv"
    table.write_text("\n".join(rows))
    code, out, err = await vfax(
        stack, "broadcast", "send", str(document), "--from", "Bulk/Mailing", "--to", str(table),
        "--name", "Spring", "--wait", "--json",
    )  # fmt: skip
    assert code == 0, err
    told = json.loads(out)
    assert (told["total"], told["name"]) == (NUMBERS, "Spring")
    assert (told["pending"], told["inprogress"]) == (0, 0)
    await machines.settled()

    async with database.transaction() as c:
        cursor = await c.execute(
            "select id, remote_number, status::text, reason, pages_confirmed, (select count(*)"
            " from attempts a where a.company_id = f.company_id and a.fax_id = f.id) as calls"
            " from faxes f where broadcast_id = %s", [told["id"]],
        )  # fmt: skip
        faxes = await cursor.fetchall()
        cursor = await c.execute(
            "select count(*) as n from documents where kind = 'tiff' and fax_id = any(%s)",
            [[f["id"] for f in faxes]],
        )
        documents = await cursor.fetchone()
    assert documents is not None
    assert documents["n"] == 1, "one document for all of them"
    wrong = []
    for fax in faxes:
        kind = behaviour(fax["remote_number"])
        status, reasons, calls = TABLE[kind]
        seen = (fax["status"], fax["reason"], fax["calls"])
        taken = machines.calls[fax["remote_number"]]
        if (
            fax["status"] != status
            or fax["reason"] not in reasons
            or fax["calls"] not in calls
            or taken != fax["calls"]
        ):
            wrong.append((kind, seen, taken))
    assert wrong == []
    good = sum(TABLE[behaviour(number_of(n))][0] == "completed" for n in range(NUMBERS))
    assert told["completed"] == good

    # What the machines have, by pixels.
    made = await render([("mailing.pdf", document.read_bytes())], PageOptions(), 10)
    pages = digests(made.tiff)
    for place in range(NUMBERS):
        kind = behaviour(number_of(place))
        got = machines.confirmed.get(number_of(place), [])
        flat = [page for call in got for page in call if page in pages]
        if TABLE[kind][0] == "completed":
            assert flat == pages, (kind, "each page once, in order")
        elif kind == "refuses pages":
            assert flat == []
    again = machines.confirmed[number_of(KINDS.index("hangs up once"))]
    assert [len(call) for call in again] == [1, 2], "the rest came behind a page that says so"


async def test_what_was_learned_is_where_the_next_call_starts(
    stack: Stack, database: Database, machines: FaxMachines, tmp_path: Path
) -> None:
    """The machine behind a gateway without T.38 was reached over audio: now audio comes first."""
    number = number_of(BEHIND_A_GATEWAY)
    document = short_document(tmp_path / "again.pdf", 1)

    async def send() -> dict[str, Any]:
        code, out, err = await vfax(stack, "send", str(document), "--from", "Bulk/Mailing",
                                    "--to", number, "--wait", "--json")  # fmt: skip
        assert code == 0, err
        fax: dict[str, Any] = json.loads(out)
        return fax

    first = await send()
    async with database.transaction() as c:
        cursor = await c.execute(
            "select audio_fax, learned_from, changes, expires_at > now() + interval '29 days'"
            " as holds from peer_profiles where number = %s", [number],
        )  # fmt: skip
        row = await cursor.fetchone()
    assert row is not None
    assert (row["audio_fax"], row["holds"]) == ("first", True)
    assert (row["learned_from"], row["changes"]) == (first["id"], ["audio"])
    store = FaxStore(database)
    [attempt] = await store.attempts(await _fax(store, (await send())["id"]))
    assert attempt.stats is not None
    assert attempt.stats["media"] == "audio"


async def _fax(store: FaxStore, fax_id: int) -> Any:
    found = await store.fax(fax_id)
    assert found is not None
    return found


async def test_documents_of_every_kind_arrive_as_one_fax(
    stack: Stack, database: Database, machines: FaxMachines, tmp_path: Path
) -> None:
    files = {
        "letter.pdf": short_document(tmp_path / "letter.pdf", 1).read_bytes(),
        "offer.docx": word("Our offer"),
        "photo.jpg": picture("JPEG", size=(300, 400)),
        "notes.txt": b"Some notes.\n",
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    number = number_of(900)
    code, out, err = await vfax(
        stack, "send", *(str(tmp_path / name) for name in files), "--from", "Bulk/Mailing",
        "--to", number, "--subject", "Everything", "--resolution", "normal", "--wait", "--json",
    )  # fmt: skip
    assert code == 0, err
    told = json.loads(out)
    assert (told["status"], told["pages"]) == ("completed", 5)
    await machines.settled()
    store = FaxStore(database)
    fax = await _fax(store, told["id"])
    cover, tiff = await store.document(fax, "cover"), await store.document(fax, "tiff")
    assert cover is not None
    assert tiff is not None
    [call] = machines.confirmed[number]
    assert call == digests(cover) + digests(tiff), "pixel for pixel"
    assert fax.expected_seconds is not None


async def test_a_broadcast_with_covers_names_each_receiver(
    stack: Stack, database: Database, machines: FaxMachines, tmp_path: Path
) -> None:
    document = short_document(tmp_path / "a.pdf", 1)
    table = tmp_path / "to.csv"
    table.write_text(f"{number_of(901)};Ann\n{number_of(902)};Bob\n")
    code, out, _ = await vfax(
        stack, "broadcast", "send", str(document), "--from", "Bulk/Mailing", "--to", str(table),
        "--text", "Hello", "--wait", "--json",
    )  # fmt: skip
    assert code == 0
    assert json.loads(out)["completed"] == 2

    async def both() -> Any:
        return all(number_of(n) in machines.confirmed for n in (901, 902))

    await until(both)
    [[ann, first]], [[bob, second]] = (machines.confirmed[number_of(n)] for n in (901, 902))
    assert first == second
    assert ann != bob, "each has a cover page of its own"
