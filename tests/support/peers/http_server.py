"""A web server that is called by webhooks: it keeps what it gets, and answers as told."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field


@dataclass
class Called:
    """One request."""

    path: str
    headers: dict[str, str]
    body: bytes


@dataclass
class HttpServer:
    """Answers 204, or the next status of `answers` while there are some."""

    port: int = 0
    answers: list[int] = field(default_factory=list)
    calls: list[Called] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one request."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {}
        for line in head[1:]:
            name, colon, value = line.partition(":")
            if colon:
                headers[name.lower()] = value.strip()
        body = await reader.readexactly(int(headers.get("content-length", 0)))
        self.calls.append(Called(head[0].split(" ")[1], headers, body))
        status = self.answers.pop(0) if self.answers else 204
        writer.write(
            f"HTTP/1.1 {status} Said\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode()
        )
        await writer.drain()
        writer.close()


@asynccontextmanager
async def http_server(port: int) -> AsyncIterator[HttpServer]:
    """Yield a server on loopback."""
    made = HttpServer(port)
    server = await asyncio.start_server(made.serve, "127.0.0.1", port)
    async with server:
        yield made
