"""The routing tables: what the publisher writes is what every reader sees."""

import multiprocessing
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from kemi.routing.model import Bridge, Carrier, Company, Ddi, Provider, Server
from kemi.tables import Tables
from spandsp_bridge.publisher import (
    VIEWS,
    BadTableError,
    TableWriter,
    compile_dispatcher,
    compile_tables,
    write_atomically,
)

MAP_SIZE = 16 << 20


def rows(**views: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    return {view: views.get(view.removeprefix("routing_"), []) for view in VIEWS}


def ddi(number: str, **more: Any) -> dict[str, Any]:
    return {
        "number": number, "ddi": 1, "brand": 10, "company": 20, "provider": None,
        "virtual_fax": 30, **more,
    }  # fmt: skip


SERVERS = [
    {"server": 7, "address": "192.0.2.7", "port": 5060, "transport": "udp", "priority": 0},
    {"server": 8, "address": "2001:db8::8", "port": 5061, "transport": "tls", "priority": 9},
]
WORLD = rows(
    ddis=[ddi("+34911000001")],
    providers=[{"address": "192.0.2.1", "provider": 2, "brand": 10, "name": "P"}],
    bridges=[
        {"bridge": 1, "name": "a", "address": "192.0.2.2", "port": 5070, "receives": True},
        {"bridge": 2, "name": "w", "address": "192.0.2.3", "port": 5070, "receives": False},
    ],
    companies=[{"company": 20, "brand": 10, "name": "Acme"}],
    carriers=[{"carrier": 3, "brand": 10, "name": "C", "servers": SERVERS}],
    routes=[
        {"route": 5, "brand": 10, "company": company, "type": "fax", "mode": "static",
         "priority": 1, "weight": 1, "stopper": False, "carrier": 3, "prefixes": ["+"]}
        for company in (None, 20, 21)
    ],
)  # fmt: skip


@pytest.fixture
def written(tmp_path: Path) -> Path:
    writer = TableWriter(tmp_path / "routes.lmdb", MAP_SIZE)
    writer.replace(compile_tables(WORLD))
    writer.close()
    return tmp_path / "routes.lmdb"


def test_a_reader_finds_what_was_written(written: Path) -> None:
    tables = Tables(written, MAP_SIZE)
    assert tables.ddi("+34911000001") == Ddi(1, "+34911000001", 10, 20, None, 30)
    assert tables.ddi("+34911000002") is None
    assert tables.provider("192.0.2.1") == Provider(2, 10, "P")
    assert tables.bridge("192.0.2.2", 5070) == Bridge(1, "a", True)
    assert tables.bridge("192.0.2.2", 5071) is None
    company = tables.company(20)
    assert company == Company(20, 10, "Acme")
    routes = tables.routes(company)
    assert [route.company for route in routes] == [None, 20], "never another company's"
    assert tables.carriers(routes) == {
        3: Carrier(3, 10, "C", (Server(7, "sip:192.0.2.7:5060", 0),
                                Server(8, "sip:[2001:db8::8]:5061;transport=tls", 9)))
    }  # fmt: skip
    assert tables.warm() == len(compile_tables(WORLD)) + 1
    tables.close()


def publish(path: Path, world: dict[str, list[dict[str, Any]]]) -> tuple[int, int]:
    writer = TableWriter(path, MAP_SIZE)
    try:
        return writer.replace(compile_tables(world))
    finally:
        writer.close()


def test_an_open_reader_follows_changes_and_versions_count(tmp_path: Path) -> None:
    """The writer is another process, as it is in life; LMDB asks for that."""
    path = tmp_path / "routes.lmdb"
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as writer:
        everything = len(compile_tables(WORLD))
        assert writer.submit(publish, path, WORLD).result() == (1, everything)
        tables = Tables(path, MAP_SIZE)
        assert tables.meta()["version"] == 1
        again = writer.submit(publish, path, WORLD).result()
        assert again == (1, 0), "nothing changed, nothing is written"
        changed = {**WORLD, "routing_ddis": [ddi("+34911000009")]}
        assert writer.submit(publish, path, changed).result() == (2, 2)
        assert tables.ddi("+34911000001") is None
        assert tables.ddi("+34911000009") is not None
        assert tables.meta()["version"] == 2
        tables.close()


def test_a_wrong_row_is_refused_and_named() -> None:
    with pytest.raises(BadTableError, match="0911"):
        compile_tables(rows(ddis=[ddi("0911")]))
    with pytest.raises(BadTableError, match="two rows"):
        compile_tables(rows(ddis=[ddi("+34911000001"), ddi("+34911000001")]))


def test_the_dispatcher_list_holds_receiving_bridges_and_all_carrier_servers() -> None:
    assert compile_dispatcher(WORLD).splitlines()[1:] == [
        "1 sip:192.0.2.2:5070 0 0 bridge=1",
        "1003 sip:192.0.2.7:5060 0 254 carrier=3;server=7",
        "1003 sip:[2001:db8::8]:5061;transport=tls 0 245 carrier=3;server=8",
    ]


def test_a_file_is_replaced_whole_and_nothing_is_left_over(tmp_path: Path) -> None:
    path = tmp_path / "list"
    write_atomically(path, "one")
    write_atomically(path, "two")
    assert path.read_text() == "two"
    assert list(tmp_path.iterdir()) == [path]
