"""Waiting for something that the system does by itself."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any


async def until(find: Callable[[], Awaitable[Any]], seconds: float = 20) -> Any:
    """Poll until something is there."""
    async with asyncio.timeout(seconds):
        while not (found := await find()):
            await asyncio.sleep(0.05)
        return found
