"""A bad row of routing_registration is rejected alone, and named in `routes status`."""

import json
from pathlib import Path

from kemi.tables import Tables
from spandsp_bridge.publisher.registrations import (
    COLUMNS,
    compile_registrations,
    registrations_in_force,
    write_registrations,
)
from spandsp_bridge.publisher.tables import TableWriter

ROW = {
    "username": "acct77",
    "domain": "southline.example",
    "expires": 300,
    "host": "192.0.2.10",
    "port": 5060,
    "named": False,
    "transport": "udp",
    "auth_user": "acct77",
    "realm": "southline.example",
    "ha1": "0123456789abcdef0123456789abcdef",
}


def resolve(host: str, _port: int | None, _transport: str) -> list[tuple[str, int, int]]:
    return [("192.0.2.77", 5061, 0)] if host == "known.example" else []


def without(key: str) -> str:
    return json.dumps({name: value for name, value in ROW.items() if name != key})


def test_a_row_without_a_key_is_rejected_and_the_others_are_published() -> None:
    rows = [("1", json.dumps(ROW)), ("2", without("realm")), ("3", "no JSON"), ("4", "[]")]
    text, rejected = compile_registrations(rows, resolve)
    assert [line.partition(":")[0] for line in text.removeprefix(COLUMNS).splitlines()] == ["1"]
    assert list(rejected) == ["2", "3", "4"]
    assert rejected["2"] == "registration 2: missing key 'realm'; the registration stays as it was"


def test_every_key_is_required_and_unknown_ones_are_ignored() -> None:
    for key in ROW:
        assert list(compile_registrations([("1", without(key))], resolve)[1]) == ["1"], key
    more = json.dumps({**ROW, "of_a_newer_version": 1})
    assert compile_registrations([("1", more)], resolve) == (
        compile_registrations([("1", json.dumps(ROW))], resolve)
    )


def test_a_rejected_registration_stays_as_it_was() -> None:
    old, _ = compile_registrations([("1", json.dumps(ROW))], resolve)
    bad = [("1", without("host")), ("2", without("host"))]
    assert compile_registrations(bad, resolve, old)[0] == old


def test_a_registration_waits_for_the_address_of_its_server() -> None:
    named = {**ROW, "named": True, "port": None}
    rows = [(str(n), json.dumps({**named, "host": h})) for n, h in enumerate(
        ("unknown.example", "known.example"))]  # fmt: skip
    text, rejected = compile_registrations(rows, resolve)
    assert rejected == {}
    assert text.count("\n") == COLUMNS.count("\n") + 1
    assert "sip\\:192.0.2.77\\:5061" in text


def test_only_a_changed_table_is_written(tmp_path: Path) -> None:
    text, _ = compile_registrations([("1", json.dumps(ROW))], resolve)
    assert write_registrations(tmp_path, text)
    assert not write_registrations(tmp_path, text)
    assert registrations_in_force(tmp_path) == text


def test_rejected_registrations_are_named_beside_rejected_entries(tmp_path: Path) -> None:
    path = tmp_path / "routes.mdb"
    writer = TableWriter(path, 1 << 20)
    first = writer.replace([("brand", "1", "{}")], [])
    rejected = writer.set_rejected("registration", {"7": "missing key"})
    assert rejected == first + 1
    assert writer.set_rejected("registration", {"7": "missing key"}) == rejected
    assert writer.replace([("brand", "1", "{}")], []) == rejected, "nothing changed"
    writer.close()
    tables = Tables(path, 1 << 20)
    assert list(tables.meta()["refused"]) == ["brand:1", "registration:7"]
    tables.close()


def test_a_registration_that_is_valid_again_is_named_no_longer(tmp_path: Path) -> None:
    writer = TableWriter(tmp_path / "routes.mdb", 1 << 20)
    writer.replace([], [])
    version = writer.set_rejected("registration", {"7": "missing key"})
    assert writer.set_rejected("registration", {}) == version + 1
    assert writer.refused == {}
    writer.close()
