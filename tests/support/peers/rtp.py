"""An RTP peer by hand: plays sounds in A-law, and measures the tone that it hears."""

import itertools
import math
import random
import socket
import struct
from collections.abc import Callable

from spandsp_bridge.testpeer.voice import SAMPLES, to_alaw, voice

_DICE = random.Random(11)


def _tone(hertz: float, level: float) -> Callable[[int], float]:
    return lambda at: level * math.sin(2 * math.pi * hertz * at / 8000)


SOUNDS: dict[str, Callable[[int], float]] = {
    "silence": lambda _: _DICE.uniform(-8, 8),
    "voice": voice,
    "CED": _tone(2100, 5000),
}


def from_alaw(octet: int) -> int:
    """Return an A-law octet as a 16-bit sample (G.711)."""
    octet ^= 0x55
    exponent, mantissa = octet >> 4 & 7, octet & 0x0F
    value = mantissa * 2 + 1 if exponent == 0 else (mantissa * 2 + 33) << (exponent - 1)
    return (value if octet & 0x80 else -value) << 3


class RtpPeer:
    """One RTP stream each way."""

    def __init__(self, port: int) -> None:
        self._peer = ("127.0.0.1", port)
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.sock.setblocking(False)

    @property
    def own_port(self) -> int:
        return int(self.sock.getsockname()[1])

    def play(self, sound: Callable[[int], float], number: int) -> None:
        """Send the 20 ms with that number of a sound."""
        start = number * SAMPLES
        header = struct.pack("!BBHII", 0x80, 8, number & 0xFFFF, start, 0x1234)
        payload = bytes(to_alaw(int(sound(at))) for at in range(start, start + SAMPLES))
        self.sock.sendto(header + payload, self._peer)

    def heard(self) -> float:
        """Return the frequency (Hz) of the loudest 20 ms that came."""
        loudest: list[int] = []
        while True:
            try:
                packet = self.sock.recv(2048)
            except BlockingIOError:
                break
            samples = [from_alaw(octet) for octet in packet[12:]]
            if sum(map(abs, samples)) > sum(map(abs, loudest)):
                loudest = samples
        rises = [at for at, (a, b) in enumerate(itertools.pairwise(loudest)) if a < 0 <= b]
        return (len(rises) - 1) * 8000 / (rises[-1] - rises[0]) if len(rises) > 1 else 0.0

    def close(self) -> None:
        self.sock.close()
