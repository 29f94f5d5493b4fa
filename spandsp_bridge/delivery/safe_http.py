"""Requests to URLs that strangers name: never into our own network, never endless."""

import asyncio
import ipaddress
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

Networks = Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]


class UnreachableError(Exception):
    """It did not answer; it may later."""


class InsideError(Exception):
    """The URL leads into a network of ours."""


class TooLargeError(Exception):
    """The answer is longer than it may be."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other side said."""

    status: int
    phrase: str
    body: bytes


async def request(
    method: str,
    url: str,
    allowed: Networks,
    seconds: float,
    body: bytes = b"",
    headers: Mapping[str, str] | None = None,
    most: int = 0,
) -> Answer:
    """Make one request; return the answer with `most` octets of its body at the most.

    The host's addresses are looked up first, and one of them is asked: a name that leads into
    our own network is refused, unless its network is in `allowed`. Redirects are not followed.
    Raises UnreachableError, InsideError, TooLargeError.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise UnreachableError(f"{url!r} is no URL: {error}") from error
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or not host:
        raise UnreachableError(f"{url!r} is no URL of http or https")
    address = await _address(host, port, allowed)
    shown = f"[{address}]" if ":" in address else address
    target = f"{parts.scheme}://{shown}:{port}{parts.path or '/'}"
    target += f"?{parts.query}" if parts.query else ""
    try:
        async with (
            asyncio.timeout(seconds),
            httpx.AsyncClient(timeout=seconds, trust_env=False) as client,
        ):
            made = client.build_request(
                method, target, content=body or None,
                headers={"Host": parts.netloc.rpartition("@")[2], **(headers or {})},
                extensions={"sni_hostname": host},
            )  # fmt: skip
            response = await client.send(made, stream=True)
            try:
                content = await _body(response, host, most)
            finally:
                await response.aclose()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise UnreachableError(f"{type(error).__name__}: {error}") from error
    except TimeoutError as error:
        raise UnreachableError(f"{host} took longer than {seconds:.0f} s") from error
    return Answer(response.status_code, response.reason_phrase, content)


async def _body(response: httpx.Response, host: str, most: int) -> bytes:
    content = bytearray()
    if most:
        async for chunk in response.aiter_bytes():
            content += chunk
            if len(content) > most:
                raise TooLargeError(f"{host} sends more than {most // 2**20} MiB")
    return bytes(content)


async def _address(host: str, port: int, allowed: Networks) -> str:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise UnreachableError(f"the name {host!r} cannot be resolved: {error}") from error
    addresses = [str(entry[4][0]).partition("%")[0] for entry in found]
    for text in addresses:
        address = ipaddress.ip_address(text)
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        if not address.is_global and not any(address in network for network in allowed):
            raise InsideError(
                f"{host} is {address}, an address inside a network of ours: it is not called; "
                "VFAX_WEBHOOK_NETWORKS names the networks that may be"
            )
    return addresses[0]
