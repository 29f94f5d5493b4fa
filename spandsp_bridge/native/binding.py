"""A typed face for the native engine: one class, no C types outside."""

from typing import Any

from spandsp_bridge.errors import EngineError
from spandsp_bridge.native._engine import ffi, lib

EVENT_NAMES = {
    lib.VFX_NEGOTIATED: "negotiated",
    lib.VFX_PAGE: "page",
    lib.VFX_TRACE: "trace",
    lib.VFX_FINISHED: "finished",
}
END_OF_PROCEDURE = (0x2E, 0x3E)  # EOP and PRI-EOP (T.30 §5.3.6.1.6), in SpanDSP's bit order
_STATS = [name for name, _ in ffi.typeof("struct vfx_stats").fields]


def _text(value: Any) -> str:
    """Return a C string that came from a stranger, as text without control characters."""
    text: str = ffi.string(value).decode("latin-1")
    return "".join(c if c.isprintable() else "?" for c in text).strip()


def _stats(stats: Any) -> dict[str, Any]:
    values = {name: getattr(stats, name) for name in _STATS}
    values["ecm"] = bool(stats.ecm)
    values["encoding"] = _text(lib.t4_encoding_to_str(stats.encoding)) if stats.encoding else ""
    values["remote_station_id"] = _text(stats.remote_station_id)
    values["remote_vendor"] = _text(stats.remote_vendor)
    return values


class NativeEngine:
    """One reactor thread with its calls. Commands may come from any thread."""

    def __init__(self) -> None:
        engine = lib.vfx_engine_new()
        if engine == ffi.NULL:
            raise EngineError("the native engine did not start: no memory, threads or descriptors")
        self._engine = ffi.gc(engine, lib.vfx_engine_free)

    def fileno(self) -> int:
        """Return the descriptor that is readable when an event waits."""
        return int(lib.vfx_engine_event_fd(self._engine))

    def open(self, call: int, options: dict[str, Any]) -> tuple[int, int]:
        """Reserve (audio port, T.38 port). Raises OSError: EADDRINUSE when the range is full.

        `options` are the fields of `struct vfx_options`, by name.
        """
        kept = []  # cffi frees a string with its last Python reference
        values: dict[str, Any] = {}
        for name, value in options.items():
            if isinstance(value, str):
                kept.append(ffi.new("char[]", value.encode("latin-1", "replace")))
                values[name] = kept[-1]
            else:
                values[name] = value
        ports = ffi.new("uint16_t[2]")
        struct = ffi.new("struct vfx_options *", values)
        status = lib.vfx_call_open(self._engine, call, struct, ports, ports + 1)
        if status < 0:
            raise OSError(-status, "no media ports for the call")
        return ports[0], ports[1]

    def start(
        self, call: int, address: str, port: int, recovery: int, max_datagram: int, version: int
    ) -> None:
        """Begin T.30 with the peer. Raises OSError for an address that is no IP literal."""
        text = ffi.new("char[]", address.encode("ascii", "replace"))
        peer = ffi.new(
            "struct vfx_peer *",
            {
                "address": text,
                "port": port,
                "recovery": recovery,
                "max_datagram": max_datagram,
                "version": version,
            },
        )
        status = lib.vfx_call_start(self._engine, call, peer)
        if status < 0:
            raise OSError(-status, f"the peer's media address {address!r} is no IP address")

    def page_verdict(self, call: int, durable: bool) -> None:
        """Answer a received page: its MCF leaves, or the session ends."""
        lib.vfx_call_page_verdict(self._engine, call, durable)

    def terminate(self, call: int) -> None:
        """End the session; a `finished` event follows."""
        lib.vfx_call_terminate(self._engine, call)

    def close(self, call: int) -> None:
        """Free the session and its sockets."""
        lib.vfx_call_close(self._engine, call)

    def next_event(self) -> dict[str, Any] | None:
        """Return the next event as a dictionary, or None."""
        event = ffi.new("struct vfx_event *")
        if not lib.vfx_next_event(self._engine, event):
            return None
        name = EVENT_NAMES[event.type]
        made: dict[str, Any] = {"event": name, "call": event.call, "seconds": event.seconds}
        if name == "trace":
            made["text"] = _text(event.text)
            return made
        made["stats"] = _stats(event.stats)
        if name == "page":
            made["last"] = event.code in END_OF_PROCEDURE
        if name == "finished":
            made["t30_code"] = event.code
            made["t30_text"] = _text(lib.t30_completion_code_to_str(event.code))
            made["cause"] = event.cause
        return made
