"""One fax with its attempts, pages and deliveries; its live state; what users do with it."""

import re
from collections.abc import AsyncIterator, Mapping
from dataclasses import asdict
from typing import Annotated

from fastapi import APIRouter, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from spandsp_bridge.i18n import translate
from spandsp_bridge.i18n.phrases import N_, Phrase
from spandsp_bridge.model import FaxStatus
from spandsp_bridge.portal.charts import ladder
from spandsp_bridge.portal.fax_status import ENDED
from spandsp_bridge.portal.page import fragment, page, server_event
from spandsp_bridge.store.deliveries import DeliveryStore
from spandsp_bridge.store.fax_rows import Fax
from spandsp_bridge.store.faxes import FaxStore
from spandsp_bridge.web.access import FaxUser, Principal
from spandsp_bridge.web.faxes import event_stream, existing
from spandsp_bridge.web.live import News
from spandsp_bridge.web.state import web_of

faxes = APIRouter()

#: What a page says after an action, by `done` in its address.
NOTICES: Mapping[str, Phrase] = {
    "cancelled": N_("Cancelling…"),
    "forwarded": N_("The fax is being forwarded by email."),
    "retried": N_("The delivery is being retried."),
    "sent": N_("The fax is in the queue."),
    "resent": N_("This is the new fax; the original is unchanged."),
}


@faxes.get("/faxes/{fax_id:int}")
async def show(
    request: Request,
    me: FaxUser,
    fax_id: int,
    done: Annotated[str, Query(max_length=20)] = "",
) -> Response:
    """Show one fax with its attempts, pages and deliveries."""
    web = web_of(request)
    tenant = me.tenant(web)
    store = FaxStore(tenant)
    fax = await existing(store, fax_id)
    virtual_fax = await store.virtual_fax(fax.virtual_fax_id)
    attempts = [asdict(attempt) for attempt in await store.attempts(fax)]
    ours, theirs = translate("us", me.language), translate("remote", me.language)
    for attempt in attempts:
        lines = attempt["trace"]
        remote = attempt["remote_station_id"] or theirs
        attempt["ladder"] = ladder(lines, ours, remote, me.language) if lines else ""
    news = None
    if fax.status is FaxStatus.IN_PROGRESS:
        live = (await web.hub.progress.get_many([fax.id])).get(fax.id)
        if live:
            news = {
                "stage": live.stage,
                "page": live.page,
                "bit_rate": live.bit_rate,
            }
    position = await store.queue_position(fax) if fax.status is FaxStatus.PENDING else None
    if fax.direction == "in":
        await store.mark_read(fax)
    return page(
        request,
        me,
        "fax.html",
        fax=fax,
        virtual_fax=virtual_fax.name if virtual_fax else "",
        attempts=attempts,
        pages=await store.pages(fax),
        ended=fax.status in ENDED,
        news=news,
        position=position,
        has_document=await store.has_document(fax),
        deliveries=await DeliveryStore(tenant).deliveries(fax.id),
        notice=NOTICES[done].text({}, me.language) if done in NOTICES else "",
    )


@faxes.get("/faxes/{fax_id:int}/live")
async def live_fax(request: Request, me: FaxUser, fax_id: int) -> Response:
    """Stream the state of one fax until it has ended."""
    web = web_of(request)
    store = FaxStore(me.tenant(web))
    fax = await existing(store, fax_id)

    async def stream() -> AsyncIterator[str]:
        async for news in web.hub.watch(fax.company_id, fax.id):
            if news is None:
                yield ": no change\n\n"
                continue
            now = await existing(store, fax_id)
            yield server_event("fax", await _live(request, me, store, now, news))
            if now.status in ENDED:
                yield server_event("end", "ended")
                return

    return event_stream(stream())


async def _live(
    request: Request, me: Principal, store: FaxStore, fax: Fax, news: News | None
) -> str:
    position = await store.queue_position(fax) if fax.status is FaxStatus.PENDING else None
    return fragment(request, me, "_live.html", fax=fax, news=news, position=position)


@faxes.post("/faxes/{fax_id:int}/cancel")
async def cancel(request: Request, me: FaxUser, fax_id: int) -> Response:
    """Cancel a fax."""
    store = FaxStore(me.tenant(web_of(request)))
    await store.cancel(await existing(store, fax_id), me.who)
    return RedirectResponse(f"/faxes/{fax_id}?done=cancelled", 303)


@faxes.post("/faxes/{fax_id:int}/resend")
async def resend(request: Request, me: FaxUser, fax_id: int) -> Response:
    """Send a fax again, as a new fax."""
    store = FaxStore(me.tenant(web_of(request)))
    new = await store.resend(await existing(store, fax_id), me.who)
    return RedirectResponse(f"/faxes/{new}?done=resent", 303)


@faxes.post("/faxes/{fax_id:int}/delete")
async def delete(request: Request, me: FaxUser, fax_id: int) -> Response:
    """Delete the pages of a fax."""
    store = FaxStore(me.tenant(web_of(request)))
    fax = await existing(store, fax_id)
    await store.delete(fax, me.who)
    return RedirectResponse(f"/faxes/{fax.direction}", 303)


@faxes.post("/faxes/{fax_id:int}/forward")
async def forward(
    request: Request, me: FaxUser, fax_id: int, to: Annotated[str, Form(max_length=2000)]
) -> Response:
    """Forward a fax by email, to addresses separated by commas or spaces."""
    tenant = me.tenant(web_of(request))
    fax = await existing(FaxStore(tenant), fax_id)
    await DeliveryStore(tenant).forward(fax, re.split(r"[,;\s]+", to.strip()), me.who)
    return RedirectResponse(f"/faxes/{fax_id}?done=forwarded", 303)


@faxes.post("/faxes/{fax_id:int}/deliveries/{delivery_id}/replay")
async def replay(request: Request, me: FaxUser, fax_id: int, delivery_id: int) -> Response:
    """Retry an email or a webhook call."""
    tenant = me.tenant(web_of(request))
    await existing(FaxStore(tenant), fax_id)
    await DeliveryStore(tenant).replay(delivery_id)
    return RedirectResponse(f"/faxes/{fax_id}?done=retried", 303)
