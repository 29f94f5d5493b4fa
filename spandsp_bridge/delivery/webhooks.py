"""Webhooks: signed POSTs after the Standard Webhooks specification (1.0)."""

import json
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from standardwebhooks import Webhook

from spandsp_bridge.delivery import safe_http
from spandsp_bridge.delivery.safe_http import Networks
from spandsp_bridge.errors import DeliveryError, DeliveryRefused
from spandsp_bridge.i18n import ENGLISH, explained
from spandsp_bridge.reasons import Reason
from spandsp_bridge.store.deliveries import Delivery
from spandsp_bridge.store.fax_rows import Fax

TIMEOUT = 15.0


class WebhookGone(DeliveryRefused):
    """The receiver no longer exists (410); the webhook is switched off."""


def payload(delivery: Delivery, fax: Fax) -> bytes:
    """Return the body of a call: what happened, and the fax as it is now."""
    facts: dict[str, Any] = {
        name: value
        for name, value in asdict(fax).items()
        if name not in ("brand_id", "cover", "document_fax_id", "prepared_at")
    }
    if delivery.pages is not None:
        facts["pages_confirmed"] = delivery.pages
    # In English: a webhook's reader is a program, which has the reason and the detail.
    facts = explained(facts, ENGLISH)
    body = {"type": delivery.event, "timestamp": delivery.created_at.isoformat(), "data": facts}
    return json.dumps(body, default=_plain, separators=(",", ":")).encode()


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else str(value)


async def call(delivery: Delivery, fax: Fax, allowed: Networks = ()) -> str:
    """Call a webhook once; return its answer.

    The host's addresses are looked up first, and one of them is called: a name that leads into
    an internal network is refused, unless its network is in `allowed`. Redirects are not followed.
    Raises DeliveryError, DeliveryRefused.
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
    except safe_http.ForbiddenAddressError as error:
        raise DeliveryRefused(error.reason, **error.detail) from error
    except safe_http.RequestError as error:
        raise DeliveryError(error.reason, **error.detail) from error
    answer = f"{response.status} {response.phrase}"
    if 200 <= response.status < 300:
        return answer
    if response.status == 410:
        raise WebhookGone(Reason.WEBHOOK_GONE, answer=answer)
    raise DeliveryError(Reason.WEBHOOK_FAILED, answer=answer)
