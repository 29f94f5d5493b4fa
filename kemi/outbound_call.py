"""What later callbacks have to know of an outgoing call: kept with its transaction.

Failure, branch and reply callbacks may run in other processes: the facts of the call
travel in an AVP, the server being tried in the dispatcher's XAVP.
"""

from dataclasses import dataclass, field

import KSR as KSR  # noqa: PLC0414

AVP = "vfax_call"
TRIED = "_dsdst_"  # dispatcher: xavp_dst


@dataclass(frozen=True, slots=True)
class Tried:
    """The server that is tried, with the route that led to it."""

    id: int
    carrier: int
    route: int | None


@dataclass(slots=True)
class OutboundCall:
    """An outgoing call: numbers are E.164, `routes` has the route of each dispatcher set."""

    number: str
    caller: str
    company: int
    fax: bool
    t38: bool
    bridge: bool
    best: int = 0  #: the best final answer of the servers that were tried, 0 for none
    routes: dict[int, int] = field(default_factory=dict)

    def save(self) -> None:
        """Keep it with the message, and so with its transaction."""
        known = zip("ftb", (self.fax, self.t38, self.bridge), strict=True)
        flags = "".join(letter for letter, on in known if on)
        routes = ",".join(f"{s}={route}" for s, route in self.routes.items())
        fields = (self.number, self.caller, self.company, flags, self.best, routes)
        KSR.pvx.avp_sets(AVP, "|".join(map(str, fields)))

    @classmethod
    def load(cls) -> "OutboundCall":
        """Return the call of this transaction."""
        number, caller, company, flags, best, routes = str(KSR.pvx.avp_gete(AVP)).split("|")
        pairs = (pair.split("=") for pair in routes.split(",") if pair)
        return cls(
            number,
            caller,
            int(company),
            fax="f" in flags,
            t38="t" in flags,
            bridge="b" in flags,
            best=int(best),
            routes={int(s): int(route) for s, route in pairs},
        )

    def server(self) -> Tried | None:
        """Return the server that is tried now."""
        attrs = str(KSR.pvx.xavp_child_gete(TRIED, "attrs"))
        group = KSR.pvx.xavp_child_get(TRIED, "grp")
        pairs = dict(pair.split("=", 1) for pair in attrs.split(";") if "=" in pair)
        if group is None or "carrier" not in pairs:
            return None
        return Tried(int(pairs["server"]), int(pairs["carrier"]), self.routes.get(int(group)))

    def taken(self) -> str:
        """Return what takes the call: route=ID;carrier=ID;server=ID;uri=URI."""
        server = self.server()
        if server is None:
            return ""
        uri = KSR.pvx.xavp_child_gete(TRIED, "uri")
        return f"route={server.route or ''};carrier={server.carrier};server={server.id};uri={uri}"
