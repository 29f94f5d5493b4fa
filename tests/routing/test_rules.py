"""The routing core: each rule as a row, weights by a chi-square test."""

import random
from collections import Counter

import pytest

from kemi.routing import inbound, outbound
from kemi.routing.explain import explain
from kemi.routing.model import Carrier, Ddi, Plan, Provider, Reply, Route, Server, ToVirtualFax
from kemi.routing.numbers import to_e164

PROVIDER = Provider(1, 10, "Provider")
DDI = Ddi(5, "+34911000001", 10, 20, None, 30)


@pytest.mark.parametrize(
    ("user", "number"),
    [
        ("+34911000001", "+34911000001"),
        ("0034911000001", "+34911000001"),
        ("34911000001", "+34911000001"),
        ("+34-911.000(001)", "+34911000001"),
        ("+34911000001;phone-context=x", "+34911000001"),
        ("+0349110000", None),
        ("911", None),
        ("+1234567890123456", None),
        ("alice", None),
        ("", None),
        ("+3491100000a", None),
        ("٣٤٩١١٠٠٠٠٠١", None),
    ],
)
def test_numbers(user: str, number: str | None) -> None:
    assert to_e164(user) == number


@pytest.mark.parametrize(
    ("name", "provider", "number", "ddi", "decision"),
    [
        ("a known DDI", PROVIDER, "+34911000001", DDI, ToVirtualFax(DDI, 30)),
        ("an unknown peer", None, "+34911000001", DDI, 403),
        ("no number", PROVIDER, None, None, 484),
        ("an unknown DDI", PROVIDER, "+34911999999", None, 404),
        ("a DDI of another brand", Provider(2, 11, "Other"), "+34911000001", DDI, 404),
        ("a DDI of another provider", PROVIDER, "+34911000001",
         Ddi(5, "+34911000001", 10, 20, 9, 30), 404),
        ("its own provider", PROVIDER, "+34911000001",
         Ddi(5, "+34911000001", 10, 20, 1, 30),
         ToVirtualFax(Ddi(5, "+34911000001", 10, 20, 1, 30), 30)),
        ("a DDI that points nowhere", PROVIDER, "+34911000001",
         Ddi(5, "+34911000001", 10, 20, None, None), 404),
    ],
)  # fmt: skip
def test_inbound(
    name: str,
    provider: Provider | None,
    number: str | None,
    ddi: Ddi | None,
    decision: ToVirtualFax | int,
) -> None:
    made = inbound.decide(provider, number, ddi)
    assert (made.code if isinstance(made, Reply) else made) == decision, name


def carrier(number: int) -> Carrier:
    return Carrier(number, 10, f"c{number}", (Server(number, f"sip:192.0.2.{number}:5060", 0),))


CARRIERS = {n: carrier(n) for n in range(1, 6)}


def route(number: int, kind: str = "pattern", **more: object) -> Route:
    fields: dict[str, object] = {
        "id": number, "brand": 10, "company": None, "type": kind, "mode": "static",
        "priority": 100, "weight": 1, "stopper": False, "carrier": number, "prefixes": ("+",),
    }  # fmt: skip
    return Route(**{**fields, **more})  # type: ignore[arg-type]


def plan(*routes: Route, fax: bool = True, seed: int = 1) -> Plan:
    dice = random.Random(seed)
    return outbound.plan(
        "+34911234567",
        fax=fax,
        routes=routes,
        carriers=CARRIERS,
        random=lambda: 1.0 - dice.random(),
    )


@pytest.mark.parametrize(
    ("name", "routes", "fax", "order", "reply"),
    [
        ("priority, lower first", [route(1, priority=20), route(2, priority=10)], True,
         [2, 1], None),
        ("a fax takes fax routes first", [route(1), route(2, "fax")], True, [2], None),
        ("a call takes no fax route", [route(1), route(2, "fax")], False, [1], None),
        ("a fax without fax routes goes as a call", [route(1), route(2)], True, {1, 2}, None),
        ("a fax route without usable carrier does not count",
         [route(1), route(2, "fax", carrier=99)], True, [1], None),
        ("only matching prefixes", [route(1, prefixes=("+44",)), route(2, prefixes=("+1", "+34"))],
         True, [2], None),
        ("a block wins over all", [route(1), route(2, mode="block", carrier=None, priority=200)],
         True, [], 403),
        ("a block that does not match is nothing",
         [route(1), route(2, mode="block", carrier=None, prefixes=("+44",))], True, [1], None),
        ("a block among fax routes spares calls",
         [route(1), route(2, "fax", mode="block", carrier=None)], False, [1], None),
        ("a stopper discards higher numbers, never its own",
         [route(1, priority=10, stopper=True), route(2, priority=10), route(3, priority=11)],
         True, {1, 2}, None),
        ("the lowest stopper counts",
         [route(1, priority=5), route(2, priority=10, stopper=True),
          route(3, priority=10), route(4, priority=20, stopper=True)], True, {1, 2, 3}, None),
        ("nothing matches", [route(1, prefixes=("+44",))], True, [], 503),
        ("no routes", [], True, [], 503),
    ],
)  # fmt: skip
def test_outbound(
    name: str, routes: list[Route], fax: bool, order: list[int] | set[int], reply: int | None
) -> None:
    made = plan(*routes, fax=fax)
    ids = [c.route.id for c in made.order]
    assert (set(ids) if isinstance(order, set) else ids) == order, name
    assert (made.reply.code if made.reply else None) == reply, name
    seen = {c.route.id for c in made.candidates} | {d.route.id for d in made.discarded}
    if reply != 403:
        assert seen == {r.id for r in routes}, "every route is a candidate, or says why not"


#: Upper 1 % points of chi-square by degrees of freedom.
CHI_SQUARE_1_PERCENT = {1: 6.635, 2: 9.210}


@pytest.mark.parametrize("weights", [(1, 2), (1, 1), (3, 5, 2)])
def test_weights_are_exact_shares(weights: tuple[int, ...]) -> None:
    routes = [route(n, weight=w) for n, w in enumerate(weights, start=1)]
    dice = random.Random(2026)
    runs = 10_000
    first: Counter[int] = Counter()
    for _ in range(runs):
        made = outbound.plan(
            "+34911234567",
            fax=False,
            routes=routes,
            carriers=CARRIERS,
            random=lambda: 1.0 - dice.random(),
        )
        first[made.order[0].route.id] += 1
        assert len(made.order) == len(weights)
    expected = {n: runs * w / sum(weights) for n, w in enumerate(weights, start=1)}
    chi_square = sum((first[n] - e) ** 2 / e for n, e in expected.items())
    assert chi_square < CHI_SQUARE_1_PERCENT[len(weights) - 1], dict(first)
    for candidate in made.candidates:
        share = candidate.route.weight / sum(weights)
        assert candidate.probability == pytest.approx(share)


def test_explain_tells_all_and_keeps_its_keys() -> None:
    told = explain(plan(route(1, "fax"), route(2), route(3, prefixes=("+44",))))
    assert told == {
        "number": "+34911234567",
        "candidates": [
            {
                "route": 1,
                "type": "fax",
                "priority": 100,
                "weight": 1,
                "probability": 1.0,
                "carrier": 1,
                "carrier_name": "c1",
                "servers": ["sip:192.0.2.1:5060"],
            }
        ],
        "discarded": [
            {"route": 3, "reason": "the number does not match"},
            {"route": 2, "reason": "fax routes come first"},
        ],
        "order": [1],
        "reply": None,
    }
