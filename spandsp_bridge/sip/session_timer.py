"""Session timers (RFC 4028): what two ends agree on, and what one end does about it.

As UAC we declare support and leave it to the called side to ask for a timer. As UAS we take
the interval that the caller asks for, and let the caller refresh where it can.
"""

from collections.abc import Callable
from dataclasses import dataclass

from spandsp_bridge.sip.message import Headers
from spandsp_bridge.sip.timers import Timer, Timers

MIN_SE = 90  #: seconds, the least that RFC 4028 §4 allows
MAX_SE = 7 * 86400  #: seconds; a longer interval is shortened to this


class TooSmallError(ValueError):
    """The requested interval is below MIN_SE: 422 (§6)."""


@dataclass(frozen=True, slots=True)
class SessionTimer:
    """An agreed interval in seconds, and whether we are its refresher."""

    interval: int
    we_refresh: bool

    @property
    def due(self) -> float:
        """Seconds until we refresh: half of the interval (§10)."""
        return self.interval / 2

    @property
    def expiry(self) -> float:
        """Seconds without a refresh after which the session is ended (§10)."""
        return self.interval - min(32.0, self.interval / 3)


def _session_expires(headers: Headers) -> tuple[int, str] | None:
    """Return (seconds, refresher or empty) of Session-Expires, None without a usable one."""
    value = headers.get("session-expires")
    if value is None:
        return None
    seconds, *parameters = (part.strip().lower() for part in value.split(";"))
    if not (seconds.isascii() and seconds.isdigit()) or len(seconds) > 8:
        return None
    refresher = next((p.partition("=")[2] for p in parameters if p.startswith("refresher=")), "")
    return min(int(seconds), MAX_SE), refresher.strip()


def _supports_timer(headers: Headers) -> bool:
    return "timer" in (tag.lower() for tag in headers.all("supported") + headers.all("require"))


def answer(headers: Headers) -> tuple[SessionTimer, dict[str, str]] | None:
    """Return the timer that a request asks for, and the header fields of our 2xx (§9).

    None without a usable Session-Expires. Raises TooSmallError.
    """
    requested = _session_expires(headers)
    if requested is None:
        return None
    interval, refresher = requested
    if interval < MIN_SE:
        raise TooSmallError
    we_refresh = refresher == "uas" or not _supports_timer(headers)
    fields = {"Session-Expires": f"{interval};refresher={'uas' if we_refresh else 'uac'}"}
    if not we_refresh:
        fields["Require"] = "timer"
    return SessionTimer(interval, we_refresh), fields


def accepted(headers: Headers) -> SessionTimer | None:
    """Return the timer that a 2xx to our request sets up (§7.2), or None."""
    granted = _session_expires(headers)
    if granted is None:
        return None
    interval, refresher = granted
    return SessionTimer(max(interval, MIN_SE), refresher != "uas")


def request_fields(timer: SessionTimer | None) -> dict[str, str]:
    """Return the header fields of a request that sets up or refreshes a session (§7.1, §7.4)."""
    fields = {"Supported": "timer", "Min-SE": str(MIN_SE)}
    if timer is not None:
        refresher = "uac" if timer.we_refresh else "uas"
        fields["Session-Expires"] = f"{timer.interval};refresher={refresher}"
    return fields


class SessionRefresher:
    """Runs the session timer of one call (§10).

    Calls `refresh` when a refresh of ours is due, and `expire` when the session has to be ended:
    the peer's refresh did not come, or ours got no answer.
    """

    def __init__(
        self,
        timers: Timers,
        refresh: Callable[[SessionTimer], None],
        expire: Callable[[], None],
    ) -> None:
        self.agreed: SessionTimer | None = None
        self._timers = timers
        self._refresh = refresh
        self._expire = expire
        self._next: Timer | None = None

    def restart(self, agreed: SessionTimer | None) -> None:
        """Start the interval anew, as a refresh does; None: there is no timer any more."""
        self.stop()
        self.agreed = agreed
        if agreed is None:
            return
        if agreed.we_refresh:
            self._next = self._timers.call_later(agreed.due, lambda: self._send(agreed))
        else:
            self._next = self._timers.call_later(agreed.expiry, self._expire)

    def stop(self) -> None:
        """Stop the timer: the call ended."""
        if self._next is not None:
            self._next.cancel()
            self._next = None

    def _send(self, agreed: SessionTimer) -> None:
        # Without an answer the session ends before the peer's own interval does.
        self._next = self._timers.call_later(agreed.interval / 3, self._expire)
        self._refresh(agreed)
