"""Facts that routing is given, and decisions that it returns. No KSR, no I/O, no clock."""

from dataclasses import dataclass
from typing import Literal

RouteType = Literal["pattern", "group", "fax"]
RouteMode = Literal["static", "lcr", "block"]

BRIDGE_SET = 1  #: dispatcher set of all bridges that receive
CARRIER_SET = 1000  #: carrier N is dispatcher set CARRIER_SET + N


@dataclass(frozen=True, slots=True)
class Provider:
    """A DDI provider, as known by the source address of a call."""

    id: int
    brand: int
    name: str


@dataclass(frozen=True, slots=True)
class Bridge:
    """A bridge node, as known by the source address and port of a call."""

    id: int
    name: str
    receives: bool


@dataclass(frozen=True, slots=True)
class Ddi:
    """One of our numbers and its target."""

    id: int
    number: str
    brand: int
    company: int
    provider: int | None
    virtual_fax: int | None


@dataclass(frozen=True, slots=True)
class Company:
    """A company, as the owner of outgoing calls."""

    id: int
    brand: int
    name: str


@dataclass(frozen=True, slots=True)
class Route:
    """An outgoing route. `prefixes` are E.164 prefixes with +; a fax route has just ``+``."""

    id: int
    brand: int
    company: int | None
    type: RouteType
    mode: RouteMode
    priority: int
    weight: int
    stopper: bool
    carrier: int | None
    prefixes: tuple[str, ...]

    def matches(self, number: str) -> bool:
        """Tell whether a called number starts with one of the prefixes."""
        return number.startswith(self.prefixes)


@dataclass(frozen=True, slots=True)
class Server:
    """A SIP server of a carrier."""

    id: int
    uri: str
    priority: int


@dataclass(frozen=True, slots=True)
class Carrier:
    """An enabled carrier with its enabled servers, in the order of their priority."""

    id: int
    brand: int
    name: str
    servers: tuple[Server, ...]

    @property
    def set_id(self) -> int:
        """Its dispatcher set."""
        return CARRIER_SET + self.id


@dataclass(frozen=True, slots=True)
class Reply:
    """A final SIP answer that routing gives by itself."""

    code: int
    reason: str


@dataclass(frozen=True, slots=True)
class ToVirtualFax:
    """An inbound call that goes to a bridge."""

    ddi: Ddi
    virtual_fax: int


@dataclass(frozen=True, slots=True)
class Candidate:
    """A route that may take the call, with the chance that it is tried first."""

    route: Route
    carrier: Carrier
    probability: float


@dataclass(frozen=True, slots=True)
class Discarded:
    """A route that will not take the call, and why."""

    route: Route
    reason: str


@dataclass(frozen=True, slots=True)
class Plan:
    """How an outgoing call leaves: `order` is tried from the first on."""

    number: str
    candidates: tuple[Candidate, ...]
    discarded: tuple[Discarded, ...]
    order: tuple[Candidate, ...]
    reply: Reply | None
