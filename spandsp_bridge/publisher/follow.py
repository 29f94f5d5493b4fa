"""Follow the database: read everything once, then what the log of changes names.

Triggers write into `routing_changes` which entries a transaction touched, and NOTIFY. The
publisher keeps the snapshot (pg_snapshot) of its last read, and selects the changes that this
snapshot could not see: none is missed, even when a NOTIFY is lost. Changes that are committed
during a publication are published together by the next one.
"""

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import lmdb
import psycopg
import structlog
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow

from kemi.routing.decode import DECODERS, NUMBERED
from kemi.routing.model import Bridge, Carrier
from spandsp_bridge.errors import VfaxError
from spandsp_bridge.publisher.count_sync import CountSync
from spandsp_bridge.publisher.dispatcher import (
    compile_dispatcher,
    keeping_old_sets,
    write_atomically,
)
from spandsp_bridge.publisher.dns_cache import DnsCache
from spandsp_bridge.publisher.kamailio import Kamailio
from spandsp_bridge.publisher.metrics import Metrics
from spandsp_bridge.publisher.tables import Entry, TableWriter
from spandsp_bridge.settings import Settings, parse_address

log = structlog.get_logger(__name__)

POLL = 0.5  #: seconds without a NOTIFY until the log of changes is read
FULL_READ = 24 * 3600.0  #: seconds between full reads: offsets of time zones change
PRUNE = 600.0  #: seconds between deletions of old rows of the log of changes
KEEPALIVE = (
    "keepalives_idle=10 keepalives_interval=5 keepalives_count=3 tcp_user_timeout=20000"
    " connect_timeout=5"
)
Connection = psycopg.Connection[TupleRow]


class EmptySnapshotError(VfaxError):
    """The database has no brand although it had one: the tables stay unchanged."""


class Publisher:
    """Follows the database and keeps the files and Kamailio up to date."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._writer = TableWriter(settings.routes_file, settings.routes_map_size)
        self._names_changed = threading.Event()
        servers = [parse_address(a) for a in settings.dns_servers.split(",") if a]
        self._names = DnsCache(servers, self._names_changed.set)
        self._kamailio = Kamailio(settings, self._names)
        self._metrics = Metrics(settings, self._kamailio.rpc)
        self._counts = CountSync(settings, self._kamailio.rpc)
        self._stopped = threading.Event()
        self._snapshot = ""
        self._version = 0

    async def run(self) -> None:
        """Run until cancelled."""
        self._names.start()
        # A thread of its own, which ends with the process: a frozen server may hold it.
        threading.Thread(target=self._follow, name="publisher", daemon=True).start()
        try:
            await self._counts.run()
        finally:
            self._stopped.set()
            self._names.stop()

    # ---- the connection ----------------------------------------------------------

    def _follow(self) -> None:
        """Run until stopped; a lost server is tried again with back-off."""
        delay = 0.2
        while not self._stopped.is_set():
            try:
                with psycopg.connect(
                    make_conninfo(KEEPALIVE, **conninfo_to_dict(self._settings.database_url)),
                    autocommit=True,
                ) as connection:
                    connection.execute("set role vfax_service; set jit = off")
                    connection.execute("listen vfax_routes")
                    self._read_everything(connection)
                    self._metrics.connected.set(1)
                    delay = 0.2
                    self._read_changes(connection)
            except (psycopg.Error, OSError, lmdb.Error, VfaxError) as error:
                log.warning("publication failed, tables unchanged", error=str(error)[:300])
            except Exception:
                log.exception("publication failed, tables unchanged")
            self._metrics.connected.set(0)
            self._stopped.wait(delay)
            delay = min(delay * 2, 5.0)

    def _read_changes(self, connection: Connection) -> None:
        read_everything = pruned = time.monotonic()
        while not self._stopped.is_set():
            for _ in connection.notifies(timeout=POLL, stop_after=1):
                pass
            now = time.monotonic()
            if now - read_everything > FULL_READ:
                self._read_everything(connection)
                read_everything = now
            else:
                self._publish_changes(connection)
            if now - pruned > PRUNE:
                connection.execute("select forget_routing_changes()")
                pruned = now

    @contextlib.contextmanager
    def _one_snapshot(self, connection: Connection) -> Iterator[str]:
        """Run a transaction that reads as of one moment; yield its pg_snapshot."""
        with connection.transaction():
            connection.execute("set transaction isolation level repeatable read, read only")
            yield str(_one(connection, "select pg_current_snapshot()::text"))

    # ---- publishing ----------------------------------------------------------------

    def _read_everything(self, connection: Connection) -> None:
        began = time.monotonic()
        with self._one_snapshot(connection) as snapshot:
            if not _one(connection, "select exists (select from brands)") and self._version > 1:
                raise EmptySnapshotError(
                    "the database has no brand: check the role and the database in "
                    "VFAX_DATABASE_URL; the routing tables stay unchanged"
                )
            small: list[tuple[str, str, str]] = []
            for kind in DECODERS:
                rows = connection.execute(f"select id::text, value from routing_{kind}")  # noqa: S608
                small += [(kind, id_, value) for id_, value in rows if value is not None]
            after = self._servers_first(connection)
            self._version = self._writer.replace(small, _ddis(connection))
            after()
            self._publish_registrations(connection)
        self._snapshot = snapshot
        self._published(began)

    def _publish_changes(self, connection: Connection) -> None:
        began = time.monotonic()
        with self._one_snapshot(connection) as snapshot:
            touched: dict[str, set[str]] = {}
            for kind, ids in connection.execute(
                "select kind, ids from routing_changes"
                " where txid >= pg_snapshot_xmin(%(last)s::pg_snapshot)"
                " and not pg_visible_in_snapshot(txid, %(last)s::pg_snapshot)",
                {"last": self._snapshot},
            ):
                touched.setdefault(kind, set()).update(ids)
            if "*" not in touched:
                self._publish_entries(connection, touched)
                self._snapshot = snapshot
        if "*" in touched:
            self._read_everything(connection)
        elif touched:
            self._published(began)
        if self._kamailio.restarted(self._version):
            self._kamailio.set_version(self._version)

    def _publish_entries(self, connection: Connection, touched: dict[str, set[str]]) -> None:
        """Publish the entries that one snapshot has of what was touched."""
        registrations = touched.pop("registration", None)
        rows: dict[tuple[str, str], str | None] = {}
        for kind, ids in touched.items():
            if kind not in DECODERS and kind != "ddi":
                continue  # of a newer schema
            rows |= {(kind, id_): None for id_ in ids}
            sort = "bigint" if kind in NUMBERED else "text"
            found = connection.execute(
                f"select id::text, value from routing_{kind} where id = any(%(ids)s::{sort}[])",  # noqa: S608
                {"ids": list(ids)},
            )
            rows |= {(kind, id_): value for id_, value in found}
        renamed = self._names_changed.is_set()
        self._names_changed.clear()
        if renamed or touched.keys() & {"carrier", "bridge", "bridges"}:
            after = self._servers_first(connection)
        else:
            after = _nothing
        if rows:
            self._version = self._writer.update(rows)
        after()
        if registrations is not None or renamed:
            self._publish_registrations(connection)

    def _publish_registrations(self, connection: Connection) -> None:
        rejected = self._kamailio.registrations(_registrations(connection))
        self._version = self._writer.set_rejected("registration", rejected)

    def _servers_first(self, connection: Connection) -> Callable[[], None]:
        """Write the dispatcher list so that no route ever names a missing set.

        New sets are added at once; call the result after the tables were written, to remove
        the others.
        """
        with self._names.used_by("dispatcher") as resolve:
            new = compile_dispatcher(_bridges(connection), _carriers(connection), resolve)
        path = self._settings.dispatcher_file
        old = path.read_text() if path.exists() else ""
        both = keeping_old_sets(new, old)
        if both != old:
            write_atomically(path, both)
            self._kamailio.reload()
        if new == both:
            return _nothing

        def after() -> None:
            write_atomically(path, new)
            self._kamailio.reload()

        return after

    def _published(self, began: float) -> None:
        self._kamailio.set_version(self._version)
        self._metrics.published(self._version, time.monotonic() - began, self._writer.refused)
        for reason in self._writer.refused.values():
            log.warning("row rejected", reason=reason)
        log.info("published", version=self._version, seconds=round(time.monotonic() - began, 4))


def _nothing() -> None:
    pass


def _one(connection: Connection, query: str) -> Any:
    row = connection.execute(query.encode()).fetchone()
    return row[0] if row else None


def _ddis(connection: Connection) -> Iterator[Entry]:
    """Yield the entries of all DDIs in the order of their keys."""
    # The values contain no character that COPY would escape: constraints see to that.
    query = (
        b"""copy (select 'ddi:' || id, value from routing_ddi order by id collate "C") to stdout"""
    )
    with connection.cursor().copy(query) as copy:
        for line in copy:
            key, _, value = bytes(line).partition(b"\t")
            yield key, value[:-1]


def _registrations(connection: Connection) -> list[tuple[str, str]]:
    return [(id_, value) for id_, value in connection.execute(
        "select id::text, value from routing_registration")]  # fmt: skip


def _bridges(connection: Connection) -> Iterator[tuple[str, Bridge]]:
    for address, value in connection.execute("select id, value from routing_bridge"):
        try:
            bridge = DECODERS["bridge"](value)
        except (ValueError, TypeError, KeyError) as error:
            log.warning("row rejected", bridge=address, error=str(error))
            continue
        yield address, bridge


def _carriers(connection: Connection) -> Iterator[Carrier]:
    for id_, value in connection.execute("select id, value from routing_carrier order by id"):
        try:
            yield DECODERS["carrier"](value)
        except (ValueError, TypeError, KeyError) as error:
            log.warning("row rejected", carrier=id_, error=str(error))
