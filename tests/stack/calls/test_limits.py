"""Concurrent calls, counted across Kamailios; the least loaded bridge."""

import asyncio
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from spandsp_bridge.demo.stack import Stack, answers_options
from spandsp_bridge.demo.stack import vfax as vfax_command
from spandsp_bridge.demo.supervisor import Service
from spandsp_bridge.publisher.kamailio import ensure_files
from spandsp_bridge.publisher.rpc import KamailioRpc
from spandsp_bridge.services import kamailio_config
from spandsp_bridge.settings import Settings
from spandsp_bridge.store.pool import Database
from spandsp_bridge.store.shared import SharedCounts
from tests.support.peers.caller import Answer, Caller
from tests.support.peers.sipp import Carrier
from tests.support.routing_tables import versions_after

MARK = 999  #: a load that no bridge reports
PROVIDER, BRIDGE, SECOND = "127.0.0.71", "127.0.0.72", "127.0.0.11"

WORLD = """
insert into brands (id, name) overriding system value values (8100, 'Limited');
insert into companies (id, brand_id, name, max_calls) overriding system value values
    (8100, 8100, 'two', 2), (8101, 8100, 'free', null);
insert into ddi_providers (id, brand_id, name) overriding system value values (8100, 8100, 'P');
insert into ddi_provider_addresses (brand_id, ddi_provider_id, address) values (8100, 8100, '127.0.0.71');
insert into virtual_faxes (id, brand_id, company_id, name) overriding system value values (8100, 8100, 8101, 'least');
insert into ddis (brand_id, company_id, number, external_uri, virtual_fax_id) values
    (8100, 8100, '+34916000000', 'sip:x@127.0.1.70:%PORT%', null),
    (8100, 8101, '+34916000001', 'sip:x@127.0.1.70:%PORT%', null),
    (8100, 8101, '+34916000002', null, 8100);
insert into bridges (name, sip_address, sip_port, receives) values ('limit caller', '127.0.0.72', %BRIDGE%, false);
insert into carriers (id, brand_id, name) overriding system value values (8100, 8100, 'K');
insert into carrier_servers (brand_id, carrier_id, address, port) values (8100, 8100, '127.0.1.70', %PORT%);
insert into outgoing_routes (brand_id, type, carrier_id) values (8100, 'fax', 8100);
"""  # noqa: E501
GONE = """
delete from documents where brand_id = 8100;
delete from faxes where brand_id = 8100;
delete from bridges where name = 'limit caller';
delete from ddis where brand_id = 8100;
delete from virtual_faxes where brand_id = 8100;
delete from outgoing_routes where brand_id = 8100;
delete from carriers where brand_id = 8100;
delete from ddi_providers where brand_id = 8100;
delete from companies where brand_id = 8100;
delete from brands where id = 8100;
"""


@dataclass
class World:
    """The parties; `second` is a provider's caller at another Kamailio of the cluster."""

    provider: Caller
    bridge: Caller
    second: Caller
    second_settings: Settings


async def second_kamailio(stack: Stack) -> Settings:
    """Start a Kamailio with a publisher of its own on the same database and Redis."""
    environment = {
        **stack.environment("second"),
        "VFAX_VAR": str(stack.var / "second"),
        "VFAX_OUTBOUND_PROXY": f"{SECOND}:{stack.port}",
        "VFAX_SIP_TLS_LISTEN": "",
        "VFAX_METRICS_LISTEN": "",
    }
    values = {k.removeprefix("VFAX_").lower(): v for k, v in environment.items()}
    settings = Settings.model_validate(values)
    ensure_files(settings)
    config = kamailio_config.write(settings, settings.var / "run")
    runtime = settings.var / "run" / "kamailio"
    runtime.mkdir(exist_ok=True)

    async def published() -> bool:
        return settings.routes_file.exists()

    publisher = Service(
        name="publisher-2",
        command=vfax_command("serve", "publisher"),
        ready=published,
        environment=environment,
    )
    kamailio = Service(
        name="kamailio-2",
        command=kamailio_config.command(config, runtime),
        ready=answers_options((SECOND, stack.port)),
        environment=kamailio_config.environment(settings),
    )
    await stack.supervisor.start(publisher)
    await stack.supervisor.start(kamailio)
    return settings


@pytest.fixture(scope="module")
async def world(
    stack: Stack, database: Database, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    port = stack.port + 32
    pbx = Carrier("pbx", ("127.0.1.70", port), tmp_path_factory.mktemp("limits"))
    await pbx.start("carrier_takes")
    settings = await second_kamailio(stack)
    provider = await Caller.bind((PROVIDER, 0), stack.kamailio)
    second = await Caller.bind((PROVIDER, 0), (SECOND, stack.port))
    bridge = await Caller.bind((BRIDGE, 0), stack.kamailio)
    sql = WORLD.replace("%PORT%", str(port)).replace("%BRIDGE%", str(bridge.address[1]))
    await versions_after(stack, database, sql)
    async with asyncio.timeout(10):  # the other host's publisher follows by itself
        while (await second.call("+34916000001")).code != 200:
            await asyncio.sleep(0.1)
    yield World(provider, bridge, second, settings)
    for caller in (provider, second, bridge):
        caller.close()
    await pbx.stop()
    await versions_after(stack, database, GONE)
    for name in ("kamailio-2", "publisher-2"):
        await stack.supervisor.stop(stack.supervisor.get(name))


async def in_progress(rpc: KamailioRpc, calls: int) -> None:
    """Wait until the company has so many calls."""
    async with asyncio.timeout(10):
        while int(rpc.call("dlg.profile_get_size", "company", "8100")) != calls:
            await asyncio.sleep(0.05)


async def test_a_company_has_so_many_calls_and_no_more(stack: Stack, world: World) -> None:
    rpc = KamailioRpc(stack.settings().rpc_socket)
    held: list[tuple[Caller, Answer, str]] = []
    for _ in range(2):
        answer, invite = await world.provider.invite("+34916000000")
        assert answer.code == 200
        held.append((world.provider, answer, invite))
    beyond = await world.provider.call("+34916000000")
    assert (beyond.code, beyond.reason) == (486, "The company has 2 calls already")
    out = ["X-Vfax-Company: 8100"]
    beyond = await world.bridge.call("+34600000000", headers=out)
    assert (beyond.code, beyond.reason) == (403, "The company has 2 calls already")
    await in_progress(rpc, 2)
    assert (await world.provider.call("+34916000001")).code == 200, "another company is free"
    caller, answer, invite = held.pop()
    await caller.hang_up(answer, invite)
    await in_progress(rpc, 1)
    answer, invite = await world.bridge.invite("+34600000000", headers=out)
    assert answer.code == 200
    held.append((world.bridge, answer, invite))
    assert (await world.provider.call("+34916000000")).code == 486
    for caller, answer, invite in held:
        await caller.hang_up(answer, invite)
    await in_progress(rpc, 0)


async def test_a_brand_has_so_many_calls_and_no_more(
    stack: Stack, database: Database, world: World
) -> None:
    await versions_after(stack, database, "update brands set max_calls = 1 where id = 8100")
    answer, invite = await world.provider.invite("+34916000001")
    assert answer.code == 200
    beyond = await world.provider.call("+34916000000")
    assert (beyond.code, beyond.reason) == (486, "The brand has 1 calls already")
    await world.provider.hang_up(answer, invite)
    await versions_after(stack, database, "update brands set max_calls = null where id = 8100")


async def test_calls_on_another_kamailio_count_and_are_forgotten_without_redis(
    stack: Stack, world: World
) -> None:
    rpc = KamailioRpc(stack.settings().rpc_socket)
    held = [await world.second.invite("+34916000000") for _ in range(2)]
    assert [answer.code for answer, _ in held] == [200, 200]
    async with asyncio.timeout(10):
        while rpc.table("elsewhere").get("company:8100") != 2:
            await asyncio.sleep(0.1)
    assert (await world.provider.call("+34916000000")).code == 486
    await stack.supervisor.stop(stack.supervisor.get("redis"))
    try:  # the replication is down: each counts its own
        async with asyncio.timeout(15):
            while (await world.provider.call("+34916000000")).code != 200:
                await asyncio.sleep(0.2)
        assert (await world.second.call("+34916000000")).code == 486
    finally:
        await stack.start_redis()
    for answer, invite in held:
        await world.second.hang_up(answer, invite)
    await in_progress(KamailioRpc(world.second_settings.rpc_socket), 0)


async def test_the_least_loaded_bridge_takes_the_call(
    stack: Stack, database: Database, world: World
) -> None:
    """The bridge that holds calls already is passed over; their own reports say so."""
    await versions_after(
        stack, database, "update companies set bridge_choice = 'least_loaded' where id = 8101"
    )
    rpc = KamailioRpc(stack.settings().rpc_socket)
    shared = SharedCounts(stack.settings().redis_url)
    for _ in range(3):
        first, first_invite = await world.provider.invite("+34916000002")
        await reported(shared, rpc, bridge_of(first), 1)
        second, second_invite = await world.provider.invite("+34916000002")
        assert bridge_of(second) != bridge_of(first)
        await world.provider.hang_up(first, first_invite)
        await world.provider.hang_up(second, second_invite)
        await reported(shared, rpc, bridge_of(first), 0)
        await reported(shared, rpc, bridge_of(second), 0)
    await shared.close()


async def reported(shared: SharedCounts, rpc: KamailioRpc, bridge: str, calls: int) -> None:
    """Wait until the bridge itself has said so and Kamailio has heard it.

    Kamailio counts a call at once and takes over what bridges report, which may have been
    said before that call: marks that no report bears show that one has come since.
    """
    async with asyncio.timeout(15):
        await shared.report_load(bridge, MARK)
        while (await shared.loads([bridge])).get(bridge) != calls:
            await asyncio.sleep(0.05)
        rpc.call("htable.seti", "load", bridge, MARK)
        while rpc.table("load").get(bridge) != calls:
            await asyncio.sleep(0.05)


def bridge_of(answer: Answer) -> str:
    """Return the address:port of the bridge that answered."""
    match = re.search(r"@?([\d.]+:\d+)", answer.header("Contact") or "")
    assert match is not None
    return match[1]


def test_the_second_kamailio_has_tables_of_its_own(stack: Stack, world: World) -> None:
    assert world.second_settings.routes_file != stack.settings().routes_file
    assert Path(world.second_settings.routes_file).exists()
