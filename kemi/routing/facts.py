"""Facts of one moment, decoded from a source, and the decisions made with them.

The source is the mapped file in Kamailio and in `vfax route explain`, the rows of a
transaction in `explain_route()` and `vfax route diff`: the decisions are the same code.
"""

import json
from collections.abc import Callable, Container, Iterable
from typing import Any, Protocol, TypeVar

from kemi.routing import inbound, numbers, outbound
from kemi.routing.model import (
    Account,
    Brand,
    Bridge,
    Carrier,
    Company,
    Ddi,
    Inside,
    Leg,
    Plan,
    Provider,
    Reception,
    Reply,
    Route,
    Rule,
    Server,
    Transformation,
)

Raw = bytes | str


class Source(Protocol):
    """Where entries come from: the rows (id, value) of the views routing_KIND."""

    def get(self, kind: str, name: str) -> Raw | None:
        """Return the value of an entry."""

    def routes(self, brand: int, company: int | None, number: str | None) -> Iterable[int]:
        """Return the ids of a company's routes (None: for all companies) that match a number.

        With None for the number: all of them. Too many are no harm, the core looks again.
        """


def _route(raw: Raw) -> Route:
    row: dict[str, Any] = json.loads(raw)
    return Route(
        **{**row, "company": row.get("company"), "carriers": tuple(row["carriers"]),
           "prefixes": tuple(row["prefixes"])}
    )  # fmt: skip


def _carrier(raw: Raw) -> Carrier:
    row: dict[str, Any] = json.loads(raw)
    servers = tuple(Server(**{"port": None, **server}) for server in row.pop("servers"))
    failover = {name: (rule[0], rule[1]) for name, rule in row.pop("failover", {}).items()}
    return Carrier(**row, servers=servers, failover=failover)


def _company(raw: Raw) -> Company:
    row: dict[str, Any] = json.loads(raw)
    return Company(**{**row, "dial": tuple(row["dial"])}) if "dial" in row else Company(**row)


def _bridge(raw: Raw) -> Bridge:
    return Bridge(**json.loads(raw))


def _bridges(raw: Raw) -> list[tuple[int, str]]:
    return [(id_, where) for id_, where in json.loads(raw)]


def _account(raw: Raw) -> Account:
    return Account(**json.loads(raw))


def _secret(raw: Raw) -> tuple[str, str, str]:
    user, realm, ha1 = json.loads(raw)
    return user, realm, ha1


def _brand(raw: Raw) -> Brand:
    return Brand(**json.loads(raw))


def _providers(raw: Raw) -> tuple[Provider, ...]:
    return tuple(Provider(**row) for row in json.loads(raw))


def _transformation(raw: Raw) -> Transformation:
    return {
        direction: tuple(Rule(*rule) for rule in rules)
        for direction, rules in json.loads(raw).items()
    }


def _zone(raw: Raw) -> tuple[tuple[int, int], ...]:
    return tuple((since, offset) for since, offset in json.loads(raw))


def _reception(raw: Raw) -> Reception:
    row: dict[str, Any] = json.loads(raw)
    hours = tuple((day, opens, closes) for day, opens, closes in row.pop("hours", []))
    return Reception(**row, hours=hours)


def ddi_of(number: str, raw: Raw) -> Ddi:
    """Decode an entry ``brand,company,provider,target``."""
    text = raw if isinstance(raw, str) else raw.decode()
    brand, company, provider, target = text.split(",", 3)
    return Ddi(number, int(brand), int(company), int(provider) if provider else None, target)


def _rates(raw: Raw) -> tuple[tuple[float, float, float | None], ...]:
    return tuple((float(price), since, until) for price, since, until in json.loads(raw))


#: How the entries of each kind are read, but for DDIs.
DECODERS: dict[str, Callable[[Raw], Any]] = {
    "account": _account,
    "brand": _brand,
    "bridge": _bridge,
    "bridges": _bridges,
    "carrier": _carrier,
    "company": _company,
    "fax": _reception,
    "numbers": _transformation,
    "provider": _providers,
    "rate": _rates,
    "route": _route,
    "secret": _secret,
    "zone": _zone,
}
#: The kinds whose ids are numbers; the others' are text.
NUMBERED = frozenset(("brand", "carrier", "company", "fax", "numbers", "route", "secret"))

T = TypeVar("T")
MEMO = 4096  #: decoded entries that a reader remembers
DDIS = 1024  #: DDIs that it remembers besides


class Facts:
    """What is known at one moment. Every look-up returns None for what is not there.

    Entries are decoded once; who keeps the object for a later moment calls `forget` when
    the source has changed. DDIs have a memory of their own: there may be millions, and
    they must not push out what every call needs.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._memo: dict[tuple[str, object], Any] = {}
        self._ddis: dict[str, Ddi | None] = {}

    def forget(self) -> None:
        """Forget all that was decoded: the source is of another version now."""
        self._memo.clear()
        self._ddis.clear()

    def _known(self, kind: str, name: object, decode: Callable[[Raw], T]) -> T | None:
        key = (kind, name)
        try:
            return self._memo[key]  # type: ignore[no-any-return]
        except KeyError:
            pass
        raw = self._source.get(kind, str(name))
        value = None if raw is None else decode(raw)
        if len(self._memo) >= MEMO:
            self._memo.clear()
        self._memo[key] = value
        return value

    def ddi(self, number: str) -> Ddi | None:
        """Return a DDI by its number (E.164)."""
        try:
            return self._ddis[number]
        except KeyError:
            pass
        raw = self._source.get("ddi", number)
        found = None if raw is None else ddi_of(number, raw)
        if len(self._ddis) >= DDIS:
            self._ddis.clear()
        self._ddis[number] = found
        return found

    def company(self, company: int) -> Company | None:
        """Return a company."""
        return self._known("company", company, _company)

    def brand(self, brand: int) -> Brand | None:
        """Return a brand."""
        return self._known("brand", brand, _brand)

    def provider(self, address: str, local: str, port: int) -> Provider | None:
        """Return the DDI provider that calls from an address to our socket."""
        found = self._known("provider", address, _providers)
        return None if found is None else inbound.choose_provider(found, local, port)

    def bridge(self, address: str, port: int) -> Bridge | None:
        """Return the bridge that sends from an address and port."""
        return self._known("bridge", f"{address}:{port}", _bridge)

    def bridges(self) -> list[tuple[int, str]]:
        """Return the bridges that receive, with their ``address:port``."""
        return self._known("bridges", "all", _bridges) or []

    def account(self, aor: str) -> Account | None:
        """Return a SIP account by user@domain."""
        return self._known("account", aor, _account)

    def secret(self, server: int) -> tuple[str, str, str] | None:
        """Return (user, realm, HA1) of a carrier server."""
        return self._known("secret", server, _secret)

    def carrier(self, carrier: int) -> Carrier | None:
        """Return a usable carrier."""
        return self._known("carrier", carrier, _carrier)

    def route(self, route: int) -> Route | None:
        """Return an outgoing route."""
        return self._known("route", route, _route)

    def reception(self, virtual_fax: int) -> Reception | None:
        """Return the lists and hours of a virtual fax that has any."""
        return self._known("fax", virtual_fax, _reception)

    def zone(self, name: str) -> tuple[tuple[int, int], ...]:
        """Return the UTC offsets of a time zone, and from when on they hold (Unix time)."""
        return self._known("zone", name, _zone) or ()

    def transformation(self, transformation: int | None) -> Transformation:
        """Return a number transformation, empty for None."""
        if transformation is None:
            return {}
        return self._known("numbers", transformation, _transformation) or {}

    def price(self, carrier: int, number: str, now: float) -> float | None:
        """Return a carrier's price at a moment: that of the longest prefix with a valid rate."""
        for length in range(len(number), 1, -1):
            raw = self._source.get("rate", f"{carrier}:{number[:length]}")
            if raw is not None:
                for price, since, until in _rates(raw):
                    if since <= now and (until is None or now < until):
                        return price
        return None

    def routes(self, company: Company, number: str | None) -> list[Route]:
        """Return the routes that a company's call to a number may take; None: to any number."""
        found = []
        for owner in (None, company.id):
            for id_ in self._source.routes(company.brand, owner, number):
                route = self.route(id_)
                if route is not None:
                    found.append(route)
        return found

    # ---- decisions -------------------------------------------------------------

    def inside(self, ddi: Ddi, caller: str | None, now: float) -> Inside | Reply:
        """Return where a call to one of our numbers goes."""
        reception: Reception | None = None
        zone: tuple[tuple[int, int], ...] = ()
        if ddi.target.startswith("f"):
            reception = self.reception(int(ddi.target[1:]))
            if reception is not None:
                zone = self.zone(reception.zone)
        return inbound.target(ddi, caller=caller, reception=reception, zone=zone, now=now)

    def incoming(
        self, provider: Provider | None, called: str, calling: str, now: float
    ) -> tuple[Inside | Reply, str | None]:
        """Decide on a DDI provider's call; the numbers are SIP user parts as they came.

        Returns with it the caller in E.164, None where the provider's rules know nothing of it.
        """
        rules = self.transformation(provider.transformation) if provider else {}
        number = numbers.incoming(rules, "callee_in", called)
        ddi = self.ddi(number) if provider is not None and number is not None else None
        admitted = inbound.decide(provider, number, ddi)
        if isinstance(admitted, Reply):
            return admitted, None
        caller = numbers.incoming(rules, "caller_in", calling)
        return self.inside(admitted, caller, now), caller if rules else None

    def dialled(self, company: Company, user: str) -> str | None:
        """Return what a company's SIP account dialled as E.164."""
        rules = self.transformation(company.transformation)
        if rules.get("callee_in"):
            return numbers.incoming(rules, "callee_in", user)
        return numbers.dialled(company.dial, user)

    def outgoing(
        self,
        company: Company,
        number: str,
        *,
        fax: bool,
        random: Callable[[], float],
        now: float,
        tag: str | None = None,
        caller: str | None = None,
        avoid: Container[int] = (),
        everything: bool = False,
    ) -> Plan:
        """Return how a company's call to a number (E.164) leaves; `random` yields [0, 1).

        `everything` looks at routes that do not match the number too, to explain them.
        """
        ddi = self.ddi(number)
        if ddi is not None:
            goal = self.inside(ddi, caller, now)
            if isinstance(goal, Reply):
                return Plan(number, reply=goal)
            return Plan(number, inside=goal)
        tag_id = None
        if tag is not None:
            tag_id = company.tags.get(tag)
            if tag_id is None:
                return Plan(number, reply=Reply(403, f"The company has no routing tag {tag}"))
        wanted = None if everything else number
        routes = self.routes(company, wanted)
        found = {c: self.carrier(c) for c in {c for r in routes for c in r.carriers}}
        brand = self.brand(company.brand)
        return outbound.plan(
            number,
            fax=fax,
            routes=routes,
            carriers={id_: carrier for id_, carrier in found.items() if carrier is not None},
            random=lambda: 1.0 - random(),
            price=lambda carrier: self.price(carrier, number, now),
            tag=tag_id,
            fall_back=brand is not None and brand.fall_back,
            avoid=avoid,
        )

    def leg(
        self, route: int | None, carrier: int, server: int, number: str, caller: str | None
    ) -> Leg:
        """Return what a carrier's server gets of a call."""
        taken = self.carrier(carrier)
        found = next((s for s in taken.servers if s.id == server), None) if taken else None
        return outbound.leg(
            self.route(route) if route is not None else None,
            found,
            number=number,
            caller=caller,
            transformation=self.transformation(taken.transformation if taken else None),
        )
