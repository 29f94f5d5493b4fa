"""A typed face for the native engine: its commands and events as bytes, no C types outside."""

import struct
from dataclasses import asdict
from typing import Any

from spandsp_bridge.errors import SetupError
from spandsp_bridge.model import (
    Cause,
    Finished,
    Heard,
    Media,
    MediaPeer,
    Negotiated,
    PageDone,
    SessionEvent,
    SessionOptions,
    SessionStats,
    Trace,
)
from spandsp_bridge.native._engine import ffi, lib

MAX_PACKET = 1024  #: octets of the longest event
END_OF_PROCEDURE = (0x2E, 0x3E)  # EOP and PRI-EOP (T.30 §5.3.6.1.6), in SpanDSP's bit order
_HEAD = struct.Struct("=QdiiiHH")  #: struct vfx_event up to its union
_KINDS = {"int32_t": "i", "uint32_t": "I", "char[24]": "24s", "char[64]": "64s"}
_STATS = {name: field.type.cname for name, field in ffi.typeof("struct vfx_stats").fields}
_STATS_BODY = struct.Struct("=" + "".join(_KINDS[kind] for kind in _STATS.values()))
assert _HEAD.size == ffi.offsetof("struct vfx_event", "stats")
assert _STATS_BODY.size == ffi.sizeof("struct vfx_stats")
_START = {
    Media.T38: lib.VFX_START_T38,
    Media.TONES: lib.VFX_START_TONES,
    Media.AUDIO: lib.VFX_START_AUDIO,
}


def check_spandsp() -> str:
    """Return the release of the loaded SpanDSP.

    Raises SetupError for another one than the engine was built for: the engine uses its private
    structs, and would corrupt memory.
    """
    release = ffi.new("char[]", lib.VFX_RELEASE_SIZE)
    supported = lib.vfx_check_spandsp(release) == 0
    text = _text(ffi.string(release))
    if not supported:
        raise SetupError(
            "unsupported SpanDSP release {release!r}: install Debian's libspandsp2 0.0.6",
            release=text,
        )
    return text


def _text(octets: bytes) -> str:
    """Return a C string that came from a stranger, as text without control characters."""
    text = octets.partition(b"\0")[0].decode("latin-1")
    if not text.isprintable():
        text = "".join(c if c.isprintable() else "?" for c in text)
    return text.strip()


def _chars(text: str, size: int) -> bytes:
    """Return text for a char array of a size; what does not fit is cut off."""
    return text.encode("latin-1", "replace").replace(b"\0", b"?")[: size - 1]


def _command(call: int, kind: int, **fields: Any) -> bytes:
    command = ffi.new("struct vfx_command *", {"call": call, "type": kind, **fields})
    return bytes(ffi.buffer(command))


def open_call(
    call: int, options: SessionOptions, bind_address: str, ports: tuple[int, int]
) -> bytes:
    """Return the command that reserves a call's sockets; `opened` or `refused` answers it.

    Raises ValueError for a path that the engine has no room for.
    """
    fields = asdict(options)
    path = str(fields.pop("file")).encode()
    if len(path) > 255:
        raise ValueError(f"the path {options.file} is longer than 255 bytes")
    texts = {"station_id": 22, "header_line": 64, "time_zone": 64}
    fields |= {name: _chars(fields[name], size) for name, size in texts.items()}
    fields |= {"file": path, "bind_address": _chars(bind_address, 46)}
    fields |= {"first_port": ports[0], "last_port": ports[1]}
    return _command(call, lib.VFX_OPEN, options=fields)


def start(call: int, media: Media, peer: MediaPeer) -> bytes:
    """Return the command that begins media with a peer, or tells where it has moved."""
    fields = asdict(peer) | {"address": _chars(peer.address, 46)}
    return _command(call, _START[media], peer=fields)


def page_verdict(call: int, *, durable: bool) -> bytes:
    """Return the answer to a received page: its MCF leaves, or the session ends."""
    return _command(call, lib.VFX_VERDICT, durable=durable)


def terminate(call: int) -> bytes:
    """Return the command that ends a session; `Finished` follows."""
    return _command(call, lib.VFX_TERMINATE)


def close(call: int) -> bytes:
    """Return the command that frees a session and its sockets."""
    return _command(call, lib.VFX_CLOSE)


class Opened(tuple[int, int]):
    """(audio port, T.38 port) of a new call."""

    __slots__ = ()


class Refused(int):
    """The errno for which a call could not be opened."""


def read_event(packet: bytes) -> tuple[int, SessionEvent | Opened | Refused]:
    """Return (call, event) of a packet from the engine."""
    call, seconds, kind, code, cause, audio_port, t38_port = _HEAD.unpack_from(packet)
    match kind:
        case lib.VFX_TRACE:
            return call, Trace(_text(packet[_HEAD.size :]), seconds)
        case lib.VFX_OPENED:
            return call, Opened((audio_port, t38_port))
        case lib.VFX_REFUSED:
            return call, Refused(code)
        case lib.VFX_NEGOTIATED:
            return call, Negotiated(_stats(packet), seconds)
        case lib.VFX_PAGE:
            stats = _stats(packet)
            return call, PageDone(stats.pages, stats, seconds, last=code in END_OF_PROCEDURE)
        case _:
            text = _text(ffi.string(lib.t30_completion_code_to_str(code)))
            return call, Finished(code, text, Cause(cause), _stats(packet), seconds)


def _stats(packet: bytes) -> SessionStats:
    values = dict(zip(_STATS, _STATS_BODY.unpack_from(packet, _HEAD.size), strict=True))
    encoding = values["encoding"]
    values["media"] = Media(values["media"])
    values["heard"] = Heard(values["heard"])
    values["ecm"] = bool(values["ecm"])
    values["encoding"] = _text(ffi.string(lib.t4_encoding_to_str(encoding))) if encoding else ""
    values["remote_station_id"] = _text(values["remote_station_id"])
    values["remote_vendor"] = _text(values["remote_vendor"])
    return SessionStats(**values)
