"""Makes one delivery: the mail or the webhook call that a row of `deliveries` stands for."""

from collections.abc import Awaitable, Callable

import aiosmtplib
import structlog

from spandsp_bridge.delivery import webhooks
from spandsp_bridge.delivery.mail import Mailer
from spandsp_bridge.delivery.safe_http import Networks
from spandsp_bridge.errors import DeliveryRefused
from spandsp_bridge.store.deliveries import Delivery, DeliveryStore
from spandsp_bridge.store.fax_rows import Fax
from spandsp_bridge.store.faxes import FaxStore

log = structlog.get_logger(__name__)

#: Seconds until the next try, as Standard Webhooks proposes; about 28 hours in all.
BACK_OFF = (5, 60, 300, 1800, 7200, 18000, 36000, 36000)


class TryAgainError(Exception):
    """The other side did not take it; another try follows."""


class Deliverer:
    """Makes deliveries; safe to run twice for one that was made."""

    def __init__(
        self,
        store: FaxStore,
        deliveries: DeliveryStore,
        mailer: Mailer | None,
        networks: Networks,
    ) -> None:
        self._store = store
        self._deliveries = deliveries
        self._mailer = mailer
        self._networks = networks

    async def deliver(self, delivery_id: int, tries: int) -> None:
        """Try once; `tries` says how often it was tried before. Raises TryAgainError."""
        delivery = await self._deliveries.delivery(delivery_id)
        if delivery is None or delivery.state != "pending":
            return
        fax = await self._store.fax(delivery.fax_id)
        if fax is None:
            return
        way: Callable[[Delivery, Fax], Awaitable[str]] = (
            self._mail if delivery.channel == "mail" else self._webhook
        )
        try:
            answer = await way(delivery, fax)
        except DeliveryRefused as error:
            await self._deliveries.note(delivery.id, str(error), "failed")
            if isinstance(error, webhooks.GoneError) and delivery.webhook_id is not None:
                await self._deliveries.disable_webhook(delivery.webhook_id)
            log.warning("a delivery failed for good", delivery=delivery.id, error=str(error))
        except (webhooks.WebhookError, aiosmtplib.SMTPException, OSError) as error:
            text = str(error) or type(error).__name__
            last = tries >= len(BACK_OFF)
            await self._deliveries.note(delivery.id, text, "failed" if last else "pending")
            log.warning(
                "a delivery failed", delivery=delivery.id, tries=tries + 1, error=text[:200]
            )
            if not last:
                raise TryAgainError(text[:200]) from error
        else:
            await self._deliveries.note(delivery.id, answer, "done")
            log.info("delivered", delivery=delivery.id, channel=delivery.channel, of=delivery.event)

    async def _mail(self, delivery: Delivery, fax: Fax) -> str:
        virtual_fax = await self._store.virtual_fax(fax.virtual_fax_id)
        if self._mailer is None:
            raise OSError("VFAX_SMTP_SERVER is not set: there is no mail server")
        if virtual_fax is None:
            raise DeliveryRefused("the virtual fax is gone")
        return await self._mailer.deliver(delivery, fax, virtual_fax)

    async def _webhook(self, delivery: Delivery, fax: Fax) -> str:
        if delivery.url is None:
            raise DeliveryRefused("the webhook is gone")
        return await webhooks.call(delivery, fax, self._networks)
