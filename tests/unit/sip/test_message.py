"""SIP messages: what is understood, what is refused, and that nothing is lost in between."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spandsp_bridge.sip.address import NameAddr, Uri, Via
from spandsp_bridge.sip.errors import SipParseError
from spandsp_bridge.sip.message import Request, Response, parse

INVITE = (
    b"INVITE sip:+34911000002@127.0.0.1:5060 SIP/2.0\r\n"
    b"v: SIP / 2.0 / udp  proxy.example.com:5060 ;branch=z9hG4bK776 ; rport\r\n"
    b"Via: SIP/2.0/TCP [2001:db8::1]:5061;branch=z9hG4bK1, "
    b"SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK2\r\n"
    b'f: "A \\" quoted, name" <sip:alice@example.com;user=phone>;tag=88sja8x\r\n'
    b"TO: sip:bob@example.com;tag=only-the-headers\r\n"
    b"i: abc@host\r\n"
    b"CSeq: 4711\tINVITE\r\n".replace(b"\t", b" ")
    + b"Record-Route: <sip:p1;lr>,\r\n <sip:p2;lr>\r\n"
    b"m: <sip:alice@192.0.2.7:6000;transport=UDP>\r\n"
    b"Subject: \xff\xfe no UTF-8\r\n"
    b"l: 4\r\n\r\nv=0\r\nrest is not ours"
)


def test_a_message_with_every_liberty_is_understood() -> None:
    message = parse(INVITE, ("192.0.2.9", 5060))
    assert isinstance(message, Request)
    assert (message.method, message.uri) == ("INVITE", "sip:+34911000002@127.0.0.1:5060")
    assert message.via == Via(
        "UDP", "proxy.example.com", 5060, {"branch": "z9hG4bK776", "rport": None}
    )
    assert len(message.headers.all("via")) == 3
    assert message.from_.display == 'A \\" quoted, name'
    assert (message.from_.tag, message.to.tag) == ("88sja8x", "only-the-headers")
    assert message.cseq == (4711, "INVITE")
    assert message.headers.all("record-route") == ["<sip:p1;lr>", "<sip:p2;lr>"]
    assert message.contact is not None
    assert (message.contact.host, message.contact.port) == ("192.0.2.7", 6000)
    assert message.body == b"v=0\r"


def test_a_message_survives_the_round_trip() -> None:
    first = parse(INVITE)
    second = parse(bytes(first))
    assert list(second.headers) == list(first.headers)
    assert second.body == first.body
    assert bytes(second) == bytes(first)


def test_every_truncation_is_refused_or_a_message() -> None:
    for end in range(len(INVITE)):
        try:
            message = parse(INVITE[:end])
        except SipParseError:
            continue
        assert message.call_id == "abc@host"


@given(st.binary(max_size=400))
def test_parsing_any_bytes_does_not_raise_but_for_a_refusal(data: bytes) -> None:
    for prefix in (b"", INVITE[:200], INVITE[:-40]):
        try:
            parse(prefix + data)
        except SipParseError:
            continue


@given(st.integers(0, len(INVITE) - 1), st.binary(min_size=1, max_size=8))
def test_parsing_a_damaged_message_does_not_raise_but_for_a_refusal(at: int, data: bytes) -> None:
    damaged = INVITE[:at] + data + INVITE[at + len(data) :]
    try:
        message = parse(damaged)
    except SipParseError:
        return
    if isinstance(message, Request):
        parse(bytes(message.response(200, to_tag="x")))


def _replaced(old: bytes, new: bytes) -> bytes:
    assert old in INVITE
    return INVITE.replace(old, new)


@pytest.mark.parametrize(
    ("what", "data"),
    [
        ("no start line", b"hello\r\n\r\n"),
        ("another version", _replaced(b" SIP/2.0\r\nv", b" SIP/3.0\r\nv")),
        ("CSeq of another method", _replaced(b"4711 INVITE", b"4711 BYE")),
        ("CSeq above 2**31", _replaced(b"4711 ", b"4294967296 ")),
        ("Via port above 65535", _replaced(b"proxy.example.com:5060", b"proxy.example.com:65536")),
        ("no branch", _replaced(b";branch=z9hG4bK776", b"")),
        ("no From tag", _replaced(b";tag=88sja8x", b"")),
        ("no Call-ID", _replaced(b"i: abc@host\r\n", b"")),
        ("To is no SIP URI", _replaced(b"sip:bob@", b"mailto:bob@")),
        ("Content-Length too long", _replaced(b"l: 4\r\n", b"l: 4000\r\n")),
        ("negative Content-Length", _replaced(b"l: 4\r\n", b"l: -4\r\n")),
        ("a NUL in the header", _replaced(b"abc@host", b"abc\0host")),
        ("no end of the header", INVITE.partition(b"\r\n\r\n")[0]),
        ("too many fields", _replaced(b"l: 4\r\n", b"l: 4\r\n" + b"X: y\r\n" * 300)),
        ("too long", INVITE + b"x" * 70000),
        ("unclosed bracket", _replaced(b"user=phone>", b"user=phone")),
    ],
)
def test_what_cannot_be_answered_is_refused(what: str, data: bytes) -> None:
    with pytest.raises(SipParseError):
        parse(data)


@pytest.mark.parametrize(
    "text",
    [
        "sip:bob@example.com",
        "sip:+34911000002@127.0.0.1:5060;transport=udp;lr",
        "sips:[2001:db8::1]:5061",
        "sip:a;b=c:secret@host?Subject=x",
    ],
)
def test_uris_survive_the_round_trip(text: str) -> None:
    assert str(Uri.parse(text)) == text


@pytest.mark.parametrize(
    "text", ["", "tel:+34911", "http://x", "*", "sip:", "sip:@h", "sip:h:0", "sip:h:99999", "h"]
)
def test_what_is_no_sip_uri_is_refused(text: str) -> None:
    with pytest.raises(SipParseError):
        NameAddr.parse(f"<{text}>")


def test_a_response_copies_what_identifies_the_request() -> None:
    request = parse(INVITE.replace(b";tag=only-the-headers", b""))
    assert isinstance(request, Request)
    response = parse(bytes(request.response(200, to_tag="ours")))
    assert isinstance(response, Response)
    assert response.headers.all("via") == request.headers.all("via")
    assert response.to.tag == "ours"
    assert response.headers.all("record-route") == ["<sip:p1;lr>", "<sip:p2;lr>"]
    assert (response.cseq, response.call_id) == (request.cseq, request.call_id)
