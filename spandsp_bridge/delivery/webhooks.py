"""Webhooks: signed POSTs after the Standard Webhooks specification (1.0)."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from standardwebhooks import Webhook

from spandsp_bridge.delivery import safe_http
from spandsp_bridge.delivery.safe_http import Networks
from spandsp_bridge.errors import DeliveryRefused
from spandsp_bridge.store.deliveries import Delivery
from spandsp_bridge.store.fax_rows import Fax

TIMEOUT = 15.0


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
    headers = {
        "Content-Type": "application/json",
        "User-Agent": "virtualfax",
        "webhook-id": message_id,
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(delivery.secret).sign(message_id, now, body.decode()),
    }
    try:
        response = await safe_http.request("POST", delivery.url, allowed, TIMEOUT, body, headers)
    except safe_http.InsideError as error:
        raise DeliveryRefused(str(error)) from error
    except safe_http.UnreachableError as error:
        raise WebhookError(str(error)) from error
    answer = f"{response.status} {response.phrase}"
    if 200 <= response.status < 300:
        return answer
    if response.status == 410:
        raise GoneError(f"{answer}: the webhook was switched off")
    raise WebhookError(answer)
