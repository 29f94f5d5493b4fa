"""Kamailio's dispatcher list: the bridges, and a set for each carrier with its servers."""

import os
import tempfile
from collections.abc import Callable, Iterable
from pathlib import Path

from kemi.routing.model import BRIDGE_SET, CARRIER_SET, SINGLE_BRIDGE_SET, Bridge, Carrier, sip_uri

HEADER = "# Written by the publisher: setid destination flags priority attributes"

#: (host, port, transport) of a named server to its (address, port, preference) now, best first.
Resolve = Callable[[str, int | None, str], Iterable[tuple[str, int, int]]]


def compile_dispatcher(
    bridges: Iterable[tuple[str, Bridge]], carriers: Iterable[Carrier], resolve: Resolve
) -> str:
    """Return the dispatcher list. `bridges` come with their ``address:port``."""
    lines = [HEADER]
    for bridge_address, bridge in bridges:
        if bridge.receives:
            host, _, number = bridge_address.rpartition(":")
            uri = sip_uri(host, int(number), "udp")
            lines.append(f"{BRIDGE_SET} {uri} 0 0 bridge={bridge.id}")
            lines.append(f"{SINGLE_BRIDGE_SET + bridge.id} {uri} 0 0 bridge={bridge.id}")
    for carrier in carriers:
        for s in carrier.servers:
            known = [(s.host, s.port or 0, 0)]
            addresses = resolve(s.host, s.port, s.transport) if s.named else known
            for address, port, preference in addresses:
                # The dispatcher prefers higher numbers, carrier servers and SRV lower ones.
                rank = (254 - s.priority) * 1000 - min(preference, 999)
                uri = sip_uri(address, port, s.transport)
                lines.append(
                    f"{CARRIER_SET + carrier.id} {uri} 0 {rank} carrier={carrier.id};server={s.id}"
                )
    return "\n".join(dict.fromkeys(lines)) + "\n"


def set_of(line: str) -> str:
    """Return the set that a line of the list belongs to."""
    return line.partition(" ")[0]


def keeping_old_sets(new: str, old: str) -> str:
    """Return the new list with those sets of the old one that the new one lacks."""
    sets = {set_of(line) for line in new.splitlines()}
    return new + "".join(f"{line}\n" for line in old.splitlines() if set_of(line) not in sets)


def write_atomically(path: Path, text: str, mode: int = 0o644) -> None:
    """Replace a file so that a reader, or a crash, sees the old or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        Path(name).chmod(mode)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def ensure_dispatcher_file(path: Path) -> None:
    """Create an empty list where there is none: Kamailio does not start without the file."""
    if not path.exists():
        write_atomically(path, HEADER + "\n")
