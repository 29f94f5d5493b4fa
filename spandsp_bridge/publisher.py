"""The publisher: PostgreSQL's routing views into the files that Kamailio reads.

One per Kamailio host, the only database client there, and the only writer of the
routing tables (LMDB) and of the dispatcher list. After each (re)connection it takes
a whole snapshot, because NOTIFYs are lost while it is away; what has not changed is
not written. A snapshot that does not validate leaves the tables as they are.
"""

import asyncio
import contextlib
import json
import os
import secrets
import socket
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import lmdb
import psycopg
import structlog

from kemi.routing.model import BRIDGE_SET, CARRIER_SET
from kemi.routing.numbers import to_e164
from kemi.tables import (
    META,
    bridge_key,
    carrier_key,
    company_key,
    ddi_key,
    provider_key,
    routes_key,
)
from spandsp_bridge.errors import VfaxError
from spandsp_bridge.settings import Settings
from spandsp_bridge.store.database import Database, listen

log = structlog.get_logger(__name__)

DEBOUNCE = 0.02  #: seconds: changes of one moment become one publication
RELOAD_RETRY = 1.0
RPC_TIMEOUT = 2.0
RPC_REPLY_SIZE = 1 << 20
VIEWS = (
    "routing_ddis",
    "routing_providers",
    "routing_bridges",
    "routing_companies",
    "routing_carriers",
    "routing_routes",
)

Rows = dict[str, list[dict[str, Any]]]


class BadTableError(VfaxError):
    """A snapshot that must not come into force; the message names the row."""


def _host(address: str) -> str:
    return f"[{address}]" if ":" in address else address


def _server_uri(server: dict[str, Any]) -> str:
    transport = "" if server["transport"] == "udp" else f";transport={server['transport']}"
    return f"sip:{_host(server['address'])}:{server['port']}{transport}"


def compile_tables(rows: Rows) -> dict[bytes, bytes]:
    """Return every entry of the routing tables. Raises BadTableError."""
    entries: dict[bytes, Any] = {}

    def put(key: bytes, value: Any) -> None:
        if key in entries:
            raise BadTableError(f"two rows for {key.decode()}; remove one of them")
        entries[key] = value

    for r in rows["routing_ddis"]:
        if to_e164(r["number"]) != r["number"]:
            raise BadTableError(f"DDI {r['ddi']}: {r['number']!r} is no E.164 number")
        put(
            ddi_key(r["number"]),
            {
                "id": r["ddi"],
                "number": r["number"],
                "brand": r["brand"],
                "company": r["company"],
                "provider": r["provider"],
                "virtual_fax": r["virtual_fax"],
            },
        )
    for r in rows["routing_providers"]:
        put(
            provider_key(r["address"]),
            {"id": r["provider"], "brand": r["brand"], "name": r["name"]},
        )
    for r in rows["routing_bridges"]:
        put(
            bridge_key(r["address"], r["port"]),
            {"id": r["bridge"], "name": r["name"], "receives": r["receives"]},
        )
    for r in rows["routing_companies"]:
        put(
            company_key(r["company"]),
            {"id": r["company"], "brand": r["brand"], "name": r["name"]},
        )
    for r in rows["routing_carriers"]:
        put(
            carrier_key(r["carrier"]),
            {
                "id": r["carrier"],
                "brand": r["brand"],
                "name": r["name"],
                "servers": [
                    {"id": s["server"], "uri": _server_uri(s), "priority": s["priority"]}
                    for s in r["servers"]
                ],
            },
        )
    for r in rows["routing_routes"]:
        entries.setdefault(routes_key(r["brand"], r["company"]), []).append(
            {
                "id": r["route"],
                "brand": r["brand"],
                "company": r["company"],
                "type": r["type"],
                "mode": r["mode"],
                "priority": r["priority"],
                "weight": r["weight"],
                "stopper": r["stopper"],
                "carrier": r["carrier"],
                "prefixes": r["prefixes"],
            }
        )
    return {
        key: json.dumps(value, separators=(",", ":"), sort_keys=True).encode()
        for key, value in entries.items()
    }


def compile_dispatcher(rows: Rows) -> str:
    """Return the dispatcher list: all bridges that receive, and a set for each carrier."""
    lines = ["# Written by the publisher: setid destination flags priority attributes"]
    for r in rows["routing_bridges"]:
        if r["receives"]:
            uri = f"sip:{_host(r['address'])}:{r['port']}"
            lines.append(f"{BRIDGE_SET} {uri} 0 0 bridge={r['bridge']}")
    for r in rows["routing_carriers"]:
        # Dispatcher: higher goes first; ours: lower goes first.
        lines += [
            f"{CARRIER_SET + r['carrier']} {_server_uri(s)} 0 {254 - s['priority']}"
            f" carrier={r['carrier']};server={s['server']}"
            for s in r["servers"]
        ]
    return "\n".join(lines) + "\n"


def write_atomically(path: Path, text: str) -> None:
    """Replace a file so that a reader, or a crash, sees the old or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(0o644)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


class TableWriter:
    """The writing end of the routing tables."""

    def __init__(self, path: Path, map_size: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._env = lmdb.open(str(path), map_size=map_size, subdir=False, max_readers=1024)

    def close(self) -> None:
        """Close the file."""
        self._env.close()

    def replace(self, entries: dict[bytes, bytes]) -> tuple[int, int]:
        """Make the tables hold exactly `entries`, in one transaction.

        Returns (version in force, entries that changed). Nothing changed: nothing is written.
        """
        with self._env.begin(write=True) as transaction:
            old = {bytes(key): bytes(value) for key, value in transaction.cursor() if key != META}
            meta = json.loads(transaction.get(META) or b"{}")
            changed = 0
            for key in old.keys() - entries.keys():
                transaction.delete(key)
                changed += 1
            for key, value in entries.items():
                if old.get(key) != value:
                    transaction.put(key, value)
                    changed += 1
            version = int(meta.get("version", 0))
            if changed or not meta:
                version += 1
                meta = {
                    "version": version,
                    "published_at": time.time(),
                    "entries": len(entries),
                    "ddis": sum(1 for key in entries if key.startswith(b"ddi:")),
                }
                transaction.put(META, json.dumps(meta).encode())
        return version, changed


class KamailioRpc:
    """JSON-RPC over Kamailio's unix datagram socket; calls block for RPC_TIMEOUT at most."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def call(self, method: str, *params: Any) -> Any:
        """Return the result. Raises OSError when Kamailio is away, RuntimeError for its errors."""
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        ours = self._path.with_name(f"rpc-{os.getpid()}-{secrets.token_hex(4)}")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            try:
                sock.bind(str(ours))
                sock.settimeout(RPC_TIMEOUT)
                sock.sendto(json.dumps(request).encode(), str(self._path))
                reply = json.loads(sock.recv(RPC_REPLY_SIZE))
            finally:
                ours.unlink(missing_ok=True)
        if "error" in reply:
            raise RuntimeError(f"{method}: {reply['error'].get('message', 'failed')}")
        return reply.get("result")

    def destinations(self) -> list[tuple[int, str, str]]:
        """Return (set, URI, flags) of every dispatcher destination."""
        try:
            listing = self.call("dispatcher.list")
        except RuntimeError:
            return []  # "no dispatcher sets"
        return list(_destinations(listing))

    def reload_dispatcher(self) -> None:
        """Load the dispatcher list again; what was inactive stays inactive."""
        inactive = [(s, uri, f) for s, uri, f in self.destinations() if f.startswith(("I", "D"))]
        self.call("dispatcher.reload")
        kept = {(s, uri) for s, uri, _ in self.destinations()}
        for set_id, uri, flags in inactive:
            if (set_id, uri) in kept:
                state = "dp" if flags.startswith("D") else "ip"
                self.call("dispatcher.set_state", state, set_id, uri)


def _destinations(listing: dict[str, Any]) -> Iterator[tuple[int, str, str]]:
    for record in listing.get("RECORDS", []):
        group = record["SET"]
        for target in group.get("TARGETS", []):
            destination = target["DEST"]
            yield int(group["ID"]), str(destination["URI"]), str(destination["FLAGS"])


class Publisher:
    """Follows the database and keeps the files and Kamailio up to date."""

    def __init__(self, settings: Settings, database: Database) -> None:
        self._settings = settings
        self._db = database
        self._writer = TableWriter(settings.routes_file, settings.routes_map_size)
        self._rpc = KamailioRpc(settings.rpc_socket)
        self._reload_owed = False

    async def run(self) -> None:
        """Publish for ever."""
        reloader = asyncio.create_task(self._reload_when_owed())
        changes = listen(self._settings.database_url, "vfax_routes")
        try:
            async for change in changes:
                if change is not None:
                    await asyncio.sleep(DEBOUNCE)
                await self._publish_or_log()
        finally:
            reloader.cancel()
            self._writer.close()

    async def _publish_or_log(self) -> None:
        try:
            await self.publish()
        except BadTableError as error:
            log.warning("the routing tables stay as they were: a row is wrong", error=str(error))
        except (psycopg.Error, OSError, lmdb.Error) as error:
            log.warning("could not publish, trying again at the next change", error=str(error))

    async def snapshot(self) -> Rows:
        """Read all views as of one moment."""
        rows: Rows = {}
        async with self._db.transaction() as c:
            await c.execute("set transaction isolation level repeatable read, read only")
            for view in VIEWS:
                cursor = await c.execute(f"select * from {view}")  # noqa: S608
                rows[view] = await cursor.fetchall()
        return rows

    async def publish(self) -> int:
        """Bring the files up to date; return the version in force."""
        rows = await self.snapshot()
        entries = compile_tables(rows)
        dispatcher = compile_dispatcher(rows)
        # Servers first: a route must never name a set that is not there.
        path = self._settings.dispatcher_file
        if not path.exists() or path.read_text() != dispatcher:
            write_atomically(path, dispatcher)
            self._reload_owed = True
            self._reload()
        version, changed = self._writer.replace(entries)
        if changed:
            log.info("routing tables published", version=version, changed=changed)
        return version

    def _reload(self) -> None:
        try:
            self._rpc.reload_dispatcher()
        except (OSError, RuntimeError) as error:
            log.info("Kamailio did not reload its dispatcher list; trying again", error=str(error))
        else:
            self._reload_owed = False

    async def _reload_when_owed(self) -> None:
        while True:
            await asyncio.sleep(RELOAD_RETRY)
            if self._reload_owed:
                self._reload()


def ensure_dispatcher_file(path: Path) -> None:
    """Make an empty list where there is none: Kamailio does not start without the file."""
    if not path.exists():
        write_atomically(path, compile_dispatcher({view: [] for view in VIEWS}))


def dispatcher_states(rpc: KamailioRpc) -> Iterable[tuple[int, str, str]]:
    """Return the live states, or nothing when Kamailio is away."""
    with contextlib.suppress(OSError, RuntimeError):
        return rpc.destinations()
    return []
