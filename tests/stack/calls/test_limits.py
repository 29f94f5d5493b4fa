"""Concurrent calls, counted across Kamailios; the least loaded bridge."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
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
from spandsp_bridge.store.shared_counts import SharedCounts
from tests.support.factory import Factory, loopback_address, number_block, remove
from tests.support.peers.caller import Answer, Caller
from tests.support.peers.sipp import Carrier
from tests.support.routing_tables import changes, versions_after

MARK = 999  #: a load that no bridge reports
SECOND = "127.0.0.11"


@dataclass
class World:
    """The parties; `second` is a provider's caller at another Kamailio of the cluster.

    The company `two` may have two calls, the company `free` any number.
    """

    brand: int
    two: int
    free: int
    number_of_two: str
    number_of_free: str
    fax_of_free: str
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
    async with AsyncExitStack() as ends:
        pbx = Carrier("pbx", (loopback_address(), port), tmp_path_factory.mktemp("limits"))
        await pbx.start("carrier_takes")
        ends.push_async_callback(pbx.stop)
        for name in ("publisher-2", "kamailio-2"):
            ends.push_async_callback(stop_if_started, stack, name)
        settings = await second_kamailio(stack)
        address = loopback_address()
        provider = await Caller.bind((address, 0), stack.kamailio)
        second = await Caller.bind((address, 0), (SECOND, stack.port))
        bridge = await Caller.bind((loopback_address(), 0), stack.kamailio)
        for caller in (provider, second, bridge):
            ends.callback(caller.close)
        of_two, of_free, fax_of_free = (f"{number_block()}0000" for _ in range(3))
        async with changes(stack, database) as connection:
            make = Factory(connection)
            brand = await make.brand()
            two, free = await make.company(brand, max_calls=2), await make.company(brand)
            await make.ddi_provider(brand, address)
            uri = f"sip:x@{pbx.address[0]}:{port}"
            for company, number in ((two, of_two), (free, of_free)):
                await make.ddi(brand, company, number, external_uri=uri)
            fax = await make.virtual_fax(brand, free)
            await make.ddi(brand, free, fax_of_free, virtual_fax_id=fax)
            await make.fax_route(brand, await make.carrier(brand, pbx.address))
            bridge_id = await make.calling_bridge(bridge.address)
        async with asyncio.timeout(10):  # the other host's publisher follows by itself
            while (await second.call(of_free)).code != 200:
                await asyncio.sleep(0.1)
        yield World(
            brand, two, free, of_two, of_free, fax_of_free, provider, bridge, second, settings
        )
        async with changes(stack, database) as connection:
            await remove(connection, brand, bridge_id)


async def stop_if_started(stack: Stack, name: str) -> None:
    """Stop a service of the second host."""
    for service in stack.supervisor.services:
        if service.name == name:
            await stack.supervisor.stop(service)


async def in_progress(rpc: KamailioRpc, company: int, calls: int) -> None:
    """Wait until the company has so many calls."""
    async with asyncio.timeout(10):
        while int(rpc.call("dlg.profile_get_size", "company", str(company))) != calls:
            await asyncio.sleep(0.05)


async def test_a_company_has_so_many_calls_and_no_more(stack: Stack, world: World) -> None:
    rpc = KamailioRpc(stack.settings().rpc_socket)
    held: list[tuple[Caller, Answer, str]] = []
    for _ in range(2):
        answer, invite = await world.provider.invite(world.number_of_two)
        assert answer.code == 200
        held.append((world.provider, answer, invite))
    beyond = await world.provider.call(world.number_of_two)
    assert (beyond.code, beyond.reason) == (486, "Busy Here")
    out = [f"X-Vfax-Company: {world.two}"]
    beyond = await world.bridge.call("+34600000000", headers=out)
    assert (beyond.code, beyond.reason) == (403, "Forbidden")
    await in_progress(rpc, world.two, 2)
    assert (await world.provider.call(world.number_of_free)).code == 200, "another company is free"
    caller, answer, invite = held.pop()
    await caller.hang_up(answer, invite)
    await in_progress(rpc, world.two, 1)
    answer, invite = await world.bridge.invite("+34600000000", headers=out)
    assert answer.code == 200
    held.append((world.bridge, answer, invite))
    assert (await world.provider.call(world.number_of_two)).code == 486
    for caller, answer, invite in held:
        await caller.hang_up(answer, invite)
    await in_progress(rpc, world.two, 0)


async def test_a_brand_has_so_many_calls_and_no_more(
    stack: Stack, database: Database, world: World
) -> None:
    await versions_after(
        stack, database, f"update brands set max_calls = 1 where id = {world.brand}"
    )
    answer, invite = await world.provider.invite(world.number_of_free)
    assert answer.code == 200
    beyond = await world.provider.call(world.number_of_two)
    assert (beyond.code, beyond.reason) == (486, "Busy Here")
    await world.provider.hang_up(answer, invite)
    await versions_after(
        stack, database, f"update brands set max_calls = null where id = {world.brand}"
    )


async def test_calls_on_another_kamailio_count_and_are_forgotten_without_redis(
    stack: Stack, world: World
) -> None:
    rpc = KamailioRpc(stack.settings().rpc_socket)
    held = [await world.second.invite(world.number_of_two) for _ in range(2)]
    assert [answer.code for answer, _ in held] == [200, 200]
    async with asyncio.timeout(10):
        while rpc.table("remote_calls").get(f"company:{world.two}") != 2:
            await asyncio.sleep(0.1)
    assert (await world.provider.call(world.number_of_two)).code == 486
    await stack.supervisor.stop(stack.supervisor.get("redis"))
    try:  # the replication is down: each counts its own
        async with asyncio.timeout(15):
            while (await world.provider.call(world.number_of_two)).code != 200:
                await asyncio.sleep(0.2)
        assert (await world.second.call(world.number_of_two)).code == 486
    finally:
        await stack.start_redis()
    for answer, invite in held:
        await world.second.hang_up(answer, invite)
    await in_progress(KamailioRpc(world.second_settings.rpc_socket), world.two, 0)


async def test_the_least_loaded_bridge_takes_the_call(
    stack: Stack, database: Database, world: World
) -> None:
    """The bridge that holds calls already is passed over; their own reports say so."""
    await versions_after(
        stack,
        database,
        f"update companies set bridge_choice = 'least_loaded' where id = {world.free}",
    )
    rpc = KamailioRpc(stack.settings().rpc_socket)
    shared = SharedCounts(stack.settings().redis_url)
    for _ in range(3):
        first, first_invite = await world.provider.invite(world.fax_of_free)
        await reported(shared, rpc, bridge_of(first), 1)
        second, second_invite = await world.provider.invite(world.fax_of_free)
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
