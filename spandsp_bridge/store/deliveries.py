"""Rows of `deliveries`: mails and webhook calls, due or done, with the outcome of the last try."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from spandsp_bridge.errors import NotFoundError, UserError
from spandsp_bridge.model import FaxStatus
from spandsp_bridge.reasons import Reason
from spandsp_bridge.store.audit import write_audit
from spandsp_bridge.store.fax_rows import Fax
from spandsp_bridge.store.transactions import Transactions

ADDRESS = re.compile(r"[^@\s<>,;\"]{1,64}@[A-Za-z0-9.-]{1,255}")
MAX_RECIPIENTS = 20


@dataclass(frozen=True, slots=True)
class Delivery:
    """One row of `deliveries`, with its webhook."""

    id: int
    brand_id: int
    company_id: int
    fax_id: int
    channel: str  #: `mail` or `webhook`
    event: str
    state: str
    tries: int
    pages: int | None
    created_at: datetime
    replay_of: int | None
    webhook_id: int | None
    url: str | None
    secret: str | None
    recipients: tuple[str, ...] = ()  #: of a mail; empty: those of the virtual fax


@dataclass(frozen=True, slots=True)
class DeliveryRow:
    """A delivery as the fax's owner sees it."""

    id: int
    channel: str  #: `mail` or `webhook`
    event: str
    url: str | None  #: of the webhook
    state: str  #: `pending`, `done` or `failed`
    tries: int
    reason: str | None  #: of `reasons.Reason`; None before the first try
    detail: dict[str, Any]  #: facts of the last try, by `reasons.DETAILS`
    created_at: datetime
    finished_at: datetime | None
    replay_of: int | None


@dataclass(frozen=True, slots=True)
class MailTemplate:
    """The subject and the bodies of a mail, as Jinja2 templates."""

    subject: str
    text: str
    html: str | None


class DeliveryStore:
    """The queries on deliveries."""

    def __init__(self, database: Transactions) -> None:
        self._db = database

    async def delivery(self, delivery_id: int) -> Delivery | None:
        """Return a delivery, or None."""
        async with self._db.transaction() as c:
            cursor = await c.execute(
                """
                select d.id, d.brand_id, d.company_id, d.fax_id, d.channel, d.event, d.state,
                       d.tries, d.pages, d.created_at, d.replay_of, d.webhook_id, w.url, w.secret,
                       d.recipients
                from deliveries d left join webhooks w on w.id = d.webhook_id
                where d.id = %(id)s
                """,
                {"id": delivery_id},
            )
            row = await cursor.fetchone()
        if row is None:
            return None
        return Delivery(**{**row, "recipients": tuple(row["recipients"] or ())})

    async def record(
        self, delivery_id: int, reason: Reason, detail: Mapping[str, object], state: str
    ) -> None:
        """Record the outcome of a try; `state` is `pending` to try again, `done` or `failed`."""
        async with self._db.transaction() as c:
            await c.execute(
                """
                update deliveries set
                  tries = tries + 1, reason = %(reason)s, detail = %(detail)s,
                  state = %(state)s::delivery_state,
                  finished_at = case when %(state)s <> 'pending' then now() end
                where id = %(id)s
                """,
                {
                    "reason": reason,
                    "detail": Jsonb(dict(detail)),
                    "state": state,
                    "id": delivery_id,
                },
            )

    async def template(
        self, brand: int, company: int, event: str, language: str
    ) -> MailTemplate | None:
        """Return the company's template, else the brand's; None: the platform's applies."""
        async with self._db.transaction() as c:
            cursor = await c.execute(
                """
                select subject, text, html from mail_templates
                where brand_id = %(brand)s and (company_id = %(company)s or company_id is null)
                  and event = %(event)s and language = %(language)s
                order by company_id nulls last limit 1
                """,
                {"brand": brand, "company": company, "event": event, "language": language},
            )
            row = await cursor.fetchone()
        return MailTemplate(**row) if row else None

    async def disable_webhook(self, webhook: int) -> None:
        """Disable a webhook whose receiver answered 410 Gone."""
        async with self._db.transaction() as c:
            await c.execute(
                "update webhooks set enabled = false where id = %(id)s", {"id": webhook}
            )

    async def deliveries(self, fax_id: int) -> list[DeliveryRow]:
        """Return the deliveries of a fax, oldest first."""
        async with self._db.transaction() as c:
            cursor = await c.execute(
                """
                select d.id, d.channel, d.event, w.url, d.state, d.tries, d.reason, d.detail,
                       d.created_at, d.finished_at, d.replay_of
                from deliveries d left join webhooks w on w.id = d.webhook_id
                where d.fax_id = %(fax)s order by d.id
                """,
                {"fax": fax_id},
            )
            return [DeliveryRow(**row) for row in await cursor.fetchall()]

    async def replay(self, delivery_id: int) -> int:
        """Repeat a delivery; return the id of the new one. Raises UserError."""
        async with self._db.transaction() as c:
            cursor = await c.execute(
                # A delivery that the tenant does not see is refused as if there were none.
                """
                select replay_delivery(d.id) as id from deliveries d where d.id = %(id)s
                """,
                {"id": delivery_id},
            )
            row = await cursor.fetchone()
        if row is None:
            raise NotFoundError("there is no delivery {id}", id=delivery_id)
        return int(row["id"])

    async def forward(self, fax: Fax, recipients: Sequence[str], who: str) -> int:
        """Send a fax by mail; return the delivery's id. Raises UserError."""
        for address in recipients:
            if not ADDRESS.fullmatch(address):
                raise UserError(
                    "invalid email address {address!r}: write it as ann@acme.example",
                    address=address,
                )
        if not 1 <= len(recipients) <= MAX_RECIPIENTS:
            raise UserError("enter 1 to {limit} email addresses", limit=MAX_RECIPIENTS)
        event = {"in": "received", "out": "sent"}[fax.direction]
        if fax.status is FaxStatus.ERROR:
            event = {"in": "partial", "out": "failed"}[fax.direction]
        async with self._db.transaction() as c:
            cursor = await c.execute(
                "select forward_fax(%(company)s, %(fax)s, %(event)s, %(recipients)s) as id",
                {
                    "company": fax.company_id,
                    "fax": fax.id,
                    "event": event,
                    "recipients": list(recipients),
                },
            )
            row = await cursor.fetchone()
            assert row is not None
            await write_audit(c, fax, who, "document_read", {"recipients": list(recipients)})
        return int(row["id"])
