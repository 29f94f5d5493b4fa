"""A far end whose T.30 is not SpanDSP's: Debian's efax, over a class 1 soft modem (T.31)."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from PIL import Image

from spandsp_bridge.documents.bitmaps import page_bitmaps
from spandsp_bridge.model import (
    Finished,
    Media,
    MediaPeer,
    PageDone,
    Recovery,
    SessionOptions,
)
from spandsp_bridge.native.client import EngineClient, NativeSession
from spandsp_bridge.settings import ROOT
from tests.support.ports import MEDIA_PORTS, PEER_PORTS

SOURCE = ROOT / "tests" / "support" / "peers" / "softmodem.c"
LINE = PEER_PORTS[0]  #: first port of the soft modems
PAGES = 2
HEADER_ROWS, OVERLAP = 20, 10  #: rows that efax puts on top, and rows below that it writes on


@pytest.fixture(scope="module")
def softmodem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = tmp_path_factory.mktemp("softmodem") / "softmodem"
    subprocess.run(
        ["gcc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror", "-o", str(program),
         str(SOURCE), "-lspandsp", "-lutil"],
        check=True,
    )  # fmt: skip
    return program


@pytest.fixture
async def engine() -> AsyncIterator[EngineClient]:
    async with EngineClient(1, "127.0.0.1", MEDIA_PORTS) as client:
        yield client


def document(path: Path) -> Path:
    """Write pages that both sides code without a rest of doubt: 1728 wide, fine."""
    images = []
    for number in range(PAGES):
        image = Image.new("1", (1728, 600), 1)
        image.paste(0, (200 + 100 * number, 100, 700, 300))
        images.append(image)
    images[0].save(path, compression="group4", save_all=True, append_images=images[1:],
                   dpi=(204, 196), tiffinfo={278: 600})  # fmt: skip
    return path


@asynccontextmanager
async def modem(program: Path, media: str, own: int, peer: int, role: str) -> AsyncIterator[str]:
    """Yield the terminal of a soft modem."""
    process = await asyncio.create_subprocess_exec(
        str(program), media, str(own), str(peer), role,
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdin is not None
    path = (await process.stdout.readline()).decode().strip()
    try:
        yield path
    finally:
        process.stdin.close()
        await process.wait()


async def efax(*arguments: str, folder: Path) -> tuple[int, str]:
    """Run efax; return its exit code and what it said."""
    process = await asyncio.create_subprocess_exec(
        "efax", *arguments, cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    try:
        async with asyncio.timeout(100):
            output, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        output, _ = await process.communicate()
    return process.returncode or 0, output.decode("latin-1")


async def end(session: NativeSession) -> tuple[int, Finished]:
    pages = 0
    async for event in session.events():
        if isinstance(event, PageDone):
            pages += 1
            session.page_verdict(durable=True)
        if isinstance(event, Finished):
            return pages, event
    raise AssertionError("no end")


def begin(session: NativeSession, media: str, line: int) -> None:
    peer = MediaPeer("127.0.0.1", line, Recovery.NONE, 400)
    session.start(Media.T38 if media == "t38" else Media.AUDIO, peer)


def port_of(session: NativeSession, media: str) -> int:
    return session.t38_port if media == "t38" else session.audio_port


@pytest.mark.parametrize("media", ["t38", "audio"])
async def test_efax_sends_to_us(
    softmodem: Path, engine: EngineClient, tmp_path: Path, media: str
) -> None:
    sent = document(tmp_path / "sent.tif")
    pages = page_bitmaps(sent.read_bytes())
    for number in range(PAGES):  # efax takes a file for each page
        with Image.open(sent) as image:
            image.seek(number)
            image.save(tmp_path / f"page{number}.tif", compression="group3",
                       dpi=(204, 196), tiffinfo={278: 600})  # fmt: skip
    session = await engine.open(
        SessionOptions(file=tmp_path / "came.tif", sending=False, calling=False)
    )
    async with modem(softmodem, media, LINE, port_of(session, media), "call") as terminal:
        begin(session, media, LINE)
        files = [f"page{number}.tif" for number in range(PAGES)]
        (code, output), (received, finished) = await asyncio.gather(
            efax("-d", terminal, "-o1", "-l", "34911222333", "-t", "T1", *files, folder=tmp_path),
            end(session),
        )
    session.close()
    assert code == 0, output
    assert (received, finished.t30_code) == (PAGES, 0), output
    assert finished.stats.remote_station_id == "34911222333"
    came = page_bitmaps((tmp_path / "came.tif").read_bytes())
    assert len(came) == PAGES
    for (_, bits), (_, own) in zip(came, pages, strict=True):
        # Between efax's header line, which reaches into the page, and what it makes of its end.
        assert bits[(HEADER_ROWS + OVERLAP) * 216 :].startswith(own[OVERLAP * 216 :])


@pytest.mark.parametrize("media", ["t38", "audio"])
async def test_efax_receives_from_us(
    softmodem: Path, engine: EngineClient, tmp_path: Path, media: str
) -> None:
    sent = document(tmp_path / "sent.tif")
    session = await engine.open(
        SessionOptions(file=sent, sending=True, calling=True, station_id="+34911000001")
    )
    async with modem(softmodem, media, LINE + 1, port_of(session, media), "answer") as terminal:
        program = asyncio.create_task(
            efax("-d", terminal, "-o1", "-l", "34911222333", "-r", "came", folder=tmp_path)
        )
        await asyncio.sleep(1)
        begin(session, media, LINE + 1)
        confirmed, finished = await end(session)
        code, output = await program
    session.close()
    assert code == 0, output
    assert (confirmed, finished.t30_code) == (PAGES, 0), output
    assert finished.stats.remote_station_id == "34911222333"
    came = sorted(tmp_path.glob("came.*"))
    assert len(came) == PAGES, output
    for file, (size, bits) in zip(came, page_bitmaps(sent.read_bytes()), strict=True):
        [(its_size, its_bits)] = page_bitmaps(file.read_bytes())
        assert its_size[0] == size[0]
        assert its_bits[: len(bits)] == bits
