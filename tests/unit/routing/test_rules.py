"""The routing core: each rule as a row, weights by a chi-square test."""

import random
from collections import Counter
from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from kemi.routing import failover, inbound, limits, numbers, outbound
from kemi.routing.model import (
    Brand,
    CallerPolicy,
    Carrier,
    Company,
    Ddi,
    Plan,
    Provider,
    Reply,
    Route,
    Rule,
    Server,
    ToAccount,
    ToUri,
    ToVirtualFax,
)
from kemi.routing.numbers import to_e164

PROVIDER = Provider(1, 10, "Provider")
DDI = Ddi("+34911000001", 10, 20, None, "f30")
BOUND = replace(DDI, provider=9)


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
        ("a known DDI", PROVIDER, "+34911000001", DDI, DDI),
        ("an unknown DDI of another provider", Provider(9, 10, "Bound"), "+34911999999", None, 404),
        ("no number", PROVIDER, None, None, 484),
        ("an unknown DDI", PROVIDER, "+34911999999", None, 404),
        ("a DDI of another brand", Provider(2, 11, "Other"), "+34911000001", DDI, 404),
        ("a DDI of another provider", PROVIDER, "+34911000001", BOUND, 404),
        ("its own provider", Provider(9, 10, "Bound"), "+34911000001", BOUND, BOUND),
    ],
)
def test_a_provider_reaches_the_ddis_of_its_brand(
    name: str, provider: Provider, number: str | None, ddi: Ddi | None, decision: Any
) -> None:
    made = inbound.admit(provider, number, ddi)
    assert (made.code if isinstance(made, Reply) else made) == decision, name


@pytest.mark.parametrize(
    ("local", "port", "found"),
    [("10.0.0.1", 5060, 3), ("10.0.0.1", 5062, 2), ("10.0.0.2", 5060, 1)],
)
def test_the_most_exact_socket_names_the_provider(local: str, port: int, found: int) -> None:
    rows = [
        Provider(1, 10, "any"),
        Provider(2, 11, "address", local="10.0.0.1"),
        Provider(3, 12, "socket", local="10.0.0.1", port=5060),
    ]
    chosen = inbound.choose_provider(rows, local, port)
    assert chosen is not None
    assert chosen.id == found
    assert inbound.choose_provider(rows[1:], "10.0.0.9", 5060) is None


#: Madrid in 2026: summer time from 29 March 01:00 UTC to 25 October 01:00 UTC.
MADRID = ((0, 3600), (1774746000, 7200), (1792890000, 3600))
WEEKDAYS = CallerPolicy("Europe/Madrid", hours=tuple((day, 32400, 61200) for day in range(1, 6)))
WHITE = CallerPolicy("UTC", callers={"+34": "allow", "+34900": "deny"})
BLACK = CallerPolicy("UTC", callers={"+34900": "deny", "anonymous": "deny", "+34900123": "allow"})
ONLY_BLACK = CallerPolicy("UTC", callers={"+34900": "deny", "anonymous": "deny"})


@pytest.mark.parametrize(
    ("name", "policy", "caller", "at", "answer"),
    [
        ("no rules", None, None, "2026-07-06T12:00", None),
        ("open at 9:00 of summer", WEEKDAYS, "+34600000001", "2026-07-06T07:00", None),
        ("not yet open in summer", WEEKDAYS, "+34600000001", "2026-07-06T06:59", 480),
        ("open at 9:00 of winter", WEEKDAYS, "+34600000001", "2026-11-02T08:00", None),
        ("not yet open in winter", WEEKDAYS, "+34600000001", "2026-11-02T07:59", 480),
        ("closes at 17:00 sharp", WEEKDAYS, "+34600000001", "2026-11-02T16:00", 480),
        ("closed on Sunday", WEEKDAYS, "+34600000001", "2026-11-01T12:00", 480),
        ("whom a white list names", WHITE, "+34600000001", "2026-11-02T12:00", None),
        ("the longest prefix wins", WHITE, "+34900000001", "2026-11-02T12:00", 403),
        ("whom a white list does not name", WHITE, "+44600000001", "2026-11-02T12:00", 403),
        ("a white list wants a number", WHITE, None, "2026-11-02T12:00", 403),
        ("whom a black list names", ONLY_BLACK, "+34900000001", "2026-11-02T12:00", 403),
        ("an exception on a black list", BLACK, "+34900123456", "2026-11-02T12:00", None),
        ("whom a black list does not name", ONLY_BLACK, "+34600000001", "2026-11-02T12:00", None),
        ("anonymous on a black list", ONLY_BLACK, None, "2026-11-02T12:00", 403),
    ],
)
def test_a_virtual_fax_takes_calls_by_its_lists_and_hours(
    name: str, policy: CallerPolicy | None, caller: str | None, at: str, answer: int | None
) -> None:
    now = datetime.fromisoformat(at + "+00:00").timestamp()
    made = inbound.destination(DDI, caller=caller, policy=policy, zone=MADRID, now=now)
    if answer is None:
        assert made == ToVirtualFax(DDI, 30), name
    else:
        assert isinstance(made, Reply)
        assert made.code == answer, name


def test_a_ddi_leads_to_a_fax_an_account_a_uri_or_nowhere() -> None:
    account = replace(DDI, target="aata1@fax.acme.example")
    assert inbound.destination(account, caller=None) == ToAccount(account, "ata1@fax.acme.example")
    elsewhere = replace(DDI, target="usip:x@192.0.2.1")
    assert inbound.destination(elsewhere, caller=None) == ToUri(elsewhere, "sip:x@192.0.2.1")
    assert inbound.destination(replace(DDI, target=""), caller=None) == Reply(
        404, "DDI without a target"
    )


@pytest.mark.parametrize(
    ("dial", "user", "number"),
    [
        (("34", "00", ""), "911000001", "+34911000001"),
        (("34", "00", ""), "0044 20 7946 0000", "+442079460000"),
        (("34", "00", ""), "+442079460000", "+442079460000"),
        (("44", "00", "0"), "020 7946 0000", "+442079460000"),
        (("1", "011", "1"), "12125550100", "+12125550100"),
        (("1", "011", "1"), "2125550100", "+12125550100"),
        (("1", "011", "1"), "01134911000001", "+34911000001"),
        (("39", "00", ""), "0612345678", "+390612345678"),
        (("7", "810", "8"), "84951234567", "+74951234567"),
        (("34", "00", ""), "112", None),
        (("", "00", ""), "34911000001", "+34911000001"),
    ],
)
def test_people_dial_as_in_their_country(
    dial: tuple[str, str, str], user: str, number: str | None
) -> None:
    assert numbers.dialled(dial, user) == number


@pytest.mark.parametrize(
    ("user", "tag", "rest"),
    [
        ("12#+34911000001", "12#", "+34911000001"),
        ("12%23911000001", "12#", "911000001"),
        ("911000001", None, "911000001"),
        ("12345#911", None, "12345#911"),
        ("#911", None, "#911"),
    ],
)
def test_a_routing_tag_is_dialled_before_the_number(user: str, tag: str | None, rest: str) -> None:
    assert numbers.split_tag(user) == (tag, rest)


def test_numbers_change_by_the_first_rule_that_matches() -> None:
    rules = {
        "callee_in": (Rule("0", 10, 10, 1, "+34"), Rule("", 9, 9, 0, "+34")),
        "callee_out": (Rule("+34", 0, 32, 3, "0"), Rule("+", 0, 32, 1, "00")),
    }
    assert numbers.incoming(rules, "callee_in", "0911000001") == "+34911000001"
    assert numbers.incoming(rules, "callee_in", "911000001") == "+34911000001"
    assert numbers.incoming(rules, "caller_in", "0044207946000") == "+44207946000"
    assert numbers.outgoing(rules, "callee_out", "+34911000001") == "0911000001"
    assert numbers.outgoing(rules, "callee_out", "+442079460000") == "00442079460000"
    assert numbers.outgoing(rules, "caller_out", "+34911000001") == "+34911000001"


@pytest.mark.parametrize(
    ("code", "silent", "action", "whole"),
    [
        (408, True, "next", False),
        (503, False, "next", False),
        (500, False, "next", False),
        (404, False, "next", True),
        (402, False, "next", True),
        (488, False, "next", True),
        (302, False, "next", True),
        (486, False, "stop", True),
        (600, False, "stop", True),
        (603, False, "retry_later", True),
    ],
)
def test_failures_follow_the_table(code: int, silent: bool, action: str, whole: bool) -> None:
    table: dict[str, Any] = {
        "no_answer": ("next", 180), "3xx": ("next", 180), "4xx": ("next", 180),
        "404": ("next", 180), "408": ("stop", 180), "486": ("stop", 180), "488": ("next", 180),
        "5xx": ("next", 180), "6xx": ("stop", 180), "603": ("retry_later", 60),
    }  # fmt: skip
    made = failover.decide(table, code, silent=silent)
    assert (made.action, made.whole_carrier) == (action, whole)


def test_limits_count_the_call_that_asks() -> None:
    company, brand = Company(1, 1, "C", max_calls=2), Brand(1, max_calls=3)
    assert limits.refusal(company, brand, calls=2, brand_calls=3, inbound=True) is None
    beyond = limits.refusal(company, brand, calls=3, brand_calls=3, inbound=True)
    assert beyond is not None
    assert beyond.code == 486
    brands = limits.refusal(company, brand, calls=1, brand_calls=4, inbound=False)
    assert brands is not None
    assert (brands.code, "brand" in brands.reason) == (403, True)
    assert limits.refusal(Company(1, 1, "C"), None, calls=99, brand_calls=99, inbound=True) is None


def carrier(number: int) -> Carrier:
    server = Server(number, f"192.0.2.{number}", 5060, "udp", 0)
    return Carrier(number, 10, f"c{number}", (server,))


CARRIERS = {n: carrier(n) for n in range(1, 6)}


def route(number: int, kind: str = "pattern", **more: object) -> Route:
    fields: dict[str, object] = {
        "id": number, "brand": 10, "company": None, "type": kind, "mode": "static",
        "priority": 100, "weight": 1, "stopper": False, "carriers": (number,), "prefixes": ("+",),
    }  # fmt: skip
    return Route(**{**fields, **more})  # type: ignore[arg-type]


def plan(*routes: Route, fax: bool = True, seed: int = 1, **more: Any) -> Plan:
    dice = random.Random(seed)
    return outbound.plan(
        "+34911234567",
        fax=fax,
        routes=routes,
        carriers=CARRIERS,
        random=lambda: 1.0 - dice.random(),
        **more,
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
         [route(1), route(2, "fax", carriers=(99,))], True, [1], None),
        ("only matching prefixes", [route(1, prefixes=("+44",)), route(2, prefixes=("+1", "+34"))],
         True, [2], None),
        ("a block wins over all", [route(1), route(2, mode="block", carriers=(), priority=200)],
         True, [], 403),
        ("a block that does not match is nothing",
         [route(1), route(2, mode="block", carriers=(), prefixes=("+44",))], True, [1], None),
        ("a block among fax routes spares calls",
         [route(1), route(2, "fax", mode="block", carriers=())], False, [1], None),
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


PRICES = {1: 0.02, 2: 0.01, 4: 0.01}


@pytest.mark.parametrize(
    ("name", "routes", "more", "order"),
    [
        ("the cheapest first, the same price by id",
         [route(9, mode="lcr", carriers=(1, 2, 3, 4))], {}, [2, 4, 1]),
        ("an lcr route stands at its priority",
         [route(3, priority=10), route(9, mode="lcr", carriers=(1, 2))], {}, [3, 2, 1]),
        ("a carrier is tried once", [route(1, priority=10), route(2, carriers=(1,))], {}, [1]),
        ("a tag chooses its routes", [route(1), route(2, tag=7), route(3, tag=8)],
         {"tag": 7}, [2]),
        ("without a tag only routes without", [route(1), route(2, tag=7)], {}, [1]),
        ("call routes follow failed fax routes on demand",
         [route(1, "fax"), route(2)], {"fall_back": True}, [1, 2]),
        ("a stopper among fax routes spares the call routes",
         [route(1, "fax", priority=1, stopper=True), route(2, "fax", priority=2),
          route(3, priority=50)], {"fall_back": True}, [1, 3]),
    ],
)  # fmt: skip
def test_orders(name: str, routes: list[Route], more: dict[str, Any], order: list[int]) -> None:
    made = plan(*routes, price=PRICES.get, **more)
    assert [c.carrier.id for c in made.order] == order, name
    assert sum(c.probability for c in made.candidates) == pytest.approx(
        len({(c.route.priority, c.route.type == "fax") for c in made.candidates})
    )


def test_carriers_that_failed_lately_are_tried_last() -> None:
    made = plan(*(route(n, priority=n) for n in (1, 2, 3, 4)))
    last = outbound.put_last(made, {1, 3, 99})
    assert [c.carrier.id for c in last.order] == [2, 4, 1, 3]
    assert outbound.put_last(made, ()) == made


def test_a_carrier_server_gets_number_caller_and_headers_as_it_wants() -> None:
    server = Server(1, "192.0.2.1", 5060, "udp", 0, from_domain="us.example", remote_party_id=True)
    rules = {"callee_out": (Rule("+34", 0, 32, 1, ""),), "caller_out": (Rule("+", 0, 32, 1, "00"),)}
    leg = outbound.leg(
        route(1, add_prefix="77", caller="+34900000000"), server,
        number="+34911000001", caller="+34911000099", transformation=rules,
    )  # fmt: skip
    assert (leg.user, leg.caller, leg.from_domain) == (
        "7734911000001", "0034900000000", "us.example",
    )  # fmt: skip
    assert leg.headers == (
        "P-Asserted-Identity: <sip:0034900000000@us.example>",
        "Remote-Party-ID: <sip:0034900000000@us.example>;party=calling;screen=yes;privacy=off",
    )
    plain = outbound.leg(None, None, number="+34911000001", caller=None, transformation={})
    assert (plain.user, plain.caller, plain.headers) == ("+34911000001", None, ())
