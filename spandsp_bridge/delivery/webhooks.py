"""Webhooks: signed POSTs after the Standard Webhooks specification (1.0)."""

import asyncio
import ipaddress
import json
import socket
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any
from urllib.parse import urlsplit

import httpx
from standardwebhooks import Webhook

from spandsp_bridge.errors import DeliveryRefused
from spandsp_bridge.store.deliveries import Delivery
from spandsp_bridge.store.faxes import Fax

TIMEOUT = 15.0
Networks = Sequence[ipaddress.IPv4Network | ipaddress.IPv6Network]


class WebhookError(Exception):
    """The receiver did not take it; it may later."""


class GoneError(DeliveryRefused):
    """The receiver wants no more of them (410)."""


def payload(delivery: Delivery, fax: Fax) -> bytes:
    """Return the body of a call: what happened, and the fax as it is now."""
    facts: dict[str, Any] = {
        name: value
        for name, value in asdict(fax).items()
        if name not in ("brand_id", "cover", "document_fax_id", "prepared_at")
    }
    if delivery.pages is not None:
        facts["pages_confirmed"] = delivery.pages
    body = {"type": delivery.event, "timestamp": delivery.created_at.isoformat(), "data": facts}
    return json.dumps(body, default=_plain, separators=(",", ":")).encode()


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else str(value)


async def call(delivery: Delivery, fax: Fax, allowed: Networks = ()) -> str:
    """Call a webhook once; return its answer.

    The host's addresses are looked up first, and one of them is called: a name that leads into
    our own network is refused, unless its network is in `allowed`. Redirects are not followed.
    Raises WebhookError, DeliveryRefused.
    """
    assert delivery.url is not None
    assert delivery.secret is not None
    body = payload(delivery, fax)
    message_id = f"msg_{delivery.replay_of or delivery.id}"
    now = datetime.now(UTC)
    url = urlsplit(delivery.url)
    host = url.hostname or ""
    port = url.port or (443 if url.scheme == "https" else 80)
    address = await _address(host, port, allowed)
    shown = f"[{address}]" if ":" in address else address
    headers = {
        "Host": url.netloc.rpartition("@")[2],
        "Content-Type": "application/json",
        "User-Agent": "virtualfax",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(delivery.secret).sign(message_id, now, body.decode()),
    }
    target = f"{url.scheme}://{shown}:{port}{url.path or '/'}" + (
        f"?{url.query}" if url.query else ""
    )
    try:
        async with httpx.AsyncClient(timeout=TIMEOUT, trust_env=False) as client:
            request = client.build_request(
                "POST", target, content=body, headers=headers,
                extensions={"sni_hostname": host},
            )  # fmt: skip
            response = await client.send(request, stream=True)
            await response.aclose()
    except (httpx.HTTPError, httpx.InvalidURL, ValueError) as error:
        raise WebhookError(f"{type(error).__name__}: {error}") from error
    answer = f"{response.status_code} {response.reason_phrase}"
    if 200 <= response.status_code < 300:
        return answer
    if response.status_code == 410:
        raise GoneError(f"{answer}: the webhook was switched off")
    raise WebhookError(answer)


async def _address(host: str, port: int, allowed: Networks) -> str:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:
        raise WebhookError(f"the name {host!r} cannot be resolved: {error}") from error
    addresses = [str(entry[4][0]).partition("%")[0] for entry in found]
    for text in addresses:
        address = ipaddress.ip_address(text)
        if isinstance(address, ipaddress.IPv6Address) and address.ipv4_mapped:
            address = address.ipv4_mapped
        if not address.is_global and not any(address in network for network in allowed):
            raise DeliveryRefused(
                f"{host} is {address}, an address inside a network of ours: it is not called; "
                "VFAX_WEBHOOK_NETWORKS names the networks that may be"
            )
    return addresses[0]
