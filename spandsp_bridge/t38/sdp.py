"""Session descriptions (RFC 4566), as far as fax calls need them.

Lenient in letter case and in the order of lines; bounded in size.
"""

import ipaddress
from dataclasses import dataclass, field

from spandsp_bridge.errors import MalformedError

MAX_SDP = 16384
MAX_MEDIA = 16


class SdpError(MalformedError):
    """The bytes are not a session description that we can use."""


@dataclass(slots=True)
class Media:
    """One m= line with its attributes. `attributes` has lower-case names."""

    kind: str
    port: int
    protocol: str
    formats: list[str]
    address: str = ""
    attributes: dict[str, str] = field(default_factory=dict)

    @property
    def is_t38(self) -> bool:
        """True for a live T.38 over UDPTL line (T.38 Annex D)."""
        return (
            self.kind == "image"
            and self.port != 0
            and self.protocol.lower() == "udptl"
            and any(f.lower() == "t38" for f in self.formats)
        )

    @property
    def is_g711(self) -> bool:
        """True for a live audio line that offers A-law or u-law."""
        return (
            self.kind == "audio"
            and self.port != 0
            and self.protocol.upper().startswith("RTP/")
            and bool({"0", "8"} & set(self.formats))
        )


@dataclass(slots=True)
class SessionDescription:
    """A parsed description; every medium has its own connection address."""

    media: list[Media]

    def refuse_t38(self) -> None:
        """Disable the T.38 lines, so that an answer refuses them."""
        for medium in self.media:
            if medium.is_t38:
                medium.port = 0

    @property
    def t38(self) -> Media | None:
        """The first live T.38 line."""
        return next((m for m in self.media if m.is_t38), None)

    @property
    def audio(self) -> Media | None:
        """The first live G.711 line."""
        return next((m for m in self.media if m.is_g711), None)


def _address(value: str) -> str:
    """Return the address of a c= line as an IP literal; empty for a name or nonsense."""
    parts = value.split()
    if len(parts) < 3:
        return ""
    try:
        return str(ipaddress.ip_address(parts[2].split("/")[0]))
    except ValueError:
        return ""


def _media(value: str) -> Media:
    parts = value.split()
    if len(parts) < 4:
        raise SdpError("bad m= line {value!r}", value=value[:80])
    port = parts[1].split("/")[0]
    if not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise SdpError("bad port in m= line {value!r}", value=value[:80])
    return Media(parts[0].lower(), int(port), parts[2], parts[3:])


def parse(data: bytes) -> SessionDescription:
    """Return the description in `data`. Raises SdpError."""
    if len(data) > MAX_SDP:
        raise SdpError("session description too long")
    session_address = ""
    media: list[Media] = []
    lines = data.decode("utf-8", "replace").replace("\r\n", "\n").replace("\r", "\n").split("\n")
    if not lines or not lines[0].startswith("v="):
        raise SdpError("no v= line")
    for line in lines:
        kind, equals, value = line.partition("=")
        if not equals:
            continue
        match kind:
            case "m":
                if len(media) == MAX_MEDIA:
                    raise SdpError("too many media")
                media.append(_media(value))
            case "c" if media:
                media[-1].address = _address(value)
            case "c":
                session_address = _address(value)
            case "a" if media:
                name, _, text = value.partition(":")
                media[-1].attributes[name.strip().lower()] = text.strip()
    for m in media:
        m.address = m.address or session_address
    return SessionDescription(media)
