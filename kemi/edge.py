"""Requests as they come in from the network: sanity, dialogs, and who may call at all.

A peer is a bridge or a DDI provider by its address, or a SIP account by its credentials.
Unknown peers are refused, and not answered any more once there are many refusals.
"""

import re
import time
from dataclasses import dataclass

import KSR

from kemi import counters, inbound, outbound, proxy
from kemi.inbound import LocalCall
from kemi.outbound import CompanyCall
from kemi.proxy import Refusal
from kemi.routing.facts import Facts
from kemi.routing.inbound import choose_provider
from kemi.routing.model import Account, Reply
from kemi.sip_phrases import phrase
from kemi.worker import Worker

MAX_FORWARDS = 70  # RFC 3261 §16.6 step 3
METHODS = "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO, PRACK, REGISTER"
PASSWORD_IS_HA1 = 1  # pv_auth_check
NO_CHECKS = 0  # pv_auth_check: besides the digest
QOP_AUTH = 1  # auth_challenge
NAT_BRANCH_FLAG = 7  # of contacts behind NAT: nat_bflag of usrloc, sipping_bflag of nathelper
NO_TABLES = Refusal(Reply(503, "no routing tables yet", retry_after=5), "in")

# sanity_check: what is checked of a message, and which URIs are parsed.
SANITY_CHECKS = (
    1  # SIP version of the request line
    | 2  # scheme of the request URI
    | 4  # required headers
    | 32  # method of CSeq
    | 64  # number of CSeq
    | 128  # Content-Length
    | 256  # Expires
    | 1024  # URIs
    | 16384  # first Via
)
SANITY_URIS = 1 | 2 | 4  # of the request, From, To

SIP_CONTACT = re.compile(r'(?:[^<"]|"[^"]*")*<\s*sips?:|\s*sips?:', re.IGNORECASE)
SCANNER = re.compile(
    r"friendly-scanner|sipvicious|sipcli|sundayddr|sip-?scan|vaxsipuseragent|pplsip|smap|"
    r"sipsak|masscan|nmap",
    re.IGNORECASE,
)


def route_request(worker: Worker) -> None:
    """Route one request."""
    if KSR.maxfwd.process_maxfwd(MAX_FORWARDS) < 0:
        KSR.sl.send_reply(483, phrase(483))
        return
    if KSR.sanity.sanity_check(SANITY_CHECKS, SANITY_URIS) < 0:
        return  # the module has answered
    method = KSR.kx.get_method()
    if method == "CANCEL":
        if KSR.tm.t_check_trans() > 0:
            KSR.tm.t_relay()
        return
    if KSR.tm.t_check_trans() == 0:
        return  # a retransmission: tm has answered
    if KSR.siputils.has_totag() > 0:
        _route_in_dialog(worker, method)
    elif method == "INVITE":
        _route_call(worker)
    elif method == "REGISTER":
        _register(worker)
    elif method == "OPTIONS" and KSR.kx.gete_ruser() == "":
        KSR.sl.send_reply(200, "OK")
    elif method != "ACK":
        KSR.hdr.append_to_reply(f"Allow: {METHODS}\r\n")
        KSR.sl.send_reply(405, phrase(405))


def _route_in_dialog(worker: Worker, method: str) -> None:
    """Relay a request of a dialog that we let in; a Route header alone proves nothing."""
    proxy.remove_vfax_headers(proxy.message_text())
    route = KSR.hdr.gete("Route")
    if KSR.rr.loose_route() > 0 and proxy.dialog_seal(worker.secret) in route:
        if ";alias=" in KSR.kx.get_ruri():
            KSR.nathelper.handle_ruri_alias()
        if method == "INVITE":
            proxy.record_route(worker.secret)
        proxy.relay()
    elif method != "ACK":
        reject_unknown(481)
    elif KSR.tm.t_check_trans() > 0:
        KSR.tm.t_relay()


# ---- new calls ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Challenge:
    """The decision to ask for the credentials of a SIP account."""

    realm: str


@dataclass(frozen=True, slots=True)
class Rejection:
    """The decision to reject an unknown peer."""

    code: int


def _route_call(worker: Worker) -> None:
    """Decide on a new call while the tables are being read; act on it afterwards."""
    contact = KSR.hdr.gete("Contact")
    if not contact.startswith("<sip:") and not SIP_CONTACT.match(contact):
        KSR.sl.send_reply(400, "Invalid Contact")
        return
    tables = worker.tables()
    if tables is None:
        proxy.refuse(NO_TABLES)
        return
    text = proxy.message_text()
    proxy.remove_vfax_headers(text)
    proxy.remove_identity_headers(text)
    started = time.perf_counter_ns()
    with tables.reading() as facts:
        decision = _decide(worker, facts)
    counters.count_decision(time.perf_counter_ns() - started)
    match decision:
        case LocalCall():
            inbound.deliver(worker, decision)
        case CompanyCall():
            outbound.send(worker, decision)
        case Refusal():
            proxy.refuse(decision)
        case Challenge(realm):
            challenge(realm)
        case Rejection(code):
            reject_unknown(code)


def _decide(
    worker: Worker, facts: Facts
) -> LocalCall | CompanyCall | Refusal | Challenge | Rejection:
    """Identify the peer of a new call, and decide on what it asks for."""
    address = KSR.kx.get_srcip()
    bridge = facts.bridge(address, int(KSR.kx.get_srcport()))
    if bridge is not None:
        return outbound.from_bridge(worker, facts, bridge)
    provider = choose_provider(
        facts.providers(address), KSR.kx.get_rcvip(), int(KSR.kx.get_rcvport())
    )
    if provider is not None:
        return inbound.decide(facts, provider)
    user, realm = KSR.kx.gete_fuser(), KSR.kx.gete_fhost()
    account = facts.account(f"{user}@{realm}")
    if account is None:
        return Rejection(403)
    if not credentials_valid(account, user, realm):
        return Challenge(realm)
    return outbound.from_account(worker, facts, account)


# ---- registrar and authentication -----------------------------------------------------------


def _register(worker: Worker) -> None:
    """Register a SIP account; the registrar module answers."""
    tables = worker.tables()
    if tables is None:
        proxy.refuse(NO_TABLES)
        return
    user, realm = KSR.kx.gete_tuser(), KSR.kx.gete_thost()
    with tables.reading() as facts:
        account = facts.account(f"{user}@{realm}")
    if account is None:
        reject_unknown(403)
    elif not credentials_valid(account, user, realm):
        challenge(realm)
    else:
        if proxy.behind_nat():
            KSR.force_rport()
            KSR.nathelper.fix_nated_register()
            KSR.setbflag(NAT_BRANCH_FLAG)
        if KSR.registrar.save("location", 0) < 0:
            KSR.sl.sl_reply_error()


def credentials_valid(account: Account, user: str, realm: str) -> bool:
    """Tell whether the request bears the digest credentials of an account."""
    return bool(
        KSR.kx.gete_au() == user
        and KSR.auth.pv_auth_check(realm, account.ha1, PASSWORD_IS_HA1, NO_CHECKS) > 0
    )


def challenge(realm: str) -> None:
    """Ask for credentials; an address that keeps sending wrong ones gets no answer."""
    if KSR.kx.gete_au() != "":
        address = KSR.kx.get_srcip()
        counters.count_refusal(address)
        if counters.rate_limited(address):
            return
    KSR.auth.auth_challenge(realm, QOP_AUTH)


def reject_unknown(code: int) -> None:
    """Refuse a request of an unknown peer or dialog; do not answer scanners and floods."""
    address = KSR.kx.get_srcip()
    counters.count_refusal(address)
    if counters.rate_limited(address) or SCANNER.search(KSR.kx.gete_ua()):
        counters.add("dropped")
    elif KSR.kx.get_method() != "ACK":
        KSR.sl.send_reply(code, phrase(code))
