"""SIP messages: bytes in, values out, and back (RFC 3261 §7, §19, §20).

Strict on what identifies a transaction or a dialog (Via, branch, Call-ID, CSeq,
tags), lenient elsewhere. No I/O. Text that is not UTF-8 survives a round trip.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass

from spandsp_bridge.sip.address import NameAddr, Uri, Via, split
from spandsp_bridge.sip.errors import SipParseError
from spandsp_bridge.sip.status import phrase

MAX_MESSAGE = 65535
MAX_HEADERS = 200
MAGIC_COOKIE = "z9hG4bK"  # RFC 3261 §8.1.1.7

COMPACT = {
    "v": "via",
    "f": "from",
    "t": "to",
    "i": "call-id",
    "m": "contact",
    "l": "content-length",
    "c": "content-type",
    "s": "subject",
    "k": "supported",
    "e": "content-encoding",
    "x": "session-expires",
}
CANONICAL = {"call-id": "Call-ID", "cseq": "CSeq", "www-authenticate": "WWW-Authenticate"}
LISTED = {"via", "contact", "route", "record-route", "supported", "require", "allow"}

_TOKEN = re.compile(r"[A-Za-z0-9.!%*_+`'~-]+\Z")
_START_REQUEST = re.compile(r"([A-Za-z0-9.!%*_+`'~-]+) (\S+) SIP/2\.0\Z")
_START_RESPONSE = re.compile(r"SIP/2\.0 ([1-6][0-9][0-9])(?: (.*))?\Z")


class Headers:
    """Header fields in order; names in any case and in compact form."""

    __slots__ = ("_fields",)

    def __init__(self, fields: list[tuple[str, str]] | None = None) -> None:
        self._fields = [(self._key(name), value) for name, value in fields or []]

    @staticmethod
    def _key(name: str) -> str:
        lower = name.lower()
        return COMPACT.get(lower, lower)

    def get(self, name: str) -> str | None:
        """Return the first value, or None."""
        key = self._key(name)
        return next((value for n, value in self._fields if n == key), None)

    def all(self, name: str) -> list[str]:
        """Return every value; those of list fields are split at commas (RFC 3261 §7.3.1)."""
        key = self._key(name)
        values = [value for n, value in self._fields if n == key]
        if key not in LISTED:
            return values
        return [part for value in values for part in split(value, ",") if part]

    def add(self, name: str, value: object) -> None:
        """Append a field."""
        self._fields.append((self._key(name), str(value)))

    def set(self, name: str, value: object) -> None:
        """Replace all fields of this name by one."""
        key = self._key(name)
        self._fields = [(n, v) for n, v in self._fields if n != key]
        self._fields.append((key, str(value)))

    def __iter__(self) -> Iterator[tuple[str, str]]:
        """Yield (name, value) in order; names in lower case."""
        return iter(self._fields)

    def encode(self) -> str:
        """Return the fields as lines."""
        lines = []
        for name, value in self._fields:
            pretty = CANONICAL.get(name) or "-".join(p.capitalize() for p in name.split("-"))
            lines.append(f"{pretty}: {value}\r\n")
        return "".join(lines)


@dataclass(slots=True)
class Message:
    """What requests and responses share. `source` is where it came from."""

    headers: Headers
    body: bytes = b""
    source: tuple[str, int] = ("", 0)

    @property
    def call_id(self) -> str:
        """The Call-ID."""
        return self.headers.get("call-id") or ""

    @property
    def cseq(self) -> tuple[int, str]:
        """The CSeq's number and method. Raises SipParseError."""
        number, _, method = (self.headers.get("cseq") or "").strip().partition(" ")
        method = method.strip()
        if not number.isascii() or not number.isdigit() or int(number) >= 2**31:
            raise SipParseError("bad CSeq")
        if not _TOKEN.match(method):
            raise SipParseError("bad method in CSeq")
        return int(number), method

    @property
    def from_(self) -> NameAddr:
        """The From value. Raises SipParseError."""
        return NameAddr.parse(self.headers.get("from") or "")

    @property
    def to(self) -> NameAddr:
        """The To value. Raises SipParseError."""
        return NameAddr.parse(self.headers.get("to") or "")

    @property
    def via(self) -> Via:
        """The topmost Via. Raises SipParseError."""
        values = self.headers.all("via")
        if not values:
            raise SipParseError("no Via")
        return Via.parse(values[0])

    @property
    def contact(self) -> Uri | None:
        """The first Contact's URI, or None. Raises SipParseError for another scheme."""
        values = self.headers.all("contact")
        return NameAddr.parse(values[0]).uri if values else None

    def _encode(self, start: str) -> bytes:
        self.headers.set("content-length", len(self.body))
        text = f"{start}\r\n{self.headers.encode()}\r\n"
        return text.encode("utf-8", "surrogateescape") + self.body


@dataclass(slots=True)
class Request(Message):
    """A SIP request."""

    method: str = ""
    uri: str = ""

    def __bytes__(self) -> bytes:
        return self._encode(f"{self.method} {self.uri} SIP/2.0")

    def response(self, status: int, reason: str = "", to_tag: str = "") -> "Response":
        """Build a response to this request (RFC 3261 §8.2.6)."""
        headers = Headers()
        for name in ("via", "from", "to", "call-id", "cseq"):
            for value in self.headers.all(name):
                if name == "to" and to_tag and not self.to.tag:
                    headers.add(name, self.to.with_tag(to_tag))
                else:
                    headers.add(name, value)
        if status < 300 and status != 100:
            for value in self.headers.all("record-route"):
                headers.add("record-route", value)
        return Response(headers, status=status, reason=reason or phrase(status))


@dataclass(slots=True)
class Response(Message):
    """A SIP response."""

    status: int = 0
    reason: str = ""

    def __bytes__(self) -> bytes:
        return self._encode(f"SIP/2.0 {self.status} {self.reason}")


def _unfold(head: str) -> list[str]:
    """Return header lines, with continuation lines joined (RFC 3261 §7.3.1)."""
    lines: list[str] = []
    for line in head.split("\r\n"):
        if line[:1] in (" ", "\t") and len(lines) > 1:
            lines[-1] += " " + line.strip()
        else:
            lines.append(line)
    return lines


def parse(data: bytes, source: tuple[str, int] = ("", 0)) -> Request | Response:
    """Return the message in one datagram, which came from `source`. Raises SipParseError.

    Checked here: the start line, and that Via, From, To, Call-ID and CSeq are there and
    parse, because without them no answer can be sent (RFC 3261 §8.2.6.2).
    """
    if len(data) > MAX_MESSAGE:
        raise SipParseError("message too long")
    head, blank, body = data.lstrip(b"\r\n").partition(b"\r\n\r\n")
    if not blank:
        raise SipParseError("no empty line after the header fields")
    if b"\0" in head:
        raise SipParseError("NUL octet in the header fields")
    lines = _unfold(head.decode("utf-8", "surrogateescape"))
    if len(lines) > MAX_HEADERS:
        raise SipParseError("too many header fields")
    fields = []
    for line in lines[1:]:
        name, colon, value = line.partition(":")
        name = name.strip()
        if not colon or not _TOKEN.match(name):
            raise SipParseError("bad header field {line!r}", line=line[:80])
        fields.append((name, value.strip()))
    headers = Headers(fields)
    length = headers.get("content-length")
    if length is not None:
        if not length.isascii() or not length.isdigit() or int(length) > len(body):
            raise SipParseError("Content-Length does not match the body")
        body = body[: int(length)]

    message: Request | Response
    if (match := _START_REQUEST.match(lines[0])) is not None:
        message = Request(headers, body, source, method=match[1], uri=match[2])
        if message.cseq[1] != message.method:
            raise SipParseError("the CSeq's method differs from the request's")
    elif (match := _START_RESPONSE.match(lines[0])) is not None:
        message = Response(headers, body, source, status=int(match[1]), reason=match[2] or "")
        if message.cseq[1] == "":
            raise SipParseError("bad CSeq")
    else:
        raise SipParseError("bad start line {line!r}", line=lines[0][:80])
    if not message.call_id:
        raise SipParseError("no Call-ID")
    if not message.via.branch or not message.from_.tag:
        raise SipParseError("no branch in Via, or no tag in From")
    message.to  # noqa: B018  (it has to parse)
    return message
