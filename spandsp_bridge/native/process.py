"""An engine process: the native engine behind a socket, so that it can die alone.

Started by `client.EngineClient` with one end of a SOCK_SEQPACKET pair as its
standard input. Each packet is one JSON object. Commands: ``open``, ``start``,
``verdict``, ``terminate``, ``close``. Events are those of `binding`, plus
``opened`` and ``refused`` as answers to ``open``. When the socket closes, the
process ends.
"""

import json
import select
import signal
import socket
import sys
from typing import Any

from spandsp_bridge.native.binding import NativeEngine

MAX_PACKET = 16384


class EngineProcess:
    """Forwards between the socket and the native engine; keeps no state of its own."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._engine = NativeEngine()

    def run(self) -> None:
        """Serve until the other end closes the socket."""
        poll = select.poll()
        poll.register(self._sock, select.POLLIN)
        poll.register(self._engine.fileno(), select.POLLIN)
        while True:
            for descriptor, _ in poll.poll():
                if descriptor == self._sock.fileno():
                    packet = self._sock.recv(MAX_PACKET)
                    if not packet:
                        return
                    self._obey(json.loads(packet))
                else:
                    self._drain()

    def _drain(self) -> None:
        while (event := self._engine.next_event()) is not None:
            self._send(event)

    def _send(self, message: dict[str, Any]) -> None:
        self._sock.sendall(json.dumps(message).encode())

    def _obey(self, command: dict[str, Any]) -> None:
        call = command["call"]
        match command["command"]:
            case "open":
                try:
                    audio_port, t38_port = self._engine.open(call, command["options"])
                except OSError as error:
                    self._send({"event": "refused", "call": call, "reason": str(error)})
                else:
                    self._send(
                        {
                            "event": "opened",
                            "call": call,
                            "audio_port": audio_port,
                            "t38_port": t38_port,
                        }
                    )
            case "start":
                try:
                    self._engine.start(call, **command["peer"])
                except OSError:
                    self._engine.terminate(call)
            case "verdict":
                self._engine.page_verdict(call, command["durable"])
            case "terminate":
                self._engine.terminate(call)
            case "close":
                self._engine.close(call)


def main() -> None:
    """Serve on standard input until it closes."""
    # The parent decides when calls end; a Ctrl-C at the terminal reaches it alone.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    sock = socket.socket(fileno=sys.stdin.fileno())
    try:
        EngineProcess(sock).run()
    except (BrokenPipeError, ConnectionResetError):
        return


if __name__ == "__main__":
    main()
