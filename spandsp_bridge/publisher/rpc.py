"""Kamailio's JSON-RPC over its unix datagram socket."""

import contextlib
import json
import os
import secrets
import socket
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

TIMEOUT = 2.0
REPLY_SIZE = 1 << 20


class KamailioRpc:
    """Calls block for TIMEOUT seconds at most."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def call(self, method: str, *params: Any) -> Any:
        """Return the result. Raises OSError when Kamailio is down, RuntimeError for its errors."""
        request = {"jsonrpc": "2.0", "id": 1, "method": method, "params": list(params)}
        reply_path = self._path.with_name(f"rpc-{os.getpid()}-{secrets.token_hex(4)}")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sock:
            try:
                sock.bind(str(reply_path))
                sock.settimeout(TIMEOUT)
                sock.sendto(json.dumps(request).encode(), str(self._path))
                reply = json.loads(sock.recv(REPLY_SIZE))
            finally:
                reply_path.unlink(missing_ok=True)
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
        if not inactive:
            return
        kept = {(s, uri) for s, uri, _ in self.destinations()}
        for set_id, uri, flags in inactive:
            if (set_id, uri) in kept:
                state = "dp" if flags.startswith("D") else "ip"
                self.call("dispatcher.set_state", state, set_id, uri)

    def table(self, name: str) -> dict[str, int | str]:
        """Return a hash table (htable) as a dictionary."""
        return {
            str(item["name"]): item["value"]
            for slot in self.call("htable.dump", name) or []
            for item in slot["slot"]
        }


def _destinations(listing: dict[str, Any]) -> Iterator[tuple[int, str, str]]:
    for record in listing.get("RECORDS", []):
        group = record["SET"]
        for target in group.get("TARGETS", []):
            destination = target["DEST"]
            yield int(group["ID"]), str(destination["URI"]), str(destination["FLAGS"])


def dispatcher_states(rpc: KamailioRpc) -> Iterable[tuple[int, str, str]]:
    """Return (set, URI, flags) of every destination, nothing when Kamailio is down."""
    with contextlib.suppress(OSError, RuntimeError):
        return rpc.destinations()
    return []
