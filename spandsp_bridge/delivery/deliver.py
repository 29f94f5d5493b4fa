"""Makes one delivery: the mail or the webhook call that a row of `deliveries` stands for."""

from collections.abc import Awaitable, Callable, Mapping

import aiosmtplib
import structlog

from spandsp_bridge.delivery import webhooks
from spandsp_bridge.delivery.mail import Mailer
from spandsp_bridge.delivery.safe_http import Networks
from spandsp_bridge.errors import DeliveryError, DeliveryRefused
from spandsp_bridge.reasons import Reason
from spandsp_bridge.store.deliveries import Delivery, DeliveryStore
from spandsp_bridge.store.errors import DatabaseError
from spandsp_bridge.store.fax_rows import Fax
from spandsp_bridge.store.faxes import FaxStore

log = structlog.get_logger(__name__)

#: Seconds until the next try, as Standard Webhooks proposes; about 28 hours in all.
BACK_OFF = (5, 60, 300, 1800, 7200, 18000, 36000, 36000)

MAX_VALUE = 500  #: characters of what the other side said


class TryAgainError(DeliveryError):
    """The delivery failed, and another try follows."""


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
        make: Callable[[Delivery, Fax], Awaitable[dict[str, object]]] = (
            self._mail if delivery.channel == "mail" else self._webhook
        )
        try:
            detail = await make(delivery, fax)
        except DeliveryRefused as error:
            await self._record(delivery, error.reason, error.detail, "failed")
            if isinstance(error, webhooks.WebhookGone) and delivery.webhook_id is not None:
                await self._deliveries.disable_webhook(delivery.webhook_id)
            log.warning("delivery failed permanently", delivery=delivery.id, error=str(error))
        except DatabaseError:
            raise  # nothing can be recorded; the job tries again
        except Exception as error:  # values of tenants: a mail of them may not even be composed
            if not isinstance(error, DeliveryError | aiosmtplib.SMTPException | OSError):
                log.exception("delivery not composed", delivery=delivery.id)
            failure = _failure(error)
            last = tries >= len(BACK_OFF)
            state = "failed" if last else "pending"
            await self._record(delivery, failure.reason, failure.detail, state)
            log.warning(
                "delivery failed", delivery=delivery.id, tries=tries + 1, error=str(failure)[:200]
            )
            if not last:
                raise TryAgainError(failure.reason, **failure.detail) from error
        else:
            await self._record(delivery, Reason.DELIVERED, detail, "done")
            log.info(
                "delivered", delivery=delivery.id, channel=delivery.channel, about=delivery.event
            )

    async def _record(
        self, delivery: Delivery, reason: Reason, detail: Mapping[str, object], state: str
    ) -> None:
        short = {
            key: value[:MAX_VALUE] if isinstance(value, str) else value
            for key, value in detail.items()
        }
        await self._deliveries.record(delivery.id, reason, short, state)

    async def _mail(self, delivery: Delivery, fax: Fax) -> dict[str, object]:
        virtual_fax = await self._store.virtual_fax(fax.virtual_fax_id)
        if self._mailer is None:
            raise DeliveryError(Reason.MAIL_SERVER_NOT_SET)
        if virtual_fax is None:
            raise DeliveryRefused(Reason.VIRTUAL_FAX_DELETED)
        return await self._mailer.deliver(delivery, fax, virtual_fax)

    async def _webhook(self, delivery: Delivery, fax: Fax) -> dict[str, object]:
        if delivery.url is None:
            raise DeliveryRefused(Reason.WEBHOOK_DELETED)
        return {"answer": await webhooks.call(delivery, fax, self._networks)}


def _failure(error: Exception) -> DeliveryError:
    """Return a failure of the mail server as what the delivery's row keeps."""
    if isinstance(error, DeliveryError):
        return error
    return DeliveryError(Reason.DELIVERY_FAILED, answer=str(error) or type(error).__name__)
