"""A crash in SpanDSP takes its own call, and no others, with the guard switched off."""

import asyncio
import os
import socket
import subprocess
from pathlib import Path

import pytest
from PIL import Image

from spandsp_bridge.model import (
    Cause,
    Finished,
    Media,
    MediaPeer,
    PageDone,
    Recovery,
    SessionOptions,
)
from spandsp_bridge.native.client import EngineClient, NativeSession
from spandsp_bridge.settings import Settings
from tests.support.peers.t30 import CFR, DIS, Machine
from tests.support.scaled_engine import scaled, scaled_clock
from tests.support.t38_peer import NON_FINAL, V17_14400, V17_14400_SHORT, dcs, indicator

HERE = Path(__file__).parent
OTHERS = 50
SCALE = 4  #: a hundred ends tick at once here
SEGMENTATION_FAULT = -11


@pytest.fixture(scope="module")
def unguarded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = tmp_path_factory.mktemp("unguarded") / "engine"
    subprocess.run(
        ["gcc", "-std=gnu11", "-O2", "-g", "-o", str(program),
         str(HERE / "no_guard.c"), *scaled_clock(SCALE, without="frame_guard.c")],
        check=True,
    )  # fmt: skip
    return program


class Unguarded:
    """Starts engine processes of that program, in place of the parent that forks them."""

    def __init__(self, program: Path) -> None:
        self._program = program
        self.children: list[asyncio.subprocess.Process] = []

    async def spawn(self) -> tuple[socket.socket, int]:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        child = await asyncio.create_subprocess_exec(str(self._program), stdin=theirs.fileno())
        theirs.close()
        self.children.append(child)
        return ours, child.pid

    async def stop(self) -> None:
        for child in self.children:
            await child.wait()


async def end(session: NativeSession) -> tuple[int, Finished]:
    pages = 0
    async for event in session.events():
        if isinstance(event, PageDone):
            pages += 1
            session.page_verdict(durable=True)
        if isinstance(event, Finished):
            session.close()
            return pages, event
    raise AssertionError("no end")


async def crash(session: NativeSession) -> Finished:
    """Send the worst that the fuzzers found: an ECM frame without its number (memcpy of -1)."""
    machine = Machine(session.t38_port)
    machine.listen()
    session.start(Media.T38, MediaPeer("127.0.0.1", machine.own_port, Recovery.NONE, 400))
    try:
        await machine.wait(DIS)
        machine.command(dcs())
        await machine.training_check()
        await machine.wait(CFR)
        machine.send(indicator(V17_14400_SHORT))
        machine.frame(bytes([0xFF, NON_FINAL, 0x06]), V17_14400, end=False)
        _, finished = await end(session)
        return finished
    finally:
        machine.close()


async def test_a_crash_takes_one_call_while_fifty_others_finish(
    unguarded: Path, tmp_path: Path
) -> None:
    processes = int(Settings.model_fields["engine_processes"].default)
    document = tmp_path / "three.tif"
    page = Image.new("1", (1728, 1100), 1)
    page.paste(0, (300, 200, 900, 500))
    page.save(document, compression="group4", save_all=True, append_images=[page, page],
              dpi=(204, 196), tiffinfo={278: 1100})  # fmt: skip
    parent = Unguarded(unguarded)
    victims = EngineClient(processes, "127.0.0.1", (45000, 45999), scaled(SCALE))
    victims._parent = parent  # type: ignore[assignment]
    async with victims, EngineClient(4, "127.0.0.1", (46000, 46999), scaled(SCALE)) as callers:
        faxes = []
        for number in range(OTHERS):
            into = await victims.open(
                SessionOptions(file=tmp_path / f"{number}.tif", sending=False, calling=False)
            )
            out = await callers.open(SessionOptions(file=document, sending=True, calling=True))
            into.start(Media.T38, MediaPeer("127.0.0.1", out.t38_port))
            out.start(Media.T38, MediaPeer("127.0.0.1", into.t38_port))
            faxes += [asyncio.create_task(end(into)), asyncio.create_task(end(out))]
        hostile = await victims.open(
            SessionOptions(file=tmp_path / "hostile.tif", sending=False, calling=False)
        )
        async with asyncio.timeout(90):
            crashed = await crash(hostile)
            assert not any(task.done() for task in faxes), "all the others were in mid-call"
            ends = await asyncio.gather(*faxes)
        assert crashed.cause is Cause.ENGINE_LOST
        assert [(pages, e.t30_code) for pages, e in ends] == [(3, 0)] * len(faxes)
        dead = [child.returncode for child in parent.children if child.returncode is not None]
        assert dead == [SEGMENTATION_FAULT]
        again = await victims.open(
            SessionOptions(file=tmp_path / "again.tif", sending=False, calling=False)
        )
        again.close()
        assert len(victims.pids) == processes, "the dead one was replaced"
        assert os.getpid() not in victims.pids
