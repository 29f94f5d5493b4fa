"""Rows of the views routing_KIND, decoded to facts.

During an upgrade old processes read new rows and new processes read old ones. So a decoder
uses the keys that it knows, ignores all others, and gives a missing optional key the default
of its field. In rows that are arrays, additional elements at the end are ignored.
"""

import json
from collections.abc import Callable
from dataclasses import MISSING, fields
from functools import wraps
from typing import Any, TypeVar

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
    Transformation,
)

Raw = bytes | str
T = TypeVar("T")


class RowError(ValueError):
    """A row lacks a required key, or a value has the wrong shape."""


def _keys(fact: type) -> tuple[tuple[str, ...], frozenset[str]]:
    """Return all keys of a kind of fact, and the required ones."""
    known = fields(fact)
    required = (f.name for f in known if f.default is MISSING and f.default_factory is MISSING)
    return tuple(f.name for f in known), frozenset(required)


_KEYS: dict[type, tuple[tuple[str, ...], frozenset[str]]] = {
    fact: _keys(fact)
    for fact in (Account, Brand, Bridge, CallerPolicy, Carrier, Company, Provider, Route, Server)
}


def _build(fact: type[T], row: dict[str, Any], **converted: Any) -> T:
    """Build a fact from the keys of a row that it has fields for. Raises RowError."""
    known, required = _KEYS[fact]
    values = {key: row[key] for key in known if key in row} | converted
    missing = sorted(required - values.keys())
    if missing:
        raise RowError(f"missing {', '.join(missing)}")
    return fact(**values)


def _decoder(convert: Callable[[Any], T]) -> Callable[[Raw], T]:
    """Make a decoder of JSON text; it raises RowError and no other error."""

    @wraps(convert)
    def decode(raw: Raw) -> T:
        try:
            return convert(json.loads(raw))
        except RowError:
            raise
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise RowError(f"{type(error).__name__}: {error}") from error

    return decode


@_decoder
def account(row: Any) -> Account:
    """Decode a SIP account."""
    return _build(Account, row)


@_decoder
def brand(row: Any) -> Brand:
    """Decode a brand."""
    return _build(Brand, row)


@_decoder
def bridge(row: Any) -> Bridge:
    """Decode a bridge."""
    return _build(Bridge, row)


@_decoder
def bridges(rows: Any) -> list[tuple[int, str]]:
    """Decode the receiving bridges: ``[[id, "address:port"], ...]``."""
    return [(id_, address) for id_, address, *_ in rows]


@_decoder
def caller_policy(row: Any) -> CallerPolicy:
    """Decode the caller lists and hours of a virtual fax."""
    hours = tuple((day, opens, closes) for day, opens, closes, *_ in row.get("hours", ()))
    return _build(CallerPolicy, row, hours=hours)


@_decoder
def carrier(row: Any) -> Carrier:
    """Decode a carrier with its servers and failover rules."""
    servers = tuple(_build(Server, server) for server in row["servers"])
    failover = {name: (rule[0], rule[1]) for name, rule in row.get("failover", {}).items()}
    return _build(Carrier, row, servers=servers, failover=failover)


@_decoder
def company(row: Any) -> Company:
    """Decode a company."""
    if "dial" not in row:
        return _build(Company, row)
    code, international, trunk, *_ = row["dial"]
    return _build(Company, row, dial=(code, international, trunk))


@_decoder
def providers(rows: Any) -> tuple[Provider, ...]:
    """Decode the DDI providers of one source address."""
    return tuple(_build(Provider, row) for row in rows)


@_decoder
def rates(rows: Any) -> tuple[tuple[float, float, float | None], ...]:
    """Decode prices per minute: ``[[price, valid from, valid until or null], ...]``."""
    return tuple((float(price), since, until) for price, since, until, *_ in rows)


@_decoder
def route(row: Any) -> Route:
    """Decode an outgoing route."""
    carriers, prefixes = tuple(row["carriers"]), tuple(row["prefixes"])
    return _build(Route, row, carriers=carriers, prefixes=prefixes)


@_decoder
def secret(row: Any) -> tuple[str, str, str]:
    """Decode the digest credentials of a carrier server: ``[user, realm, HA1]``."""
    user, realm, ha1, *_ = row
    return user, realm, ha1


@_decoder
def transformation(row: Any) -> Transformation:
    """Decode a number transformation: the rules of each direction, in order of priority."""
    return {
        direction: tuple(
            Rule(prefix, shortest, longest, strip, add)
            for prefix, shortest, longest, strip, add, *_ in rules
        )
        for direction, rules in row.items()
    }


@_decoder
def zone(rows: Any) -> tuple[tuple[int, int], ...]:
    """Decode a time zone: ``[[Unix time, UTC offset in seconds from then on], ...]``."""
    return tuple((since, offset) for since, offset, *_ in rows)


def ddi(number: str, raw: Raw) -> Ddi:
    """Decode ``brand,company,provider,target``: text, as there may be millions.

    The target comes last because a SIP URI may contain commas. Raises RowError.
    """
    text = raw if isinstance(raw, str) else raw.decode()
    try:
        brand_id, company_id, provider_id, target = text.split(",", 3)
        return Ddi(
            number,
            int(brand_id),
            int(company_id),
            int(provider_id) if provider_id else None,
            target,
        )
    except ValueError as error:
        raise RowError(f"{text!r} is not brand,company,provider,target") from error


#: The decoder of each kind of row; DDIs are decoded by `ddi`.
DECODERS: dict[str, Callable[[Raw], Any]] = {
    "account": account,
    "brand": brand,
    "bridge": bridge,
    "bridges": bridges,
    "carrier": carrier,
    "company": company,
    "fax": caller_policy,
    "numbers": transformation,
    "provider": providers,
    "rate": rates,
    "route": route,
    "secret": secret,
    "zone": zone,
}
#: The kinds with numeric ids; those of all others are text.
NUMBERED = frozenset(("brand", "carrier", "company", "fax", "numbers", "route", "secret"))
