"""Limits of requests: token buckets in memory, one for each address or key."""

from collections import OrderedDict

MOST_KNOWN = 50_000  #: callers that are remembered; the ones seen longest ago are forgotten


class RateLimit:
    """So many requests at once, and so many a second in the long run."""

    def __init__(self, burst: float, per_second: float) -> None:
        self._burst = burst
        self._rate = per_second
        self._known: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def wait(self, who: str, now: float, *, count: bool = True) -> float:
        """Count a request; return 0, or the seconds until one would be taken.

        Without `count` it is only asked whether one would be.
        """
        left, at = self._known.pop(who, (self._burst, now))
        left = min(self._burst, left + (now - at) * self._rate)
        taken = left >= 1
        self._known[who] = (left - 1 if taken and count else left, now)
        while len(self._known) > MOST_KNOWN:
            self._known.popitem(last=False)
        return 0.0 if taken else (1 - left) / self._rate
