"""The command `vfax`, run as a user would."""

import asyncio
import os
import sys

from spandsp_bridge.demo.stack import Stack


async def vfax(stack: Stack, *arguments: str) -> tuple[int, str, str]:
    """Run the command as a user would; return (exit code, output, errors)."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "spandsp_bridge",
        *arguments,
        env={**os.environ, **stack.environment(), "NO_COLOR": "1", "COLUMNS": "200"},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, err = await process.communicate()
    return process.returncode or 0, out.decode(), err.decode()
