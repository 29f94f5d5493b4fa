"""Packets on loopback, captured and read with tshark."""

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from spandsp_bridge.demo.stack import Stack


@asynccontextmanager
async def captured(stack: Stack, file: Path) -> AsyncIterator[None]:
    """Capture the stack's own UDP ports on loopback with tshark."""
    first, last = stack.port, stack.port + 999
    process = await asyncio.create_subprocess_exec(
        *("tshark", "-i", "lo", "-f", f"udp portrange {first}-{last}", "-w", str(file), "-P"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    assert process.stderr is not None
    said = b""
    async with asyncio.timeout(20):
        while b"Capturing on" not in said:
            line = await process.stderr.readline()
            assert line, f"tshark cannot capture: {said.decode()}"
            said += line
        while not file.exists():
            await asyncio.sleep(0.05)
    try:
        yield
    finally:
        await asyncio.sleep(1)  # dumpcap hands packets on in batches
        process.send_signal(signal.SIGINT)
        await process.communicate()


async def packets(file: Path, query: str, *fields: str) -> list[list[str]]:
    """Return fields of the packets that match a display filter."""
    arguments = ["tshark", "-r", str(file), "-Y", query, "-T", "fields"]
    for field in fields:
        arguments += ["-e", field]
    process = await asyncio.create_subprocess_exec(
        *arguments, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    out, err = await process.communicate()
    assert process.returncode == 0, err.decode()
    return [line.split("\t") for line in out.decode(errors="replace").splitlines()]
