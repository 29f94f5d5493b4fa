"""Calls to our DDIs: decided on the routing tables, then delivered.

A decision is made while the tables are being read and acted on afterwards.
"""

import time
from dataclasses import dataclass

import KSR

from kemi import counters, proxy
from kemi.proxy import Refusal
from kemi.routing import inbound
from kemi.routing.facts import Facts
from kemi.routing.model import (
    BRIDGE_SET,
    SINGLE_BRIDGE_SET,
    Brand,
    Company,
    LocalDestination,
    Provider,
    Reply,
    ToAccount,
    ToUri,
    ToVirtualFax,
)
from kemi.sip_phrases import phrase
from kemi.worker import Worker

ROUND_ROBIN, BY_PRIORITY = 4, 8  # algorithms of the dispatcher
NEXT_HOP = "0"  # ds_select_routes: the server becomes the next hop, the request URI stays
RETRY_AFTER = 30  #: seconds, when no bridge takes calls


@dataclass(frozen=True, slots=True)
class LocalCall:
    """The decision to deliver a call to one of our DDIs, owned by `company`.

    `caller` is E.164 for the From header, None leaves it as it is. `bridges` are those to
    choose from by load, empty for round robin.
    """

    destination: LocalDestination
    caller: str | None
    company: Company | None
    brand: Brand | None
    bridges: list[tuple[int, str]]


def decide(facts: Facts, provider: Provider) -> LocalCall | Refusal:
    """Decide on a DDI provider's call."""
    called = KSR.kx.gete_ruser()
    destination, caller = inbound.decide(
        facts, provider, called=called, calling=KSR.kx.gete_fuser(), now=time.time()
    )
    if isinstance(destination, Reply):
        return Refusal(destination, "in", f"provider {provider.name}", called)
    return local_call(facts, destination, caller)


def local_call(facts: Facts, destination: LocalDestination, caller: str | None) -> LocalCall:
    """Return the delivery to a destination, with the facts that it takes."""
    ddi = destination.ddi
    company = facts.company(ddi.company)
    by_load = company is not None and company.least_loaded
    return LocalCall(
        destination,
        caller,
        company,
        facts.brand(ddi.brand),
        facts.bridges() if by_load else [],
    )


def deliver(worker: Worker, call: LocalCall) -> None:
    """Send a call to its destination, within the limits of its owner."""
    reply = counters.count_call(call.company, call.brand, inbound=True)
    if reply is not None:
        _refuse(call, reply)
        return
    if call.caller is not None and call.caller != KSR.kx.gete_fuser():
        KSR.uac.uac_replace_from_uri(f"sip:{call.caller}@{KSR.kx.get_rcvip()}")
    match call.destination:
        case ToVirtualFax(ddi, virtual_fax):
            if not _select_bridge(worker, call.bridges):
                _refuse(call, Reply(480, "no bridge available", RETRY_AFTER))
                return
            counters.add("in:fax")
            KSR.hdr.append(
                f"X-Vfax-Company: {ddi.company}\r\nX-Vfax-Virtual-Fax: {virtual_fax}\r\n"
                f"X-Vfax-Ddi: {ddi.number}\r\n"
            )
            KSR.tm.t_on_failure("ksr_failure_inbound")
        case ToAccount(_, aor):
            if KSR.registrar.lookup_uri("location", f"sip:{aor}") < 0:
                _refuse(call, Reply(480, "account not registered"))
                return
            counters.add("in:account")
            KSR.tm.t_on_reply("ksr_reply_account")
        case ToUri(_, uri):
            counters.add("in:uri")
            KSR.seturi(uri)
            KSR.tm.t_on_reply("ksr_reply_uri")
    proxy.record_route(worker.secret)
    proxy.relay()


def _refuse(call: LocalCall, reply: Reply) -> None:
    proxy.refuse(Refusal(reply, "in", number=call.destination.ddi.number))


def _select_bridge(worker: Worker, bridges: list[tuple[int, str]]) -> bool:
    """Make a bridge the next hop, and the others its successors; False if none is active."""
    if not bridges:
        return bool(KSR.dispatcher.ds_select_dst(BRIDGE_SET, ROUND_ROBIN) >= 0)
    loads = {address: counters.bridge_load(address) for _, address in bridges}
    order = sorted(bridges, key=lambda bridge: (loads[bridge[1]], worker.random()))
    chosen = order[0][1]
    counters.count_bridge_call(chosen, loads[chosen])
    rules = ";".join(f"{SINGLE_BRIDGE_SET + id_}={BY_PRIORITY}" for id_, _ in order)
    return bool(KSR.dispatcher.ds_select_routes(rules, NEXT_HOP) >= 0)


# ---- callbacks of the relayed INVITE -----------------------------------------------------


def on_account_reply() -> None:
    """Clean the reply of a SIP account; note where one behind NAT really is."""
    proxy.remove_vfax_headers(proxy.message_text())
    proxy.alias_contact()


def on_uri_reply() -> None:
    """Clean the reply of an external SIP URI."""
    proxy.remove_vfax_headers(proxy.message_text())


def on_failure() -> None:
    """Try the next bridge after silence and 5xx; answer 480 when there is none."""
    if KSR.tm.t_is_canceled() > 0:
        return
    silent = proxy.branch_silent()
    if silent:
        KSR.dispatcher.ds_mark_dst_state("tp")
    elif not 500 <= KSR.tm.t_get_status_code() < 600:
        return
    if KSR.dispatcher.ds_next_dst() > 0:
        KSR.tm.t_on_failure("ksr_failure_inbound")
        proxy.relay()
        return
    KSR.hdr.append_to_reply(f"Retry-After: {RETRY_AFTER}\r\n")
    KSR.tm.t_reply(480, phrase(480))
