"""The engine over real UDP on loopback: faxes through loss, hostile frames, crashes, holds."""

import asyncio
import os
import random
import signal
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import pytest

from spandsp_bridge.documents.bitmaps import page_bitmaps
from spandsp_bridge.errors import EngineError
from spandsp_bridge.model import (
    Cause,
    Finished,
    Heard,
    Media,
    MediaPeer,
    Negotiated,
    PageDone,
    Recovery,
    Session,
    SessionOptions,
    Trace,
)
from spandsp_bridge.native.client import EngineClient
from tests.support.peers.rtp import SOUNDS, RtpPeer
from tests.support.scaled_engine import scaled
from tests.support.t38_peer import NON_FINAL, V17_14400, V17_14400_SHORT, Peer, dcs, indicator

PORTS = (41000, 41999)


@pytest.fixture(scope="module")
async def engine() -> AsyncIterator[EngineClient]:
    async with EngineClient(1, "127.0.0.1", PORTS, scaled()) as client:
        yield client


@pytest.fixture(scope="module")
async def real_time_engine() -> AsyncIterator[EngineClient]:
    async with EngineClient(1, "127.0.0.1", PORTS) as client:
        yield client


@pytest.fixture(scope="module")
def document(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two short pages, quick on the line."""
    file = tmp_path_factory.mktemp("document") / "two.tif"
    page = "/Helvetica 40 selectfont 100 300 moveto (Page %d of a real fax) show showpage "
    subprocess.run(
        [
            "gs",
            "-q",
            "-dBATCH",
            "-dNOPAUSE",
            "-dSAFER",
            "-sDEVICE=tiffg4",
            "-r204x196",
            "-g1728x1100",
            "-dMaxStripSize=0",
            f"-sOutputFile={file}",
            "-c",
            page % 1 + page % 2,
        ],
        check=True,
    )
    return file


class LossyWire(asyncio.DatagramProtocol):
    """Forwards UDPTL between two ports and loses some of it."""

    def __init__(self, ports: tuple[int, int], loss: float, seed: int) -> None:
        self._other = {ports[0]: ports[1], ports[1]: ports[0]}
        self._loss = loss
        self._dice = random.Random(seed)
        self._transport: asyncio.DatagramTransport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        if self._transport is not None and self._dice.random() >= self._loss:
            self._transport.sendto(data, ("127.0.0.1", self._other[addr[1]]))


async def pages_and_end(session: Session, verdict: bool | None = True) -> tuple[int, Finished]:
    pages = 0
    async for event in session.events():
        if isinstance(event, PageDone):
            pages += 1
            if verdict is not None:
                session.page_verdict(durable=verdict)
        if isinstance(event, Finished):
            return pages, event
    raise AssertionError


async def fax(
    engine: EngineClient,
    document: Path,
    target: Path,
    *,
    loss: float = 0.0,
    seed: int = 1,
    ecm: bool = True,
    recovery: Recovery = Recovery.REDUNDANCY,
    verdict: bool | None = True,
    header_line: str = "",
    media: Media = Media.T38,
    payload_type: int = 8,
) -> tuple[tuple[int, Finished], tuple[int, Finished]]:
    """Send a document over a lossy wire; return (pages, end) of the sender and the receiver."""
    out = await engine.open(
        SessionOptions(
            file=document,
            sending=True,
            calling=True,
            station_id="+34911",
            ecm=ecm,
            header_line=header_line,
            time_zone="CET-1CEST,M3.5.0,M10.5.0/3",
        )
    )
    into = await engine.open(
        SessionOptions(file=target, sending=False, calling=False, station_id="+44207", ecm=ecm)
    )
    ports = (
        (out.t38_port, into.t38_port) if media is Media.T38 else (out.audio_port, into.audio_port)
    )
    loop = asyncio.get_running_loop()
    wire, _ = await loop.create_datagram_endpoint(
        lambda: LossyWire(ports, loss, seed), local_addr=("127.0.0.1", 0)
    )
    port = wire.get_extra_info("sockname")[1]
    for session in (into, out):
        session.start(media, MediaPeer("127.0.0.1", port, recovery, 400, 0, payload_type))
    async with asyncio.timeout(120):
        ends = await asyncio.gather(pages_and_end(out), pages_and_end(into, verdict))
    for session in (out, into):
        session.close()
    wire.close()
    return ends[0], ends[1]


async def test_faxes_over_t38_arrive_whole_through_loss(
    engine: EngineClient, document: Path, tmp_path: Path
) -> None:
    cases: list[dict[str, Any]] = [
        {"loss": 0.0},
        {"loss": 0.05, "seed": 3},
        {"loss": 0.05, "seed": 4, "ecm": False},
        {"loss": 0.02, "seed": 5, "recovery": Recovery.FEC},
        {"loss": 0.0, "header_line": "Acme"},
    ]
    await check_faxes(engine, document, tmp_path, cases)


async def test_faxes_over_audio_arrive_whole_through_loss(
    engine: EngineClient, document: Path, tmp_path: Path
) -> None:
    cases: list[dict[str, Any]] = [
        {"loss": 0.0, "media": Media.AUDIO},
        {"loss": 0.0, "media": Media.AUDIO, "payload_type": 0},
        {"loss": 0.002, "seed": 6, "media": Media.AUDIO},
    ]
    await check_faxes(engine, document, tmp_path, cases)


async def check_faxes(
    engine: EngineClient, document: Path, tmp_path: Path, cases: list[dict[str, Any]]
) -> None:
    """Send the document once for each case, all at once, and compare what came with it."""
    files = [tmp_path / f"{number}.tif" for number in range(len(cases))]
    results = await asyncio.gather(
        *(fax(engine, document, file, **case) for file, case in zip(files, cases, strict=True))
    )
    sent = page_bitmaps(document.read_bytes())
    for case, file, ((confirmed, out), (received, into)) in zip(cases, files, results, strict=True):
        assert confirmed == received == len(sent) == out.stats.pages == into.stats.pages, case
        assert (out.t30_code, into.t30_code) == (0, 0), case
        assert out.stats.ecm is case.get("ecm", True)
        if into.stats.packets_lost == out.stats.packets_lost == 0:
            # With a packet lost T.30 goes on without these optional frames.
            ids = (out.stats.remote_station_id, into.stats.remote_station_id)
            assert ids == ("+44207", "+34911"), case
        came = page_bitmaps(file.read_bytes())
        if "header_line" in case:
            for (size, bits), (own_size, own_bits) in zip(came, sent, strict=True):
                assert size[1] > own_size[1], "the header line adds rows at the top"
                assert bits.endswith(own_bits), "the page below it is untouched"
        elif case.get("ecm", True):
            assert came == sent, case
        assert out.stats.media is into.stats.media is case.get("media", Media.T38)
        if case["loss"] and case.get("media") is not Media.AUDIO:
            assert into.stats.packets_repaired > 0, case


@pytest.mark.parametrize(
    ("sound", "heard"),
    [("nothing", Heard.NOTHING), ("silence", Heard.SILENCE), ("voice", Heard.SOUND),
     ("CED", Heard.FAX)],
)  # fmt: skip
async def test_what_answers_is_told_by_its_sound(
    real_time_engine: EngineClient, document: Path, sound: str, heard: Heard
) -> None:
    session = await real_time_engine.open(SessionOptions(file=document, sending=True, calling=True))
    peer = RtpPeer(session.audio_port)
    session.start(Media.TONES, MediaPeer("127.0.0.1", peer.own_port))
    for number in range(100):
        if sound != "nothing":
            peer.play(SOUNDS[sound], number)
        await asyncio.sleep(0.02)
    cng = peer.heard()
    session.terminate()
    async with asyncio.timeout(5):
        _, end = await pages_and_end(session)
    assert end.stats.heard is heard
    assert abs(end.stats.packets_sent - 50 * end.seconds) <= 10, "20 ms each, whatever comes"
    assert 1080 < cng < 1120, "a caller says CNG (T.30 §4.3.3.2)"
    session.close()
    peer.close()


async def test_a_page_that_is_not_durable_is_never_confirmed(
    engine: EngineClient, document: Path, tmp_path: Path
) -> None:
    refused, stalled = await asyncio.gather(
        fax(engine, document, tmp_path / "refused.tif", verdict=False),
        fax(engine, document, tmp_path / "stalled.tif", verdict=None),
    )
    for (confirmed, out), (_, into), cause in (
        (*refused, Cause.PAGE_REFUSED),
        (*stalled, Cause.PAGE_STALLED),
    ):
        assert confirmed == out.stats.pages == 0
        assert into.cause is cause


async def test_rates_and_modems_obey_the_options(
    engine: EngineClient, document: Path, tmp_path: Path
) -> None:
    session = await engine.open(
        SessionOptions(file=tmp_path / "x.tif", sending=False, calling=False, max_bit_rate=9600)
    )
    out = await engine.open(SessionOptions(file=document, sending=True, calling=True))
    session.start(Media.T38, MediaPeer("127.0.0.1", out.t38_port))
    out.start(Media.T38, MediaPeer("127.0.0.1", session.t38_port))
    async with asyncio.timeout(20):
        async for event in out.events():
            if isinstance(event, Negotiated):
                assert event.stats.bit_rate == 9600
                break
    out.close()
    session.close()


HOSTILE = {
    "reserved width in DCS": dcs(width=3),
    "unknown modem in DCS": dcs(rate=0x1C),
    "DCS longer than SpanDSP's string of it": dcs(extra=b"\x01" * 200),
    "CTC without its rate": bytes([0xFF, 0x13, 0x13]),
    "frame longer than the buffer": bytes([0xFF, 0x13, 0x80]) + bytes(700),
}


async def wait_for(session: Session, text: str) -> None:
    async for event in session.events():
        if isinstance(event, Trace) and text in event.text:
            return
    raise AssertionError(f"the session ended before {text!r}")


@pytest.mark.parametrize("name", [*HOSTILE, "FCD without a frame number"])
async def test_known_crashing_frames_do_not_crash(
    engine: EngineClient, tmp_path: Path, name: str
) -> None:
    """Each of these kills stock SpanDSP 0.0.6; they come as real UDPTL."""
    pids = engine.pids
    session = await engine.open(
        SessionOptions(file=tmp_path / "victim.tif", sending=False, calling=False)
    )
    peer = Peer(session.t38_port)
    session.start(Media.T38, MediaPeer("127.0.0.1", peer.own_port))
    async with asyncio.timeout(20):
        await wait_for(session, "> DIS")
        if name in HOSTILE:
            peer.command(HOSTILE[name])
        else:
            peer.command(dcs())
            await peer.training_check()
            await wait_for(session, "> CFR")
            peer.send(indicator(V17_14400_SHORT))
            peer.frame(bytes([0xFF, NON_FINAL, 0x06]), V17_14400, end=False)
        await wait_for(session, "harmful")
        session.terminate()
        async for event in session.events():
            if isinstance(event, Finished):
                assert event.stats.frames_refused == 1
                assert event.cause is Cause.COMMAND
    peer.close()
    session.close()
    again = await engine.open(
        SessionOptions(file=tmp_path / "next.tif", sending=False, calling=False)
    )
    again.close()
    assert engine.pids == pids, "the engine process was replaced: it had crashed"


async def test_garbage_on_the_wire_is_counted_and_harmless(
    engine: EngineClient, tmp_path: Path
) -> None:
    session = await engine.open(
        SessionOptions(file=tmp_path / "garbage.tif", sending=False, calling=False)
    )
    peer, stranger = Peer(session.t38_port), Peer(session.t38_port)
    session.start(Media.T38, MediaPeer("127.0.0.1", peer.own_port))
    dice = random.Random(7)
    peer.send(indicator(0))
    async with asyncio.timeout(20):
        await wait_for(session, "> DIS")
        for number in range(2000):
            peer.raw(dice.randbytes(dice.randint(0, 300)))
            stranger.raw(b"\0\1\1\2\0\0")
            if number % 5 == 0:
                await asyncio.sleep(0.002)
        await asyncio.sleep(0.2)  # the last datagrams are still in the socket
        session.terminate()
        async for event in session.events():
            if isinstance(event, Finished):
                stats = event.stats
    assert stats.packets_malformed > 1000
    assert stats.packets_received + stats.packets_malformed <= 2001, "a stranger was heard"
    session.close()
    peer.close()
    stranger.close()


async def test_a_stray_packet_of_the_call_before_does_not_take_the_call(
    engine: EngineClient, document: Path, tmp_path: Path
) -> None:
    """The first packet is a stranger's; the peer at the SDP's address is heard all the same."""
    into = await engine.open(
        SessionOptions(file=tmp_path / "stray.tif", sending=False, calling=False)
    )
    out = await engine.open(SessionOptions(file=document, sending=True, calling=True))
    stray = Peer(into.t38_port, seq=60)
    into.start(Media.T38, MediaPeer("127.0.0.1", out.t38_port))
    await asyncio.sleep(0.1)
    stray.send(indicator(0))
    await asyncio.sleep(0.1)
    out.start(Media.T38, MediaPeer("127.0.0.1", into.t38_port))
    async with asyncio.timeout(60):
        (confirmed, _), (received, end) = await asyncio.gather(
            pages_and_end(out), pages_and_end(into)
        )
    assert (confirmed, received, end.t30_code) == (2, 2, 0)
    for session in (into, out):
        session.close()
    stray.close()


async def test_an_engine_crash_costs_its_calls_alone(document: Path, tmp_path: Path) -> None:
    async with EngineClient(2, "127.0.0.1", PORTS, scaled()) as engine:
        options = SessionOptions(file=tmp_path / "a.tif", sending=False, calling=False)
        first = await engine.open(options)
        second = await engine.open(options)
        os.kill(engine.pids[0], signal.SIGKILL)
        async with asyncio.timeout(5):
            _, end = await pages_and_end(first)
        assert end.cause is Cause.ENGINE_LOST
        second.terminate()
        async with asyncio.timeout(5):
            _, end = await pages_and_end(second)
        assert end.cause is Cause.COMMAND
        await fax(engine, document, tmp_path / "after.tif")


async def test_no_free_port_is_a_clear_error(tmp_path: Path) -> None:
    async with EngineClient(1, "127.0.0.1", (41990, 41991), scaled()) as engine:
        options = SessionOptions(file=tmp_path / "a.tif", sending=False, calling=False)
        session = await engine.open(options)
        with pytest.raises(EngineError, match="VFAX_MEDIA_PORTS"):
            await engine.open(options)
        session.close()


async def test_silence_ends_a_reception(real_time_engine: EngineClient, tmp_path: Path) -> None:
    session = await real_time_engine.open(
        SessionOptions(
            file=tmp_path / "silent.tif", sending=False, calling=False, silence_seconds=1
        )
    )
    session.start(Media.T38, MediaPeer("127.0.0.1", 9))
    async with asyncio.timeout(5):
        _, end = await pages_and_end(session)
    assert end.cause is Cause.SILENCE
    session.close()


async def test_the_clock_ends_every_call(real_time_engine: EngineClient, document: Path) -> None:
    session = await real_time_engine.open(
        SessionOptions(file=document, sending=True, calling=True, max_seconds=1)
    )
    session.start(Media.T38, MediaPeer("127.0.0.1", 9))
    async with asyncio.timeout(5):
        _, end = await pages_and_end(session)
    assert end.cause is Cause.CLOCK
    session.close()
