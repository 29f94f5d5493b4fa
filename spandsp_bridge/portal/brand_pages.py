"""A brand operator's overview and simulation; the platform's health."""

from dataclasses import astuple
from functools import partial
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from spandsp_bridge.errors import SetupError, UserError
from spandsp_bridge.i18n import translate
from spandsp_bridge.portal.charts import bars
from spandsp_bridge.portal.page import page
from spandsp_bridge.store.bridges import Bridges
from spandsp_bridge.store.companies import Companies
from spandsp_bridge.store.explain import explained
from spandsp_bridge.store.shared_counts import SharedCounts
from spandsp_bridge.store.usage import Usage
from spandsp_bridge.web.access import BrandOperator, PlatformOperator, Principal
from spandsp_bridge.web.state import web_of

operators = APIRouter()
Text = Annotated[str, Query(max_length=60)]


def _translated(me: Principal, message: str) -> str:
    return translate(message, me.language)


@operators.get("/brand")
async def overview(request: Request, me: BrandOperator) -> Response:
    """Show the results of the brand's calls."""
    _ = partial(_translated, me)
    usage = Usage(me.tenant(web_of(request)))
    days = await usage.days()
    good, bad = sum(d.completed for d in days), sum(d.failed for d in days)
    waiting = await usage.waiting()
    return page(
        request,
        me,
        "brand.html",
        tiles=[
            (_("calls in 14 days"), good + bad),
            (_("completed calls"), f"{100 * good / (good + bad):.0f} %" if good + bad else "–"),
            (_("faxes waiting"), waiting.waiting),
            (_("calls in progress"), waiting.running),
        ],
        chart=bars([astuple(day) for day in days], _("calls")),
        carriers=await usage.carriers(),
        routes=await usage.routes(),
        destinations=await usage.destinations(),
        causes=await usage.causes(),
    )


@operators.get("/simulate")
async def simulate(
    request: Request, me: BrandOperator, company: Text = "", to: Text = "", kind: Text = "fax"
) -> Response:
    """Explain how a call would be routed."""
    web = web_of(request)
    error, result = None, None
    if to and company.isdigit() and len(company) < 19:
        try:
            result = await explained(
                me.tenant(web), int(company), to.replace("\0", ""), fax=kind != "call"
            )
        except (UserError, SetupError) as refused:
            error = refused
    companies = await me.config(web).labels("companies")
    return page(
        request,
        me,
        "simulate.html",
        companies=companies,
        company=company,
        to=to,
        kind=kind,
        result=result,
        error=error,
    )


@operators.get("/platform")
async def health(request: Request, me: PlatformOperator) -> Response:
    """Show bridges and Kamailios with their load, and queues."""
    _ = partial(_translated, me)
    web = web_of(request)
    tenant = me.tenant(web)
    bridges = await Bridges(tenant).all()
    queues = await Companies(tenant).longest_queues()
    totals = await Companies(tenant).totals()
    shared = SharedCounts(web.settings.redis_url)
    loads = await shared.loads([bridge.address for bridge in bridges])
    kamailios = await shared.healths()
    await shared.close()
    return page(
        request,
        me,
        "platform.html",
        bridges=bridges,
        loads=loads,
        queues=queues,
        kamailios=kamailios,
        tiles=[
            (_("brands"), totals.brands),
            (_("companies"), totals.companies),
            (_("calls being received"), sum(loads.values())),
            (_("faxes waiting"), sum(q.waiting for q in queues)),
            (_("live viewers"), web.hub.watchers),
        ],
    )


@operators.post("/platform/bridges/{bridge}/{what}")
async def enable_bridge(request: Request, me: PlatformOperator, bridge: int, what: str) -> Response:
    """Take a bridge out of the dispatcher's list (`drain`), or put it back (`use`)."""
    bridges = Bridges(me.tenant(web_of(request)))
    await bridges.enable(bridge if 0 < bridge < 2**63 else 0, enabled=what == "use")
    return RedirectResponse("/platform", 303)
