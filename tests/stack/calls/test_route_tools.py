"""Before a change: `vfax route diff`; at a moment: `--at`; after failures: who comes last."""

import asyncio
import json
from pathlib import Path

import pytest

from spandsp_bridge.demo.layout import CARRIER
from spandsp_bridge.demo.stack import Stack
from spandsp_bridge.publisher.rpc import KamailioRpc
from spandsp_bridge.store.pool import Database
from tests.support.commands import vfax
from tests.support.peers.caller import Caller
from tests.support.peers.sipp import Carrier
from tests.support.routing_tables import versions_after


async def brand_and_company(database: Database) -> tuple[int, int]:
    async with database.transaction() as c:
        row = await (
            await c.execute("select id, brand_id from companies where name = 'Acme'")
        ).fetchone()
    assert row is not None
    return row["brand_id"], row["id"]


BLOCK = """
insert into outgoing_routes (brand_id, type, mode, pattern_id)
select brand_id, 'pattern', 'block', id from routing_patterns where name = 'Everywhere';
"""


async def test_a_change_is_shown_before_it_is_made(
    stack: Stack, database: Database, tmp_path: Path
) -> None:
    brand, company = await brand_and_company(database)
    file = tmp_path / "changes.sql"
    file.write_text(BLOCK)
    code, out, _ = await vfax(stack, "route", "diff", str(file), "--brand", str(brand), "--json")
    assert code == 0
    told = json.loads(out)
    # All but the calls to our own DDIs, which stay inside.
    assert 1 <= told["changed"] <= told["destinations"]
    assert not told["committed"]
    assert all(move["after"].startswith("403 blocked") for move in told["moves"])
    assert any("Demo Carrier" in move["before"] for move in told["moves"])
    _, out, _ = await vfax(
        stack, "route", "explain", "--company", str(company), "--to", "+12125550100", "--json"
    )
    assert json.loads(out)["reply"] is None, "nothing was kept"
    code, out, _ = await vfax(stack, "route", "diff", str(file), "--brand", str(brand))
    assert "would change route; nothing was committed" in out


@pytest.mark.parametrize(
    ("sql", "words"),
    [
        ("update outgoing_routes set weight = 99;", "route_weight_is_1_to_20"),
        ("update users set role = 'platform';", "platform_users_have_no_brand"),
        ("update faxes set priority = 0;", "permission denied"),
        ("commit;", "ends the transaction"),
        ("no sql", "syntax error"),
    ],
)
async def test_a_wrong_change_is_one_line(
    stack: Stack, database: Database, tmp_path: Path, sql: str, words: str
) -> None:
    brand, _ = await brand_and_company(database)
    file = tmp_path / "changes.sql"
    file.write_text(sql)
    code, _, err = await vfax(stack, "route", "diff", str(file), "--brand", str(brand))
    assert code == 2
    assert words in err
    assert "Traceback" not in err


async def test_explain_takes_a_moment(stack: Stack, database: Database) -> None:
    """A virtual fax that is open on Mondays alone."""
    _, company = await brand_and_company(database)
    await versions_after(
        stack, database,
        "insert into virtual_fax_hours (brand_id, company_id, virtual_fax_id, weekday, opens,"
        " closes) select brand_id, company_id, id, 1, '09:00', '10:00' from virtual_faxes"
        " where name = 'Office'",
    )  # fmt: skip
    try:
        for at, code in (("2026-11-23T08:30:00", None), ("2026-11-24T08:30:00", 480)):
            _, out, _ = await vfax(
                stack, "route", "explain", "--company", str(company), "--to", "+34911000002",
                "--at", at, "--json",
            )  # fmt: skip
            told = json.loads(out)
            assert (told["reply"] or {}).get("code") == code
            assert (told["inside"] is None) == (code is not None)
    finally:
        await versions_after(stack, database, "delete from virtual_fax_hours")


WORLD = """
insert into brands (id, name) overriding system value values (8400, 'Memory');
insert into companies (id, brand_id, name, sip_domain) overriding system value values
    (8400, 8400, 'C', 'memory.example');
insert into sip_accounts (brand_id, company_id, username, ha1) values
    (8400, 8400, 'phone', sip_ha1('phone', 'memory.example', 'secret'));
insert into carriers (id, brand_id, name) overriding system value values (8400, 8400, 'first'), (8401, 8400, 'second');
insert into carrier_servers (brand_id, carrier_id, address, port) values
    (8400, 8400, '127.0.1.90', %PORT%), (8400, 8401, '127.0.1.91', %PORT%);
insert into outgoing_routes (brand_id, type, priority, carrier_id) values (8400, 'fax', 1, 8400), (8400, 'fax', 2, 8401);
"""  # noqa: E501
GONE = """
delete from outgoing_routes where brand_id = 8400;
delete from carriers where brand_id = 8400;
delete from sip_accounts where brand_id = 8400;
delete from companies where brand_id = 8400;
delete from brands where id = 8400;
"""


@pytest.mark.parametrize(("refusal", "table"), [(488, "no_t38"), (503, "breaker")])
async def test_a_carrier_that_failed_is_tried_last(
    stack: Stack, database: Database, tmp_path: Path, refusal: int, table: str
) -> None:
    """One refusal of T.38 is remembered; of other failures, three in half a minute."""
    port = stack.port + 34
    first = Carrier("first", ("127.0.1.90", port), tmp_path)
    second = Carrier("second", ("127.0.1.91", port), tmp_path)
    await first.start("carrier_refuses", refusal)
    await second.start("carrier_takes")
    await versions_after(stack, database, WORLD.replace("%PORT%", str(port)))
    caller = await Caller.bind(("127.0.0.89", 0), stack.kamailio)
    rpc = KamailioRpc(stack.settings().rpc_socket)
    try:
        tried = []
        for _ in range(5):
            answer = await caller.call(
                "+34600000000", user="phone", domain="memory.example", password="secret",
                media="t38",
            )  # fmt: skip
            assert answer.code == 200
            await asyncio.sleep(0.05)
            tried.append(len(first.arrived(answer.call_id)))
        once = 1 if refusal == 488 else 3
        assert tried == [1] * once + [0] * (5 - once)
        assert "8400" in rpc.table(table)
    finally:
        caller.close()
        for carrier in (first, second):
            await carrier.stop()
        rpc.call("htable.flush", table)
        await versions_after(stack, database, GONE)


async def test_the_demos_carrier_moves_numbers_and_our_own_stay_inside(
    stack: Stack, database: Database
) -> None:
    _, company = await brand_and_company(database)
    for to, inside in (("+34922000002", False), ("+34911000002", True)):
        _, out, _ = await vfax(
            stack, "route", "explain", "--company", str(company), "--to", to, "--json"
        )
        told = json.loads(out)
        assert (told["inside"] is not None) == inside
        servers = [s for c in told["candidates"] for s in c["servers"]]
        assert servers == ([] if inside else [f"sip:{CARRIER}:{stack.port + 4}"])
