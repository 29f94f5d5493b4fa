"""A synthetic voice over RTP, as of a person who answers a fax call."""

import functools
import math
import socket
import struct

SAMPLES = 160  #: of 20 ms, the length of a packet
LOOP = 50  #: packets until the voice repeats: one second, three syllables


def voice(at: int) -> float:
    """Return the sample at an index (8 kHz): vowel-like harmonics of 120 Hz, in syllables."""
    swell = max(0.0, math.sin(2 * math.pi * 3 * at / 8000))
    return swell * sum(3000 / n * math.sin(2 * math.pi * 120 * n * at / 8000) for n in range(1, 9))


def to_alaw(sample: int) -> int:
    """Return a 16-bit sample in A-law (G.711)."""
    sign = 0x80 if sample >= 0 else 0
    value = min(abs(sample) >> 3, 4095)
    exponent = max(value.bit_length() - 5, 0)
    mantissa = value >> max(exponent, 1) & 0x0F
    return (sign | exponent << 4 | mantissa) ^ 0x55


@functools.cache
def _payload(number: int) -> bytes:
    start = number * SAMPLES
    return bytes(to_alaw(int(voice(at))) for at in range(start, start + SAMPLES))


class Voice:
    """An RTP stream (RFC 3550, PCMA) to a peer."""

    def __init__(self, address: str, peer: tuple[str, int]) -> None:
        self._peer = peer
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self._sock = socket.socket(family, socket.SOCK_DGRAM)
        self._sock.bind((address, 0))
        self._sock.setblocking(False)
        self.port = int(self._sock.getsockname()[1])

    def speak(self, number: int) -> None:
        """Send a packet by its number, from 0."""
        header = struct.pack("!BBHII", 0x80, 8, number & 0xFFFF, number * SAMPLES, 0x1234)
        self._sock.sendto(header + _payload(number % LOOP), self._peer)

    def close(self) -> None:
        """Close the socket."""
        self._sock.close()
