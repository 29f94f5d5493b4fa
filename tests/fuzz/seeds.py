"""Inputs to begin with: what honest peers say, and what is known to hurt."""

from tests.support.data import torture
from tests.support.t38_peer import (
    FCS_OK,
    HDLC_DATA,
    NO_SIGNAL,
    NON_ECM_DATA,
    NON_ECM_SIG_END,
    V17_14400,
    V17_14400_LONG,
    V17_14400_SHORT,
    V21_PREAMBLE,
    data,
    dcs,
    indicator,
    reverse,
    udptl,
)

SDP = b"v=0\r\no=- 1 1 IN IP4 192.0.2.9\r\ns=-\r\nc=IN IP4 192.0.2.9\r\nt=0 0\r\n"
T38 = (
    b"m=image 6002 udptl t38\r\na=T38FaxVersion:3\r\na=T38MaxBitRate:14400\r\n"
    b"a=T38FaxRateManagement:transferredTCF\r\na=T38FaxMaxDatagram:400\r\n"
    b"a=T38FaxUdpEC:t38UDPRedundancy\r\n"
)
AUDIO = b"m=audio 6000 RTP/AVP 8 0 101\r\na=rtpmap:101 telephone-event/8000\r\na=sendrecv\r\n"

#: Steps of the engine's fuzzer, see engine.c.
SECOND = bytes([49])


def _ifp(octets: bytes) -> bytes:
    return bytes([64, len(octets)]) + octets


def _frame(octets: bytes, data_type: int = 0) -> bytes:
    kind = 192 | (8 | data_type if data_type else 0)
    return bytes([kind, len(octets)]) + reverse(octets)


def _command(octets: bytes) -> bytes:
    return _ifp(indicator(V21_PREAMBLE)) + _frame(octets) + _ifp(indicator(NO_SIGNAL)) + SECOND


def _received(*, ecm: bool) -> bytes:
    """Return a whole reception: DCS, TCF, a page, its end."""
    call = bytes([2 if ecm else 0]) + SECOND * 5 + _command(dcs(ecm=ecm))
    call += _ifp(indicator(V17_14400_LONG))
    call += b"".join(_ifp(data(V17_14400, (NON_ECM_DATA, bytes(72)))) for _ in range(38))
    call += _ifp(data(V17_14400, (NON_ECM_SIG_END, b""))) + SECOND * 3
    call += _ifp(indicator(V17_14400_SHORT))
    if ecm:
        for number in range(3):
            call += _frame(bytes([0xFF, 0x03, 0x06, number]) + bytes(64), 7)
        call += _ifp(data(V17_14400, (HDLC_DATA, reverse(b"\xff\x03\x86")), (FCS_OK, b"")))
        return call + SECOND + _command(b"\xff\x13\xbf\x2f\x00\x00\x02") + SECOND * 5
    call += _ifp(data(V17_14400, (NON_ECM_DATA, b"\x00\x10\x01" * 20)))
    return call + _ifp(data(V17_14400, (NON_ECM_SIG_END, b""))) + _command(b"\xff\x13\x2f") * 2


def _sent(answer: int, *, ecm: bool) -> bytes:
    """Return a whole sending: DIS, CFR, an answer to the page."""
    dis = b"\xff\x13\x80" + (b"\x00\x6e\xf0\x04" if ecm else b"\x00\x6e\x70")
    call = bytes([3 if ecm else 1]) + SECOND * 2 + _command(dis) + SECOND * 5
    return call + _command(b"\xff\x13\x84") + SECOND * 6 + _command(bytes([0xFF, 0x13, answer])) * 3


def _stream(packets: list[bytes]) -> bytes:
    return b"".join(bytes([len(p)]) + p for p in packets)


def _rtp(number: int) -> bytes:
    head = b"\x80\x08" + number.to_bytes(2, "big") + (160 * number).to_bytes(4, "big") + b"\0\0\0\1"
    return head + bytes([0xD5] * 160)


def seeds(name: str) -> list[bytes]:
    """Return the inputs to begin with."""
    match name:
        case "sip":
            values = {"me": "192.0.2.1:5060", "us": "192.0.2.2:5060", "id": "abc"}
            return [
                text.format(**values).encode("utf-8", "surrogateescape")
                for _, text, _ in torture.TORTURE
            ]
        case "sdp":
            return [SDP + T38, SDP + AUDIO, SDP + AUDIO + T38, SDP + T38.replace(b"6002", b"0")]
        case "engine":
            answers = (0x8C, 0x4C, 0xCC, 0xAC, 0x2C, 0xFA, 0xBC, 0xEC, 0x80)
            return [
                _received(ecm=False), _received(ecm=True),
                *(_sent(answer, ecm=ecm) for answer in answers for ecm in (False, True)),
                bytes([12]) + SECOND * 4, bytes([13]) + SECOND * 4,
            ]  # fmt: skip
        case "rtp":
            return [_stream([_rtp(n) for n in (1, 2, 4, 3, 3, 9)])]
        case _:
            plain = [udptl(n, indicator(n % 16)) for n in range(20)]
            redundant = [
                udptl(n, b"\x01\x02\x03")[:-2] + b"\0\2\3\1\2\3\1\7" for n in (1, 2, 5, 6, 65535, 0)
            ]
            fec = [
                udptl(n, b"\x01\x02\x03")[:-2] + b"\x80\1\3\2\3\1\2\3\2\1\2" for n in (1, 2, 4, 9)
            ]
            return [_stream(plain), _stream(redundant), _stream(fec)]
