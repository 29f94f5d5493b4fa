"""Facts of one moment: looked up in a source, decoded once, cached.

The source is the mapped file in Kamailio and in `vfax route explain`, and the rows of a
transaction in `explain_route()` and `vfax route diff`. The decisions made with them
(`inbound`, `outbound`) are the same code.
"""

from collections.abc import Callable, Iterable
from typing import Any, Protocol, TypeVar

from kemi.routing import decode
from kemi.routing.decode import Raw
from kemi.routing.model import (
    Account,
    Brand,
    Bridge,
    CallerPolicy,
    Carrier,
    Company,
    Ddi,
    Provider,
    Route,
    Transformation,
)

T = TypeVar("T")
FACT_CACHE_SIZE = 4096  #: decoded entries of all kinds but DDIs
DDI_CACHE_SIZE = 1024


class Source(Protocol):
    """Where entries come from: the rows (id, value) of the views routing_KIND."""

    def get(self, kind: str, name: str) -> Raw | None:
        """Return the value of an entry, None if there is none."""

    def routes(self, brand: int, company: int | None, number: str | None) -> Iterable[int]:
        """Return the ids of the routes of a company (None: of all companies) for a number.

        With None for the number, all of them. It may return routes that do not match: the
        planner checks the prefixes again.
        """


class Facts:
    """Cached look-ups. Each returns None if the source has no such entry.

    Call `clear_cache` when the source has a new version. DDIs have a cache of their own:
    there may be millions, and they must not evict what every call needs.
    """

    def __init__(self, source: Source) -> None:
        self._source = source
        self._cache: dict[tuple[str, object], Any] = {}
        self._ddis: dict[str, Ddi | None] = {}

    def clear_cache(self) -> None:
        """Drop everything that was decoded from an earlier version."""
        self._cache.clear()
        self._ddis.clear()

    def _cached(self, kind: str, name: object, decoder: Callable[[Raw], T]) -> T | None:
        key = (kind, name)
        try:
            return self._cache[key]  # type: ignore[no-any-return]
        except KeyError:
            pass
        raw = self._source.get(kind, str(name))
        value = None if raw is None else decoder(raw)
        if len(self._cache) >= FACT_CACHE_SIZE:
            self._cache.clear()
        self._cache[key] = value
        return value

    def ddi(self, number: str) -> Ddi | None:
        """Return a DDI by its number (E.164)."""
        try:
            return self._ddis[number]
        except KeyError:
            pass
        raw = self._source.get("ddi", number)
        ddi = None if raw is None else decode.ddi(number, raw)
        if len(self._ddis) >= DDI_CACHE_SIZE:
            self._ddis.clear()
        self._ddis[number] = ddi
        return ddi

    def company(self, company: int) -> Company | None:
        """Return a company."""
        return self._cached("company", company, decode.company)

    def brand(self, brand: int) -> Brand | None:
        """Return a brand."""
        return self._cached("brand", brand, decode.brand)

    def providers(self, address: str) -> tuple[Provider, ...]:
        """Return the DDI providers that call from an address; see inbound.choose_provider."""
        return self._cached("provider", address, decode.providers) or ()

    def bridge(self, address: str, port: int) -> Bridge | None:
        """Return the bridge that sends from an address and port."""
        return self._cached("bridge", f"{address}:{port}", decode.bridge)

    def bridges(self) -> list[tuple[int, str]]:
        """Return the bridges that receive calls: (id, ``address:port``)."""
        return self._cached("bridges", "all", decode.bridges) or []

    def account(self, aor: str) -> Account | None:
        """Return a SIP account by its address of record, user@domain."""
        return self._cached("account", aor, decode.account)

    def secret(self, server: int) -> tuple[str, str, str] | None:
        """Return (user, realm, HA1) for a carrier server."""
        return self._cached("secret", server, decode.secret)

    def carrier(self, carrier: int) -> Carrier | None:
        """Return an enabled carrier that has an enabled server."""
        return self._cached("carrier", carrier, decode.carrier)

    def route(self, route: int) -> Route | None:
        """Return an outgoing route."""
        return self._cached("route", route, decode.route)

    def caller_policy(self, virtual_fax: int) -> CallerPolicy | None:
        """Return the caller lists and hours of a virtual fax that has any."""
        return self._cached("fax", virtual_fax, decode.caller_policy)

    def zone(self, name: str) -> tuple[tuple[int, int], ...]:
        """Return the UTC offsets of a time zone: (Unix time, offset in seconds from then on)."""
        return self._cached("zone", name, decode.zone) or ()

    def transformation(self, transformation: int | None) -> Transformation:
        """Return a number transformation, empty for None."""
        if transformation is None:
            return {}
        return self._cached("numbers", transformation, decode.transformation) or {}

    def price(self, carrier: int, number: str, now: float) -> float | None:
        """Return a carrier's price per minute: of the longest prefix with a rate valid now."""
        for length in range(len(number), 1, -1):
            raw = self._source.get("rate", f"{carrier}:{number[:length]}")
            if raw is not None:
                for price, since, until in decode.rates(raw):
                    if since <= now and (until is None or now < until):
                        return price
        return None

    def routes(self, company: Company, number: str | None) -> list[Route]:
        """Return the routes that a company's call to a number may take; None: to any number."""
        routes = []
        for owner in (None, company.id):
            for id_ in self._source.routes(company.brand, owner, number):
                route = self.route(id_)
                if route is not None:
                    routes.append(route)
        return routes
