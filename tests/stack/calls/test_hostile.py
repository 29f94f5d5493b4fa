"""Torture, scanners, floods, from a provider and from strangers; honest calls go on."""

import asyncio
import re
import secrets
import time

import pytest

from spandsp_bridge.demo.layout import CARRIER
from spandsp_bridge.demo.probes import options_answered
from spandsp_bridge.demo.stack import Stack
from spandsp_bridge.publisher.rpc import KamailioRpc
from tests.support.data.torture import TORTURE
from tests.support.kamailio import STRANGER, pids
from tests.support.peers.caller import Caller

SCANNERS = (
    "friendly-scanner", "sipvicious", "sipcli/v1.8", "sundayddr", "VaxSIPUserAgent/3.1", "pplsip",
    "Friendly-Scanner/2",
)  # fmt: skip


def log(stack: Stack) -> str:
    return stack.supervisor.log_file(stack.supervisor.get("kamailio")).read_text(errors="replace")


@pytest.mark.parametrize(("name", "text", "codes"), TORTURE, ids=[t[0] for t in TORTURE])
async def test_torture(stack: Stack, name: str, text: str, codes: set[int]) -> None:
    """From an address that may call: each message reaches all of the routing."""
    before = pids(stack)
    caller = await Caller.bind((CARRIER, 0), stack.kamailio)
    us, me = (f"{host}:{port}" for host, port in (stack.kamailio, caller.address))
    filled = text.replace("{us}", us).replace("{me}", me).replace("{id}", secrets.token_hex(5))
    answers: list[int] = []
    loop = asyncio.get_running_loop()

    def received(data: bytes, _: tuple[str, int]) -> None:
        status = re.match(rb"SIP/2.0 (\d+)", data)
        if status:
            answers.append(int(status[1]))

    caller.datagram_received = received  # type: ignore[method-assign, assignment]
    assert caller._transport is not None
    caller._transport.sendto(filled.encode("utf-8", "surrogateescape"), stack.kamailio)
    ends = loop.time() + (2.0 if codes else 0.3)
    while loop.time() < ends and not any(code >= 200 for code in answers):
        await asyncio.sleep(0.02)
    caller.close()
    final = [code for code in answers if code >= 200]
    if codes:
        assert final, f"{name}: no answer"
        assert final[0] in codes, name
    assert pids(stack) == before, "a worker was replaced"
    assert await asyncio.to_thread(options_answered, *stack.kamailio)


async def test_torture_left_no_traceback(stack: Stack) -> None:
    assert "Traceback" not in log(stack)


@pytest.mark.parametrize("agent", SCANNERS)
async def test_scanners_hear_nothing(stack: Stack, agent: str) -> None:
    scanner = await Caller.bind((STRANGER, 0), stack.kamailio)
    try:
        with pytest.raises(TimeoutError):
            await scanner.call("+34911000002", headers=[f"User-Agent: {agent}"], timeout=0.4)
    finally:
        scanner.close()


async def test_a_flood_from_one_address_harms_nobody_else(stack: Stack) -> None:
    """5,000 INVITEs and REGISTERs of a stranger in five seconds; ten honest calls a second."""
    before, rpc = pids(stack), KamailioRpc(stack.settings().rpc_socket)
    used = rpc.call("core.shmmem")["used"]
    flooder = await Caller.bind(("127.0.0.97", 0), stack.kamailio)
    honest = await Caller.bind((CARRIER, 0), stack.kamailio)
    heard = 0

    def received(*_: object) -> None:
        nonlocal heard
        heard += 1

    flooder.datagram_received = received  # type: ignore[method-assign, assignment]
    host, port = flooder.address

    async def flood() -> None:
        for number in range(5000):
            method = ("INVITE", "REGISTER")[number % 2]
            flooder.send(
                f"{method} sip:1000@{stack.kamailio[0]} SIP/2.0\r\n"
                f"Via: SIP/2.0/UDP {host}:{port};branch=z9hG4bKf{number}\r\n"
                f"From: <sip:1000@{stack.kamailio[0]}>;tag=f{number}\r\n"
                f"To: <sip:1000@{stack.kamailio[0]}>\r\nCall-ID: flood-{number}\r\n"
                f"CSeq: 1 {method}\r\nContact: <sip:1000@{host}:{port}>\r\nMax-Forwards: 70\r\n"
                "Content-Length: 0\r\n\r\n"
            )
            if number % 20 == 19:
                await asyncio.sleep(0.02)

    async def calls() -> list[tuple[int, float]]:
        made = []
        for _ in range(40):
            began = time.perf_counter()
            answer = await honest.call("+34911999999", timeout=5)
            made.append((answer.code, time.perf_counter() - began))
            await asyncio.sleep(0.1)
        return made

    _, made = await asyncio.gather(flood(), calls())
    await asyncio.sleep(0.3)
    flooder.close()
    honest.close()
    assert {code for code, _ in made} == {404}
    slowest = max(seconds for _, seconds in made)
    assert slowest < 1
    assert heard < 200, "a flood is not answered message by message"
    assert pids(stack) == before
    assert rpc.call("core.shmmem")["used"] < used + 2 * 1024 * 1024
    print(f"flood: {heard} answers to 5000, slowest honest call {slowest * 1000:.0f} ms")
    stranger = await Caller.bind((STRANGER, 0), stack.kamailio)
    try:
        async with asyncio.timeout(15):  # another stranger is still told why
            assert (await stranger.call("+34911000002")).code == 403
    finally:
        stranger.close()
