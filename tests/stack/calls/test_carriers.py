"""Ways to carriers: DNS and SRV, TCP, TLS, registration; and what is shown of it."""

import asyncio
import json
import re
import ssl
import urllib.request
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from kemi.routing.model import CARRIER_SET
from spandsp_bridge.demo.stack import Stack
from spandsp_bridge.publisher.rpc import KamailioRpc
from spandsp_bridge.store.pool import Database
from tests.support.commands import vfax
from tests.support.factory import Factory, loopback_address, remove
from tests.support.peers.caller import Answer, Caller
from tests.support.peers.dns_server import DnsServer
from tests.support.ports import DNS_PORT, METRICS_PORT, TLS_PORT
from tests.support.routing_tables import changes


@dataclass
class World:
    """The caller, a carrier over UDP, and a carrier over streams that is busy."""

    brand: int
    company: int
    carrier_id: int
    bridge: Caller
    carrier: Caller
    dns: DnsServer
    tcp_port: int
    tls_port: int
    seen: list[str]


async def serve_busy(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seen: list[str], where: str
) -> None:
    """Answer every INVITE on a stream with 486, OPTIONS with 200."""
    while True:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode()
        except (asyncio.IncompleteReadError, ConnectionError):
            return
        length = re.search(r"(?im)^Content-Length:\s*(\d+)", head)
        if length and int(length[1]):
            await reader.readexactly(int(length[1]))
        method = head.split(" ", 1)[0]
        if method not in ("INVITE", "OPTIONS"):
            continue
        if method == "INVITE":
            seen.append(where)
        kept = re.findall(r"(?im)^(?:via|from|to|call-id|cseq)\s*:.*$", head)
        status = "486 Busy Here" if method == "INVITE" else "200 OK"
        lines = [f"SIP/2.0 {status}", *(k.strip() for k in kept), "Content-Length: 0"]
        text = "\r\n".join(lines).replace("\r\nTo: ", "\r\nTo: ", 1)
        text = re.sub(r"(?m)^(To:[^\r\n]*)", r"\1;tag=s", text)
        writer.write(f"{text}\r\n\r\n".encode())
        await writer.drain()


@pytest.fixture(scope="module")
async def world(stack: Stack, database: Database) -> AsyncIterator[World]:
    bridge = await Caller.bind((loopback_address(), 0), stack.kamailio)
    carrier = await Caller.bind((loopback_address(), 0), stack.kamailio)
    dns = DnsServer()
    loop = asyncio.get_running_loop()
    await loop.create_datagram_endpoint(lambda: dns, local_addr=("127.0.0.1", DNS_PORT))
    seen: list[str] = []
    writers: list[asyncio.StreamWriter] = []

    async def serve(r: asyncio.StreamReader, w: asyncio.StreamWriter, where: str) -> None:
        writers.append(w)
        await serve_busy(r, w, seen, where)

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(stack.var / "tls.pem", stack.var / "tls.key")
    tcp = await asyncio.start_server(lambda r, w: serve(r, w, "tcp"), "127.0.0.1", stack.port + 45)
    tls = await asyncio.start_server(
        lambda r, w: serve(r, w, "tls"), "127.0.0.1", stack.port + 46, ssl=context
    )
    async with changes(stack, database) as connection:
        make = Factory(connection)
        brand = await make.brand()
        company = await make.company(brand)
        carrier_id = await make.carrier(brand)
        await make.fax_route(brand, carrier_id)
        bridge_id = await make.calling_bridge(bridge.address)
    yield World(
        brand, company, carrier_id, bridge, carrier, dns, stack.port + 45, stack.port + 46, seen
    )
    for server in (tcp, tls):
        server.close()
    for writer in writers:
        writer.close()
    await asyncio.gather(*(w.wait_closed() for w in writers), return_exceptions=True)
    dns.close()
    bridge.close()
    carrier.close()
    async with changes(stack, database) as connection:
        await remove(connection, brand, bridge_id)


async def only_server(
    stack: Stack, database: Database, world: World, columns: str, values: str
) -> int:
    """Make this the carrier's only server; return its id."""
    async with changes(stack, database) as connection:
        await connection.execute(
            "delete from carrier_servers where carrier_id = %s", [world.carrier_id]
        )
        cursor = await connection.execute(
            f"insert into carrier_servers (brand_id, carrier_id, {columns})"
            f" values (%s, %s, {values}) returning id",
            [world.brand, world.carrier_id],
        )
        row = await cursor.fetchone()
    assert row is not None
    return int(row["id"])


async def leads_to(stack: Stack, world: World, uri: str) -> None:
    """Wait until the carrier's dispatcher set is exactly this."""
    rpc = KamailioRpc(stack.settings().rpc_socket)
    async with asyncio.timeout(15):
        while [u for s, u, _ in rpc.destinations() if s == CARRIER_SET + world.carrier_id] != [uri]:
            await asyncio.sleep(0.05)


async def call(world: World) -> Answer:
    return await world.bridge.call("+34600000000", headers=[f"X-Vfax-Company: {world.company}"])


async def busy_once(world: World) -> str:
    """Answer the carrier's next INVITE with 486; return it."""
    while True:
        request, source = await world.carrier.request()
        if request.startswith("INVITE"):
            world.carrier.answer(request, source, 486, "Busy Here")
            return request
        world.carrier.answer(request, source, 200, "OK")


async def test_a_name_is_looked_up_by_srv_and_followed_when_it_moves(
    stack: Stack, database: Database, world: World
) -> None:
    host, port = world.carrier.address
    records = world.dns.records
    records["_sip._udp.k.example", "SRV"] = [f"10 5 {port} a.k.example."]
    records["a.k.example", "A"] = [host]
    await only_server(stack, database, world, "host, port", "'k.example', null")
    await leads_to(stack, world, f"sip:{host}:{port}")
    answered = asyncio.create_task(busy_once(world))
    assert (await call(world)).code == 486
    assert (await answered).startswith(f"INVITE sip:+34600000000@{host}")
    records["a.k.example", "A"] = ["127.0.0.87"]
    await leads_to(stack, world, f"sip:127.0.0.87:{port}")
    saved, world.dns.records = records, {}
    await asyncio.sleep(6)  # its TTL is over, and there is no such name any more
    await leads_to(stack, world, f"sip:127.0.0.87:{port}")
    world.dns.records = saved


async def test_a_name_with_a_port_needs_no_srv(
    stack: Stack, database: Database, world: World
) -> None:
    host, port = world.carrier.address
    world.dns.records["b.k.example", "A"] = [host]
    await only_server(stack, database, world, "host, port", f"'b.k.example', {port}")
    await leads_to(stack, world, f"sip:{host}:{port}")


@pytest.mark.parametrize("transport", ["tcp", "tls"])
async def test_calls_leave_over_streams(
    stack: Stack, database: Database, world: World, transport: str
) -> None:
    port = world.tcp_port if transport == "tcp" else world.tls_port
    await only_server(
        stack, database, world, "address, port, transport", f"'127.0.0.1', {port}, '{transport}'"
    )
    await leads_to(stack, world, f"sip:127.0.0.1:{port};transport={transport}")
    world.seen.clear()
    answer = await call(world)
    assert (answer.code, world.seen) == (486, [transport])


async def test_tls_is_taken_in(stack: Stack) -> None:
    context = ssl.create_default_context(cafile=str(stack.var / "tls.pem"))
    context.check_hostname = False
    reader, writer = await asyncio.open_connection("127.0.0.1", TLS_PORT, ssl=context)
    writer.write(
        b"OPTIONS sip:127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/TLS 127.0.0.1:1;branch=z9hG4bKt;rport\r\n"
        b"From: <sip:a@b>;tag=1\r\nTo: <sip:127.0.0.1>\r\nCall-ID: tls\r\nCSeq: 1 OPTIONS\r\n"
        b"Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
    )
    async with asyncio.timeout(5):
        assert (await reader.readline()).startswith(b"SIP/2.0 200")
        writer.close()
        await writer.wait_closed()


async def test_we_register_where_a_carrier_wants_it(
    stack: Stack, database: Database, world: World
) -> None:
    host, port = world.carrier.address
    server = await only_server(
        stack, database, world, "address, port, auth_user, auth_realm, auth_ha1",
        f"'{host}', {port}, 'acct', 'k.example', sip_ha1('acct', 'k.example', 'pass')",
    )  # fmt: skip
    while not world.carrier.requests.empty():
        world.carrier.requests.get_nowait()
    async with database.transaction() as c:
        await c.execute(
            "insert into carrier_registrations (brand_id, carrier_server_id, username, domain)"
            " values (%s, %s, 'line', 'k.example')",
            [world.brand, server],
        )
    registered = await challenged(world)
    assert registered.startswith("REGISTER sip:k.example")
    assert re.search(r"(?m)^To: .*sip:line@k\.example", registered)
    assert 'username="acct"' in registered
    rpc = KamailioRpc(stack.settings().rpc_socket)
    assert [r["r_username"] for r in rpc.call("uac.reg_dump")] == ["line"]
    async with database.transaction() as c:
        await c.execute("delete from carrier_registrations where brand_id = %s", [world.brand])
    async with asyncio.timeout(10):
        while rpc.call("uac.reg_dump"):
            await asyncio.sleep(0.05)


async def challenged(world: World) -> str:
    """Challenge a REGISTER; return the one that bears credentials."""
    async with asyncio.timeout(30):
        while True:
            request, source = await world.carrier.request(30)
            if not request.startswith("REGISTER"):
                world.carrier.answer(request, source, 200, "OK")
            elif "Authorization:" in request:
                world.carrier.answer(request, source, 200, "OK")
                return request
            else:
                kept = re.findall(r"(?im)^(?:via|from|to|call-id|cseq)\s*:.*$", request)
                lines = [
                    "SIP/2.0 401 Unauthorized", *(k.strip() for k in kept),
                    'WWW-Authenticate: Digest realm="k.example", nonce="77", algorithm=MD5',
                    "Content-Length: 0",
                ]  # fmt: skip
                world.carrier.send("\r\n".join(lines) + "\r\n\r\n", source)


async def test_metrics_show_version_calls_and_servers(
    stack: Stack, database: Database, world: World
) -> None:
    port = world.tcp_port
    await only_server(
        stack, database, world, "address, port, transport", f"'127.0.0.1', {port}, 'tcp'"
    )
    assert (await call(world)).code == 486

    def scrape() -> str:
        with urllib.request.urlopen(f"http://127.0.0.1:{METRICS_PORT}/metrics", timeout=5) as page:
            text: bytes = page.read()
            return text.decode()

    text = await asyncio.to_thread(scrape)
    _, out, _ = await vfax(stack, "routes", "status", "--json")
    version = json.loads(out)["version"]
    assert f"vfax_routes_version {float(version)}" in text
    assert "vfax_publisher_connected 1.0" in text
    assert "vfax_kamailio_up 1.0" in text
    assert re.search(r'vfax_calls_total\{kind="out:fax"\} [1-9]', text)
    assert re.search(r'vfax_server_active\{set="1",uri="sip:127.0.0.2:\d+"\} 1.0', text)
