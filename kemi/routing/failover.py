"""What follows the failure of a carrier server."""

from collections.abc import Mapping
from dataclasses import dataclass

from kemi.routing.model import Action

NO_ANSWER = "no_answer"
MEDIA_REFUSED = frozenset((415, 488, 606))  #: to a T.38 offer: the carrier has no T.38


@dataclass(frozen=True, slots=True)
class Failover:
    """What to do; `retry_after` in seconds.

    `whole_carrier`: its other servers would answer the same, skip them.
    """

    failure: str
    action: Action
    retry_after: int
    whole_carrier: bool


def decide(policy: Mapping[str, tuple[Action, int]], code: int, *, silent: bool) -> Failover:
    """Return what follows a failure: the rule of its exact status, else that of its class.

    `silent`: the server did not answer at all. Silence, 408 and 5xx concern one server,
    everything else the whole carrier.
    """
    exact = NO_ANSWER if silent else str(code)
    family = f"{code // 100}xx"
    name = exact if silent or exact in policy else family
    action, retry_after = policy.get(name, ("stop", 180))
    one_server = silent or code == 408 or 500 <= code < 600
    return Failover(name, action, retry_after, not one_server)
