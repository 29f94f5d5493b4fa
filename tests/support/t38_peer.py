"""A T.38 peer by hand: builds IFP and UDPTL packets itself, shares no code with the engine."""

import asyncio
import socket
from dataclasses import dataclass, field

# T.38 Table 3 and 4: indicators and data types
NO_SIGNAL, CNG, CED, V21_PREAMBLE = 0, 1, 2, 3
V17_14400_SHORT, V17_14400_LONG = 14, 15
V21, V17_14400 = 0, 8
# T.38 Table 5: field types
HDLC_DATA, HDLC_SIG_END, FCS_OK, FCS_BAD, FCS_OK_SIG_END = 0, 1, 2, 3, 4
NON_ECM_DATA, NON_ECM_SIG_END = 6, 7

FINAL, NON_FINAL = 0x13, 0x03  # control field, least significant bit first


def reverse(octets: bytes) -> bytes:
    """Turn the bits of each octet around: T.30 counts from the other end than IFP."""
    return bytes(int(f"{o:08b}"[::-1], 2) for o in octets)


def indicator(number: int) -> bytes:
    return bytes([number << 1])


def data(data_type: int, *fields: tuple[int, bytes]) -> bytes:
    made = bytes([0xC0 | data_type << 1, len(fields)])
    for kind, octets in fields:
        made += bytes([(0x80 if octets else 0) | kind << 4])
        if octets:
            made += (len(octets) - 1).to_bytes(2, "big") + octets
    return made


def udptl(seq: int, ifp: bytes) -> bytes:
    assert len(ifp) < 0x4000
    length = bytes([len(ifp)]) if len(ifp) < 0x80 else (0x8000 | len(ifp)).to_bytes(2, "big")
    return seq.to_bytes(2, "big") + length + ifp + b"\0\0"


def dcs(*, rate: int = 0x20, width: int = 0, ecm: bool = True, extra: bytes = b"") -> bytes:
    """Return a DCS as T.30 octets; by default V.17 14400, A4, ECM, T.6."""
    fif = bytes([0x00, 0x42 | rate, 0xF8 & 0xFC | width, 0x44 if ecm else 0x00])
    return bytes([0xFF, FINAL, 0x83]) + fif + extra


@dataclass
class Peer:
    """Sends to an engine's T.38 port from a socket of its own."""

    port: int
    seq: int = 0
    sock: socket.socket = field(
        default_factory=lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    )

    def __post_init__(self) -> None:
        self.sock.bind(("127.0.0.1", 0))
        self.sock.setblocking(False)

    @property
    def own_port(self) -> int:
        return int(self.sock.getsockname()[1])

    def raw(self, packet: bytes) -> None:
        self.sock.sendto(packet, ("127.0.0.1", self.port))

    def send(self, ifp: bytes) -> None:
        self.raw(udptl(self.seq, ifp))
        self.seq = (self.seq + 1) & 0xFFFF

    def frame(self, octets: bytes, data_type: int = V21, *, end: bool = True) -> None:
        """Send one HDLC frame with a good FCS."""
        kind = FCS_OK_SIG_END if end else FCS_OK
        self.send(data(data_type, (HDLC_DATA, reverse(octets)), (kind, b"")))

    def command(self, octets: bytes) -> None:
        """Send a T.30 command: preamble, frame, silence."""
        self.send(indicator(V21_PREAMBLE))
        self.frame(octets)
        self.send(indicator(NO_SIGNAL))

    async def training_check(self) -> None:
        """Send a TCF of 1.5 s of zeros at 14400 bit/s."""
        self.send(indicator(V17_14400_LONG))
        for _ in range(38):
            self.send(data(V17_14400, (NON_ECM_DATA, bytes(72))))
            await asyncio.sleep(0.005)
        self.send(data(V17_14400, (NON_ECM_SIG_END, b"")))
        self.send(indicator(NO_SIGNAL))

    def close(self) -> None:
        self.sock.close()
