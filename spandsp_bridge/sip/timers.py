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
        """Drop the function and all that it references."""
        self._callback = None

    def run(self) -> None:
        """Call the function, once."""
        callback, self._callback = self._callback, None
        if callback is not None:
            callback()


class Timers:
    """All timers of one user agent, by an injected clock in seconds.

    The owner of the loop calls `advance` when `next_deadline` is reached; `rearm` is called
    with the deadline of each timer that is added.
    """

    def __init__(
        self, clock: Callable[[], float], rearm: Callable[[float], None] | None = None
    ) -> None:
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
            self._rearm(timer.deadline)
        return timer

    def next_deadline(self) -> float | None:
        """Return when `advance` should next be called, or None."""
        first = self._first()
        return first[0].deadline if first else None

    def advance(self) -> None:
        """Run what is due, in the order of the deadlines."""
        while (queue := self._first()) and queue[0].deadline <= self._clock():
            queue.popleft().run()

    def _first(self) -> deque[Timer] | None:
        """Return the queue whose first timer is due first; remove cancelled timers."""
        first: deque[Timer] | None = None
        empty = []
        for delay, queue in self._queues.items():
            while queue and not queue[0].pending:
                queue.popleft()
            if not queue:
                empty.append(delay)
            elif first is None or queue[0].deadline < first[0].deadline:
                first = queue
        for delay in empty:
            del self._queues[delay]
        return first
