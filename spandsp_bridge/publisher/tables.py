"""The writing end of the routing tables."""

import json
import re
import time
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import lmdb

from kemi.routing import decode
from kemi.routing.numbers import to_e164
from kemi.tables import META, entry_key, routes_key
from spandsp_bridge.errors import VfaxError

Entry = tuple[bytes, bytes]
Change = tuple[bytes, bytes | None]
DDI = b"ddi:"
NO_ENTRY = "registration:"  #: rows that are published elsewhere, but rejected here
AFTER_DDIS = b"ddi;"  # ; follows : in ASCII
END: Entry = (b"\xff", b"")  # greater than every key
_TARGET = re.compile(r"(f[0-9]+|a[^@]+@.+|usip:.+|)\Z")


MAX_KEY = 511  #: octets: LMDB refuses more, and with the key everything that it was to publish
MAX_VALUE = 4 * 2**20


class BadEntryError(VfaxError):
    """A row that is rejected; the message names it."""


def _check(kind: str, id_: str, value: str) -> None:
    """Read an entry as Kamailio will. Raises BadEntryError."""
    good = True
    try:
        if kind == "ddi":
            good = to_e164(id_) == id_ and bool(_TARGET.match(decode.ddi(id_, value).target))
        else:
            decode.DECODERS[kind](value)
    except Exception as error:  # JSON of others: infinities, depth, types in any place
        raise _stays(kind, id_, error) from error
    if not good:
        raise BadEntryError(
            "DDI {id}: invalid number or unknown target: {value}", id=id_[:100], value=value[:100]
        )


def _check_sizes(entries: list[Entry]) -> None:
    for key, data in entries:
        if len(key) > MAX_KEY or len(data) > MAX_VALUE:
            raise ValueError(
                f"a key of {len(key)} octets (at most {MAX_KEY}) with a value of {len(data)} "
                f"(at most {MAX_VALUE})"
            )


def _stays(kind: str, id_: str, error: Exception) -> BadEntryError:
    name = id_ if len(id_) <= 100 else f"{id_[:100]}..."
    return BadEntryError(
        "{kind} {id}: {error}; the entry stays as it was",
        kind=kind,
        id=name,
        error=str(error)[:300] or type(error).__name__,
    )


def entries_of(kind: str, id_: str, value: str) -> list[Entry]:
    """Return the entries that a row of the view routing_KIND makes. Raises BadEntryError."""
    _check(kind, id_, value)
    try:
        made = [(entry_key(kind, id_), value.encode())]
        if kind == "route":
            made += [(key, b"") for key in _index_keys(value)]
        _check_sizes(made)
    except Exception as error:
        raise _stays(kind, id_, error) from error
    return made


def _index_keys(route: str | bytes) -> Iterator[bytes]:
    """Yield the keys by which a route is found: one for each of its prefixes."""
    row = json.loads(route)
    owner = routes_key(row["brand"], row.get("company"))
    for prefix in row["prefixes"]:
        yield b"%s%s,%d" % (owner, prefix.encode(), row["id"])


class TableWriter:
    """The only writer of the file. Every change is one transaction, synced to the disk."""

    def __init__(self, path: Path, map_size: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        # Not readable by all: the entries hold HA1s.
        self._env = lmdb.open(
            str(path), map_size=map_size, subdir=False, max_readers=1024, mode=0o640
        )
        self.refused: dict[str, str] = {}  #: rejected rows, KIND:ID, and why

    def close(self) -> None:
        """Close the file."""
        self._env.close()

    def replace(self, small: Iterable[tuple[str, str, str]], ddis: Iterable[Entry]) -> int:
        """Make the tables hold exactly these entries; return the version in force.

        `small` are (kind, id, value) in any order; `ddis` are entries in the order of
        their keys, as there may be millions. Without a change nothing is written.
        """
        self.refused = {
            key: reason for key, reason in self.refused.items() if key.startswith(NO_ENTRY)
        }
        wanted: dict[bytes, bytes] = {}
        kept: set[bytes] = set()
        for kind, id_, value in small:
            try:
                wanted.update(entries_of(kind, id_, value))
            except BadEntryError as error:
                key = entry_key(kind, id_)
                self.refused[key.decode()] = str(error)
                kept.add(key)
        with self._env.begin(write=True) as transaction:
            if transaction.get(META) is None:
                count = self._fill(transaction, wanted, ddis)
                return self._stamp(transaction, ddis=count)
            changes, count = self._differences(transaction, wanted, kept, ddis)
            for key, new in changes:
                if new is None:
                    transaction.delete(key)
                else:
                    transaction.put(key, new)
            meta = _meta(transaction)
            if not changes and meta["refused"] == self.refused:
                return int(meta["version"])
            return self._stamp(transaction, ddis=count)

    @staticmethod
    def _fill(
        transaction: lmdb.Transaction, wanted: dict[bytes, bytes], ddis: Iterable[Entry]
    ) -> int:
        """Fill an empty file in the order of the keys: every page is full."""
        small = sorted(wanted.items())
        with transaction.cursor() as cursor:
            cursor.putmulti([e for e in small if e[0] < DDI], append=True)
            cursor.putmulti(ddis, append=True)
            count = transaction.stat()["entries"] - sum(1 for e in small if e[0] < DDI)
            cursor.putmulti([e for e in small if e[0] > DDI], append=True)
        return int(count)

    @staticmethod
    def _differences(
        transaction: lmdb.Transaction,
        wanted: dict[bytes, bytes],
        kept: set[bytes],
        ddis: Iterable[Entry],
    ) -> tuple[list[Change], int]:
        """Compare with the file; return the changes, and how many DDIs there will be."""
        changes: list[Change] = []
        kept = kept | {META} | {k for key in kept for k in _index_of(transaction, key)}
        for key, value in _all_but_ddis(transaction):
            if key in kept:
                continue
            new = wanted.pop(key, None)
            if new != value:
                changes.append((key, new))
        changes += wanted.items()
        count = 0
        present = _ddis(transaction)
        old = next(present, END)
        for new_entry in ddis:
            count += 1
            while old[0] < new_entry[0]:
                changes.append((old[0], None))
                old = next(present, END)
            if old[0] != new_entry[0]:
                changes.append(new_entry)
                continue
            if old[1] != new_entry[1]:
                changes.append(new_entry)
            old = next(present, END)
        while old is not END:
            changes.append((old[0], None))
            old = next(present, END)
        return changes, count

    def update(self, rows: Mapping[tuple[str, str], str | None]) -> int:
        """Bring single entries up to date; return the version in force.

        `rows` has the value of each (kind, id), None for a removed one. One transaction.
        """
        with self._env.begin(write=True) as transaction:
            meta = _meta(transaction)
            ddis, changed = int(meta.get("ddis", 0)), False
            for (kind, id_), value in rows.items():
                key = entry_key(kind, id_)
                changed |= self.refused.pop(key.decode(), None) is not None
                try:
                    new = dict(entries_of(kind, id_, value)) if value is not None else {}
                except BadEntryError as error:
                    self.refused[key.decode()] = str(error)
                    changed = True
                    continue
                if len(key) > MAX_KEY:  # was never there
                    continue
                old = {key, *_index_of(transaction, key)}
                for gone in old - new.keys():
                    if transaction.delete(gone):
                        changed = True
                        ddis -= kind == "ddi"
                for name, data in new.items():
                    before = transaction.get(name)
                    if before != data:
                        transaction.put(name, data)
                        changed = True
                        ddis += kind == "ddi" and before is None
            if not changed:
                return int(meta.get("version", 0))
            return self._stamp(transaction, ddis=ddis)

    def set_rejected(self, kind: str, reasons: Mapping[str, str]) -> int:
        """Record all rejected rows of a kind that has no entries, the reason of each by its id.

        Return the version in force.
        """
        others = {k: r for k, r in self.refused.items() if not k.startswith(f"{kind}:")}
        refused = others | {f"{kind}:{id_}": reason for id_, reason in reasons.items()}
        with self._env.begin(write=True) as transaction:
            meta = _meta(transaction)
            self.refused = refused
            if meta.get("refused", {}) == refused:
                return int(meta.get("version", 0))
            return self._stamp(transaction, ddis=int(meta.get("ddis", 0)))

    def _stamp(self, transaction: lmdb.Transaction, *, ddis: int) -> int:
        """Write the version."""
        meta = _meta(transaction)
        version = int(meta.get("version", 0)) + 1
        transaction.put(
            META,
            json.dumps(
                {
                    "version": version,
                    "published_at": time.time(),
                    "entries": transaction.stat()["entries"],
                    "ddis": ddis,
                    "refused": self.refused,
                }
            ).encode(),
        )
        return version


def _meta(transaction: lmdb.Transaction) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(bytes(transaction.get(META) or b"{}"))
    return found


def _entries(cursor: lmdb.Cursor) -> Iterator[Entry]:
    """Yield entries from the cursor's position on: bytes, as the transaction has no buffers."""
    return cast("Iterator[Entry]", cursor.iternext())


def _index_of(transaction: lmdb.Transaction, key: bytes) -> list[bytes]:
    """Return the index keys of a route that is in force; nothing for other entries."""
    value = transaction.get(key) if key.startswith(b"route:") else None
    return list(_index_keys(bytes(value))) if value is not None else []


def _ddis(transaction: lmdb.Transaction) -> Iterator[Entry]:
    cursor = transaction.cursor()
    if cursor.set_range(DDI):
        for key, value in _entries(cursor):
            if not key.startswith(DDI):
                return
            yield key, value


def _all_but_ddis(transaction: lmdb.Transaction) -> Iterator[Entry]:
    cursor = transaction.cursor()
    for key, value in _entries(cursor):
        if key.startswith(DDI):
            break
        yield key, value
    if cursor.set_range(AFTER_DDIS):
        yield from _entries(cursor)
