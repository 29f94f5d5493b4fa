"""Deliveries in PostgreSQL: the mails and webhook calls that are due, and what became of them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from spandsp_bridge.errors import UserError
from spandsp_bridge.store.database import Database


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


@dataclass(frozen=True, slots=True)
class MailTemplate:
    """The words of a mail: Jinja2."""

    subject: str
    text: str
    html: str | None


class DeliveryStore:
    """The queries on deliveries."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def delivery(self, delivery_id: int) -> Delivery | None:
        """Return a delivery, or None."""
        async with self._db.transaction() as c:
            cursor = await c.execute(
                "select d.id, d.brand_id, d.company_id, d.fax_id, d.channel, d.event, d.state,"
                " d.tries, d.pages, d.created_at, d.replay_of, d.webhook_id, w.url, w.secret"
                " from deliveries d left join webhooks w on w.id = d.webhook_id where d.id = %s",
                [delivery_id],
            )
            row = await cursor.fetchone()
        return Delivery(**row) if row else None

    async def note(self, delivery_id: int, answer: str, state: str) -> None:
        """Write down what the other side said: `pending` to try again, `done` or `failed`."""
        async with self._db.transaction() as c:
            await c.execute(
                "update deliveries set tries = tries + 1, answer = %(answer)s,"
                " state = %(state)s::delivery_state, finished_at ="
                " case when %(state)s <> 'pending' then now() end where id = %(id)s",
                {"answer": answer[:500], "state": state, "id": delivery_id},
            )

    async def template(
        self, brand: int, company: int, event: str, language: str
    ) -> MailTemplate | None:
        """Return the company's own words, else the brand's; None: the platform's."""
        async with self._db.transaction() as c:
            cursor = await c.execute(
                "select subject, text, html from mail_templates where brand_id = %s"
                " and (company_id = %s or company_id is null) and event = %s and language = %s"
                " order by company_id nulls last limit 1",
                [brand, company, event, language],
            )
            row = await cursor.fetchone()
        return MailTemplate(**row) if row else None

    async def disable_webhook(self, webhook: int) -> None:
        """Switch off a webhook whose receiver says that it is gone (410)."""
        async with self._db.transaction() as c:
            await c.execute("update webhooks set enabled = false where id = %s", [webhook])

    async def deliveries(self, fax_id: int) -> list[dict[str, Any]]:
        """Return the deliveries of a fax, oldest first."""
        async with self._db.transaction() as c:
            cursor = await c.execute(
                "select d.id, d.channel, d.event, w.url, d.state, d.tries, d.answer, d.created_at,"
                " d.finished_at, d.replay_of from deliveries d"
                " left join webhooks w on w.id = d.webhook_id where d.fax_id = %s order by d.id",
                [fax_id],
            )
            return await cursor.fetchall()

    async def replay(self, delivery_id: int) -> int:
        """Make a delivery once more; return its id. Raises UserError."""
        async with self._db.transaction() as c:
            cursor = await c.execute(
                "insert into deliveries (brand_id, company_id, fax_id, channel, event, webhook_id,"
                " pages, replay_of) select brand_id, company_id, fax_id, channel, event,"
                " webhook_id, pages, coalesce(replay_of, id) from deliveries where id = %s"
                " returning id",
                [delivery_id],
            )
            row = await cursor.fetchone()
        if row is None:
            raise UserError(f"there is no delivery {delivery_id}; see `vfax fax show`")
        return int(row["id"])

    async def sender(self, address: str) -> int | None:
        """Return the virtual fax that a mail address may send as, or None."""
        address = address.lower()
        async with self._db.transaction() as c:
            cursor = await c.execute(
                "select virtual_fax_id from virtual_fax_senders where email in (%s, %s)"
                " order by length(email) desc limit 1",
                [address, f"@{address.rpartition('@')[2]}"],
            )
            row = await cursor.fetchone()
        return int(row["virtual_fax_id"]) if row else None
