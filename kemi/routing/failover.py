"""What a failed call leg leads to."""

from collections.abc import Mapping
from dataclasses import dataclass

from kemi.routing.model import Action

NO_ANSWER = "no_answer"
MEDIA_REFUSED = frozenset((415, 488, 606))  #: of a T.38 offer: remembered


@dataclass(frozen=True, slots=True)
class Failover:
    """What to do. `whole_carrier`: its other servers would say the same, pass them over."""

    failure: str
    action: Action
    retry_after: int
    whole_carrier: bool


def decide(policy: Mapping[str, tuple[Action, int]], code: int, *, silent: bool) -> Failover:
    """Return what follows a failure: the rule of its exact status, or that of its family.

    Silence and 408 and 5xx concern one server, everything else the carrier.
    """
    exact = NO_ANSWER if silent else str(code)
    family = f"{code // 100}xx"
    name = exact if silent or exact in policy else family
    action, retry_after = policy.get(name, ("stop", 180))
    one_server = silent or code == 408 or 500 <= code < 600
    return Failover(name, action, retry_after, not one_server)
