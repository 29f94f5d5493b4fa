"""Timers for the SIP layers: injected time, one queue for each duration.

Most timers of a busy user agent linger for 32 s and are all of equal length.
Queues by duration are first in, first out, so that each costs a list append.
"""

from collections import deque
from collections.abc import Callable


class Timer:
    """A pending call of a function; `cancel` may be called at any time."""

    __slots__ = ("_callback", "deadline")

    def __init__(self, deadline: float, callback: Callable[[], None]) -> None:
        self.deadline = deadline
        self._callback: Callable[[], None] | None = callback

    @property
    def pending(self) -> bool:
        """True until it has run or was cancelled."""
        return self._callback is not None

    def cancel(self) -> None:
        """Forget the function and all that it holds."""
        self._callback = None

    def run(self) -> None:
        """Call the function, once."""
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()


class Timers:
    """All timers of one user agent, by a clock that is given.

    Whoever owns the loop calls `advance` when `next_deadline` is reached; `rearm`
    is called each time that a timer was added.
    """

    def __init__(self, clock: Callable[[], float], rearm: Callable[[], None] | None = None) -> None:
        self._clock = clock
        self._rearm = rearm
        self._queues: dict[float, deque[Timer]] = {}

    @property
    def now(self) -> float:
        """Seconds, by the clock."""
        return self._clock()

    def call_later(self, delay: float, callback: Callable[[], None]) -> Timer:
        """Call a function `delay` seconds from now."""
        timer = Timer(self._clock() + delay, callback)
        self._queues.setdefault(delay, deque()).append(timer)
        if self._rearm is not None:
            self._rearm()
        return timer

    def next_deadline(self) -> float | None:
        """Return when `advance` should next be called, or None."""
        for delay in list(self._queues):
            queue = self._queues[delay]
            while queue and not queue[0].pending:
                queue.popleft()
            if not queue:
                del self._queues[delay]
        return min((queue[0].deadline for queue in self._queues.values()), default=None)

    def advance(self) -> None:
        """Run what is due, in the order of the deadlines."""
        while (deadline := self.next_deadline()) is not None and deadline <= self._clock():
            queue = min(self._queues.values(), key=lambda q: q[0].deadline)
            queue.popleft().run()
