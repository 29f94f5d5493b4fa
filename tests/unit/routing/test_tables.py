"""The routing tables: what the publisher writes is what every reader sees."""

import json
import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from kemi.routing.decode import DECODERS
from kemi.routing.facts import Facts
from kemi.routing.model import Bridge, Carrier, Ddi, Server
from kemi.tables import Tables
from spandsp_bridge.publisher.dispatcher import (
    compile_dispatcher,
    keeping_old_sets,
    write_atomically,
)
from spandsp_bridge.publisher.tables import BadEntryError, TableWriter, entries_of

MAP_SIZE = 16 << 20


def route(number: int, company: int | None = None, *prefixes: str) -> tuple[str, str, str]:
    row = {
        "id": number, "brand": 10, "type": "pattern", "mode": "static", "priority": 1,
        "weight": 1, "stopper": False, "carriers": [3], "prefixes": list(prefixes or ("+",)),
    }  # fmt: skip
    return "route", str(number), json.dumps(row if company is None else {**row, "company": company})


CARRIER = {
    "id": 3, "brand": 10, "name": "C", "servers": [
        {"id": 7, "host": "192.0.2.7", "port": 5060, "transport": "udp", "priority": 0},
        {"id": 8, "host": "2001:db8::8", "port": 5061, "transport": "tls", "priority": 9},
    ],
}  # fmt: skip
SMALL = [
    ("bridge", "192.0.2.2:5070", json.dumps({"id": 1, "name": "a", "receives": True})),
    ("company", "20", json.dumps({"id": 20, "brand": 10, "name": "Acme"})),
    ("carrier", "3", json.dumps(CARRIER)),
    route(1),
    route(2, 20, "+34", "+349", "+44"),
    route(3, 21),
    route(4, 20, "+3491100"),
]
DDIS = [(f"ddi:+3491100000{n}".encode(), b"10,20,,f30") for n in range(1, 6)]


@pytest.fixture
def writer(tmp_path: Path) -> Iterator[TableWriter]:
    made = TableWriter(tmp_path / "routes.lmdb", MAP_SIZE)
    assert made.replace(SMALL, DDIS) == 1
    yield made
    made.close()


def read(path: Path, question: str) -> Any:
    """Answer a question about the tables; in a process of its own, as LMDB wants it."""
    tables = Tables(path, MAP_SIZE)
    try:
        with tables.reading() as facts:
            return _ask(tables, facts, question)
    finally:
        tables.close()


def _ask(tables: Tables, facts: Facts, question: str) -> Any:
    kind, _, name = question.partition(" ")
    match kind:
        case "ddi":
            return facts.ddi(name)
        case "routes":
            return [
                route
                for owner in (None, 20)
                for route in facts._source.routes(10, owner, name or None)
            ]
        case "meta":
            return tables.meta()
        case "keys":
            with tables.env.begin() as transaction:
                return [bytes(key) for key, _ in transaction.cursor()]
        case _:
            return getattr(facts, kind)(*json.loads(name))


@pytest.fixture(scope="module")
def reader() -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        yield pool


@pytest.fixture
def ask(tmp_path: Path, reader: ProcessPoolExecutor) -> Any:
    return lambda question: reader.submit(read, tmp_path / "routes.lmdb", question).result()


def test_readers_get_what_was_written(writer: TableWriter, ask: Any) -> None:
    assert ask("ddi +34911000001") == Ddi("+34911000001", 10, 20, None, "f30")
    assert ask("ddi +34911000009") is None
    assert ask('bridge ["192.0.2.2", 5070]') == Bridge(1, "a", receives=True)
    assert ask('bridge ["192.0.2.2", 5071]') is None
    carrier = ask("carrier [3]")
    assert isinstance(carrier, Carrier)
    assert carrier.servers[1] == Server(8, "2001:db8::8", 5061, "tls", 9)
    assert carrier.servers[1].uri == "sip:[2001:db8::8]:5061;transport=tls"
    meta = ask("meta")
    assert (meta["version"], meta["ddis"]) == (1, 5)


def test_a_named_server_may_have_no_port() -> None:
    server = {"id": 1, "host": "k.example", "transport": "tls", "priority": 0, "named": True}
    row = json.dumps({"id": 3, "brand": 10, "name": "C", "servers": [server]})
    assert entries_of("carrier", "3", row) == [(b"carrier:3", row.encode())]


@pytest.mark.parametrize(
    ("number", "ids"),
    [
        ("+34911000001", [1, 2, 4]),
        ("+34600000001", [1, 2]),
        ("+44200000000", [1, 2]),
        ("+12125550100", [1]),
        ("", [1, 2, 4]),
    ],
)
def test_routes_are_found_by_the_prefixes_of_a_number(
    writer: TableWriter, ask: Any, number: str, ids: list[int]
) -> None:
    """Not those of another company; each once, even where two of its prefixes match."""
    assert ask(f"routes {number}") == ids


def test_a_change_touches_what_it_names_and_nothing_else(writer: TableWriter, ask: Any) -> None:
    before = set(ask("keys "))
    assert writer.update({("ddi", "+34911000003"): None, ("ddi", "+34911000009"): "10,20,,u"}) == 2
    assert "ddi:+34911000009" in writer.refused, "u is no URI"
    assert writer.update({("ddi", "+34911000003"): None, ("ddi", "+34911000009"): "10,20,,f1"}) == 3
    after = set(ask("keys "))
    assert before - after == {b"ddi:+34911000003"}
    assert after - before == {b"ddi:+34911000009"}
    assert ask("meta")["ddis"] == 5
    assert writer.update({("ddi", "+34911000009"): "10,20,,f1"}) == 3, "the same: no new version"


def test_a_route_leaves_none_of_its_prefixes_behind(writer: TableWriter, ask: Any) -> None:
    kind, id_, value = route(2, 20, "+33")
    writer.update({(kind, id_): value})
    assert ask("routes +34911000001") == [1, 4]
    assert ask("routes +33111111111") == [1, 2]
    writer.update({(kind, id_): None})
    assert not [key for key in ask("keys ") if key.endswith(b",2") or key == b"route:2"]


def test_a_whole_reading_makes_the_tables_exactly_so(writer: TableWriter, ask: Any) -> None:
    assert writer.replace(SMALL, DDIS) == 1, "nothing changed: nothing is written"
    ddis = [*DDIS[1:3], (DDIS[3][0], b"10,20,,"), (b"ddi:+99999999999", b"10,20,,f1")]
    assert writer.replace([SMALL[0], route(9)], ddis) == 2
    assert ask("keys ") == [
        b"bridge:192.0.2.2:5070", *(key for key, _ in ddis), b"meta", b"route:9", b"to:10:*:+,9",
    ]  # fmt: skip
    assert ask("meta")["ddis"] == 4
    fresh = ask("ddi +34911000004")
    assert fresh.target == ""


@pytest.mark.parametrize(
    ("kind", "id_", "value"),
    [
        ("ddi", "0911", "10,20,,f30"),
        ("ddi", "+34911000001", "10,20"),
        ("ddi", "+34911000001", "10,20,,x1"),
        ("company", "20", "[]"),
        ("carrier", "3", '{"id": 3}'),
        ("route", "1", "no JSON"),
        ("route", "1", '{"id": 1}'),
        ("provider", "192.0.2.1", '[{"unknown": 1}]'),
        ("fax", "1", '{"zone": "UTC", "hours": [1]}'),
        ("zone", "UTC", "{}x"),
    ],
)
def test_a_bad_entry_is_refused_by_name(kind: str, id_: str, value: str) -> None:
    with pytest.raises(BadEntryError, match=id_.replace("+", "[+]")):
        entries_of(kind, id_, value)


def test_a_bad_row_never_replaces_a_good_one(writer: TableWriter, ask: Any) -> None:
    writer.update({("route", "2"): "{}", ("company", "20"): '{"id": 20, "brand": 10, "name": "N"}'})
    assert ask("routes +44200000000") == [1, 2]
    assert ask("company [20]").name == "N"
    assert list(ask("meta")["refused"]) == ["route:2"]
    bad = [("route", "2", "{}") if row[1] == "2" else row for row in SMALL]
    writer.replace(bad, DDIS)
    assert ask("routes +44200000000") == [1, 2]
    writer.replace(SMALL, DDIS)
    assert ask("meta")["refused"] == {}


def test_a_row_that_the_file_cannot_hold_is_refused_alone(writer: TableWriter, ask: Any) -> None:
    """LMDB takes keys of 511 octets: one that is longer must not keep back the others."""
    long = ("ddi", "+34911000003" + "1" * 600, "1,1,1")
    prefixes = route(5, None, "+1" + "2" * 600)
    good = route(7, None, "+34")
    writer.replace([prefixes, good], [])
    assert set(writer.refused) == {"route:5"}
    assert "at most 511" in writer.refused["route:5"]
    writer.update({(kind, id_): value for kind, id_, value in (long, prefixes, good)})
    assert set(writer.refused) == {"route:5", f"ddi:{long[1]}"}
    assert all(len(why) < 700 for why in writer.refused.values())
    writer.update({(long[0], long[1]): None, ("route", "5"): None})
    assert writer.refused == {}


@pytest.mark.parametrize("number", ["Infinity", "-Infinity", "NaN", "1e999", "[" * 100_000])
@pytest.mark.parametrize("kind", sorted(set(DECODERS) - {"ddi"}))
def test_json_of_any_kind_is_taken_or_refused_by_name(kind: str, number: str) -> None:
    for value in (number, f'{{"id": {number}, "brand": {number}, "prefixes": [{number}]}}'):
        try:
            made = entries_of(kind, "1", value)
        except BadEntryError as error:
            assert str(error).startswith(f"{kind} 1: ")
        else:
            assert all(len(key) <= 511 for key, _ in made)


def test_the_dispatcher_list_has_bridges_and_carriers() -> None:
    server = Server(7, "192.0.2.7", 5060, "udp", 0)
    named = Server(8, "sip.carrier.example", None, "tls", 9, named=True)
    text = compile_dispatcher(
        [("192.0.2.2:5070", Bridge(1, "a", receives=True)),
         ("192.0.2.3:5070", Bridge(2, "w", receives=False))],
        [Carrier(3, 10, "C", (server, named))],
        lambda host, port, transport: [("192.0.2.8", 5061, 0), ("192.0.2.9", 5061, 1)],
    )  # fmt: skip
    assert text.splitlines()[1:] == [
        "1 sip:192.0.2.2:5070 0 0 bridge=1",
        "1000000001 sip:192.0.2.2:5070 0 0 bridge=1",
        "1003 sip:192.0.2.7:5060 0 254000 carrier=3;server=7",
        "1003 sip:192.0.2.8:5061;transport=tls 0 245000 carrier=3;server=8",
        "1003 sip:192.0.2.9:5061;transport=tls 0 244999 carrier=3;server=8",
    ]


def test_a_set_stays_until_no_route_names_it() -> None:
    old, new = "1001 sip:a 0 0\n1002 sip:b 0 0\n", "1001 sip:c 0 0\n1003 sip:d 0 0\n"
    assert keeping_old_sets(new, old) == new + "1002 sip:b 0 0\n"


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path) -> None:
    path = tmp_path / "list"
    write_atomically(path, "one\n")
    write_atomically(path, "two\n")
    assert path.read_text() == "two\n"
    assert [f.name for f in tmp_path.iterdir()] == ["list"]
