"""A brand operator's overview and simulation; the platform's health."""

from dataclasses import astuple
from typing import Annotated

from fastapi import APIRouter, Query, Request, Response
from fastapi.responses import RedirectResponse

from spandsp_bridge.errors import SetupError, UserError
from spandsp_bridge.portal.charts import bars
from spandsp_bridge.portal.page import page
from spandsp_bridge.store.bridges import Bridges
from spandsp_bridge.store.companies import Companies
from spandsp_bridge.store.explain import explained
from spandsp_bridge.store.shared_counts import SharedCounts
from spandsp_bridge.store.usage import Usage
from spandsp_bridge.web.access import BrandPerson, PlatformPerson
from spandsp_bridge.web.state import web_of

operators = APIRouter()
Text = Annotated[str, Query(max_length=60)]


@operators.get("/brand")
async def overview(request: Request, me: BrandPerson) -> Response:
    """Show how the brand's calls went."""
    usage = Usage(me.tenant(web_of(request)))
    days = await usage.days()
    good, bad = sum(d.completed for d in days), sum(d.failed for d in days)
    waiting = await usage.waiting()
    return page(
        request, me, "brand.html",
        tiles=[("calls in 14 days", good + bad),
               ("of them completed", f"{100 * good / (good + bad):.0f} %" if good + bad else "–"),
               ("faxes waiting", waiting.waiting), ("calls now", waiting.running)],
        chart=bars([astuple(day) for day in days], "calls"), carriers=await usage.carriers(),
        routes=await usage.routes(),
        destinations=await usage.destinations(), causes=await usage.causes(),
    )  # fmt: skip


@operators.get("/simulate")
async def simulate(
    request: Request, me: BrandPerson, company: Text = "", to: Text = "", kind: Text = "fax"
) -> Response:
    """Explain a call before it is made."""
    web = web_of(request)
    wrong, told = "", None
    if to and company.isdigit() and len(company) < 19:
        try:
            told = await explained(
                me.tenant(web), int(company), to.replace("\0", ""), fax=kind != "call"
            )
        except (UserError, SetupError) as error:
            wrong = f"{error}."
    companies = await me.config(web).labels("companies")
    return page(request, me, "simulate.html", companies=companies, company=company, to=to,
                kind=kind, told=told, wrong=wrong)  # fmt: skip


@operators.get("/platform")
async def health(request: Request, me: PlatformPerson) -> Response:
    """Show bridges and Kamailios with their load, and queues."""
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
        request, me, "platform.html", bridges=bridges, loads=loads, queues=queues,
        kamailios=kamailios,
        tiles=[("brands", totals.brands), ("companies", totals.companies),
               ("calls being received", sum(loads.values())),
               ("faxes waiting", sum(q.waiting for q in queues)),
               ("watching live", web.hub.watchers)],
    )  # fmt: skip


@operators.post("/platform/bridges/{bridge}/{what}")
async def drain(request: Request, me: PlatformPerson, bridge: int, what: str) -> Response:
    """Take a bridge out of the dispatcher's list, or put it back."""
    bridges = Bridges(me.tenant(web_of(request)))
    await bridges.enable(bridge if 0 < bridge < 2**63 else 0, enabled=what == "use")
    return RedirectResponse("/platform", 303)
