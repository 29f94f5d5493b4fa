"""Rows of other versions: during an upgrade old processes read new rows, new ones old rows."""

import json
from typing import Any

import pytest

from kemi.routing import decode
from kemi.routing.decode import DECODERS, RowError
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
    Rule,
    Server,
)

ROUTE: dict[str, Any] = {
    "id": 1, "brand": 10, "type": "pattern", "mode": "static", "priority": 5, "weight": 2,
    "stopper": True, "carriers": [3], "prefixes": ["+34", "+44"],
}  # fmt: skip

#: Of each kind the row of the first version, with required keys alone, and what it decodes to.
OLDEST: dict[str, tuple[Any, Any]] = {
    "account": (
        {"id": 1, "brand": 10, "company": 20, "ha1": "x", "fax_device": True},
        Account(1, 10, 20, "x", fax_device=True, caller=None),
    ),
    "brand": ({"id": 10}, Brand(10, max_calls=None, fall_back=False)),
    "bridge": (
        {"id": 1, "name": "a", "receives": True},
        Bridge(1, "a", receives=True),
    ),
    "bridges": ([[1, "192.0.2.2:5070"]], [(1, "192.0.2.2:5070")]),
    "carrier": (
        {"id": 3, "brand": 10, "name": "C", "servers": [{"id": 7, "host": "192.0.2.7"}]},
        Carrier(3, 10, "C", (Server(7, "192.0.2.7", None, "udp", 0),)),
    ),
    "company": (
        {"id": 20, "brand": 10, "name": "Acme"},
        Company(20, 10, "Acme", dial=("", "00", ""), zone="UTC", tags={}),
    ),
    "fax": ({"zone": "UTC"}, CallerPolicy("UTC", callers={}, hours=())),
    "numbers": (
        {"callee_in": [["9", 9, 9, 0, "+34"]]},
        {"callee_in": (Rule("9", 9, 9, 0, "+34"),)},
    ),
    "provider": ([{"id": 1, "brand": 10, "name": "P"}], (Provider(1, 10, "P"),)),
    "rate": ([[0.01, 0, None]], ((0.01, 0, None),)),
    "route": (
        ROUTE,
        Route(
            id=1, brand=10, company=None, type="pattern", mode="static", priority=5, weight=2,
            stopper=True, carriers=(3,), prefixes=("+34", "+44"), tag=None, add_prefix="",
            caller=None,
        ),
    ),
    "secret": (["user", "realm", "ha1"], ("user", "realm", "ha1")),
    "zone": ([[0, 3600]], ((0, 3600),)),
}  # fmt: skip

#: Arrays whose elements are rows themselves; all others are lists of ids, numbers, prefixes.
LISTS = frozenset(("carriers", "prefixes"))


def of_a_newer_version(value: Any) -> Any:
    """Return a row with an unknown key in each object, an additional element in each array."""
    if isinstance(value, dict):
        if all(isinstance(item, list) for item in value.values()):
            return {key: of_a_newer_version(item) for key, item in value.items()}  # directions
        newer = {k: v if k in LISTS else of_a_newer_version(v) for k, v in value.items()}
        return {**newer, "added_later": {"a": [1]}}
    if isinstance(value, list):
        newer_items = [of_a_newer_version(item) for item in value]
        nested = any(isinstance(item, list | dict) for item in value)
        return newer_items if nested else [*newer_items, "added later"]
    return value


def test_every_kind_has_a_case() -> None:
    assert OLDEST.keys() == DECODERS.keys()


@pytest.mark.parametrize("kind", sorted(OLDEST))
def test_a_row_of_an_older_version_gets_the_defaults(kind: str) -> None:
    row, fact = OLDEST[kind]
    assert DECODERS[kind](json.dumps(row)) == fact
    assert DECODERS[kind](json.dumps(row).encode()) == fact


@pytest.mark.parametrize("kind", sorted(OLDEST))
def test_a_row_of_a_newer_version_is_read_without_what_is_unknown(kind: str) -> None:
    row, fact = OLDEST[kind]
    newer = of_a_newer_version(row)
    assert newer != row
    assert DECODERS[kind](json.dumps(newer)) == fact


def test_every_optional_key_is_read() -> None:
    server = {
        "id": 7, "host": "sip.example", "port": 5061, "transport": "tls", "priority": 9,
        "named": True, "from_domain": "us.example", "asserted_identity": False,
        "remote_party_id": True,
    }  # fmt: skip
    row = {
        "id": 3, "brand": 10, "name": "C", "transformation": 4, "servers": [server],
        "failover": {"486": ["stop", 180, "added later"]},
    }  # fmt: skip
    assert decode.carrier(json.dumps(row)) == Carrier(
        3, 10, "C",
        (Server(7, "sip.example", 5061, "tls", 9, True, "us.example", False, True),),
        {"486": ("stop", 180)}, 4,
    )  # fmt: skip
    row = {
        "id": 20, "brand": 10, "name": "Acme", "dial": ["44", "00", "0", "added later"],
        "zone": "Europe/London", "max_calls": 2, "least_loaded": True, "transformation": 4,
        "caller": "+442079460000", "tags": {"12#": 7},
    }  # fmt: skip
    assert decode.company(json.dumps(row)) == Company(
        20, 10, "Acme", ("44", "00", "0"), "Europe/London", 2, True, 4, "+442079460000",
        {"12#": 7},
    )  # fmt: skip
    policy = {"zone": "UTC", "callers": {"+34": "allow"}, "hours": [[1, 0, 60, "added later"]]}
    assert decode.caller_policy(json.dumps(policy)) == CallerPolicy(
        "UTC", {"+34": "allow"}, ((1, 0, 60),)
    )
    own = decode.route(json.dumps({**ROUTE, "company": 20, "tag": 7, "add_prefix": "9"}))
    assert (own.company, own.tag, own.add_prefix) == (20, 7, "9")


@pytest.mark.parametrize(
    ("kind", "row", "message"),
    [
        ("company", {"id": 20}, "missing brand, name"),
        ("carrier", {"id": 3, "brand": 10, "name": "C", "servers": [{"id": 7}]}, "missing host"),
        ("carrier", {"id": 3, "brand": 10, "name": "C"}, "servers"),
        ("provider", [{"added_later": 1}], "missing brand, id, name"),
        ("company", [], "missing brand, id, name"),
        ("zone", [[1]], "ValueError"),
        ("fax", {"zone": "UTC", "hours": [1]}, "TypeError"),
        ("bridges", {"a": 1}, "ValueError"),
    ],
)
def test_a_row_without_what_is_required_names_it(kind: str, row: Any, message: str) -> None:
    with pytest.raises(RowError, match=message):
        DECODERS[kind](json.dumps(row))


def test_text_that_is_not_json_is_a_row_error() -> None:
    with pytest.raises(RowError):
        decode.brand("no JSON")


def test_a_ddi_is_text() -> None:
    assert decode.ddi("+34911000001", b"10,20,,f30") == Ddi("+34911000001", 10, 20, None, "f30")
    target = "usip:+34911@pbx.example;a=1,2"
    assert decode.ddi("+34911000001", f"10,20,9,{target}").target == target
    with pytest.raises(RowError, match="brand,company,provider,target"):
        decode.ddi("+34911000001", "10,20")
