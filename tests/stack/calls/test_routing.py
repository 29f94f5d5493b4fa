"""Every routing rule on live Kamailio with sipp as the carriers, and as it is explained."""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import pytest

from spandsp_bridge.demo.stack import Stack
from spandsp_bridge.publisher.rpc import KamailioRpc
from spandsp_bridge.store.pool import Database
from spandsp_bridge.store.transactions import Connection
from tests.support.commands import vfax
from tests.support.peers.caller import Answer, Caller
from tests.support.peers.sipp import Carrier
from tests.support.routing_cases import CASES, SERVERS, Case, R

BRIDGE, EDGE = "127.0.0.61", "127.0.0.62"
CALLER_ID = "+34910000001"
FIRST = 7000  # ids of the cases' brands and companies


@dataclass
class World:
    """The carriers, and the callers: a bridge, and the SIP edge."""

    carriers: dict[str, Carrier]
    bridge: Caller
    edge: Caller


def server_address(stack: Stack, name: str) -> tuple[str, int]:
    return f"127.0.1.{SERVERS.index(name) + 1}", stack.port + 30


async def build(c: Connection, stack: Stack, number: int, case: Case) -> None:
    """Write a case's brand, company, carriers and routes; ids by the number of the case."""
    brand = company = FIRST + number
    await c.execute(
        f"insert into brands (id, name) overriding system value values ({brand}, 'case {number}')"
    )
    await c.execute(
        "insert into companies (id, brand_id, name, sip_domain) overriding system value values"
        f" ({company}, {brand}, 'C', 'case{number}.example'),"
        f" ({company + 1000}, {brand}, 'D', null)"
    )
    await c.execute(
        "insert into ddis (brand_id, company_id, number) values (%s, %s, %s)",
        [brand, company, f"+3491200{number:04}"],
    )
    await c.execute(
        "insert into sip_accounts (brand_id, company_id, username, ha1, fax_device) values"
        f" ({brand}, {company}, 'phone', sip_ha1('phone', 'case{number}.example', 'secret'), %s)",
        [case.kind == "fax device"],
    )
    await c.execute(f"insert into routing_tags (id, brand_id, name, tag) overriding system value"
                    f" values ({brand}, {brand}, 'T', '12#')")  # fmt: skip
    await c.execute(f"insert into company_routing_tags values ({brand}, {company}, {brand})")
    await c.execute(
        "update companies c set outgoing_ddi_id = d.id from ddis d"
        " where d.company_id = c.id and c.id = %s",
        [company],
    )
    carriers: dict[str, int] = {}
    for name in dict.fromkeys(n for r in case.routes for n in r.carrier.split()):
        row = await (
            await c.execute(
                "insert into carriers (brand_id, name) values (%s, %s) returning id", [brand, name]
            )
        ).fetchone()
        assert row is not None
        carriers[name] = row["id"]
        for priority, server in enumerate(name.split("+")):
            host, port = server_address(stack, server)
            await c.execute(
                "insert into carrier_servers (brand_id, carrier_id, address, port, priority)"
                " values (%s, %s, %s, %s, %s)",
                [brand, row["id"], host, port, priority],
            )
    for route in case.routes:
        await insert_route(c, brand, route, carriers)
    if case.sql:
        sql = case.sql.replace(":brand", str(brand)).replace(":company", str(company))
        await c.execute(sql.replace(":carrier", str(next(iter(carriers.values()), 0))).encode())


async def insert_route(c: Connection, brand: int, r: R, carriers: dict[str, int]) -> None:
    async def one(query: str, *values: Any) -> int:
        row = await (await c.execute(query.encode(), values)).fetchone()
        assert row is not None
        return int(row["id"])

    patterns = [
        await one(
            "insert into routing_patterns (brand_id, name, prefix) values (%s, %s || ' ' ||"
            " (select count(*) from routing_patterns), %s) returning id", brand, prefix, prefix
        )
        for prefix in (r.prefix.split() if r.type != "fax" else [])
    ]  # fmt: skip
    group = None
    if r.type == "group":
        group = await one(
            "insert into routing_pattern_groups (brand_id, name) values (%s, 'G') returning id",
            brand,
        )
        for pattern in patterns:
            await c.execute(
                "insert into routing_pattern_group_members values (%s, %s, %s)",
                [brand, group, pattern],
            )
    route = await one(
        "insert into outgoing_routes (brand_id, company_id, type, mode, priority, weight, stopper,"
        " carrier_id, pattern_id, group_id, add_prefix, caller_id, routing_tag_id)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s) returning id",
        brand,
        {"all": None, "own": brand, "other": brand + 1000}[r.of],
        r.type, r.mode, r.priority, r.weight, r.stopper,
        carriers[r.carrier] if r.mode == "static" else None,
        patterns[0] if r.type == "pattern" else None,
        group, r.add_prefix, r.caller, brand if r.tag else None,
    )  # fmt: skip
    if r.mode == "lcr":
        for name in r.carrier.split():
            await c.execute(
                "insert into outgoing_route_carriers values (%s, %s, %s)",
                [brand, route, carriers[name]],
            )


async def follow(stack: Stack, database: Database) -> None:
    """Wait until the tables in force have all that was committed, and Kamailio its servers."""
    async with database.transaction() as c:
        row = await (
            await c.execute("select count(*) as n from routing_carrier where id is not null")
        ).fetchone()
        assert row is not None
    rpc = KamailioRpc(stack.settings().rpc_socket)
    async with asyncio.timeout(20):
        while True:
            sets = {s for s, _, _ in rpc.destinations() if 1000 < s < 1_000_000}
            if len(sets) == row["n"]:
                return
            await asyncio.sleep(0.1)


@pytest.fixture(scope="module")
async def world(
    stack: Stack, database: Database, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[World]:
    folder = tmp_path_factory.mktemp("carriers")
    carriers = {name: Carrier(name, server_address(stack, name), folder) for name in SERVERS}
    for name, carrier in carriers.items():
        match name:
            case "silent":
                await carrier.start("carrier_is_silent")
            case "digest":
                await carrier.start("carrier_challenges")
            case _ if name.startswith("ok"):
                await carrier.start("carrier_takes")
            case _:
                await carrier.start("carrier_refuses", int(name))
    bridge = await Caller.bind((BRIDGE, 0), stack.kamailio)
    edge = await Caller.bind((EDGE, 0), stack.kamailio)
    async with database.transaction() as c:
        await c.execute(
            "insert into bridges (name, sip_address, sip_port, receives) values"
            " ('test caller', %s, %s, false)",
            list(bridge.address),
        )
        for number, case in enumerate(CASES):
            await build(c, stack, number, case)
    await follow(stack, database)
    yield World(carriers, bridge, edge)
    bridge.close()
    edge.close()
    for carrier in carriers.values():
        await carrier.stop()
    async with database.transaction() as c:
        await c.execute("delete from bridges where name = 'test caller'")
        await c.execute(CLEAN_UP.encode())
    await follow(stack, database)


CLEAN_UP = f"""
do $$
declare t text;
begin
    update companies set outgoing_ddi_id = null where brand_id between {FIRST} and {FIRST + 999};
    foreach t in array array['outgoing_route_carriers', 'outgoing_routes', 'carrier_rates',
        'failover_rules', 'carrier_servers', 'carriers', 'routing_pattern_group_members',
        'routing_pattern_groups', 'routing_patterns', 'ddis', 'sip_accounts',
        'company_routing_tags', 'routing_tags']
    loop
        execute format('delete from %I where brand_id between {FIRST} and {FIRST + 999}', t);
    end loop;
    delete from companies where brand_id between {FIRST} and {FIRST + 999};
    delete from number_transformations where brand_id between {FIRST} and {FIRST + 999};
    delete from brands where id between {FIRST} and {FIRST + 999};
end
$$"""

NUMBERED = list(enumerate(CASES))
IDS = [case.name for case in CASES]


@pytest.mark.parametrize(("number", "case"), NUMBERED, ids=IDS)
async def test_a_rule_is_explained(
    stack: Stack, database: Database, world: World, number: int, case: Case
) -> None:
    """By the SQL function, over rows; and by the command, over the tables in force: the same."""
    is_fax = case.kind != "call"
    async with database.transaction() as c:
        row = await (
            await c.execute(
                "select explain_route(%s, %s, fax => %s, seed => 7) as told",
                [FIRST + number, case.to, is_fax],
            )
        ).fetchone()
    assert row is not None
    told = row["told"]
    names = {candidate["carrier"]: candidate["carrier_name"] for candidate in told["candidates"]}
    assert " ".join(names[carrier] for carrier in told["carriers"]) in (case.order or ("",))
    assert (told["reply"]["code"] if told["reply"] else None) == case.explained
    _, out, _ = await vfax(
        stack, "route", "explain", "--company", str(FIRST + number), "--to", case.to,
        "--fax" if is_fax else "--call", "--seed", "7", "--json",
    )  # fmt: skip
    assert json.loads(out) == told


@pytest.mark.parametrize(("number", "case"), NUMBERED, ids=IDS)
async def test_a_rule_on_live_kamailio(stack: Stack, world: World, number: int, case: Case) -> None:
    answer = await place(world, number, case)
    tried = await arrivals(world, answer)
    assert answer.code == case.code, tried
    if case.tried is None:
        assert tried in [" ".join(p.split()[: len(tried.split())]) for p in case.order]
    else:
        assert tried == case.tried
    for name, value in case.headers.items():
        assert answer.header(name) == value
    taken = answer.header("X-Vfax-Route")
    assert "forged" not in answer.text
    if case.kind != "fax":
        assert taken is None, "for bridges alone"
    elif answer.code == 200 and tried:
        assert taken is not None
    if case.got:
        last = [a for carrier in world.carriers.values() for a in carrier.arrived(answer.call_id)]
        text = max(last, key=lambda a: a.at).text
        for pattern in case.got:
            assert re.search(pattern, text), f"{pattern} in:\n{text}"


async def place(world: World, number: int, case: Case) -> Answer:
    if case.kind == "fax":
        headers = [f"X-Vfax-Company: {FIRST + number}"]
        return await world.bridge.call(
            case.to.replace("#", "%23"), user=CALLER_ID, media=case.media, headers=headers
        )
    return await world.edge.call(
        case.to.replace("#", "%23"),
        user="phone",
        domain=f"case{number}.example",
        password="secret",
        media=case.media,
        headers=["X-Vfax-Company: 1", "x-vfax-later: 1", "P-Asserted-Identity: <sip:+34666@x>"],
    )


async def arrivals(world: World, answer: Answer) -> str:
    """Return the servers that got a call, in that order; sipp writes its log a moment later."""
    await asyncio.sleep(0.02)
    found = [a for carrier in world.carriers.values() for a in carrier.arrived(answer.call_id)]
    return " ".join(a.carrier for a in sorted(found, key=lambda a: a.at))
