"""Clients that are closed when a test is over."""

from collections.abc import AsyncIterator, Awaitable, Callable

import httpx
import pytest

from spandsp_bridge.demo.stack import Stack
from tests.support.people import PASSWORD, logged_in

LogIn = Callable[..., Awaitable[httpx.AsyncClient]]


@pytest.fixture
async def log_in(stack: Stack) -> AsyncIterator[LogIn]:
    """Log somebody in, by address and password; PASSWORD where none is given."""
    opened: list[httpx.AsyncClient] = []

    async def begin(email: str, password: str = PASSWORD) -> httpx.AsyncClient:
        opened.append(await logged_in(stack, email, password))
        return opened[-1]

    yield begin
    for client in opened:
        await client.aclose()
