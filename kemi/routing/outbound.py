"""Outgoing calls: which routes may take a call, and in which order they are tried."""

from collections.abc import Callable, Iterable, Mapping

from kemi.routing.model import Candidate, Carrier, Discarded, Plan, Reply, Route


def plan(
    number: str,
    *,
    fax: bool,
    routes: Iterable[Route],
    carriers: Mapping[int, Carrier],
    random: Callable[[], float],
) -> Plan:
    """Return the plan for a call to `number` (E.164).

    `routes` are the brand's for all companies and the company's own. Fax routes come
    first for faxes; only when none of them has a usable carrier does a fax go as an
    ordinary call. `random` yields numbers in (0, 1].
    """
    discarded: list[Discarded] = []
    matching: list[Route] = []
    for route in sorted(routes, key=lambda r: (r.priority, r.id)):
        if not route.matches(number):
            discarded.append(Discarded(route, "the number does not match"))
        elif route.type == "fax" and not fax:
            discarded.append(Discarded(route, "only for faxes"))
        else:
            matching.append(route)

    if any(route.mode == "block" for route in matching):
        blocking = next(route for route in matching if route.mode == "block")
        discarded += [
            Discarded(route, f"route {blocking.id} blocks the call")
            for route in matching
            if route is not blocking
        ]
        reply = Reply(403, f"Blocked by route {blocking.id}")
        return Plan(number, (), tuple(discarded), (), reply)

    usable: list[tuple[Route, Carrier]] = []
    for route in matching:
        carrier = carriers.get(route.carrier) if route.carrier is not None else None
        if carrier is None:
            discarded.append(Discarded(route, "its carrier is disabled or has no server"))
        else:
            usable.append((route, carrier))

    if fax:
        fax_routes = [pair for pair in usable if pair[0].type == "fax"]
        if fax_routes:
            discarded += [
                Discarded(route, "fax routes come first")
                for route, _ in usable
                if route.type != "fax"
            ]
            usable = fax_routes

    limit = min((route.priority for route, _ in usable if route.stopper), default=None)
    if limit is not None:
        discarded += [
            Discarded(route, f"stopped by a route of priority {limit}")
            for route, _ in usable
            if route.priority > limit
        ]
        usable = [(route, carrier) for route, carrier in usable if route.priority <= limit]

    candidates = tuple(_with_probability(usable))
    if not candidates:
        return Plan(number, (), tuple(discarded), (), Reply(503, "No route to this number"))
    return Plan(number, candidates, tuple(discarded), _order(candidates, random), None)


def _with_probability(usable: list[tuple[Route, Carrier]]) -> Iterable[Candidate]:
    """Add the chance of being first among the routes of the same priority."""
    for route, carrier in usable:
        weights = sum(r.weight for r, _ in usable if r.priority == route.priority)
        yield Candidate(route, carrier, route.weight / weights)


def _order(candidates: tuple[Candidate, ...], random: Callable[[], float]) -> tuple[Candidate, ...]:
    """Order by priority; inside one, at random with exact weights (Efraimidis, Spirakis 2006)."""
    keyed = [
        (c.route.priority, -(random() ** (1.0 / c.route.weight)), c.route.id, c) for c in candidates
    ]
    return tuple(c for *_, c in sorted(keyed, key=lambda k: k[:3]))
