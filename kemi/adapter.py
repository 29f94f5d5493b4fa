"""Kamailio and the routing core: the only module that imports KSR.

Facts about the message go into the core, its decision becomes dispatcher calls,
headers and replies. Functions of KSR answer -1 for failure: test for > 0.
"""

import hashlib
import hmac
import os
import random
import re
from collections.abc import Callable
from pathlib import Path

import KSR as KSR  # noqa: PLC0414  (made by app_python3; the same name keeps type checkers quiet)
import lmdb

from kemi.routing import inbound, numbers
from kemi.routing.model import BRIDGE_SET, Bridge, Reply, ToVirtualFax
from kemi.tables import Tables

ROUND_ROBIN = 4
BY_PRIORITY = 8
SET_RURI = "1"  # ds_select_routes: write the server into the request URI

IN_ROUTES = "$avp(vfax_routes)"  # "SET=ROUTE;..." of the plan, for the record of what took the call
HEADERS = ("X-Vfax-Company", "X-Vfax-Fax", "X-Vfax-Attempt", "X-Vfax-Ddi", "X-Vfax-Route")
SIP_CONTACT = re.compile(r'(?:[^<"]|"[^"]*")*<\s*sips?:|\s*sips?:', re.IGNORECASE)
METHODS = "INVITE, ACK, CANCEL, BYE, OPTIONS, UPDATE, INFO, PRACK"


class Adapter:
    """The callbacks of one Kamailio process."""

    def __init__(self) -> None:
        self._path = Path(os.environ["VFAX_ROUTES_FILE"])
        self._map_size = int(os.environ["VFAX_ROUTES_MAP_SIZE"])
        self._tables: Tables | None = None
        self._secret = Path(os.environ["VFAX_SECRET_FILE"]).read_bytes()
        self._random = random.SystemRandom()

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
        if KSR.pv.gete("$tt") != "":
            self._within_dialog(method)
            return
        if method == "OPTIONS" and KSR.kx.gete_ruser() == "":
            KSR.sl.send_reply(200, "OK")
            return
        if method != "INVITE":
            KSR.hdr.append_to_reply(f"Allow: {METHODS}\r\n")
            KSR.sl.send_reply(405, "Method Not Allowed")
            return
        self._invite()

    def _within_dialog(self, method: str) -> None:
        """Pass on a request of a dialog that we let in; a forged one gets nowhere."""
        self._strip()
        if KSR.rr.loose_route() > 0 and KSR.rr.check_route_param(self._seal()) > 0:
            if method == "INVITE":
                self._record_route()
            self._relay()
            return
        if method == "ACK":
            if KSR.tm.t_check_trans() > 0:
                KSR.tm.t_relay()
            return
        KSR.sl.send_reply(403, "Not a call of ours")

    def _seal(self) -> str:
        """Return the Record-Route parameter that proves that a call came in through us.

        Without it anybody could have us relay to anywhere, with a Route and a To tag.
        """
        call_id = str(KSR.kx.get_callid() or "").encode("utf-8", "replace")
        return f"vf={hmac.new(self._secret, call_id, hashlib.sha256).hexdigest()[:20]}"

    def _record_route(self) -> None:
        KSR.rr.add_rr_param(f";{self._seal()}")
        KSR.rr.record_route()

    def _relay(self) -> None:
        if KSR.tm.t_relay() < 0:
            KSR.sl.sl_reply_error()

    def _strip(self) -> dict[str, str]:
        """Remove our own headers from the message; return what they said."""
        said = {}
        for name in HEADERS:
            value = KSR.hdr.get(name)
            if value is not None:
                said[name] = str(value)
                KSR.hdr.remove(name)
        return said

    def _invite(self) -> None:
        contact = KSR.hdr.get("Contact")
        if contact is None or not SIP_CONTACT.match(str(contact)):
            KSR.sl.send_reply(400, "A Contact with a SIP URI is needed")
            return
        tables = self.tables()
        if tables is None:
            KSR.hdr.append_to_reply("Retry-After: 5\r\n")
            KSR.sl.send_reply(503, "No routing tables yet")
            return
        said = self._strip()
        address, port = KSR.kx.get_srcip(), int(KSR.kx.get_srcport())
        bridge = tables.bridge(address, port)
        if bridge is not None:
            self._outgoing(tables, bridge, said)
            return
        provider = tables.provider(address)
        number = numbers.to_e164(KSR.kx.gete_ruser())
        ddi = tables.ddi(number) if provider is not None and number is not None else None
        decision = inbound.decide(provider, number, ddi)
        if isinstance(decision, Reply):
            KSR.info(f"inbound from {address} to {number}: {decision.code} {decision.reason}\n")
            self._refuse(decision)
            return
        self._to_bridge(decision)

    def _to_bridge(self, decision: ToVirtualFax) -> None:
        if KSR.dispatcher.ds_select_dst(BRIDGE_SET, ROUND_ROBIN) < 0:
            self._no_bridge(KSR.sl.send_reply)
            return
        ddi = decision.ddi
        KSR.hdr.append(f"X-Vfax-Company: {ddi.company}\r\n")
        KSR.hdr.append(f"X-Vfax-Fax: {decision.virtual_fax}\r\n")
        KSR.hdr.append(f"X-Vfax-Ddi: {ddi.number}\r\n")
        self._record_route()
        KSR.tm.t_on_failure("ksr_failure_inbound")
        self._relay()

    @staticmethod
    def _no_bridge(reply: Callable[[int, str], object]) -> None:
        KSR.hdr.append_to_reply("Retry-After: 30\r\n")
        reply(480, "No fax bridge is available")

    def _outgoing(self, tables: Tables, bridge: Bridge, said: dict[str, str]) -> None:
        owner = said.get("X-Vfax-Company", "")
        company = tables.company(int(owner)) if owner.isascii() and owner.isdigit() else None
        number = numbers.to_e164(KSR.kx.gete_ruser())
        if company is None:
            self._refuse(Reply(403, "X-Vfax-Company names no company"))
            return
        if number is None:
            self._refuse(Reply(484, "Address Incomplete"))
            return
        plan = tables.plan(company, number, fax=True, random=self._random.random)
        if plan.reply is not None:
            KSR.info(f"bridge {bridge.name} to {number}: {plan.reply.code} {plan.reply.reason}\n")
            self._refuse(plan.reply)
            return
        # The same carrier twice is one set: its first route in the order counts.
        sets: dict[int, int] = {}
        for candidate in plan.order:
            sets.setdefault(candidate.carrier.set_id, candidate.route.id)
        KSR.pv.sets("$rU", number)
        KSR.pv.sets(IN_ROUTES, ";".join(f"{s}={route}" for s, route in sets.items()))
        rules = ";".join(f"{s}={BY_PRIORITY}" for s in sets)
        if KSR.dispatcher.ds_select_routes(rules, SET_RURI) < 0:
            self._refuse(Reply(503, "Every carrier server is inactive"))
            return
        self._record_route()
        KSR.tm.t_on_failure("ksr_failure_outbound")
        KSR.tm.t_on_reply("ksr_reply_outbound")
        self._relay()

    def _refuse(self, reply: Reply) -> None:
        KSR.sl.send_reply(reply.code, reply.reason)

    # ---- what happens to a relayed INVITE ---------------------------------

    def _route_taken(self) -> str:
        """Return what took the call: route=ID;carrier=ID;server=ID;uri=URI."""
        tried = KSR.pvx.xavp_child_get("_dsdst_", "grp")
        uri = KSR.pvx.xavp_child_get("_dsdst_", "uri")
        attrs = KSR.pvx.xavp_child_get("_dsdst_", "attrs")
        routes = dict(
            pair.split("=", 1) for pair in KSR.pv.gete(IN_ROUTES).split(";") if "=" in pair
        )
        if tried is None:
            return ""
        return f"route={routes.get(str(tried), '')};{attrs};uri={uri}"

    def reply_outbound(self) -> None:
        """Tell the bridge which route took its call; strip what a stranger might claim."""
        self._strip()
        if KSR.kx.get_method() == "INVITE" and KSR.kx.get_status() >= 180:
            KSR.hdr.append(f"X-Vfax-Route: {self._route_taken()}\r\n")

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
            self._no_bridge(KSR.tm.t_reply)

    def failure_outbound(self) -> None:
        """Try the next carrier server after silence and 5xx; everything else stands."""
        if KSR.tm.t_is_canceled() > 0:
            return
        code = KSR.tm.t_get_status_code()
        silent = self._silent()
        if silent:
            KSR.dispatcher.ds_mark_dst_state("tp")
        taken = self._route_taken()
        if (silent or 500 <= code < 600) and KSR.dispatcher.ds_next_domain() > 0:
            KSR.tm.t_on_failure("ksr_failure_outbound")
            KSR.tm.t_on_reply("ksr_reply_outbound")
            self._relay()
            return
        if silent:
            KSR.hdr.append_to_reply(f"X-Vfax-Route: {taken}\r\n")
            KSR.tm.t_reply(408, "No carrier server answered")
        elif code == 503:
            # tm turns a lone 503 into 500 (RFC 3261 §16.7.6): say what it was.
            KSR.hdr.append_to_reply(f"X-Vfax-Route: {taken}\r\n")
            KSR.tm.t_reply(503, "Every carrier refused the call")

    def _silent(self) -> bool:
        return bool(KSR.tm.t_branch_timeout() > 0 and KSR.tm.t_branch_replied() < 0)
