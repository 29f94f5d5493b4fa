# ruff: noqa: E501  (rows of SQL)
"""Calls in, and the SIP edge: providers, targets, lists, hours; accounts that register and fax."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from spandsp_bridge.demo.stack import Stack
from spandsp_bridge.documents.bitmaps import page_bitmaps
from spandsp_bridge.documents.job import PageOptions
from spandsp_bridge.documents.render import render
from spandsp_bridge.model import FaxStatus
from spandsp_bridge.native.client import EngineClient
from spandsp_bridge.store.fax_rows import Fax
from spandsp_bridge.store.faxes import FaxStore
from spandsp_bridge.store.pool import Database
from tests.support.pdfs import short_document
from tests.support.peers.ata import Ata
from tests.support.peers.caller import Caller
from tests.support.peers.sipp import Carrier
from tests.support.ports import MEDIA_PORTS
from tests.support.routing_tables import versions_after
from tests.support.scaled_engine import scaled
from tests.support.waiting import until

A, B = "127.0.0.63", "127.0.0.64"
BRAND = 8000

WORLD = """
insert into brands (id, name) overriding system value values (8000, 'Edge'), (8001, 'Edge too');
insert into companies (id, brand_id, name, sip_domain, country) overriding system value values
    (8000, 8000, 'C', 'edge.example', 'ES'), (8001, 8001, 'D', null, 'ES');
insert into number_transformations (id, brand_id, name) overriding system value values (8000, 8000, 'national');
insert into number_transformation_rules (brand_id, transformation_id, direction, min_length, max_length, add_prefix)
    values (8000, 8000, 'callee_in', 9, 9, '+34'), (8000, 8000, 'caller_in', 9, 9, '+34');
insert into ddi_providers (id, brand_id, name, transformation_id) overriding system value values
    (8000, 8000, 'A', 8000), (8001, 8001, 'B', null), (8002, 8001, 'A at our second address', null);
insert into ddi_provider_addresses (brand_id, ddi_provider_id, address, local_address, local_port) values
    (8000, 8000, '127.0.0.63', null, null), (8001, 8001, '127.0.0.64', '127.0.0.1', 1),
    (8001, 8002, '127.0.0.64', '127.0.0.2', null);
insert into virtual_faxes (id, brand_id, company_id, name) overriding system value values
    (8000, 8000, 8000, 'open'), (8001, 8000, 8000, 'closed'), (8002, 8000, 8000, 'picky'),
    (8003, 8001, 8001, 'other');
insert into virtual_fax_hours (brand_id, company_id, virtual_fax_id, weekday, opens, closes)
    select 8000, 8000, 8001, extract(isodow from now() + interval '3 days')::integer, '10:00', '11:00';
insert into virtual_fax_callers (brand_id, company_id, virtual_fax_id, prefix, action) values
    (8000, 8000, 8002, '+34600', 'deny'), (8000, 8000, 8002, 'anonymous', 'deny');
insert into sip_accounts (id, brand_id, company_id, username, ha1, fax_device) overriding system value values
    (8000, 8000, 8000, 'ata', sip_ha1('ata', 'edge.example', 'secret'), true),
    (8001, 8000, 8000, 'phone', sip_ha1('phone', 'edge.example', 'secret'), false);
insert into ddis (brand_id, company_id, number, virtual_fax_id, sip_account_id, external_uri) values
    (8000, 8000, '+34915000000', 8000, null, null), (8000, 8000, '+34915000001', 8001, null, null),
    (8000, 8000, '+34915000002', 8002, null, null), (8001, 8001, '+34915000003', 8003, null, null),
    (8000, 8000, '+34915000004', null, 8000, null), (8000, 8000, '+34915000005', null, 8001, null),
    (8000, 8000, '+34915000006', null, null, 'sip:hello@127.0.1.60:%PORT%'),
    (8000, 8000, '+34915000007', null, null, null);
update sip_accounts set outgoing_ddi_id = (select id from ddis where number = '+34915000004') where id = 8000;
update companies set outgoing_ddi_id = (select id from ddis where number = '+34915000000') where id = 8000;
"""
GONE = """
delete from attempts where brand_id in (8000, 8001);
delete from documents where brand_id in (8000, 8001);
delete from faxes where brand_id in (8000, 8001);
update sip_accounts set outgoing_ddi_id = null where brand_id = 8000;
update companies set outgoing_ddi_id = null where brand_id = 8000;
delete from ddis where brand_id in (8000, 8001);
delete from sip_accounts where brand_id = 8000;
delete from virtual_faxes where brand_id in (8000, 8001);
delete from ddi_providers where brand_id in (8000, 8001);
delete from companies where brand_id in (8000, 8001);
delete from number_transformations where brand_id = 8000;
delete from brands where id in (8000, 8001);
"""


@dataclass
class Edge:
    """The parties."""

    a: Caller
    b: Caller
    ata: Ata
    phone: Caller
    pbx: Carrier


@pytest.fixture(scope="module")
async def edge(
    stack: Stack, database: Database, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Edge]:
    port = stack.port + 31
    await versions_after(stack, database, WORLD.replace("%PORT%", str(port)))
    pbx = Carrier("pbx", ("127.0.1.60", port), tmp_path_factory.mktemp("edge"))
    await pbx.start("carrier_takes")
    callers = [
        await Caller.bind((host, 0), stack.kamailio) for host in (A, B, "127.0.0.65", "127.0.0.66")
    ]
    async with EngineClient(1, "127.0.0.65", MEDIA_PORTS, scaled()) as engine:
        ata = Ata(callers[2], engine, "ata", "edge.example")
        yield Edge(callers[0], callers[1], ata, callers[3], pbx)
    for caller in callers:
        caller.close()
    await pbx.stop()
    await versions_after(stack, database, GONE)


@pytest.mark.parametrize(
    ("name", "number", "user", "code"),
    [
        ("a virtual fax", "+34915000000", "+34600000001", 200),
        ("as the provider writes it", "915000000", "600000001", 200),
        ("closed at this hour", "+34915000001", "+34600000001", 480),
        ("a caller on the black list", "+34915000002", "+34600000001", 403),
        ("the same, as the provider writes it", "915000002", "600000001", 403),
        ("nobody on the black list", "+34915000002", "+34700000001", 200),
        ("an anonymous caller", "+34915000002", "anonymous", 403),
        ("a DDI of another brand", "+34915000003", "+34600000001", 404),
        ("a SIP URI elsewhere", "+34915000006", "+34600000001", 200),
        ("a DDI without a target", "+34915000007", "+34600000001", 404),
        ("an unknown DDI", "+34915999999", "+34600000001", 404),
        ("no number", "hello", "+34600000001", 484),
    ],
)
async def test_calls_of_a_provider(
    edge: Edge, name: str, number: str, user: str, code: int
) -> None:
    assert (await edge.a.call(number, user=user)).code == code, name


async def test_our_own_socket_is_part_of_who_calls(
    stack: Stack, database: Database, edge: Edge
) -> None:
    """From the same address: nobody at our first socket, until a row says so."""
    assert (await edge.b.call("+34915000003")).code == 403
    await versions_after(
        stack, database,
        "update ddi_provider_addresses set local_port = null where local_port = 1",
    )  # fmt: skip
    assert (await edge.b.call("+34915000003")).code == 200
    assert (await edge.b.call("+34915000000")).code == 404


async def test_a_call_to_an_external_uri_has_no_vfax_headers(edge: Edge) -> None:
    """Neither its INVITE nor the answer to it, whatever the two parties write into them."""
    forged = ["X-Vfax-Fax: 1", "X-Vfax-Virtual-Fax: 1", "x-vfax-later: 1", "X-VFAX-ROUTE : 1"]
    answer = await edge.a.call("+34915000006", headers=forged)
    await asyncio.sleep(0.05)
    [arrived] = edge.pbx.arrived(answer.call_id)
    assert arrived.text.startswith("INVITE sip:hello@127.0.1.60:")
    assert "x-vfax" not in arrived.text.lower()
    assert answer.code == 200
    assert "x-vfax" not in answer.text.lower()


async def test_an_account_registers_with_its_password_alone(edge: Edge) -> None:
    assert (await edge.phone.register("phone", "edge.example", "wrong")).code == 401
    assert (await edge.phone.register("nobody", "edge.example", "secret")).code == 403
    assert (await edge.a.call("+34915000005")).code == 480, "nobody is registered yet"
    answer = await edge.phone.register("phone", "edge.example", "secret")
    assert answer.code == 200
    assert "expires=" in (answer.header("Contact") or "")


async def test_a_call_reaches_a_registered_account(edge: Edge) -> None:
    await edge.phone.register("phone", "edge.example", "secret")
    call = asyncio.create_task(edge.a.call("915000005"))
    request, source = await edge.phone.request()
    assert request.startswith("INVITE sip:phone@127.0.0.66:")
    edge.phone.answer(request, source, 180, "Ringing")
    forged = ("X-Vfax-Route: forged", "x-vfax-later: forged")
    edge.phone.answer(request, source, 200, "OK", media="audio", headers=forged)
    seen: set[str] = set()  # in either order: each goes through a SIP worker of its own
    while seen != {"ACK", "BYE"}:
        request, source = await edge.phone.request()
        seen.add(request.split(" ")[0])
        if request.startswith("BYE"):
            edge.phone.answer(request, source, 200, "OK")
    answer = await call
    assert (answer.code, answer.provisional[-1]) == (200, 180)
    assert "x-vfax" not in answer.text.lower()


async def test_an_account_that_unregisters_is_gone(edge: Edge) -> None:
    await edge.phone.register("phone", "edge.example", "secret")
    await edge.phone.register("phone", "edge.example", "secret", expires=0)
    assert (await edge.a.call("+34915000005")).code == 480


async def test_an_account_behind_nat_is_reached_where_it_really_is(edge: Edge) -> None:
    """Its Contact has a private address that nobody can reach."""
    domain = "edge.example"
    real, edge.phone.address = edge.phone.address, ("10.99.99.99", 5060)
    try:
        assert (await edge.phone.register("phone", domain, "secret")).code == 200
    finally:
        edge.phone.address = real
    call = asyncio.create_task(edge.a.call("+34915000005"))
    request, source = await edge.phone.request()
    while not request.startswith("INVITE"):  # keep-alives of the NAT's binding
        assert request.startswith("OPTIONS")
        request, source = await edge.phone.request()
    assert request.startswith("INVITE sip:phone@10.99.99.99:5060")
    edge.phone.answer(request, source, 486, "Busy Here")
    assert (await call).code == 486
    await edge.phone.register("phone", domain, "secret", expires=0)


async def test_a_wrong_password_makes_no_call(edge: Edge) -> None:
    answer = await edge.phone.call(
        "+34915000000", user="phone", domain="edge.example", password="wrong"
    )
    assert answer.code == 407


async def test_an_ata_faxes_to_a_virtual_fax_without_any_carrier(
    stack: Stack, database: Database, edge: Edge, tmp_path: Path
) -> None:
    document = short_document(tmp_path / "letter.pdf", 2)
    rendered = await render([("a.pdf", document.read_bytes())], PageOptions(), 10, tmp_path)
    file = tmp_path / "sent.tif"
    file.write_bytes(rendered.tiff)
    answer, finished = await edge.ata.send("915000000", file, "secret")
    assert answer.header("X-Vfax-Route") is None
    assert finished.stats.pages == 2
    store = FaxStore(database)

    async def stored() -> Fax | None:
        found = [f for f in await store.faxes(20) if f.virtual_fax_id == 8000 and f.pages_confirmed]
        return found[0] if found else None

    fax = await until(stored)
    assert (fax.status, fax.pages, fax.remote_number) == (FaxStatus.COMPLETED, 2, "+34915000004")


async def test_an_ata_receives_a_fax_without_any_carrier(
    stack: Stack, database: Database, edge: Edge, tmp_path: Path
) -> None:
    """A call to our own DDI stays inside, and goes over to T.38 there."""
    answer = await edge.ata.caller.register("ata", "edge.example", "secret")
    assert answer.code == 200
    store = FaxStore(database)
    sender = await store.find_virtual_fax("Acme/Sales")
    document = short_document(tmp_path / "letter.pdf", 2)
    fax_id = await store.submit(sender, "+34915000004", [("letter.pdf", document.read_bytes())])
    finished = await edge.ata.receive(tmp_path / "received.tif")
    assert finished.stats.pages == 2

    async def ended() -> Any:
        fax = await store.fax(fax_id)
        return fax if fax is not None and fax.finished_at is not None else None

    fax = await until(ended)
    assert (fax.status, fax.pages_confirmed) == (FaxStatus.COMPLETED, 2)
    [attempt] = await store.attempts(fax)
    assert attempt.route is None, "no carrier"
    assert len(page_bitmaps((tmp_path / "received.tif").read_bytes())) == 2
