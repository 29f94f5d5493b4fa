"""Kamailio with our configuration: valid, follows SQL, fails over, explains itself."""

import asyncio
import json
import os
import re
import signal
from pathlib import Path

from kemi.routing.model import SINGLE_BRIDGE_SET
from spandsp_bridge.demo.layout import CARRIER
from spandsp_bridge.demo.stack import Stack
from spandsp_bridge.publisher.rpc import KamailioRpc
from spandsp_bridge.services import kamailio_config
from spandsp_bridge.store.attempts import Attempt
from spandsp_bridge.store.faxes import FaxStore
from spandsp_bridge.store.pool import Database
from tests.support.commands import vfax
from tests.support.pdfs import short_document
from tests.support.peers.sipp import sipp
from tests.support.routing_tables import versions_after


async def test_kamailio_accepts_the_rendered_configuration(stack: Stack, tmp_path: Path) -> None:
    code, out, _ = await vfax(stack, "config", "render", "--out", str(tmp_path))
    assert code == 0
    assert str(tmp_path / "kamailio.cfg") in out
    (tmp_path / "carrier.cfg").write_text(
        kamailio_config.carrier(("127.0.0.5", 5060), ("127.0.0.1", 5060))
    )
    for name in ("kamailio.cfg", "carrier.cfg"):
        process = await asyncio.create_subprocess_exec(
            *("kamailio", "-c", "-f", str(tmp_path / name)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        assert process.returncode == 0, output.decode()
        assert b"config file ok" in output


def test_kamailio_knows_no_database(stack: Stack) -> None:
    config = (stack.var / "run" / "kamailio.cfg").read_text()
    for word in ("postgres", "redis", "sqlops", "db_mysql"):
        assert word not in config
    # uac reads its registrations from a file that the publisher writes, as dispatcher does.
    urls = re.findall(r'"\w*db_url", "(.*)"', config)
    assert urls == [f"text://{stack.settings().registrations}"]
    assert re.findall(r'"usrloc", "db_mode", (\d)', config) == ["0"]


async def test_a_new_ddi_is_known_to_the_next_invite(stack: Stack, database: Database) -> None:
    number = "+34911000777"
    await sipp("refused", number=number, source=CARRIER, target=stack.kamailio, status=404)
    _code, out, _ = await vfax(stack, "routes", "status", "--json")
    before = json.loads(out)["ddis"]
    await versions_after(
        stack, database,
        "insert into ddis (brand_id, company_id, number, virtual_fax_id)"
        f" select brand_id, company_id, '{number}', id from virtual_faxes where name = 'Office'",
    )  # fmt: skip
    _code, out, _ = await vfax(stack, "routes", "status", "--json")
    assert json.loads(out)["ddis"] == before + 1
    await sipp("no_t38", number=number, source=CARRIER, target=stack.kamailio)
    async with database.transaction() as c:
        await c.execute("delete from ddis where number = %s", [number])


async def test_calls_go_to_the_bridge_that_lives_and_480_when_none_does(stack: Stack) -> None:
    """Frozen, not stopped: the socket is there, nobody answers, and the call fails over."""
    bridges = [stack.supervisor.get(name) for name in ("bridge-a", "bridge-b")]
    frozen = []
    try:
        for count, bridge in enumerate(bridges):
            assert bridge.process is not None
            os.kill(bridge.process.pid, signal.SIGSTOP)
            frozen.append(bridge.process.pid)
            if count == 0:
                await sipp(
                    "no_t38", number="+34911000002", source=CARRIER, target=stack.kamailio, calls=2
                )
        await sipp(
            "refused", number="+34911000002", source=CARRIER, target=stack.kamailio, status=480
        )
    finally:
        for pid in frozen:
            os.kill(pid, signal.SIGCONT)
    for bridge in bridges:  # OPTIONS brings them back by itself
        async with asyncio.timeout(30):
            while True:
                _, out, _ = await vfax(stack, "routes", "status", "--json")
                states = {s["uri"]: s["flags"] for s in json.loads(out)["servers"]}
                if states.get(f"sip:{bridge.address}", "").startswith("A"):
                    break
                await asyncio.sleep(0.5)


async def test_a_route_is_explained_by_the_code_that_kamailio_runs(
    stack: Stack, database: Database
) -> None:
    async with database.transaction() as c:
        row = await (await c.execute("select id from companies where name = 'Acme'")).fetchone()
    assert row is not None
    company = str(row["id"])
    code, out, _ = await vfax(
        stack, "route", "explain", "--company", company, "--to", "+34922000002", "--fax",
        "--seed", "1", "--json",
    )  # fmt: skip
    assert code == 0
    told = json.loads(out)
    assert told["number"] == "+34922000002"
    [candidate] = told["candidates"]
    assert (candidate["type"], candidate["probability"]) == ("fax", 1.0)
    assert candidate["servers"] == [f"sip:{CARRIER}:{stack.port + 4}"]
    assert told["order"] == [candidate["route"]]
    assert [d["reason"] for d in told["discarded"]] == ["fax routes come first"]
    code, out, _ = await vfax(
        stack, "route", "explain", "--company", company, "--to", "+34922000002", "--call"
    )
    assert "only for faxes" in out


async def attempt_to_nowhere(stack: Stack, database: Database, folder: Path) -> Attempt:
    """Send to a number that the carrier answers with 404; return what the attempt says."""
    document = short_document(folder / "letter.pdf", 1)
    _, out, _ = await vfax(
        stack, "send", str(document), "--from", "Acme/Sales", "--to", "+34911777777",
        "--wait", "--json",
    )  # fmt: skip
    store = FaxStore(database)
    fax = await store.fax(json.loads(out)["id"])
    assert fax is not None
    [attempt] = await store.attempts(fax)
    return attempt


async def test_a_silent_carrier_server_is_passed_over(
    stack: Stack, database: Database, tmp_path: Path
) -> None:
    await versions_after(
        stack,
        database,
        "insert into carrier_servers (brand_id, carrier_id, address, port, priority)"
        f" select brand_id, id, '127.0.0.98', {stack.port + 5}, 0 from carriers",
        f"update carrier_servers set priority = 5 where port = {stack.port + 4}",
    )
    try:
        attempt = await attempt_to_nowhere(stack, database, tmp_path)
    finally:
        await versions_after(
            stack,
            database,
            f"delete from carrier_servers where port = {stack.port + 5}",
            "update carrier_servers set priority = 0",
        )
    assert attempt.sip_status == 404
    assert attempt.route is not None
    assert attempt.route["uri"] == f"sip:{CARRIER}:{stack.port + 4}"


async def test_a_server_that_was_switched_off_stays_off_over_a_reload(
    stack: Stack, database: Database
) -> None:
    """Kamailio forgets states when it loads its list again; the publisher does not."""
    rpc = KamailioRpc(stack.settings().rpc_socket)
    uri = f"sip:{stack.supervisor.get('bridge-b').address}"

    def flags() -> dict[str, str]:
        return {found: state for s, found, state in rpc.destinations() if s < SINGLE_BRIDGE_SET}

    rpc.call("dispatcher.set_state", "dp", 1, uri)
    assert flags()[uri].startswith("D")
    try:
        await versions_after(
            stack,
            database,
            "insert into carrier_servers (brand_id, carrier_id, address, port, priority)"
            f" select brand_id, id, '127.0.0.98', {stack.port + 5}, 9 from carriers",
        )
        async with asyncio.timeout(5):
            while f"sip:127.0.0.98:{stack.port + 5}" not in flags():
                await asyncio.sleep(0.05)
        assert flags()[uri].startswith("D")
        other = f"sip:{stack.supervisor.get('bridge-a').address}"
        assert flags()[other].startswith("A")
    finally:
        rpc.call("dispatcher.set_state", "ap", 1, uri)
        await versions_after(
            stack, database, f"delete from carrier_servers where port = {stack.port + 5}"
        )


async def test_a_fax_goes_as_a_call_when_there_is_no_fax_route(
    stack: Stack, database: Database, tmp_path: Path
) -> None:
    async with database.transaction() as c:
        row = await (
            await c.execute("select id from outgoing_routes where type = 'pattern'")
        ).fetchone()
    assert row is not None
    await versions_after(stack, database, "delete from outgoing_routes where type = 'fax'")
    try:
        attempt = await attempt_to_nowhere(stack, database, tmp_path)
    finally:
        await versions_after(
            stack,
            database,
            "insert into outgoing_routes (brand_id, type, priority, carrier_id)"
            " select brand_id, 'fax', 10, id from carriers",
        )
    assert attempt.route is not None
    assert (attempt.sip_status, attempt.route["route"]) == (404, str(row["id"]))


async def test_a_blocked_number_is_refused_with_403(
    stack: Stack, database: Database, tmp_path: Path
) -> None:
    await versions_after(
        stack,
        database,
        "insert into routing_patterns (brand_id, name, prefix)"
        " select id, 'Nowhere', '+34911777' from brands where name = 'Demo Telecom'",
        "insert into outgoing_routes (brand_id, type, mode, pattern_id)"
        " select brand_id, 'pattern', 'block', id from routing_patterns where name = 'Nowhere'",
    )
    try:
        attempt = await attempt_to_nowhere(stack, database, tmp_path)
    finally:
        await versions_after(
            stack,
            database,
            "delete from outgoing_routes where mode = 'block'",
            "delete from routing_patterns where name = 'Nowhere'",
        )
    assert (attempt.sip_status, attempt.reason) == (403, "call_forbidden")
    assert attempt.route is None
