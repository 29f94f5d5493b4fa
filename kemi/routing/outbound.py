"""Outgoing calls: which routes may take a call, and in which order they are tried."""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping

from kemi.routing import numbers
from kemi.routing.model import (
    Candidate,
    Carrier,
    Discarded,
    Leg,
    Plan,
    Reply,
    Route,
    Server,
    Transformation,
)

Prices = Callable[[int], float | None]  #: a carrier's price for the called number, a minute


def plan(
    number: str,
    *,
    fax: bool,
    routes: Iterable[Route],
    carriers: Mapping[int, Carrier],
    random: Callable[[], float],
    price: Prices = lambda _: None,
    tag: int | None = None,
    fall_back: bool = False,
    avoid: Container[int] = (),
) -> Plan:
    """Return the plan for a call to `number` (E.164).

    `routes` are the brand's for all companies and the company's own. Fax routes come first
    for faxes; ordinary routes follow when none of them has a usable carrier, or, with
    `fall_back`, when all of them have failed. `tag` is the routing tag that was dialled.
    `random` yields numbers in (0, 1]. The carriers in `avoid` have failed lately: last.
    """
    discarded: list[Discarded] = []
    matching: list[Route] = []
    for route in sorted(routes, key=lambda r: (r.priority, r.id)):
        if not route.matches(number):
            discarded.append(Discarded(route, "the number does not match"))
        elif route.type == "fax" and not fax:
            discarded.append(Discarded(route, "only for faxes"))
        elif route.tag != tag:
            discarded.append(
                Discarded(route, "the call has no tag" if tag is None else "the call has a tag")
                if route.tag is None or tag is None
                else Discarded(route, "the call has another tag")
            )
        else:
            matching.append(route)

    blocking = next((route for route in matching if route.mode == "block"), None)
    if blocking is not None:
        discarded += [
            Discarded(route, f"route {blocking.id} blocks the call")
            for route in matching
            if route is not blocking
        ]
        return Plan(
            number,
            discarded=tuple(discarded),
            reply=Reply(403, f"Blocked by route {blocking.id}"),
        )

    usable: list[tuple[Route, list[Candidate]]] = []
    for route in matching:
        found = list(_of_route(route, carriers, price, discarded))
        if found:
            usable.append((route, found))

    groups = [usable]
    if fax and any(route.type == "fax" for route, _ in usable):
        fax_routes = [pair for pair in usable if pair[0].type == "fax"]
        others = [pair for pair in usable if pair[0].type != "fax"]
        groups = [fax_routes, others] if fall_back else [fax_routes]
        if not fall_back:
            discarded += [Discarded(route, "fax routes come first") for route, _ in others]

    candidates: list[Candidate] = []
    order: list[Candidate] = []
    for group in groups:
        kept = _stop(group, discarded)
        weighted = list(_with_probability(kept))
        candidates += [c for _, found in weighted for c in found]
        order += _order(weighted, random)
    order = list(_once_each(order, discarded))
    order.sort(key=lambda c: c.carrier.id in avoid)  # stable: avoided ones come last
    if not order:
        return Plan(number, discarded=tuple(discarded), reply=Reply(503, "No route to this number"))
    return Plan(number, tuple(candidates), tuple(discarded), tuple(order))


def _of_route(
    route: Route, carriers: Mapping[int, Carrier], price: Prices, discarded: list[Discarded]
) -> Iterator[Candidate]:
    """Yield the usable carriers of a route, the cheapest first when it is an lcr one."""
    found: list[Candidate] = []
    for number in route.carriers:
        carrier = carriers.get(number)
        cost = price(number) if route.mode == "lcr" else None
        if carrier is None:
            reason = "its carrier is disabled or has no server"
            discarded.append(Discarded(route, reason, number))
        elif route.mode == "lcr" and cost is None:
            reason = f"carrier {carrier.name} has no rate for the number"
            discarded.append(Discarded(route, reason, number))
        else:
            found.append(Candidate(route, carrier, 0.0, cost))
    if not route.carriers:
        discarded.append(Discarded(route, "it has no carrier in outgoing_route_carriers"))
    found.sort(key=lambda c: (c.price or 0.0, c.carrier.id))
    yield from found


def _stop(
    group: list[tuple[Route, list[Candidate]]], discarded: list[Discarded]
) -> list[tuple[Route, list[Candidate]]]:
    """Drop what stands behind the first stopper; routes of its own priority stay."""
    limit = min((route.priority for route, _ in group if route.stopper), default=None)
    if limit is None:
        return group
    discarded += [
        Discarded(route, f"stopped by a route of priority {limit}")
        for route, _ in group
        if route.priority > limit
    ]
    return [pair for pair in group if pair[0].priority <= limit]


def _with_probability(
    usable: list[tuple[Route, list[Candidate]]],
) -> Iterator[tuple[Route, list[Candidate]]]:
    """Give the first carrier of each route its chance among the routes of the same priority."""
    totals: dict[int, int] = {}
    for route, _ in usable:
        totals[route.priority] = totals.get(route.priority, 0) + route.weight
    for route, (first, *rest) in usable:
        chance = route.weight / totals[route.priority]
        yield route, [Candidate(route, first.carrier, chance, first.price), *rest]


def _order(
    weighted: list[tuple[Route, list[Candidate]]], random: Callable[[], float]
) -> list[Candidate]:
    """Order by priority; inside one, at random with exact weights (Efraimidis, Spirakis 2006)."""
    keyed = [
        ((route.priority, -(random() ** (1.0 / route.weight)), route.id), found)
        for route, found in weighted
    ]
    return [c for _, found in sorted(keyed, key=lambda pair: pair[0]) for c in found]


def _once_each(order: list[Candidate], discarded: list[Discarded]) -> Iterator[Candidate]:
    """Yield each carrier once: asking it again would get the same answer."""
    taken: dict[int, int] = {}
    for candidate in order:
        carrier = candidate.carrier.id
        if carrier in taken:
            reason = f"carrier {candidate.carrier.name} is tried by route {taken[carrier]} already"
            discarded.append(Discarded(candidate.route, reason, carrier))
        else:
            taken[carrier] = candidate.route.id
            yield candidate


def leg(
    route: Route | None,
    server: Server | None,
    *,
    number: str,
    caller: str | None,
    transformation: Transformation,
) -> Leg:
    """Return what a carrier's server gets of a call to `number` from `caller` (both E.164)."""
    user = numbers.outgoing(transformation, "callee_out", number)
    if route is not None:
        user = route.add_prefix + user
        caller = route.caller or caller
    shown = numbers.outgoing(transformation, "caller_out", caller) if caller else None
    headers: list[str] = []
    domain = server.from_domain if server is not None else None
    if server is not None and shown is not None:
        host = domain or server.host
        if server.asserted_identity:
            headers.append(f"P-Asserted-Identity: <sip:{shown}@{host}>")
        if server.remote_party_id:
            headers.append(
                f"Remote-Party-ID: <sip:{shown}@{host}>;party=calling;screen=yes;privacy=off"
            )
    return Leg(user, shown, domain, tuple(headers))
