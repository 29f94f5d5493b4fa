"""The routing tables: one LMDB file, written by the publisher, mapped by every reader.

Keys are ``kind:name``, values JSON objects. One write transaction replaces all that
changed, so a reader sees one version or the next, never a mixture.
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import lmdb

from kemi.routing import outbound
from kemi.routing.model import Bridge, Carrier, Company, Ddi, Plan, Provider, Route, Server

META = b"meta"


def provider_key(address: str) -> bytes:
    """Key of a DDI provider by its source address."""
    return b"provider:" + address.encode()


def bridge_key(address: str, port: int) -> bytes:
    """Key of a bridge by its source address and port."""
    return f"bridge:{address}:{port}".encode()


def ddi_key(number: str) -> bytes:
    """Key of a DDI by its E.164 number."""
    return b"ddi:" + number.encode()


def company_key(company: int) -> bytes:
    """Key of a company."""
    return b"company:%d" % company


def carrier_key(carrier: int) -> bytes:
    """Key of a carrier."""
    return b"carrier:%d" % carrier


def routes_key(brand: int, company: int | None) -> bytes:
    """Key of a list of routes: a company's own, or the brand's for all companies."""
    return b"routes:%d:%s" % (brand, b"*" if company is None else b"%d" % company)


class Tables:
    """A reader. Open it once in each process; every look-up is a transaction of its own.

    `map_size` has to be the writer's. Raises lmdb.Error when the file is not there yet.
    """

    def __init__(self, path: Path, map_size: int) -> None:
        self._env = lmdb.open(
            str(path), map_size=map_size, subdir=False, readonly=True, max_readers=1024
        )

    def close(self) -> None:
        """Unmap the file."""
        self._env.close()

    def warm(self) -> int:
        """Touch every page once, so that first calls do not wait; return the entry count."""
        with self._env.begin() as transaction:
            return sum(1 for _ in transaction.cursor())

    def _get(self, key: bytes) -> Any:
        with self._env.begin(buffers=False) as transaction:
            value = transaction.get(key)
        return None if value is None else json.loads(value)

    def meta(self) -> dict[str, Any]:
        """Return the version in force and the counts; empty before the first publication."""
        return self._get(META) or {}

    def provider(self, address: str) -> Provider | None:
        """Return the DDI provider that sends from an address."""
        row = self._get(provider_key(address))
        return Provider(**row) if row else None

    def bridge(self, address: str, port: int) -> Bridge | None:
        """Return the bridge that sends from an address and port."""
        row = self._get(bridge_key(address, port))
        return Bridge(**row) if row else None

    def ddi(self, number: str) -> Ddi | None:
        """Return a DDI by its number."""
        row = self._get(ddi_key(number))
        return Ddi(**row) if row else None

    def company(self, company: int) -> Company | None:
        """Return a company."""
        row = self._get(company_key(company))
        return Company(**row) if row else None

    def routes(self, company: Company) -> list[Route]:
        """Return the routes that a company's calls may take."""
        rows: list[dict[str, Any]] = []
        for owner in (None, company.id):
            rows += self._get(routes_key(company.brand, owner)) or []
        return [Route(**{**row, "prefixes": tuple(row["prefixes"])}) for row in rows]

    def carriers(self, routes: list[Route]) -> dict[int, Carrier]:
        """Return the usable carriers of these routes, by id."""
        found = {}
        for carrier in {route.carrier for route in routes if route.carrier is not None}:
            row = self._get(carrier_key(carrier))
            if row:
                servers = tuple(Server(**server) for server in row.pop("servers"))
                found[carrier] = Carrier(**row, servers=servers)
        return found

    def plan(
        self, company: Company, number: str, *, fax: bool, random: Callable[[], float]
    ) -> Plan:
        """Return how a company's call to a number (E.164) leaves; `random` yields [0, 1).

        Kamailio and `vfax route explain` both come through here.
        """
        routes = self.routes(company)
        return outbound.plan(
            number,
            fax=fax,
            routes=routes,
            carriers=self.carriers(routes),
            random=lambda: 1.0 - random(),
        )
