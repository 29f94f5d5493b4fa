"""Requests to URLs that users name: never into an internal network, never without a limit."""

import asyncio
import ipaddress
import socket
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

import httpx

from spandsp_bridge.errors import VfaxError
from spandsp_bridge.reasons import Reason

Networks = Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]


class RequestError(VfaxError):
    """A request to a foreign URL failed; `reason` and `detail` say how."""

    status = 502
    code = "request_failed"

    def __init__(self, reason: Reason, message: str, /, **detail: object) -> None:
        super().__init__(message, **detail)
        self.reason = reason
        self.detail = detail


class UnreachableError(RequestError):
    """The host did not answer; it may later."""

    def __init__(self, host: str, error: str) -> None:
        super().__init__(
            Reason.HOST_UNREACHABLE, "{host} could not be reached: {error}", host=host, error=error
        )


class ForbiddenAddressError(RequestError):
    """The URL leads into an internal network."""

    def __init__(self, host: str, address: str) -> None:
        super().__init__(
            Reason.HOST_FORBIDDEN,
            "{host} has the internal address {address}: add its network to VFAX_WEBHOOK_NETWORKS "
            "to allow it",
            host=host,
            address=address,
        )


class TooLargeError(RequestError):
    """The answer is longer than the limit."""

    def __init__(self, host: str, limit: int) -> None:
        super().__init__(
            Reason.DOCUMENT_TOO_LARGE, "{host} sends more than {limit} MiB", host=host, limit=limit
        )


@dataclass(frozen=True, slots=True)
class Answer:
    """The response."""

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
    limit: int = 0,
) -> Answer:
    """Make one request; return the answer with at most `limit` octets of its body.

    The host's addresses are looked up first, and one of them is called: a name that leads into
    an internal network is refused, unless its network is in `allowed`. Redirects are not followed.
    Raises UnreachableError, ForbiddenAddressError, TooLargeError.
    """
    try:
        parts = urlsplit(url)
        port = parts.port or (443 if parts.scheme == "https" else 80)
    except ValueError as error:
        raise UnreachableError(url[:200], f"invalid URL, {error}") from error
    host = parts.hostname or ""
    if parts.scheme not in ("http", "https") or not host:
        raise UnreachableError(url[:200], "not a URL of http or https")
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
                content = await _body(response, host, limit)
            finally:
                await response.aclose()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise UnreachableError(host, f"{type(error).__name__} {error}".strip()) from error
    except TimeoutError as error:
        raise UnreachableError(host, f"no answer within {seconds:.0f} s") from error
    return Answer(response.status_code, response.reason_phrase, content)


async def _body(response: httpx.Response, host: str, limit: int) -> bytes:
    content = bytearray()
    if limit:
        async for chunk in response.aiter_bytes():
            content += chunk
            if len(content) > limit:
                raise TooLargeError(host, limit // 2**20)
    return bytes(content)


async def _address(host: str, port: int, allowed: Networks) -> str:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise UnreachableError(host, f"DNS lookup failed, {error}") from error
    addresses = [str(entry[4][0]).partition("%")[0] for entry in found]
    for text in addresses:
        address = ipaddress.ip_address(text)
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        if not address.is_global and not any(address in network for network in allowed):
            raise ForbiddenAddressError(host, str(address))
    return addresses[0]
