"""Facts that routing is given, and decisions that it returns. No KSR, no I/O, no clock.

Field names of facts are the keys of the rows in the views routing_KIND. A new field has a
default, so that rows written before it was added still decode (see `decode`).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

RouteType = Literal["pattern", "group", "fax"]
RouteMode = Literal["static", "lcr", "block"]
Direction = Literal["callee_in", "caller_in", "callee_out", "caller_out"]
Action = Literal["next", "stop", "retry_later"]

BRIDGE_SET = 1  #: dispatcher set of all bridges that receive
CARRIER_SET = 1000  #: carrier N is dispatcher set CARRIER_SET + N
SINGLE_BRIDGE_SET = 1_000_000_000  #: bridge N alone, for the least loaded one


# ---- facts ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule of a number transformation: remove `strip` leading characters, prepend `add`."""

    prefix: str
    min_length: int
    max_length: int
    strip: int
    add: str


Transformation = Mapping[str, tuple[Rule, ...]]  #: by direction, in the order of priority


@dataclass(frozen=True, slots=True)
class Provider:
    """A DDI provider, identified by the source address of a call and our socket it reached."""

    id: int
    brand: int
    name: str
    transformation: int | None = None
    local: str | None = None
    port: int | None = None


@dataclass(frozen=True, slots=True)
class Bridge:
    """A bridge node, identified by the source address and port of a call."""

    id: int
    name: str
    receives: bool


@dataclass(frozen=True, slots=True)
class Ddi:
    """One of our numbers. `target`: f + virtual fax, a + account, u + URI; empty: nothing."""

    number: str
    brand: int
    company: int
    provider: int | None
    target: str


@dataclass(frozen=True, slots=True)
class Brand:
    """A brand. `fall_back`: after its fax routes failed, a fax tries the call routes."""

    id: int
    max_calls: int | None = None
    fall_back: bool = False


@dataclass(frozen=True, slots=True)
class Company:
    """The company that owns a call. `dial` is (calling code, international, trunk prefix).

    `tags` maps a dialled routing tag to its id; `least_loaded` chooses the bridge by load.
    """

    id: int
    brand: int
    name: str
    dial: tuple[str, str, str] = ("", "00", "")
    zone: str = "UTC"
    max_calls: int | None = None
    least_loaded: bool = False
    transformation: int | None = None
    caller: str | None = None
    tags: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Account:
    """A SIP account at the edge; `ha1` is MD5(user:realm:password), RFC 2617 §3.2.2.2."""

    id: int
    brand: int
    company: int
    ha1: str
    fax_device: bool
    caller: str | None = None


@dataclass(frozen=True, slots=True)
class CallerPolicy:
    """Who may call a virtual fax, and when. Hours are (weekday 1..7, from, to) in seconds."""

    zone: str
    callers: Mapping[str, Literal["allow", "deny"]] = field(default_factory=dict)
    hours: tuple[tuple[int, int, int], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """An outgoing route. `prefixes` are E.164 prefixes with +; a fax route has just ``+``.

    `company` is None for a route of all companies of the brand.
    """

    id: int
    brand: int
    company: int | None = None
    type: RouteType
    mode: RouteMode
    priority: int
    weight: int
    stopper: bool
    carriers: tuple[int, ...]
    prefixes: tuple[str, ...]
    tag: int | None = None
    add_prefix: str = ""
    caller: str | None = None

    def matches(self, number: str) -> bool:
        """Tell whether a called number starts with one of the prefixes."""
        return number.startswith(self.prefixes)


@dataclass(frozen=True, slots=True)
class Server:
    """A SIP server of a carrier; `named`: its host is a DNS name, resolved by the publisher."""

    id: int
    host: str
    port: int | None = None
    transport: str = "udp"
    priority: int = 0
    named: bool = False
    from_domain: str | None = None
    asserted_identity: bool = True
    remote_party_id: bool = False

    @property
    def uri(self) -> str:
        """Its SIP URI."""
        return sip_uri(self.host, self.port, self.transport)


@dataclass(frozen=True, slots=True)
class Carrier:
    """An enabled carrier with its enabled servers, in the order of their priority."""

    id: int
    brand: int
    name: str
    servers: tuple[Server, ...]
    failover: Mapping[str, tuple[Action, int]] = field(default_factory=dict)
    transformation: int | None = None

    @property
    def set_id(self) -> int:
        """Its dispatcher set."""
        return CARRIER_SET + self.id


def sip_uri(host: str, port: int | None, transport: str) -> str:
    """Return ``sip:host:port;transport=...`` (RFC 3261 §19.1); UDP is the default."""
    text = f"sip:[{host}]" if ":" in host else f"sip:{host}"
    text += f":{port}" if port else ""
    return text if transport == "udp" else f"{text};transport={transport}"


# ---- decisions -----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reply:
    """A final SIP answer that routing itself gives; `retry_after` in seconds.

    `reason` is for the log and for operators. The caller gets the standard phrase of `code`.
    """

    code: int
    reason: str
    retry_after: int | None = None


@dataclass(frozen=True, slots=True)
class ToVirtualFax:
    """A call that goes to a bridge."""

    ddi: Ddi
    virtual_fax: int


@dataclass(frozen=True, slots=True)
class ToAccount:
    """A call that goes to a SIP account at the edge, by its address of record."""

    ddi: Ddi
    aor: str


@dataclass(frozen=True, slots=True)
class ToUri:
    """A call that goes to an external SIP URI."""

    ddi: Ddi
    uri: str


LocalDestination = ToVirtualFax | ToAccount | ToUri


@dataclass(frozen=True, slots=True)
class Candidate:
    """A route with one of its carriers.

    `probability` of being tried first among the routes of its priority; `price` per minute,
    for lcr routes.
    """

    route: Route
    carrier: Carrier
    probability: float
    price: float | None = None


@dataclass(frozen=True, slots=True)
class Discarded:
    """A route (or one carrier of an lcr route) that is not used, and why."""

    route: Route
    reason: str
    carrier: int | None = None


@dataclass(frozen=True, slots=True)
class Plan:
    """Where a company's call goes.

    To the carriers of `order` in turn, to a local `destination`, or nowhere (`reply`).
    """

    number: str
    candidates: tuple[Candidate, ...] = ()
    discarded: tuple[Discarded, ...] = ()
    order: tuple[Candidate, ...] = ()
    reply: Reply | None = None
    destination: LocalDestination | None = None


@dataclass(frozen=True, slots=True)
class Leg:
    """What one carrier server receives: request user, calling number, identity headers."""

    user: str
    caller: str | None
    from_domain: str | None
    headers: tuple[str, ...]
