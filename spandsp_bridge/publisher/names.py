"""Names of carrier servers, looked up in DNS here so that Kamailio never has to.

SRV first where no port is given (RFC 3263 §4.2), then A and AAAA. What was known stays
known while DNS is away.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import dns.exception
import dns.resolver
import structlog

log = structlog.get_logger(__name__)

LIFETIME = 4.0  #: seconds for one look-up
SHORTEST, LONGEST = 5, 300  #: seconds between look-ups of a name, whatever its TTL
RETRY = 5.0
IDLE = 300.0  #: seconds until a name that nobody asks for is forgotten

Name = tuple[str, int | None, str]  # host, port, transport
Place = tuple[str, int, int]  # address, port, preference (lower first)


@dataclass
class _Known:
    places: list[Place] = field(default_factory=list)
    due: float = 0.0
    asked: float = 0.0


class Names:
    """Keeps names looked up in a thread of its own; `changed` is called when one moves."""

    def __init__(self, servers: list[tuple[str, int]], changed: Callable[[], None]) -> None:
        self._changed = changed
        self._known: dict[Name, _Known] = {}
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._stopped = False
        self._resolver = dns.resolver.Resolver(configure=not servers)
        if servers:
            self._resolver.nameservers = [
                dns.nameserver.Do53Nameserver(address, port) for address, port in servers
            ]
        self._thread = threading.Thread(target=self._run, name="names", daemon=True)

    def start(self) -> None:
        """Begin to look up."""
        self._thread.start()

    def stop(self) -> None:
        """End."""
        self._stopped = True
        self._wake.set()

    def look(self, host: str, port: int | None, transport: str) -> list[Place]:
        """Return what is known of a name now; a new name is looked up soon."""
        name = (host, port, transport)
        with self._lock:
            known = self._known.get(name)
            if known is None:
                known = self._known[name] = _Known()
                self._wake.set()
            known.asked = time.monotonic()
            return list(known.places)

    def _run(self) -> None:
        while not self._stopped:
            with self._lock:
                names = list(self._known.items())
            now = time.monotonic()
            for name, known in names:
                if known.due <= now and not self._stopped:
                    self._refresh(name, known)
            self._wake.wait(1.0)
            self._wake.clear()

    def _refresh(self, name: Name, known: _Known) -> None:
        try:
            places, ttl = self._look_up(*name)
        except dns.exception.DNSException as error:
            log.warning("a carrier's name was not found; keeping what was known",
                        host=name[0], known=known.places, error=str(error)[:200])  # fmt: skip
            known.due = time.monotonic() + RETRY
            return
        known.due = time.monotonic() + min(max(ttl, SHORTEST), LONGEST)
        if places != known.places:
            with self._lock:
                known.places = places
            log.info("a carrier's name leads to", host=name[0], places=places)
            self._changed()

    def _look_up(self, host: str, port: int | None, transport: str) -> tuple[list[Place], int]:
        """Return the places of a name, and for how many seconds they hold."""
        if port is None:
            service = "_sips._tcp" if transport == "tls" else f"_sip._{transport}"
            try:
                answer = self._resolver.resolve(f"{service}.{host}", "SRV", lifetime=LIFETIME)
            except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
                port = 5061 if transport == "tls" else 5060
            else:
                found: list[Place] = []
                ttl = int(answer.rrset.ttl) if answer.rrset else SHORTEST
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
        answers = self._resolver.resolve_name(host, lifetime=LIFETIME)
        ttls = [int(a.rrset.ttl) for a in answers.values() if a.rrset is not None]
        return sorted(answers.addresses()), min(ttls, default=SHORTEST)
