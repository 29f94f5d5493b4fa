"""Kamailio and the bridges as strangers meet them: sipp, garbage, floods of nonsense."""

import asyncio
import random
import socket
from datetime import UTC, datetime
from typing import Any

import pytest

from spandsp_bridge.demo.layout import CARRIER, KAMAILIO
from spandsp_bridge.demo.probes import options_answered
from spandsp_bridge.demo.stack import Stack
from spandsp_bridge.i18n import sentence
from spandsp_bridge.publisher.rpc import KamailioRpc
from spandsp_bridge.store.faxes import FaxStore
from spandsp_bridge.store.pool import Database
from tests.support.kamailio import STRANGER, pids
from tests.support.peers.sipp import sipp


def rpc(stack: Stack, method: str, *params: Any) -> Any:
    return KamailioRpc(stack.settings().rpc_socket).call(method, *params)


async def test_an_unknown_ddi_is_404(stack: Stack) -> None:
    await sipp(
        "refused", number="+34911999999", source=CARRIER, target=stack.kamailio, status=404,
        calls=20, rate=50,
    )  # fmt: skip


async def test_an_incomplete_number_is_484(stack: Stack) -> None:
    await sipp("refused", number="911", source=CARRIER, target=stack.kamailio, status=484)


async def test_an_unknown_peer_is_403_even_for_a_known_ddi(stack: Stack) -> None:
    await sipp("refused", number="+34911000002", source=STRANGER, target=stack.kamailio, status=403)


async def test_a_known_ddi_is_answered_and_politely_ended_without_t38(
    stack: Stack, database: Database
) -> None:
    """The caller forges X-Vfax headers too: the call has to land at the DDI's own fax."""
    began = datetime.now(UTC)
    await sipp("no_t38", number="+34911000002", source=CARRIER, target=stack.kamailio, calls=5)
    store = FaxStore(database)
    office = await store.find_virtual_fax("Globex/Office")
    for _ in range(100):
        stored = [
            f
            for f in await store.faxes(50)
            if f.created_at >= began and f.remote_number == "+34600000001"
        ]
        if len(stored) == 5:
            break
        await asyncio.sleep(0.1)
    assert len(stored) == 5
    for fax in stored:
        assert (fax.virtual_fax_id, fax.local_number) == (office.id, "+34911000002")
        assert fax.reason == "t38_refused"
        assert "T.38" in sentence(fax.reason, fax.detail, "en")


def nonsense(count: int) -> list[bytes]:
    """Messages as scanners, broken phones and fuzzers send them."""
    dice = random.Random(2026)
    good = (
        b"INVITE sip:+34911000002@127.0.0.1 SIP/2.0\r\n"
        b"Via: SIP/2.0/UDP 127.0.0.5;branch=z9hG4bK1\r\n"
        b"From: <sip:a@b>;tag=1\r\nTo: <sip:+34911000002@127.0.0.1>\r\nCall-ID: garbage\r\n"
        b"CSeq: 1 INVITE\r\nContact: <sip:a@127.0.0.5>\r\nMax-Forwards: 70\r\n"
        b"Content-Length: 0\r\n\r\n"
    )
    fixed = [
        b"",
        b"\0" * 100,
        b"\r\n\r\n",
        b"\xff" * 2000,
        good[:60],
        good.replace(b"SIP/2.0\r\nVia", b"SIP/7.0\r\nVia"),
        good.replace(b"sip:a@127.0.0.5", b"tel:+34911"),
        good.replace(b"<sip:a@127.0.0.5>", b"*"),
        good.replace(b"Max-Forwards: 70", b"Max-Forwards: 0"),
        good.replace(b"CSeq: 1 INVITE", b"CSeq: 99999999999 INVITE"),
        good.replace(b"+34911000002@", b"\xc3\x28\xff@"),
        good.replace(b"INVITE", b"OPTIONS").replace(b"To:", b"User-Agent: friendly-scanner\r\nTo:"),
        good.replace(b"From: <sip:a@b>", b'From: "' + b"x" * 3000 + b'" <sip:a@b>'),
        good.replace(b"Call-ID: garbage", b"X-Vfax-Fax: \xff\xfe\r\nCall-ID: garbage"),
        good.replace(b"Content-Length: 0", b"Content-Length: 100000"),
    ]
    made = list(fixed)
    while len(made) < count:
        broken = bytearray(good)
        for _ in range(dice.randint(1, 30)):
            broken[dice.randrange(len(broken))] = dice.randrange(256)
        made.append(bytes(broken)[: dice.randrange(len(broken) + 1)])
    return made


@pytest.mark.parametrize("source", [CARRIER, STRANGER])
async def test_garbage_crashes_nothing_and_leaks_nothing(stack: Stack, source: str) -> None:
    before = pids(stack)
    assert len(before) > 5
    used_before = rpc(stack, "core.shmmem")["used"]
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((source, 0))
        for number, message in enumerate(nonsense(1500)):
            sock.sendto(message, stack.kamailio)
            if number % 20 == 0:
                await asyncio.sleep(0.01)
    assert await asyncio.to_thread(options_answered, *stack.kamailio)
    # What the garbage began has to time out, but for the dispatcher's own OPTIONS.
    probed = len(KamailioRpc(stack.settings().rpc_socket).destinations())
    async with asyncio.timeout(60):
        while rpc(stack, "tm.stats")["current"] > 2 * probed:
            await asyncio.sleep(0.5)
    memory = rpc(stack, "core.shmmem")["used"]
    assert memory < used_before + 256 * 1024, "shared memory is not given back"
    assert pids(stack) == before, "a worker was replaced"
    log = stack.supervisor.log_file(stack.supervisor.get("kamailio")).read_text(errors="replace")
    assert "Traceback" not in log
    await sipp("refused", number="+34911999999", source=CARRIER, target=stack.kamailio, status=404)


@pytest.mark.parametrize(
    ("line", "broken", "answer"),
    [
        (b"Contact: <sip:a@127.0.0.5>", b"Contact: <tel:+34911>", b"400 Invalid Contact"),
        (b"Contact: <sip:a@127.0.0.5>", b"Contact: *", b"400 Invalid Contact"),
        (b"From: <sip:a@b>", b"From: <sip:\xff@b>", b"400 Invalid UTF-8"),
        (b"INVITE sip:+34911000002@", b"INVITE sip:+34911999999@", b"404 Not Found"),
        (b"INVITE sip:+34911000002@", b"INVITE sip:911@", b"484 Address Incomplete"),
        (b"To: <sip:+34911000002@127.0.0.1>", b"To: <sip:x@127.0.0.1>;tag=x",
         b"481 Call/Transaction Does Not Exist"),
        (b"CSeq: 1 INVITE", b"CSeq: 1 MESSAGE", b"405 Method Not Allowed"),
        (b"Max-Forwards: 70", b"Max-Forwards: 0", b"483 Too Many Hops"),
    ],
)  # fmt: skip
async def test_a_refusal_has_the_phrase_of_the_standard(
    stack: Stack, line: bytes, broken: bytes, answer: bytes
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as provider:
        provider.bind((CARRIER, 0))
        provider.settimeout(5)
        port = provider.getsockname()[1]
        message = (
            b"INVITE sip:+34911000002@127.0.0.1 SIP/2.0\r\n"
            b"Via: SIP/2.0/UDP 127.0.0.5:%d;branch=z9hG4bK%d;rport\r\n"
            b"From: <sip:a@b>;tag=1\r\nTo: <sip:+34911000002@127.0.0.1>\r\nCall-ID: phrase-%d\r\n"
            b"CSeq: 1 INVITE\r\nContact: <sip:a@127.0.0.5>\r\nMax-Forwards: 70\r\n"
            b"Content-Length: 0\r\n\r\n"
        ) % (port, port, port)
        assert line in message
        message = message.replace(line, broken)
        if b"MESSAGE" in broken:
            message = message.replace(b"INVITE sip:", b"MESSAGE sip:")
        provider.sendto(message, stack.kamailio)
        received = await asyncio.to_thread(provider.recv, 4096)
        assert received.split(b"\r\n")[0] == b"SIP/2.0 " + answer


async def test_a_bridge_hears_nobody_but_kamailio(stack: Stack) -> None:
    address = stack.bridges["bridge-a"]
    assert not await asyncio.to_thread(options_answered, *address, source=STRANGER)
    assert await asyncio.to_thread(options_answered, *address, source=KAMAILIO)


@pytest.mark.parametrize("method", ["INVITE", "BYE", "MESSAGE", "ACK"])
@pytest.mark.parametrize("seal", ["", ";vf=0123456789abcdef0123"])
async def test_nobody_is_relayed_by_a_forged_route(stack: Stack, method: str, seal: str) -> None:
    """A To tag and a Route of ours, from a stranger: the open relay that is none."""
    host, port = stack.kamailio
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as victim,
    ):
        stranger.bind((STRANGER, 0))
        victim.bind(("127.0.0.98", 0))
        victim.settimeout(1)
        stranger.settimeout(2)
        target = f"127.0.0.98:{victim.getsockname()[1]}"
        ours = f"{STRANGER}:{stranger.getsockname()[1]}"
        stranger.sendto(
            (
                f"{method} sip:+34600000000@{target} SIP/2.0\r\n"
                f"Via: SIP/2.0/UDP {ours};branch=z9hG4bK{method}{len(seal)};rport\r\n"
                f"Route: <sip:{host}:{port};lr{seal}>\r\n"
                f"From: <sip:x@{ours}>;tag=1\r\nTo: <sip:+34600000000@{target}>;tag=2\r\n"
                f"Call-ID: forged-{method}{len(seal)}\r\nCSeq: 2 {method}\r\n"
                f"Contact: <sip:x@{ours}>\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
            ).encode(),
            stack.kamailio,
        )
        if method != "ACK":
            answer = stranger.recv(4096)
            assert answer.startswith(b"SIP/2.0 481 Call/Transaction Does Not Exist\r\n")
        with pytest.raises(TimeoutError):
            victim.recv(4096)
