"""SDP and T.38 negotiation: offers as real peers make them, and hostile ones."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spandsp_bridge.model import MediaPeer, Recovery
from spandsp_bridge.t38.negotiation import LocalMedia, read, t38_peer
from spandsp_bridge.t38.sdp import MAX_SDP, SdpError, parse

HEAD = "v=0\r\no=- 1 1 IN IP4 192.0.2.5\r\ns=-\r\nc=IN IP4 192.0.2.5\r\nt=0 0\r\n"
AUDIO = "m=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:101 telephone-event/8000\r\n"
IMAGE = (
    "m=image 4002 udptl t38\r\na=T38FaxVersion:0\r\na=T38MaxBitRate:9600\r\n"
    "a=T38FaxRateManagement:transferredTCF\r\na=T38FaxMaxDatagram:849\r\n"
    "a=T38FaxUdpEC:t38UDPFEC\r\n"
)


def local() -> LocalMedia:
    return LocalMedia("192.0.2.1", 30000, 30001)


def answered(offer: str) -> str | None:
    description = read(offer.encode())
    answer = local().answer(description) if description else None
    return answer[0].decode() if answer else None


def media_lines(sdp: str) -> list[str]:
    return [line for line in sdp.split("\r\n") if line.startswith("m=")]


@pytest.mark.parametrize(
    ("name", "offer", "expected"),
    [
        ("audio alone", AUDIO, ["m=audio 30000 RTP/AVP 0 8"]),
        ("A-law alone", "m=audio 4000 RTP/AVP 8\r\n", ["m=audio 30000 RTP/AVP 8"]),
        ("T.38 alone", IMAGE, ["m=image 30001 udptl t38"]),
        ("both: T.38 wins", AUDIO + IMAGE,
         ["m=audio 0 RTP/AVP 0 8 101", "m=image 30001 udptl t38"]),
        ("image 0 beside audio", AUDIO + IMAGE.replace("4002", "0"),
         ["m=audio 30000 RTP/AVP 0 8", "m=image 0 udptl t38"]),
        ("a dead and a live image line", IMAGE.replace("4002", "0") + IMAGE,
         ["m=image 0 udptl t38", "m=image 30001 udptl t38"]),
        ("capital letters", IMAGE.replace("udptl t38", "UDPTL T38"), ["m=image 30001 udptl t38"]),
        ("video beside audio", "m=video 5000 RTP/AVP 96\r\n" + AUDIO,
         ["m=video 0 RTP/AVP 96", "m=audio 30000 RTP/AVP 0 8"]),
    ],
)  # fmt: skip
def test_every_line_of_an_offer_is_answered(name: str, offer: str, expected: list[str]) -> None:
    sdp = answered(HEAD + offer)
    assert sdp is not None, name
    assert media_lines(sdp) == expected


@pytest.mark.parametrize(
    "offer",
    [
        "m=audio 4000 RTP/AVP 96\r\n",
        "m=audio 0 RTP/AVP 0\r\n",
        "m=image 4002 tcp t38\r\n",
        "m=video 5000 RTP/AVP 96\r\n",
        "",
    ],
)
def test_an_offer_without_fax_or_g711_is_refused(offer: str) -> None:
    assert answered(HEAD + offer) is None


def test_an_address_by_name_is_refused() -> None:
    """Nothing here asks a DNS server."""
    assert (
        answered((HEAD + IMAGE).replace("c=IN IP4 192.0.2.5", "c=IN IP4 fax.example.com")) is None
    )


def test_the_peer_is_read_from_its_line() -> None:
    description = parse((HEAD + IMAGE).encode())
    assert description.t38 is not None
    assert t38_peer(description.t38) == MediaPeer("192.0.2.5", 4002, Recovery.FEC, 849, 0)


def test_attributes_come_in_any_case_and_absent_ones_have_defaults() -> None:
    quiet = "m=image 4002 udptl t38\r\nc=IN IP6 2001:db8::9\r\na=t38faxudpec:T38UDPREDUNDANCY\r\n"
    description = parse((HEAD + quiet).encode())
    assert description.t38 is not None
    assert t38_peer(description.t38) == MediaPeer("2001:db8::9", 4002, Recovery.REDUNDANCY, 400, 0)
    bare = parse((HEAD + "m=image 4002 udptl t38\r\n").encode()).t38
    assert bare is not None
    assert t38_peer(bare).recovery is Recovery.NONE


def test_the_bit_rate_of_the_answer_is_the_lower_one() -> None:
    sdp = answered(HEAD + IMAGE)
    assert sdp is not None
    assert "a=T38MaxBitRate:9600" in sdp


def test_the_version_rises_with_each_change_and_only_then() -> None:
    ours = local()
    versions = [sdp.split(b" ")[2] for sdp in (ours.audio(), ours.audio(), ours.image())]
    assert versions == [b"1", b"1", b"2"]


@given(st.binary(max_size=500))
def test_parsing_any_bytes_does_not_raise_but_for_a_refusal(data: bytes) -> None:
    for text in (data, (HEAD + AUDIO + IMAGE).encode() + data, data + IMAGE.encode()):
        description = read(text)
        if description is not None:
            local().answer(description)


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"x" * (MAX_SDP + 1),
        b"v=0\r\n" + b"m=audio 1 RTP/AVP 0\r\n" * 100,
        b"v=0\r\nm=audio\r\n",
        b"v=0\r\nm=image 99999 udptl t38\r\n",
        b"v=0\r\nm=image -1 udptl t38\r\n",
    ],
)
def test_nonsense_is_refused(text: bytes) -> None:
    with pytest.raises(SdpError):
        parse(text)
