"""Session timers (RFC 4028): what was agreed on, and who refreshes.

Calling, we say that we know timers and leave it to the called side to want one. Called, we
take what the caller asks for, and let it refresh where it can.
"""

from dataclasses import dataclass

from spandsp_bridge.sip.message import Headers

MIN_SE = 90  #: seconds, the least that RFC 4028 §4 allows
MAX_SE = 7 * 86400


class TooSmallError(ValueError):
    """The interval asked for is below MIN_SE: 422."""


@dataclass(frozen=True, slots=True)
class SessionTimer:
    """A session's interval in seconds, and whether the refreshes are ours."""

    interval: int
    we_refresh: bool

    @property
    def due(self) -> float:
        """Seconds until we refresh: half of the interval (§10)."""
        return self.interval / 2

    @property
    def given_up(self) -> float:
        """Seconds without a refresh after which the session is over (§10)."""
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
    """Agree to what a request asks for: the timer, and the header fields of our 2xx (§9).

    None when it asks for none. Raises TooSmallError.
    """
    asked = _session_expires(headers)
    if asked is None:
        return None
    interval, refresher = asked
    if interval < MIN_SE:
        raise TooSmallError
    they_can = _supports_timer(headers)
    we_refresh = refresher == "uas" or not they_can
    fields = {"Session-Expires": f"{interval};refresher={'uas' if we_refresh else 'uac'}"}
    if not we_refresh:
        fields["Require"] = "timer"
    return SessionTimer(interval, we_refresh), fields


def accepted(headers: Headers) -> SessionTimer | None:
    """Return what a 2xx to a request of ours sets up (§7.2); None: no timer."""
    told = _session_expires(headers)
    if told is None:
        return None
    interval, refresher = told
    return SessionTimer(max(interval, MIN_SE), refresher != "uas")


def request_fields(timer: SessionTimer | None) -> dict[str, str]:
    """Return the header fields of a request that sets up or refreshes a session (§7.1, §7.4)."""
    fields = {"Supported": "timer", "Min-SE": str(MIN_SE)}
    if timer is not None:
        refresher = "uac" if timer.we_refresh else "uas"
        fields["Session-Expires"] = f"{timer.interval};refresher={refresher}"
    return fields
