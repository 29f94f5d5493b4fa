"""The routing tables: one LMDB file, written by the publisher, mapped by every reader.

An entry is ``KIND:id`` with the value of the view routing_KIND. In addition each prefix of a
route has an empty entry ``to:BRAND:COMPANY:PREFIX,ROUTE`` (``*`` for all companies). One write
transaction replaces everything that changed, so a reader sees one version or the next, never
a mixture.
"""

import json
from pathlib import Path
from typing import Any

import lmdb

from kemi.routing.facts import Facts

META = b"meta"


def entry_key(kind: str, name: str) -> bytes:
    """Return the key of an entry."""
    return f"{kind}:{name}".encode()


def routes_key(brand: int, company: int | None) -> bytes:
    """Return the common prefix of the keys of a company's routes; None: of all companies."""
    return b"to:%d:%s:" % (brand, b"*" if company is None else b"%d" % company)


class MappedSource:
    """Entries of the mapped file, as of the transaction that is open."""

    def __init__(self) -> None:
        self.transaction: Any = None  #: set while something is being read

    def get(self, kind: str, name: str) -> bytes | None:
        """Return the value of an entry."""
        value: Any = self.transaction.get(f"{kind}:{name}".encode())
        return value  # type: ignore[no-any-return]

    def routes(self, brand: int, company: int | None, number: str | None) -> list[int]:
        """Return the routes that match a number: one seek for each of its prefixes in use."""
        owner = routes_key(brand, company)
        cursor: Any = self.transaction.cursor()
        if number is not None:
            return sorted({int(name) for name in self._matching(cursor, owner, number.encode())})
        ids = set()
        more = cursor.set_range(owner)
        while more and cursor.key().startswith(owner):
            ids.add(int(cursor.key().rpartition(b",")[2]))
            more = cursor.next()
        return sorted(ids)

    @staticmethod
    def _matching(cursor: Any, owner: bytes, number: bytes) -> list[bytes]:
        """Return the routes of the prefixes of a number; a comma sorts before the digits."""
        names: list[bytes] = []
        for length in range(1, len(number) + 1):
            prefix = owner + number[:length]
            exact = prefix + b","
            if not cursor.set_range(exact):
                break
            key = cursor.key()
            while key.startswith(exact):
                names.append(key[len(exact) :])
                if not cursor.next():
                    return names
                key = cursor.key()
            if not key.startswith(prefix):
                break  # no longer prefix of this number is in use
        return names


class Tables:
    """A reader. Open it once in each process, after the fork.

    `map_size` has to be the writer's. Raises lmdb.Error if the file does not exist yet.
    """

    def __init__(self, path: Path, map_size: int) -> None:
        self.env = lmdb.open(
            str(path), map_size=map_size, subdir=False, readonly=True, max_readers=1024
        )
        self.source = MappedSource()
        self.facts = Facts(self.source)
        self.version = -1  #: of the cached facts: the id of LMDB's last write transaction
        self._reading = Reading(self)

    def close(self) -> None:
        """Unmap the file."""
        self.env.close()

    def warm(self) -> int:
        """Read every page once, so that first calls find them mapped; return the entry count."""
        with self.env.begin() as transaction:
            return sum(1 for _ in transaction.cursor())

    def reading(self) -> "Reading":
        """Return a context manager that yields the facts of one version; it does not nest."""
        return self._reading

    def meta(self) -> dict[str, Any]:
        """Return the version in force and entry counts; empty before the first publication."""
        with self.env.begin() as transaction:
            return json.loads(transaction.get(META) or b"{}")  # type: ignore[no-any-return]


class Reading:
    """A read transaction: all facts in it are of one version."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def __enter__(self) -> Facts:
        tables = self._tables
        transaction = tables.env.begin()
        tables.source.transaction = transaction
        version = transaction.id()
        if version != tables.version:
            tables.version = version
            tables.facts.clear_cache()
        return tables.facts

    def __exit__(self, *_: object) -> None:
        self._tables.source.transaction.abort()
