"""The command as users meet it: every bad input is one clear line and an exit code."""

import asyncio
import json
import os
import socket
import sys
from pathlib import Path

import pytest

from spandsp_bridge.demo.postgres import postgres_binaries
from spandsp_bridge.demo.stack import Stack
from spandsp_bridge.errors import SetupError
from spandsp_bridge.store.pool import Database
from tests.support.commands import vfax
from tests.support.pdfs import blank, encrypted, short_document
from tests.support.ports import PEER_PORTS

DOCUMENTS = {
    "corrupt.pdf": (b"%PDF-1.7\n" + bytes(range(256)) * 8, "is a truncated PDF"),
    "encrypted.pdf": (encrypted(), "password"),
    "empty.pdf": (b"", "is empty"),
    "text.pdf": (b"Dear all,\nthis is text.\n", "is not a PDF"),
    "zero.pdf": (blank(0), "no pages"),
    "long.pdf": (blank(2000), "2000 pages"),
}


async def count_faxes(database: Database) -> int:
    async with database.transaction() as c:
        row = await (await c.execute("select count(*) as n from faxes")).fetchone()
    assert row is not None
    return int(row["n"])


def one_clear_line(err: str) -> str:
    lines = err.strip().splitlines()
    assert len(lines) == 1, err
    assert lines[0].startswith("vfax: ")
    assert "Traceback" not in err
    return lines[0]


@pytest.mark.parametrize("name", DOCUMENTS)
async def test_a_bad_document_is_one_clear_line(
    stack: Stack, database: Database, tmp_path: Path, name: str
) -> None:
    data, expected = DOCUMENTS[name]
    file = tmp_path / name
    file.write_bytes(data)
    before = await count_faxes(database)
    code, out, err = await vfax(
        stack, "send", str(file), "--from", "Acme/Sales", "--to", "+34911000002"
    )
    line = one_clear_line(err)
    assert (code, out) == (2, "")
    assert str(file) in line
    assert any(word in line for word in expected.split("|")), line
    assert await count_faxes(database) == before, "nothing was accepted"


@pytest.mark.parametrize(
    ("sender", "to", "expected"),
    [
        ("Acme/Sales", "+34-CALL-NOW", "use E.164"),
        ("Acme/Sales", "12", "phone number"),
        ("Acme/Sales", "", "phone number"),
        ("Acme/Sales", "+349110000020000000", "phone number"),
        ("Acme/Nobody", "+34911000002", "There is no virtual fax"),
        ("Sales", "+34911000002", "COMPANY/NAME"),
        ("4711", "+34911000002", "There is no virtual fax 4711"),
    ],
)
async def test_a_bad_address_is_one_clear_line(
    stack: Stack, tmp_path: Path, sender: str, to: str, expected: str
) -> None:
    file = short_document(tmp_path / "letter.pdf", 1)
    code, _, err = await vfax(stack, "send", str(file), "--from", sender, "--to", to)
    assert code == 2
    assert expected in one_clear_line(err)


async def test_a_virtual_fax_without_an_outgoing_ddi_is_one_clear_line(
    stack: Stack, database: Database, tmp_path: Path
) -> None:
    async with database.transaction() as c:
        await c.execute(
            "insert into companies (brand_id, name) select id, 'Initech' from brands"
            " where name = 'Demo Telecom' on conflict do nothing"
        )
        await c.execute(
            "insert into virtual_faxes (brand_id, company_id, name)"
            " select brand_id, id, 'Mute' from companies where name = 'Initech'"
            " on conflict do nothing"
        )
    file = short_document(tmp_path / "letter.pdf", 1)
    code, _, err = await vfax(
        stack, "send", str(file), "--from", "Initech/Mute", "--to", "+34911000002"
    )
    assert code == 2
    assert "outgoing DDI" in one_clear_line(err)


async def test_a_missing_file_and_a_missing_fax_are_one_clear_line(stack: Stack) -> None:
    code, _, err = await vfax(
        stack, "send", "/nowhere.pdf", "--from", "Acme/Sales", "--to", "+34911000002"
    )
    assert code == 2
    assert "No such file" in one_clear_line(err)
    code, _, err = await vfax(stack, "fax", "show", "987654321")
    assert code == 2
    assert "There is no fax 987654321" in one_clear_line(err)


async def run_alone(*arguments: str, **environment: str) -> tuple[int, str, str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "spandsp_bridge", *arguments),
        env={**os.environ, **environment},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()


@pytest.mark.parametrize(
    ("arguments", "environment", "expected"),
    [
        (["faxes"], {"VFAX_DATABASE_URL": "postgresql://127.0.0.1:9/x"}, "VFAX_DATABASE_URL"),
        (["faxes"], {"VFAX_SIP_LISTEN": "here"}, "VFAX_SIP_LISTEN"),
        (["faxes"], {"VFAX_MEDIA_PORTS": "5-1"}, "VFAX_MEDIA_PORTS"),
        (["routes", "status"], {"VFAX_VAR": "/nowhere"}, "routing tables"),
        (["demo"], {"VFAX_PORT_BASE": "1"}, "VFAX_PORT_BASE"),
    ],
)
async def test_a_bad_installation_is_one_clear_line(
    arguments: list[str], environment: dict[str, str], expected: str
) -> None:
    code, _, err = await run_alone(*arguments, **environment)
    assert code == 3
    assert expected in one_clear_line(err)


async def test_a_taken_port_is_one_clear_line_before_anything_starts(tmp_path: Path) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as taken:
        taken.bind(("127.0.0.1", PEER_PORTS[0]))
        code, _, err = await run_alone(
            "demo", VFAX_PORT_BASE=str(PEER_PORTS[0]), VFAX_VAR=str(tmp_path / "var"), DEMO_ONCE="1"
        )
    assert code == 3
    line = one_clear_line(err)
    assert f"127.0.0.1:{PEER_PORTS[0]}" in line
    assert "VFAX_PORT_BASE" in line
    assert not (tmp_path / "var").exists()


@pytest.mark.parametrize(
    ("versions", "expected"),
    [([], "not installed"), (["13"], "13 is too old"), (["13", "15"], None), (["9", "16"], None)],
)
def test_an_old_or_missing_postgresql_is_one_clear_line(
    tmp_path: Path, versions: list[str], expected: str | None
) -> None:
    for version in versions:
        folder = tmp_path / version / "bin"
        folder.mkdir(parents=True)
        (folder / "initdb").touch()
    if expected is None:
        assert postgres_binaries(tmp_path).parent.name == versions[-1]
        return
    with pytest.raises(SetupError, match=expected) as failure:
        postgres_binaries(tmp_path)
    assert "apt-get install postgresql-15" in str(failure.value)


async def test_doctor_finds_nothing_wrong_with_the_stack(stack: Stack) -> None:
    code, out, _ = await vfax(stack, "doctor", "--json")
    told = json.loads(out)
    assert [c for c in told["checks"] if not c["ok"]] == []
    assert code == 0
    names = {c["name"] for c in told["checks"]}
    assert {"Kamailio modules", "SpanDSP engine", "PostgreSQL", "Redis", "clock"} <= names


async def test_doctor_names_what_is_away_and_the_remedy(tmp_path: Path) -> None:
    code, out, err = await run_alone(
        "doctor",
        "--json",
        VFAX_DATABASE_URL="postgresql://127.0.0.1:9/x",
        VFAX_REDIS_URL="redis://127.0.0.1:9/0",
        VFAX_VAR=str(tmp_path),
        VFAX_SIP_LISTEN="192.0.2.1:5060",
    )
    assert code == 1
    assert "Traceback" not in err
    bad = {c["name"]: c["remedy"] for c in json.loads(out)["checks"] if not c["ok"]}
    assert {"PostgreSQL", "Redis", "Kamailio running", "SIP address"} <= bad.keys()
    assert all(bad.values())
