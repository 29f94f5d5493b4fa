"""Calls of companies, from a bridge or a SIP account: planned, then sent to the carriers.

A decision is made while the tables are being read and acted on afterwards: relaying runs
the branch callback, which reads them again. Failure, branch and reply callbacks may run in
other processes than the request: the facts of the call travel in an AVP of its transaction,
the server being tried in the dispatcher's XAVP.
"""

import time
from dataclasses import dataclass, field

import KSR

from kemi import counters, inbound, proxy
from kemi.inbound import BY_PRIORITY, LocalCall
from kemi.proxy import Refusal
from kemi.routing import failover, numbers, outbound
from kemi.routing.facts import Facts
from kemi.routing.model import Account, Brand, Bridge, Company, Plan, Reply
from kemi.sip_phrases import phrase
from kemi.tables import Tables
from kemi.worker import Worker

CALL_AVP = "vfax_call"
SERVER_XAVP = "_dsdst_"  # dispatcher: xavp_dst
REQUEST_URI = "1"  # ds_select_routes: the server is written into the request URI
PASSWORD_IS_HA1 = 1  # uac_auth_mode
CHALLENGE_ANSWERED = 1  # message flag


@dataclass(frozen=True, slots=True)
class Server:
    """The carrier server that is tried, with the route that led to it."""

    id: int
    carrier: int
    route: int | None


@dataclass(slots=True)
class OutboundCall:
    """What the callbacks need to know. Numbers are E.164, `caller` is empty if anonymous."""

    number: str
    caller: str
    company: int
    fax: bool
    t38: bool  #: it offers T.38
    bridge: bool  #: it comes from a bridge
    best_code: int = 0  #: the best final answer of the servers that were tried, 0 for none
    routes: dict[int, int] = field(default_factory=dict)  #: route id by dispatcher set

    def save(self) -> None:
        """Keep it with the message, and so with its transaction."""
        letters = zip("ftb", (self.fax, self.t38, self.bridge), strict=True)
        flags = "".join(letter for letter, on in letters if on)
        routes = ",".join(f"{set_id}={route}" for set_id, route in self.routes.items())
        fields = (self.number, self.caller, self.company, flags, self.best_code, routes)
        KSR.pvx.avp_sets(CALL_AVP, "|".join(map(str, fields)))

    @classmethod
    def load(cls) -> "OutboundCall":
        """Return the call of this transaction."""
        text = str(KSR.pvx.avp_gete(CALL_AVP))
        number, caller, company, flags, best_code, routes = text.split("|")
        pairs = (pair.split("=") for pair in routes.split(",") if pair)
        return cls(
            number,
            caller,
            int(company),
            fax="f" in flags,
            t38="t" in flags,
            bridge="b" in flags,
            best_code=int(best_code),
            routes={int(set_id): int(route) for set_id, route in pairs},
        )

    def server(self) -> Server | None:
        """Return the server that is tried now."""
        attributes = str(KSR.pvx.xavp_child_gete(SERVER_XAVP, "attrs"))
        set_id = KSR.pvx.xavp_child_get(SERVER_XAVP, "grp")
        pairs = dict(pair.split("=", 1) for pair in attributes.split(";") if "=" in pair)
        if set_id is None or "carrier" not in pairs:
            return None
        return Server(int(pairs["server"]), int(pairs["carrier"]), self.routes.get(int(set_id)))

    def route_header(self) -> str:
        """Return the X-Vfax-Route header of the server that is tried now."""
        server = self.server()
        if server is None:
            return "X-Vfax-Route: \r\n"
        uri = KSR.pvx.xavp_child_gete(SERVER_XAVP, "uri")
        return (
            f"X-Vfax-Route: route={server.route or ''};carrier={server.carrier}"
            f";server={server.id};uri={uri}\r\n"
        )


@dataclass(frozen=True, slots=True)
class CompanyCall:
    """The decision to let a company call: the carriers of `plan`, or our own DDI (`local`)."""

    company: Company
    brand: Brand | None
    call: OutboundCall
    plan: Plan
    local: LocalCall | None


def offers_t38() -> bool:
    """Tell whether the SDP offers T.38."""
    return bool(KSR.sdpops.sdp_with_media("image") > 0)


# ---- deciding --------------------------------------------------------------------------


def from_bridge(worker: Worker, facts: Facts, bridge: Bridge) -> CompanyCall | Refusal:
    """Decide on a fax that a bridge sends. Its carriers in X-Vfax-Avoid come last."""
    source = f"bridge {bridge.name}"
    owner = KSR.hdr.gete("X-Vfax-Company")
    company = facts.company(int(owner)) if _is_id(owner) else None
    tag, user = numbers.split_tag(KSR.kx.gete_ruser())
    if company is None:
        reply = Reply(403, f"X-Vfax-Company {owner!r} is not a company")
        return Refusal(reply, "out", source, user)
    number = numbers.to_e164(user)
    if number is None:
        return Refusal(Reply(484, "called number is not E.164"), "out", source, user)
    caller = numbers.to_e164(KSR.kx.gete_fuser())
    avoided = KSR.hdr.gete("X-Vfax-Avoid").split(",")
    return _decide(
        worker,
        facts,
        company,
        OutboundCall(number, caller or "", company.id, fax=True, t38=offers_t38(), bridge=True),
        tag=tag,
        source=source,
        avoid={int(carrier) for carrier in avoided if _is_id(carrier)},
    )


def _is_id(text: str) -> bool:
    return text.isascii() and text.isdigit()


def from_account(worker: Worker, facts: Facts, account: Account) -> CompanyCall | Refusal:
    """Decide on a call of a SIP account that has authenticated itself."""
    source = f"account {account.id}"
    tag, user = numbers.split_tag(KSR.kx.gete_ruser())
    company = facts.company(account.company)
    if company is None:
        reply = Reply(403, f"company {account.company} of the account does not exist")
        return Refusal(reply, "out", source, user)
    number = outbound.dialled(facts, company, user)
    if number is None:
        return Refusal(Reply(484, "dialled number is not valid"), "out", source, user)
    caller = account.caller or company.caller
    t38 = offers_t38()
    return _decide(
        worker,
        facts,
        company,
        OutboundCall(
            number, caller or "", company.id, fax=account.fax_device or t38, t38=t38, bridge=False
        ),
        tag=tag,
        source=source,
    )


def _decide(
    worker: Worker,
    facts: Facts,
    company: Company,
    call: OutboundCall,
    *,
    tag: str | None,
    source: str,
    avoid: set[int] | None = None,
) -> CompanyCall | Refusal:
    """Plan a call; the carriers to avoid, and those that failed lately, are tried last."""
    caller = call.caller or None
    plan = outbound.decide(
        facts,
        company,
        call.number,
        fax=call.fax,
        random=worker.random,
        now=time.time(),
        tag=tag,
        caller=caller,
    )
    if plan.reply is not None:
        return Refusal(plan.reply, "out", source, call.number)
    brand = facts.brand(company.brand)
    if plan.destination is not None:
        local = inbound.local_call(facts, plan.destination, caller)
        return CompanyCall(company, brand, call, plan, local)
    carriers = (candidate.carrier.id for candidate in plan.order)
    failing = counters.failing_carriers(carriers, t38=call.t38)
    plan = outbound.put_last(plan, failing | avoid if avoid else failing)
    return CompanyCall(company, brand, call, plan, None)


# ---- sending ---------------------------------------------------------------------------


def send(worker: Worker, decision: CompanyCall) -> None:
    """Send a call to its carriers or to our own DDI, within the limits of the company."""
    call = decision.call
    if not call.bridge:
        KSR.auth.consume_credentials()
        if proxy.behind_nat():
            KSR.force_rport()
            KSR.nathelper.set_contact_alias()
    reply = counters.count_call(decision.company, decision.brand, inbound=False)
    if reply is not None:
        proxy.refuse(Refusal(reply, "out", number=call.number))
    elif decision.local is not None:
        inbound.deliver(worker, decision.local)
    else:
        _send_to_carriers(decision.plan, call)


def _send_to_carriers(plan: Plan, call: OutboundCall) -> None:
    call.routes = {c.carrier.set_id: c.route.id for c in plan.order}
    call.save()
    KSR.pv.sets("$rU", call.number)
    rules = ";".join(f"{set_id}={BY_PRIORITY}" for set_id in call.routes)
    if KSR.dispatcher.ds_select_routes(rules, REQUEST_URI) < 0:
        reply = Reply(503, "every carrier server is inactive", 30)
        proxy.refuse(Refusal(reply, "out", number=call.number))
        return
    counters.add("out:fax" if call.fax else "out:call")
    _relay()


def _relay() -> None:
    KSR.tm.t_on_branch("ksr_branch_outbound")
    KSR.tm.t_on_failure("ksr_failure_outbound")
    KSR.tm.t_on_reply("ksr_reply_outbound")
    proxy.relay()


# ---- callbacks of the relayed INVITE -------------------------------------------------------


def on_branch(worker: Worker) -> None:
    """Write number, caller and identity headers in the format of the carrier server."""
    call, tables = OutboundCall.load(), worker.tables()
    server = call.server()
    if tables is None or server is None:
        return
    with tables.reading() as facts:
        leg = outbound.leg_to(
            facts,
            route=server.route,
            carrier=server.carrier,
            server=server.id,
            number=call.number,
            caller=call.caller,
        )
    KSR.pv.sets("$rU", leg.user)
    user, host = KSR.kx.gete_fuser(), KSR.kx.gete_fhost()
    if leg.caller != user or (leg.from_domain or host) != host:
        domain = leg.from_domain or KSR.kx.get_rcvip()
        KSR.uac.uac_replace_from_uri(f"sip:{leg.caller or 'anonymous'}@{domain}")
    for header in leg.headers:
        KSR.hdr.append(f"{header}\r\n")
    proxy.record_route(worker.secret)


def on_reply() -> None:
    """Clean a carrier's reply; tell a bridge which route takes its call."""
    proxy.remove_vfax_headers(proxy.message_text())
    call = OutboundCall.load()
    if call.bridge and KSR.kx.get_method() == "INVITE" and KSR.kx.get_status() >= 180:
        KSR.hdr.append(call.route_header())


def on_failure(worker: Worker) -> None:
    """Follow the carrier's failover rules: the next server, the next carrier, or the end."""
    if KSR.tm.t_is_canceled() > 0:
        return
    code, silent = KSR.tm.t_get_status_code(), proxy.branch_silent()
    call, tables = OutboundCall.load(), worker.tables()
    server = call.server()
    if tables is None or server is None:
        return
    if code in {401, 407} and not silent and _answer_challenge(tables, server.id):
        _relay()
        return
    with tables.reading() as facts:
        carrier = facts.carrier(server.carrier)
    next_step = failover.decide(carrier.failover if carrier else {}, code, silent=silent)
    _note_failure(call, server, code, silent=silent)
    route_header = call.route_header()  # of this server: the next one replaces it
    if next_step.action == "next" and _select_next(call, server, next_step):
        counters.add("out:failover")
        KSR.resetflag(CHALLENGE_ANSWERED)
        _relay()
        return
    _give_up(call, code, route_header, next_step, silent=silent)


def _note_failure(call: OutboundCall, server: Server, code: int, *, silent: bool) -> None:
    """Remember a failure: with the call for its final answer, of the carrier for later calls."""
    if silent:
        KSR.dispatcher.ds_mark_dst_state("tp")
    elif call.best_code == 0 or code // 100 < call.best_code // 100:
        call.best_code = code
        call.save()
    if silent or 500 <= code < 600:
        counters.count_carrier_failure(server.carrier)
    if call.t38 and code in failover.MEDIA_REFUSED:
        counters.mark_without_t38(server.carrier)


def _select_next(call: OutboundCall, failed: Server, step: failover.Failover) -> bool:
    """Make the next active server the destination; of another carrier if the step says so."""
    while KSR.dispatcher.ds_next_domain() > 0:
        server = call.server()
        if not step.whole_carrier or server is None or server.carrier != failed.carrier:
            return True
    return False


def _give_up(
    call: OutboundCall, code: int, route_header: str, step: failover.Failover, *, silent: bool
) -> None:
    """Answer the caller where tm must not pass on the last answer as it is."""
    counters.add(f"out:{step.failure}")
    later = step.action == "retry_later"
    answer = _final_code(call, code, later=later, silent=silent)
    if later:
        KSR.hdr.append_to_reply(f"Retry-After: {step.retry_after}\r\n")
    if call.bridge and (silent or code == 503 or later):
        KSR.hdr.append_to_reply(route_header)
    if answer is not None:
        KSR.tm.t_reply(answer, phrase(answer))


def _final_code(call: OutboundCall, code: int, *, later: bool, silent: bool) -> int | None:
    """Return the final code to answer with; None passes on the last answer."""
    if later:
        return 503 if silent or code < 400 else code
    if call.best_code and (silent or call.best_code // 100 < code // 100):
        return call.best_code  # of the lowest class (RFC 3261 §16.7 step 6); tm keeps the last
    if silent:
        return 408
    if code == 503:
        return 503  # tm would turn it into 500
    if code in {401, 407}:
        return 403  # the challenge was for us, not for the caller
    if code < 400:
        return 503  # a redirection is not followed
    return None


def _answer_challenge(tables: Tables, server: int) -> bool:
    """Add credentials for a carrier server's challenge, once (RFC 3261 §22.3)."""
    if KSR.isflagset(CHALLENGE_ANSWERED):
        return False
    with tables.reading() as facts:
        secret = facts.secret(server)
    if secret is None:
        return False
    for name, value in zip(("user", "realm", "secret"), secret, strict=True):
        KSR.pvx.avp_sets(f"auth_{name}", value)
    if KSR.uac.uac_auth_mode(PASSWORD_IS_HA1) < 0:
        return False
    KSR.setflag(CHALLENGE_ANSWERED)
    return True
