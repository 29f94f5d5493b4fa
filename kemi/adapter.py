"""Kamailio and the routing core: KSR is known here and in outbound_call alone.

Facts about the message go into the core, its decision becomes dispatcher calls, headers
and replies. A decision is made while the tables are being read, and acted on afterwards:
relaying runs the branch callback, which reads them again. Functions of KSR answer -1 for
failure: test for > 0.
"""

import os
import random
import re
import time
from bisect import bisect_left
from collections.abc import Callable
from hashlib import blake2b
from pathlib import Path

import KSR as KSR  # noqa: PLC0414  (made by app_python3; the same name keeps type checkers quiet)
import lmdb

from kemi.outbound_call import OutboundCall
from kemi.routing import failover, inbound, limits, numbers, outbound
from kemi.routing.facts import Facts
from kemi.routing.model import (
    BRIDGE_SET,
    SINGLE_BRIDGE_SET,
    Account,
    Brand,
    Bridge,
    Company,
    LocalDestination,
    Plan,
    Provider,
    Reply,
    ToAccount,
    ToUri,
    ToVirtualFax,
)
from kemi.tables import Tables

ROUND_ROBIN = 4
BY_PRIORITY = 8
SET_RURI = "1"  # ds_select_routes: write the server into the request URI
PASSWORD_IS_HA1 = 1  # pv_auth_check, uac_auth_mode
WITH_QOP = 1  # auth_challenge
NAT_TESTS = 19  # nat_uac_test: private Contact, Via unlike the source, private Via
NAT_FLAG = 7  # branch flag of contacts behind NAT (nathelper, usrloc)
CHALLENGED = 1  # message flag: a carrier's challenge was answered

HEADERS = ("X-Vfax-Company", "X-Vfax-Fax", "X-Vfax-Attempt", "X-Vfax-Ddi", "X-Vfax-Route",
           "X-Vfax-Avoid")  # fmt: skip
IDENTITY = ("P-Asserted-Identity", "P-Preferred-Identity", "Remote-Party-ID")
OURS = "x-vfax-"
SIP_CONTACT = re.compile(r'(?:[^<"]|"[^"]*")*<\s*sips?:|\s*sips?:', re.IGNORECASE)
SCANNER = re.compile(
    r"friendly-scanner|sipvicious|sipcli|sundayddr|sip-?scan|vaxsipuseragent|pplsip|smap|"
    r"sipsak|masscan|nmap",
    re.IGNORECASE,
)
METHODS = "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO, PRACK, REGISTER"

#: Reason phrases of the answers that routing gives (RFC 3261 §21).
PHRASES = {
    403: "Forbidden",
    404: "Not Found",
    480: "Temporarily Unavailable",
    484: "Address Incomplete",
    486: "Busy Here",
    503: "Service Unavailable",
}

STRANGER_LIMIT = 30  #: refusals of one address in the ten seconds that the table keeps
BREAKER_LIMIT = 3  #: failures of a carrier in its table's thirty seconds: it is tried last
BOUNDS = (25, 50, 75, 100, 150, 250, 500, 1000)  #: microseconds, for the counts of decisions
SAMPLED = 8  #: of so many decisions one is counted by its time
BUCKETS = (*(f"all:us:{bound}" for bound in BOUNDS), "all:us:more")


class Adapter:
    """The callbacks of one Kamailio process."""

    def __init__(self) -> None:
        self._path = Path(os.environ["VFAX_ROUTES_FILE"])
        self._map_size = int(os.environ["VFAX_ROUTES_MAP_SIZE"])
        self._tables: Tables | None = None
        self._secret = Path(os.environ["VFAX_SECRET_FILE"]).read_bytes()
        self._random = random.SystemRandom()
        self._calls = 0

    def tables(self) -> Tables | None:
        """Return the routing tables, or None while the publisher has not written any."""
        if self._tables is None:
            try:
                self._tables = Tables(self._path, self._map_size)
                self._tables.warm()
            except lmdb.Error as error:
                KSR.err(f"routing tables {self._path} cannot be read: {error}\n")
        return self._tables

    # ---- requests -------------------------------------------------------

    def request(self) -> None:
        """Route one request from the network."""
        if KSR.maxfwd.process_maxfwd(70) < 0:
            KSR.sl.send_reply(483, "Too Many Hops")
            return
        if KSR.sanity.sanity_check(17895, 7) < 0:
            return  # answered by the module
        method = KSR.kx.get_method()
        if method == "CANCEL":
            if KSR.tm.t_check_trans() > 0:
                KSR.tm.t_relay()
            return
        if KSR.tm.t_check_trans() == 0:
            return  # a retransmission, absorbed
        if KSR.siputils.has_totag() > 0:
            self._within_dialog(method)
            return
        if method == "INVITE":
            self._invite()
        elif method == "REGISTER":
            self._register()
        elif method == "OPTIONS" and KSR.kx.gete_ruser() == "":
            KSR.sl.send_reply(200, "OK")
        elif method != "ACK":
            KSR.hdr.append_to_reply(f"Allow: {METHODS}\r\n")
            KSR.sl.send_reply(405, "Method Not Allowed")

    def _within_dialog(self, method: str) -> None:
        """Pass on a request of a dialog that we let in; a forged one gets nowhere."""
        self._strip(self._text())
        route = KSR.hdr.gete("Route")
        if KSR.rr.loose_route() > 0 and self._seal() in route:
            if ";alias=" in KSR.kx.get_ruri():
                KSR.nathelper.handle_ruri_alias()
            if method == "INVITE":
                self._record_route()
            self._relay()
            return
        if method == "ACK":
            if KSR.tm.t_check_trans() > 0:
                KSR.tm.t_relay()
            return
        self._stranger(Reply(403, "Not a call of ours"))

    def _seal(self) -> str:
        """Return the Record-Route parameter that proves that a call came in through us.

        Without it anybody could have us relay to anywhere, with a Route and a To tag.
        """
        call_id = str(KSR.kx.get_callid() or "").encode("utf-8", "replace")
        return ";vf=" + blake2b(call_id, key=self._secret, digest_size=10).hexdigest()

    def _record_route(self) -> None:
        KSR.rr.add_rr_param(self._seal())
        KSR.rr.record_route()

    def _relay(self) -> None:
        if KSR.tm.t_relay() < 0:
            KSR.sl.sl_reply_error()

    @staticmethod
    def _text() -> str | None:
        """Return the whole message in small letters; None when it is not UTF-8."""
        try:
            return str(KSR.kx.get_msgbuf()).lower()
        except UnicodeDecodeError:
            return None

    @staticmethod
    def _strip(text: str | None) -> dict[str, str]:
        """Remove our own headers from the message `text`; return what they said."""
        said: dict[str, str] = {}
        if text is not None and OURS not in text:
            return said
        for name in HEADERS:
            value = KSR.hdr.get(name)
            if value is not None:
                said[name] = str(value)
                KSR.hdr.remove(name)
        return said

    def _invite(self) -> None:
        contact = KSR.hdr.gete("Contact")
        if not contact.startswith("<sip:") and not SIP_CONTACT.match(contact):
            KSR.sl.send_reply(400, "A Contact with a SIP URI is needed")
            return
        tables = self.tables()
        if tables is None:
            self._refuse(Reply(503, "No routing tables yet", 5))
            return
        text = self._text()
        said = self._strip(text)
        if text is None or "-identity" in text or "remote-party-id" in text:
            for name in IDENTITY:
                KSR.hdr.remove(name)
        began = time.perf_counter_ns()
        with tables.reading() as facts:
            act = self._decide(facts, KSR.kx.get_srcip(), int(KSR.kx.get_srcport()), said)
        taken = (time.perf_counter_ns() - began) // 1000
        self._calls += 1
        if self._calls % SAMPLED == 0:
            KSR.htable.sht_inc("counts", BUCKETS[bisect_left(BOUNDS, taken)])
        act()

    def _decide(
        self, facts: Facts, address: str, port: int, said: dict[str, str]
    ) -> Callable[[], None]:
        """Return what to do with a new call."""
        bridge = facts.bridge(address, port)
        if bridge is not None:
            return self._from_bridge(facts, bridge, said)
        provider = inbound.choose_provider(
            facts.providers(address), KSR.kx.get_rcvip(), int(KSR.kx.get_rcvport())
        )
        if provider is not None:
            return self._from_provider(facts, provider)
        aor = f"{KSR.kx.gete_fuser()}@{KSR.kx.gete_fhost()}"
        account = facts.account(aor)
        if account is None:
            return lambda: self._stranger(Reply(403, "Unknown peer"))
        if not self._authenticated(account, aor):
            return lambda: None  # challenged
        return self._from_account(facts, account)

    # ---- who calls --------------------------------------------------------

    def _from_provider(self, facts: Facts, provider: Provider) -> Callable[[], None]:
        user = KSR.kx.gete_ruser()
        goal, caller = inbound.decide(
            facts, provider, called=user, calling=KSR.kx.gete_fuser(), now=time.time()
        )
        if isinstance(goal, Reply):
            KSR.info(f"from {provider.name} to {user}: {goal.code} {goal.reason}\n")
            return lambda: self._refuse(goal, "in")
        return self._inside(facts, goal, caller)

    def _from_bridge(
        self, facts: Facts, bridge: Bridge, said: dict[str, str]
    ) -> Callable[[], None]:
        owner = said.get("X-Vfax-Company", "")
        company = facts.company(int(owner)) if owner.isascii() and owner.isdigit() else None
        if company is None:
            return lambda: self._refuse(Reply(403, "X-Vfax-Company names no company"), "out")
        tag, user = numbers.split_tag(KSR.kx.gete_ruser())
        return self._outgoing(
            facts,
            company,
            numbers.to_e164(user),
            tag,
            who=f"bridge {bridge.name}",
            caller=numbers.to_e164(KSR.kx.gete_fuser()),
            fax=True,
            bridge=True,
            avoid=frozenset(said.get("X-Vfax-Avoid", "").split(",")),
        )

    def _from_account(self, facts: Facts, account: Account) -> Callable[[], None]:
        company = facts.company(account.company)
        if company is None:
            return lambda: self._refuse(Reply(403, "The account's company is gone"), "out")
        KSR.auth.consume_credentials()
        if KSR.nathelper.nat_uac_test(NAT_TESTS) > 0:
            KSR.force_rport()
            KSR.nathelper.set_contact_alias()
        tag, user = numbers.split_tag(KSR.kx.gete_ruser())
        return self._outgoing(
            facts,
            company,
            outbound.dialled(facts, company, user),
            tag,
            who=f"account {account.id}",
            caller=account.caller or company.caller,
            fax=account.fax_device or self._offers_t38(),
            bridge=False,
        )

    @staticmethod
    def _offers_t38() -> bool:
        return bool(KSR.sdpops.sdp_with_media("image") > 0)

    def _register(self) -> None:
        """Let a SIP account register; the module answers."""
        tables = self.tables()
        aor = f"{KSR.kx.gete_tuser()}@{KSR.kx.gete_thost()}"
        if tables is None:
            self._refuse(Reply(503, "No routing tables yet", 5))
            return
        with tables.reading() as facts:
            account = facts.account(aor)
        if account is None:
            self._stranger(Reply(403, "Unknown account"))
        elif self._authenticated(account, aor):
            if KSR.nathelper.nat_uac_test(NAT_TESTS) > 0:
                KSR.force_rport()
                KSR.nathelper.fix_nated_register()
                KSR.setbflag(NAT_FLAG)
            if KSR.registrar.save("location", 0) < 0:
                KSR.sl.sl_reply_error()

    def _authenticated(self, account: Account, aor: str) -> bool:
        """Tell whether the request bears the account's digest; challenge it otherwise."""
        user, _, realm = aor.partition("@")
        if (
            KSR.kx.gete_au() == user
            and KSR.auth.pv_auth_check(realm, account.ha1, PASSWORD_IS_HA1, 0) > 0
        ):
            return True
        if KSR.kx.gete_au() != "" and self._too_many():
            return False
        KSR.auth.auth_challenge(realm, WITH_QOP)
        return False

    def _too_many(self) -> bool:
        """Count a refusal of the source; tell whether it had its share of answers."""
        KSR.htable.sht_inc("counts", "refused")
        return bool(KSR.htable.sht_inc("strangers", KSR.kx.get_srcip()) > STRANGER_LIMIT)

    def _stranger(self, reply: Reply) -> None:
        """Refuse who is unknown; say nothing to scanners and to floods."""
        if self._too_many() or SCANNER.search(KSR.kx.gete_ua()):
            KSR.htable.sht_inc("counts", "dropped")
            return
        if KSR.kx.get_method() != "ACK":
            KSR.sl.send_reply(reply.code, PHRASES[reply.code])

    # ---- where calls go ------------------------------------------------------

    def _inside(
        self, facts: Facts, goal: LocalDestination, caller: str | None
    ) -> Callable[[], None]:
        """Return how a call gets to a DDI's target; `caller` is E.164, None: as it says."""
        company = facts.company(goal.ddi.company)
        brand = facts.brand(goal.ddi.brand)
        bridges = facts.bridges() if company is not None and company.least_loaded else []

        def act() -> None:
            refused = self._over_limit(company, brand, inbound=True)
            if refused is not None:
                self._refuse(refused, "in")
                return
            if caller is not None and caller != KSR.kx.gete_fuser():
                KSR.uac.uac_replace_from_uri(f"sip:{caller}@{KSR.kx.get_rcvip()}")
            match goal:
                case ToVirtualFax():
                    self._to_bridge(goal, bridges)
                case ToAccount():
                    self._to_account(goal)
                case ToUri():
                    KSR.htable.sht_inc("counts", "in:uri")
                    KSR.seturi(goal.uri)
                    self._record_route()
                    self._relay()

        return act

    def _to_bridge(self, goal: ToVirtualFax, bridges: list[tuple[int, str]]) -> None:
        if bridges:
            loads = {w: KSR.htable.sht_get("load", w) or 0 for _, w in bridges}
            bridges = sorted(bridges, key=lambda b: (loads[b[1]], self._random.random()))
            # Until its next report the bridge counts as one call fuller.
            KSR.htable.sht_seti("load", bridges[0][1], int(loads[bridges[0][1]]) + 1)
            rules = ";".join(f"{SINGLE_BRIDGE_SET + id_}={BY_PRIORITY}" for id_, _ in bridges)
            found = KSR.dispatcher.ds_select_routes(rules, "0")
        else:
            found = KSR.dispatcher.ds_select_dst(BRIDGE_SET, ROUND_ROBIN)
        if found < 0:
            self._refuse(Reply(480, "No fax bridge is available", 30), "in")
            return
        ddi = goal.ddi
        KSR.htable.sht_inc("counts", "in:fax")
        KSR.hdr.append(
            f"X-Vfax-Company: {ddi.company}\r\nX-Vfax-Fax: {goal.virtual_fax}\r\n"
            f"X-Vfax-Ddi: {ddi.number}\r\n"
        )
        self._record_route()
        KSR.tm.t_on_failure("ksr_failure_inbound")
        self._relay()

    def _to_account(self, goal: ToAccount) -> None:
        if KSR.registrar.lookup_uri("location", f"sip:{goal.aor}") < 0:
            self._refuse(Reply(480, "The called account is not registered"), "in")
            return
        KSR.htable.sht_inc("counts", "in:account")
        KSR.tm.t_on_reply("ksr_reply_account")
        self._record_route()
        self._relay()

    def _outgoing(
        self,
        facts: Facts,
        company: Company,
        number: str | None,
        tag: str | None,
        *,
        who: str,
        caller: str | None,
        fax: bool,
        bridge: bool,
        avoid: frozenset[str] = frozenset(),
    ) -> Callable[[], None]:
        """Return how a company's call leaves, or how it stays inside."""
        if number is None:
            return lambda: self._refuse(Reply(484, "Address Incomplete"), "out")
        t38 = fax and self._offers_t38()
        plan = outbound.decide(
            facts,
            company,
            number,
            fax=fax,
            random=self._random.random,
            now=time.time(),
            tag=tag,
            caller=caller,
        )
        avoided = _Avoided(avoid, t38=t38)
        failing = {c.carrier.id for c in plan.order if c.carrier.id in avoided}
        plan = outbound.put_last(plan, failing)
        if plan.reply is not None:
            reply = plan.reply
            KSR.info(f"{who} to {number}: {reply.code} {reply.reason}\n")
            return lambda: self._refuse(reply, "out")
        brand = facts.brand(company.brand)
        inner = (
            self._inside(facts, plan.destination, caller) if plan.destination is not None else None
        )
        call = OutboundCall(number, caller or "", company.id, fax=fax, t38=t38, bridge=bridge)

        def act() -> None:
            refused = self._over_limit(company, brand, inbound=False)
            if refused is not None:
                self._refuse(refused, "out")
            elif inner is not None:
                inner()
            else:
                self._to_carriers(plan, call)

        return act

    def _to_carriers(self, plan: Plan, call: OutboundCall) -> None:
        sets = {c.carrier.set_id: c.route.id for c in plan.order}
        call.routes = sets
        KSR.pv.sets("$rU", call.number)
        call.save()
        rules = ";".join(f"{s}={BY_PRIORITY}" for s in sets)
        if KSR.dispatcher.ds_select_routes(rules, SET_RURI) < 0:
            self._refuse(Reply(503, "Every carrier server is inactive", 30), "out")
            return
        KSR.htable.sht_inc("counts", "out:fax" if call.fax else "out:call")
        self._relay_outbound()

    def _relay_outbound(self) -> None:
        KSR.tm.t_on_branch("ksr_branch_outbound")
        KSR.tm.t_on_failure("ksr_failure_outbound")
        KSR.tm.t_on_reply("ksr_reply_outbound")
        self._relay()

    def _over_limit(
        self, company: Company | None, brand: Brand | None, *, inbound: bool
    ) -> Reply | None:
        """Count a call where there is a limit; return the refusal when it is one too many."""
        if company is None or (
            company.max_calls is None and (brand is None or brand.max_calls is None)
        ):
            return None
        KSR.dialog.dlg_manage()
        return limits.refusal(
            company,
            brand,
            calls=self._counted("company", company.id) if company.max_calls else 0,
            brand_calls=self._counted("brand", company.brand)
            if brand is not None and brand.max_calls
            else 0,
            inbound=inbound,
        )

    def _counted(self, profile: str, number: int) -> int:
        """Count this call for a company or brand; return the calls here and elsewhere."""
        name = f"{profile}:{number}"
        if KSR.htable.sht_is_null("limited", name) > 0:
            KSR.htable.sht_seti("limited", name, 1)
        KSR.dialog.set_dlg_profile(profile, str(number))
        KSR.dialog.get_profile_size(profile, str(number), "$var(calls)")
        return int(KSR.pv.get("$var(calls)") or 0) + int(KSR.htable.sht_get("elsewhere", name) or 0)

    def _refuse(self, reply: Reply, direction: str = "in") -> None:
        KSR.htable.sht_inc("counts", f"{direction}:{reply.code}")
        if reply.retry_after is not None:
            KSR.hdr.append_to_reply(f"Retry-After: {reply.retry_after}\r\n")
        KSR.sl.send_reply(reply.code, PHRASES[reply.code])

    # ---- what happens to a relayed INVITE ---------------------------------

    def branch_outbound(self) -> None:
        """Give a carrier's server the number, the caller and the headers that it wants."""
        call, tables = OutboundCall.load(), self.tables()
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
        wanted = (leg.caller or "anonymous", leg.from_domain or KSR.kx.get_rcvip())
        if leg.caller != user or (leg.from_domain or host) != host:
            KSR.uac.uac_replace_from_uri(f"sip:{wanted[0]}@{wanted[1]}")
        for header in leg.headers:
            KSR.hdr.append(f"{header}\r\n")
        self._record_route()

    def reply_outbound(self) -> None:
        """Tell a bridge which route took its call; strip what a stranger might claim."""
        self._strip(self._text())
        call = OutboundCall.load()
        if call.bridge and KSR.kx.get_method() == "INVITE" and KSR.kx.get_status() >= 180:
            KSR.hdr.append(f"X-Vfax-Route: {call.taken()}\r\n")

    def reply_account(self) -> None:
        """Remember where an account behind NAT really is."""
        self._strip(self._text())
        if KSR.nathelper.nat_uac_test(NAT_TESTS) > 0:
            KSR.nathelper.set_contact_alias()

    def failure_inbound(self) -> None:
        """Try the next bridge after silence and 5xx, while nobody answered."""
        if KSR.tm.t_is_canceled() > 0:
            return
        code = KSR.tm.t_get_status_code()
        silent = self._silent()
        if silent:
            KSR.dispatcher.ds_mark_dst_state("tp")
        if silent or 500 <= code < 600:
            if KSR.dispatcher.ds_next_dst() > 0:
                KSR.tm.t_on_failure("ksr_failure_inbound")
                self._relay()
                return
            KSR.hdr.append_to_reply("Retry-After: 30\r\n")
            KSR.tm.t_reply(480, "No fax bridge is available")

    def failure_outbound(self) -> None:
        """Follow the carrier's table of failures: next server, next carrier, or the end."""
        if KSR.tm.t_is_canceled() > 0:
            return
        code = KSR.tm.t_get_status_code()
        silent = self._silent()
        call, tables = OutboundCall.load(), self.tables()
        server = call.server()
        if tables is None or server is None:
            return
        if silent:
            KSR.dispatcher.ds_mark_dst_state("tp")
        if code in {401, 407} and not silent and self._credentials(tables, server.id):
            self._relay_outbound()
            return
        with tables.reading() as facts:
            carrier = facts.carrier(server.carrier)
        follows = failover.decide(carrier.failover if carrier else {}, code, silent=silent)
        if not silent and (call.best == 0 or code // 100 < call.best // 100):
            call.best = code
            call.save()
        if silent or 500 <= code < 600:
            KSR.htable.sht_inc("breaker", str(server.carrier))
        if call.t38 and code in failover.MEDIA_REFUSED:
            KSR.htable.sht_seti("no_t38", str(server.carrier), 1)
        taken = call.taken()
        if follows.action == "next":
            while KSR.dispatcher.ds_next_domain() > 0:
                following = call.server()
                if (
                    not follows.whole_carrier
                    or following is None
                    or (following.carrier != server.carrier)
                ):
                    KSR.htable.sht_inc("counts", "out:failover")
                    KSR.resetflag(CHALLENGED)
                    self._relay_outbound()
                    return
        self._give_up(call, code, taken, follows, silent=silent)

    def _give_up(
        self, call: OutboundCall, code: int, taken: str, follows: failover.Failover, *, silent: bool
    ) -> None:
        """Answer the caller where the last answer cannot simply be passed on."""
        KSR.htable.sht_inc("counts", f"out:{follows.failure}")
        later = follows.action == "retry_later"
        if later:
            KSR.hdr.append_to_reply(f"Retry-After: {follows.retry_after}\r\n")
        if call.bridge and (silent or code == 503 or later):
            KSR.hdr.append_to_reply(f"X-Vfax-Route: {taken}\r\n")
        if later:
            KSR.tm.t_reply(503 if silent or code < 400 else code, "The carrier refused the call")
        elif call.best and (silent or call.best // 100 < code // 100):
            # The answer of the lowest class counts (RFC 3261 §16.7.6); tm keeps the last one.
            KSR.tm.t_reply(call.best, "The carrier refused the call")
        elif silent:
            KSR.tm.t_reply(408, "No carrier server answered")
        elif code == 503:
            # tm turns a lone 503 into 500 (RFC 3261 §16.7.6): say what it was.
            KSR.tm.t_reply(503, "Every carrier refused the call")
        elif code in {401, 407}:
            KSR.tm.t_reply(403, "The carrier does not accept our credentials")
        elif code < 400:
            KSR.tm.t_reply(503, "The carrier redirects the call, which we do not follow")

    def _credentials(self, tables: Tables, server: int) -> bool:
        """Answer a carrier's challenge once (RFC 3261 §22.3)."""
        if KSR.isflagset(CHALLENGED):
            return False  # answered already
        with tables.reading() as facts:
            secret = facts.secret(server)
        if secret is None:
            return False
        for name, value in zip(("user", "realm", "secret"), secret, strict=True):
            KSR.pvx.avp_sets(f"auth_{name}", value)
        if KSR.uac.uac_auth_mode(PASSWORD_IS_HA1) < 0:
            return False
        KSR.setflag(CHALLENGED)
        return True

    def _silent(self) -> bool:
        return bool(KSR.tm.t_branch_timeout() > 0 and KSR.tm.t_branch_replied() < 0)


class _Avoided:
    """The carriers that have failed lately, asked of the shared tables one by one.

    `said` are those that the bridge wants to be tried last: they failed for this fax.
    """

    def __init__(self, said: frozenset[str], *, t38: bool) -> None:
        self._said = said
        self._t38 = t38

    def __contains__(self, carrier: object) -> bool:
        name = str(carrier)
        if name in self._said:
            return True
        if (KSR.htable.sht_get("breaker", name) or 0) >= BREAKER_LIMIT:
            return True
        return self._t38 and KSR.htable.sht_get("no_t38", name) is not None
