"""Negotiation of a fax call's media: our offers and answers, and what the peer's mean.

Pure functions over session descriptions (RFC 3264, T.38 Annex D), lenient with the deviations of
real peers.
"""

import random
from dataclasses import dataclass, field

from spandsp_bridge.model import MediaPeer, Recovery
from spandsp_bridge.t38.sdp import Media, SdpError, SessionDescription, parse

MAX_DATAGRAM = 1400  #: octets of the largest UDPTL packet that we accept; fits an Ethernet frame
DEFAULT_PEER_DATAGRAM = 400  #: octets, without T38FaxMaxDatagram: fits redundancy 3 at 14400 bit/s
SMALLEST_DATAGRAM = 72

RECOVERY_NAMES = {
    Recovery.NONE: None,
    Recovery.REDUNDANCY: "t38UDPRedundancy",
    Recovery.FEC: "t38UDPFEC",
}


@dataclass(slots=True)
class LocalMedia:
    """Our media of a call: one address, two ports, and the version of our description.

    A changed description raises the version in o= (RFC 3264 §8): peers ignore one that repeats it.
    """

    address: str
    audio_port: int
    t38_port: int
    max_bit_rate: int = 14400
    session_id: int = field(default_factory=lambda: random.randrange(1, 2**31))  # noqa: S311
    version: int = 0
    current: bytes = b""  #: the description in force
    _lines: list[str] = field(default_factory=list)

    def _describe(self, lines: list[str]) -> bytes:
        if lines == self._lines:
            return self.current
        self._lines = lines
        self.version += 1
        family = "IP6" if ":" in self.address else "IP4"
        head = [
            "v=0",
            f"o=virtualfax {self.session_id} {self.version} IN {family} {self.address}",
            "s=-",
            f"c=IN {family} {self.address}",
            "t=0 0",
        ]
        self.current = "".join(f"{line}\r\n" for line in [*head, *lines]).encode()
        return self.current

    def audio(self) -> bytes:
        """Return an offer of G.711, with which a call begins that becomes T.38."""
        return self._describe(self._audio_lines(["8", "0"]))

    def image(self, recovery: Recovery = Recovery.REDUNDANCY) -> bytes:
        """Return an offer of T.38 over UDPTL alone."""
        return self._describe(self._image_lines(recovery, self.max_bit_rate))

    def _audio_lines(self, formats: list[str]) -> list[str]:
        names = {"0": "PCMU", "8": "PCMA"}
        return [
            f"m=audio {self.audio_port} RTP/AVP {' '.join(formats)}",
            *(f"a=rtpmap:{f} {names[f]}/8000" for f in formats),
            "a=ptime:20",
            "a=sendrecv",
        ]

    def _image_lines(self, recovery: Recovery, bit_rate: int) -> list[str]:
        lines = [
            f"m=image {self.t38_port} udptl t38",
            "a=T38FaxVersion:0",
            f"a=T38MaxBitRate:{bit_rate}",
            "a=T38FaxRateManagement:transferredTCF",
            f"a=T38FaxMaxDatagram:{MAX_DATAGRAM}",
        ]
        name = RECOVERY_NAMES[recovery]
        return [*lines, f"a=T38FaxUdpEC:{name}"] if name else lines

    def answer(self, offer: SessionDescription) -> tuple[bytes, Media] | None:
        """Answer an offer: (our description, the accepted medium), or None for 488.

        T.38 is preferred to audio. Every m= line of the offer has one in the answer, the refused
        ones with port 0 (RFC 3264 §6).
        """
        accepted = offer.t38 or offer.audio
        if accepted is None or not accepted.address:
            return None
        lines: list[str] = []
        for medium in offer.media:
            if medium is not accepted:
                formats = [f[:64] for f in medium.formats[:8]]
                refused = [medium.kind[:32], "0", medium.protocol[:64], *formats]
                lines.append("m=" + " ".join(refused))
            elif medium.is_t38:
                rate = min(self.max_bit_rate, _number(medium, "t38maxbitrate", 14400))
                lines += self._image_lines(_recovery(medium), rate)
            else:
                lines += self._audio_lines([f for f in medium.formats if f in ("0", "8")])
        return self._describe(lines), accepted


def _number(medium: Media, attribute: str, default: int) -> int:
    text = medium.attributes.get(attribute, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else default


def _recovery(medium: Media) -> Recovery:
    """Return the error recovery of T38FaxUdpEC; without it, none (T.38 Annex D)."""
    name = medium.attributes.get("t38faxudpec", "").lower()
    if "redundancy" in name:
        return Recovery.REDUNDANCY
    return Recovery.FEC if "fec" in name else Recovery.NONE


def t38_peer(medium: Media) -> MediaPeer:
    """Return the address and the parameters of a T.38 line (T.38 Annex D)."""
    return MediaPeer(
        address=medium.address,
        port=medium.port,
        recovery=_recovery(medium),
        max_datagram=max(
            SMALLEST_DATAGRAM, _number(medium, "t38faxmaxdatagram", DEFAULT_PEER_DATAGRAM)
        ),
        version=min(3, _number(medium, "t38faxversion", 0)),
    )


def audio_peer(medium: Media) -> MediaPeer:
    """Return the address of a G.711 line and its first payload type that we support."""
    shared = [f for f in medium.formats if f in ("0", "8")]
    return MediaPeer(medium.address, medium.port, payload_type=int(shared[0]))


def read(data: bytes) -> SessionDescription | None:
    """Return a peer's description, or None when it is unusable."""
    try:
        return parse(data)
    except SdpError:
        return None
