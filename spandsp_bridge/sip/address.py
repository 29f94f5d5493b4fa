"""The structured header values: URIs, name-addresses and Via (RFC 3261 §19.1, §20, §25).

Each has `parse` and `__str__`; text that parsed once survives the round trip.
"""

import re
from dataclasses import dataclass, field

from spandsp_bridge.sip.errors import SipParseError

_HOSTPORT = re.compile(r"(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9._-]+)(?::([0-9]{1,5}))?\Z")
_VIA = re.compile(r"SIP\s*/\s*2\.0\s*/\s*([A-Za-z0-9-]+)\s+(\S+)\Z")


def split(text: str, separator: str) -> list[str]:
    """Split at a separator outside quotes and angle brackets."""
    if separator not in text:
        return [text.strip()]
    if '"' not in text and "<" not in text:
        return [part.strip() for part in text.split(separator)]
    parts, start, quoted, angle, i = [], 0, False, False, 0
    while i < len(text):
        c = text[i]
        if quoted:
            if c == "\\":
                i += 1
            elif c == '"':
                quoted = False
        elif c == '"':
            quoted = True
        elif c == "<":
            angle = True
        elif c == ">":
            angle = False
        elif c == separator and not angle:
            parts.append(text[start:i].strip())
            start = i + 1
        i += 1
    parts.append(text[start:].strip())
    return parts


def _params(parts: list[str]) -> dict[str, str | None]:
    params: dict[str, str | None] = {}
    for part in parts:
        if not part:
            continue
        name, equals, value = part.partition("=")
        params[name.strip().lower()] = value.strip().strip('"') if equals else None
    return params


def _format_params(params: dict[str, str | None]) -> str:
    return "".join(f";{n}" if v is None else f";{n}={v}" for n, v in params.items())


def _hostport(text: str) -> tuple[str, int | None]:
    match = _HOSTPORT.match(text)
    if match is None:
        raise SipParseError("no host in {text!r}", text=text[:80])
    port = int(match[2]) if match[2] else None
    if port is not None and not 0 < port < 65536:
        raise SipParseError("port {port} is out of range", port=port)
    return match[1], port


@dataclass(frozen=True, slots=True)
class Uri:
    """A SIP or SIPS URI (RFC 3261 §19.1); other schemes are refused."""

    user: str
    host: str
    port: int | None = None
    params: dict[str, str | None] = field(default_factory=dict)
    scheme: str = "sip"
    headers: str = ""

    @classmethod
    def parse(cls, text: str) -> "Uri":
        """Return the URI in `text`. Raises SipParseError."""
        scheme, colon, rest = text.strip().partition(":")
        scheme = scheme.lower()
        if not colon or scheme not in ("sip", "sips"):
            raise SipParseError("{text!r} is not a SIP URI", text=text[:80])
        rest, _, headers = rest.partition("?")
        user, at, rest = rest.rpartition("@")
        if at and not user:
            raise SipParseError("empty user in {text!r}", text=text[:80])
        hostport, *params = rest.split(";")
        host, port = _hostport(hostport)
        return cls(user, host, port, _params(params), scheme, headers)

    def __str__(self) -> str:
        user = f"{self.user}@" if self.user else ""
        port = f":{self.port}" if self.port else ""
        headers = f"?{self.headers}" if self.headers else ""
        return f"{self.scheme}:{user}{self.host}{port}{_format_params(self.params)}{headers}"


@dataclass(frozen=True, slots=True)
class NameAddr:
    """The value of From, To, Contact, Route and Record-Route (RFC 3261 §20.10)."""

    uri: Uri
    params: dict[str, str | None] = field(default_factory=dict)
    display: str = ""

    @classmethod
    def parse(cls, text: str) -> "NameAddr":
        """Return the name-addr or addr-spec in `text`. Raises SipParseError."""
        parts = split(text, ";")
        head = parts[0]
        if "<" in head:
            display, _, rest = head.partition("<")
            uri, close, _ = rest.partition(">")
            if not close:
                raise SipParseError("no closing bracket in {text!r}", text=text[:80])
            return cls(Uri.parse(uri), _params(parts[1:]), display.strip().strip('"'))
        return cls(Uri.parse(head), _params(parts[1:]))  # addr-spec: parameters are the header's

    @property
    def tag(self) -> str:
        """The tag, or an empty string."""
        return self.params.get("tag") or ""

    def with_tag(self, tag: str) -> "NameAddr":
        """Return the same address with this tag."""
        return NameAddr(self.uri, {**self.params, "tag": tag}, self.display)

    def __str__(self) -> str:
        display = f'"{self.display}" ' if self.display else ""
        return f"{display}<{self.uri}>{_format_params(self.params)}"


@dataclass(frozen=True, slots=True)
class Via:
    """One Via value (RFC 3261 §20.42, RFC 3581)."""

    transport: str
    host: str
    port: int | None
    params: dict[str, str | None]

    @classmethod
    def parse(cls, text: str) -> "Via":
        """Return the Via in `text`. Raises SipParseError."""
        head, *params = split(text, ";")
        match = _VIA.match(head)
        if match is None:
            raise SipParseError("bad Via {text!r}", text=text[:80])
        host, port = _hostport(match[2])
        return cls(match[1].upper(), host, port, _params(params))

    @property
    def branch(self) -> str:
        """The branch, or an empty string."""
        return self.params.get("branch") or ""

    def __str__(self) -> str:
        port = f":{self.port}" if self.port else ""
        return f"SIP/2.0/{self.transport} {self.host}{port}{_format_params(self.params)}"
