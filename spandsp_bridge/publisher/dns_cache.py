"""Names of carrier servers, resolved here so that Kamailio never waits for DNS.

SRV first where no port is given (RFC 3263 §4.2), then A and AAAA. Addresses stay while DNS is
unavailable. A name is resolved as long as a list uses it: `used_by` says which ones do.
"""

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import dns.exception
import dns.resolver
import structlog

log = structlog.get_logger(__name__)

LOOKUP_SECONDS = 4.0  #: for one look-up, with its retransmissions
MIN_TTL, MAX_TTL = 5, 300  #: seconds between look-ups of a name, whatever its TTL
RETRY_SECONDS = 5.0  #: after a look-up that failed
IDLE_SECONDS = 300.0  #: until a name that no list uses any longer is forgotten

Name = tuple[str, int | None, str]  # host, port, transport
Address = tuple[str, int, int]  # address, port, preference (lower first)
#: Resolves (host, port, transport) to what is known now.
Resolve = Callable[[str, int | None, str], list[Address]]


@dataclass
class _Entry:
    addresses: list[Address] = field(default_factory=list)
    due: float = 0.0
    unused_since: float | None = None  #: None: a list uses the name


class DnsCache:
    """Resolves names in a thread of its own; `changed` is called when an address changes."""

    def __init__(self, servers: list[tuple[str, int]], changed: Callable[[], None]) -> None:
        self._changed = changed
        self._entries: dict[Name, _Entry] = {}
        self._used: dict[str, set[Name]] = {}  # by list
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopped = False
        self._resolver = dns.resolver.Resolver(configure=not servers)
        if servers:
            self._resolver.nameservers = [
                dns.nameserver.Do53Nameserver(address, port) for address, port in servers
            ]
        self._thread = threading.Thread(target=self._run, name="dns", daemon=True)

    def start(self) -> None:
        """Start the thread."""
        self._thread.start()

    def stop(self) -> None:
        """End the thread."""
        self._stopped = True
        self._wake.set()

    @contextmanager
    def used_by(self, user: str) -> Iterator[Resolve]:
        """Yield the function by which a list resolves all of its names while it is compiled.

        A name that the list used before and does not use now is forgotten after IDLE_SECONDS,
        unless another list uses it. A list that fails keeps its names.
        """
        used: set[Name] = set()

        def resolve(host: str, port: int | None, transport: str) -> list[Address]:
            used.add((host, port, transport))
            return self.addresses(host, port, transport)

        yield resolve
        with self._lock:
            self._used[user] = used
            self._mark_unused(time.monotonic())

    def addresses(self, host: str, port: int | None, transport: str) -> list[Address]:
        """Return what is known of a name now; a new name is resolved soon."""
        name = (host, port, transport)
        with self._lock:
            entry = self._entries.get(name)
            if entry is None:
                entry = self._entries[name] = _Entry()
                self._wake.set()
            return list(entry.addresses)

    def forget_unused(self, now: float) -> None:
        """Forget the names that no list has used for IDLE_SECONDS; `now` is monotonic."""
        with self._lock:
            for name, entry in list(self._entries.items()):
                if entry.unused_since is not None and now - entry.unused_since > IDLE_SECONDS:
                    del self._entries[name]

    def names(self) -> list[Name]:
        """Return the names that are resolved."""
        with self._lock:
            return sorted(self._entries, key=str)

    def _mark_unused(self, now: float) -> None:
        in_use = set().union(*self._used.values())
        for name, entry in self._entries.items():
            if name in in_use:
                entry.unused_since = None
            elif entry.unused_since is None:
                entry.unused_since = now

    def _run(self) -> None:
        while not self._stopped:
            self.forget_unused(time.monotonic())
            with self._lock:
                entries = list(self._entries.items())
            now = time.monotonic()
            for name, entry in entries:
                if entry.due <= now and not self._stopped:
                    self._refresh(name, entry)
            self._wake.wait(1.0)
            self._wake.clear()

    def _refresh(self, name: Name, entry: _Entry) -> None:
        try:
            addresses, ttl = self._look_up(*name)
        except dns.exception.DNSException as error:
            log.warning(
                "DNS lookup failed, using cached addresses",
                host=name[0],
                addresses=entry.addresses,
                error=str(error)[:200],
            )
            entry.due = time.monotonic() + RETRY_SECONDS
            return
        entry.due = time.monotonic() + min(max(ttl, MIN_TTL), MAX_TTL)
        if addresses != entry.addresses:
            with self._lock:
                entry.addresses = addresses
            log.info("DNS addresses changed", host=name[0], addresses=addresses)
            self._changed()

    def _look_up(self, host: str, port: int | None, transport: str) -> tuple[list[Address], int]:
        """Return the addresses of a name, and for how many seconds they are valid."""
        if port is None:
            service = "_sips._tcp" if transport == "tls" else f"_sip._{transport}"
            try:
                answer = self._resolver.resolve(f"{service}.{host}", "SRV", lifetime=LOOKUP_SECONDS)
            except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
                port = 5061 if transport == "tls" else 5060
            else:
                found: list[Address] = []
                ttl = int(answer.rrset.ttl) if answer.rrset else MIN_TTL
                # Lower priority first; inside one, the heavier first.
                records = sorted(answer, key=lambda r: (r.priority, -r.weight))
                for rank, record in enumerate(records):
                    target = record.target.to_text(omit_final_dot=True)
                    addresses, other = self._addresses(target)
                    found += [(address, record.port, rank) for address in addresses]
                    ttl = min(ttl, other)
                return found, ttl
        addresses, ttl = self._addresses(host)
        return [(address, port, 0) for address in addresses], ttl

    def _addresses(self, host: str) -> tuple[list[str], int]:
        answers = self._resolver.resolve_name(host, lifetime=LOOKUP_SECONDS)
        ttls = [int(a.rrset.ttl) for a in answers.values() if a.rrset is not None]
        return sorted(answers.addresses()), min(ttls, default=MIN_TTL)
