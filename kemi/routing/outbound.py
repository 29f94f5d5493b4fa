"""Calls of a company: which routes may take a call, and in which order they are tried."""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import replace

from kemi.routing import inbound, numbers
from kemi.routing.facts import Facts
from kemi.routing.model import (
    Candidate,
    Carrier,
    Company,
    Discarded,
    Leg,
    Plan,
    Reply,
    Route,
    Server,
    Transformation,
)

Prices = Callable[[int], float | None]  #: a carrier's price per minute for the called number
Option = tuple[Route, list[Candidate]]  #: a route with its usable carriers, in their order


def dialled(facts: Facts, company: Company, user: str) -> str | None:
    """Return what a company's SIP account dialled as E.164, or None."""
    rules = facts.transformation(company.transformation)
    if rules.get("callee_in"):
        return numbers.incoming(rules, "callee_in", user)
    return numbers.dialled(company.dial, user)


def decide(
    facts: Facts,
    company: Company,
    number: str,
    *,
    fax: bool,
    random: Callable[[], float],
    now: float,
    tag: str | None = None,
    caller: str | None = None,
    all_routes: bool = False,
) -> Plan:
    """Return where a company's call to a number (E.164) goes; `random` yields [0, 1).

    `all_routes` plans with routes that do not match the number too, to explain them.
    """
    ddi = facts.ddi(number)
    if ddi is not None:
        destination = inbound.local_destination(facts, ddi, caller, now)
        if isinstance(destination, Reply):
            return Plan(number, reply=destination)
        return Plan(number, destination=destination)
    tag_id = None
    if tag is not None:
        tag_id = company.tags.get(tag)
        if tag_id is None:
            return Plan(number, reply=Reply(403, f"the company has no routing tag {tag}"))
    routes = facts.routes(company, None if all_routes else number)
    carriers = {id_: facts.carrier(id_) for id_ in {c for r in routes for c in r.carriers}}
    brand = facts.brand(company.brand)
    return plan(
        number,
        fax=fax,
        routes=routes,
        carriers={id_: carrier for id_, carrier in carriers.items() if carrier is not None},
        random=lambda: 1.0 - random(),
        price=lambda carrier: facts.price(carrier, number, now),
        tag=tag_id,
        fall_back=brand is not None and brand.fall_back,
    )


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
) -> Plan:
    """Return the plan for a call to `number` (E.164) by the routes of a brand and company.

    Fax routes come first for faxes; ordinary routes follow if none of them has a usable
    carrier, or, with `fall_back`, when all of them have failed. `tag` is the id of the
    dialled routing tag. `random` yields numbers in (0, 1].
    """
    discarded: list[Discarded] = []
    matching = _filter(routes, number, discarded, fax=fax, tag=tag)
    blocking = next((route for route in matching if route.mode == "block"), None)
    if blocking is not None:
        reason = f"route {blocking.id} blocks the call"
        discarded += [Discarded(route, reason) for route in matching if route is not blocking]
        reply = Reply(403, f"blocked by route {blocking.id}")
        return Plan(number, discarded=tuple(discarded), reply=reply)

    options = _candidates(matching, carriers, price, discarded)
    candidates: list[Candidate] = []
    order: list[Candidate] = []
    for group in _groups(options, discarded, fax=fax, fall_back=fall_back):
        rated = _with_probability(_limit(group, discarded))
        candidates += [candidate for _, found in rated for candidate in found]
        order += _order(rated, random)
    order = _once_each(order, discarded)
    if not order:
        return Plan(number, discarded=tuple(discarded), reply=Reply(503, "no route to the number"))
    return Plan(number, tuple(candidates), tuple(discarded), tuple(order))


def put_last(plan: Plan, carriers: Collection[int]) -> Plan:
    """Return the plan with some carriers, such as those that failed lately, tried last."""
    if not carriers:
        return plan
    order = sorted(plan.order, key=lambda candidate: candidate.carrier.id in carriers)  # stable
    return replace(plan, order=tuple(order))


def _filter(
    routes: Iterable[Route], number: str, discarded: list[Discarded], *, fax: bool, tag: int | None
) -> list[Route]:
    """Return the routes that match a call, by priority; append the others to `discarded`."""
    matching: list[Route] = []
    for route in sorted(routes, key=lambda r: (r.priority, r.id)):
        mismatch = _mismatch(route, number, fax=fax, tag=tag)
        if mismatch is None:
            matching.append(route)
        else:
            discarded.append(Discarded(route, mismatch))
    return matching


def _mismatch(route: Route, number: str, *, fax: bool, tag: int | None) -> str | None:
    """Return why a route does not match a call, or None."""
    if not route.matches(number):
        return "the number does not match"
    if route.type == "fax" and not fax:
        return "only for faxes"
    if route.tag == tag:
        return None
    if tag is None:
        return "the call has no tag"
    return "the call has a tag" if route.tag is None else "the call has another tag"


def _candidates(
    routes: Iterable[Route],
    carriers: Mapping[int, Carrier],
    price: Prices,
    discarded: list[Discarded],
) -> list[Option]:
    """Return the routes that have usable carriers; append the others to `discarded`."""
    options: list[Option] = []
    for route in routes:
        candidates: list[Candidate] = []
        for id_ in route.carriers:
            carrier = carriers.get(id_)
            cost = price(id_) if route.mode == "lcr" else None
            if carrier is None:
                reason = "its carrier is disabled or has no server"
                discarded.append(Discarded(route, reason, id_))
            elif route.mode == "lcr" and cost is None:
                reason = f"carrier {carrier.name} has no rate for the number"
                discarded.append(Discarded(route, reason, id_))
            else:
                candidates.append(Candidate(route, carrier, 0.0, cost))
        if not route.carriers:
            discarded.append(Discarded(route, "it has no carrier in outgoing_route_carriers"))
        if candidates:
            candidates.sort(key=lambda c: (c.price or 0.0, c.carrier.id))  # lcr: cheapest first
            options.append((route, candidates))
    return options


def _groups(
    options: list[Option], discarded: list[Discarded], *, fax: bool, fall_back: bool
) -> list[list[Option]]:
    """Return the groups of routes that are tried one after the other: fax routes first."""
    if not fax or not any(route.type == "fax" for route, _ in options):
        return [options]
    fax_routes = [option for option in options if option[0].type == "fax"]
    others = [option for option in options if option[0].type != "fax"]
    if fall_back:
        return [fax_routes, others]
    discarded += [Discarded(route, "fax routes come first") for route, _ in others]
    return [fax_routes]


def _limit(options: list[Option], discarded: list[Discarded]) -> list[Option]:
    """Drop the routes of a higher priority number than the first stopper's."""
    limit = min((route.priority for route, _ in options if route.stopper), default=None)
    if limit is None:
        return options
    reason = f"stopped by a route of priority {limit}"
    discarded += [Discarded(route, reason) for route, _ in options if route.priority > limit]
    return [option for option in options if option[0].priority <= limit]


def _with_probability(options: list[Option]) -> list[Option]:
    """Set the probability of each route's first carrier, among routes of the same priority."""
    totals: dict[int, int] = {}
    for route, _ in options:
        totals[route.priority] = totals.get(route.priority, 0) + route.weight
    rated: list[Option] = []
    for route, (first, *rest) in options:
        chance = route.weight / totals[route.priority]
        rated.append((route, [Candidate(route, first.carrier, chance, first.price), *rest]))
    return rated


def _order(options: list[Option], random: Callable[[], float]) -> list[Candidate]:
    """Order by priority; inside one, at random with exact weights (Efraimidis, Spirakis 2006)."""
    keyed = [
        ((route.priority, -(random() ** (1.0 / route.weight)), route.id), candidates)
        for route, candidates in options
    ]
    return [c for _, candidates in sorted(keyed, key=lambda pair: pair[0]) for c in candidates]


def _once_each(order: list[Candidate], discarded: list[Discarded]) -> list[Candidate]:
    """Keep the first occurrence of each carrier: a second try would get the same answer."""
    used: dict[int, int] = {}
    kept: list[Candidate] = []
    for candidate in order:
        carrier = candidate.carrier
        if carrier.id in used:
            reason = f"carrier {carrier.name} is tried by route {used[carrier.id]} already"
            discarded.append(Discarded(candidate.route, reason, carrier.id))
        else:
            used[carrier.id] = candidate.route.id
            kept.append(candidate)
    return kept


def leg_to(
    facts: Facts,
    *,
    route: int | None,
    carrier: int,
    server: int,
    number: str,
    caller: str | None,
) -> Leg:
    """Return what a carrier's server receives of a call, by the ids of its rows."""
    owner = facts.carrier(carrier)
    found = next((s for s in owner.servers if s.id == server), None) if owner else None
    return leg(
        facts.route(route) if route is not None else None,
        found,
        number=number,
        caller=caller,
        transformation=facts.transformation(owner.transformation if owner else None),
    )


def leg(
    route: Route | None,
    server: Server | None,
    *,
    number: str,
    caller: str | None,
    transformation: Transformation,
) -> Leg:
    """Return what a carrier's server receives of a call; `number` and `caller` are E.164."""
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
