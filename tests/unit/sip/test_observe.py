"""The ladder of a call: what is told of each message, and never twice."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spandsp_bridge.sip.observe import call_id, summary
from spandsp_bridge.sip.uas import IncomingCall
from tests.support.sip_network import ALICE, BOB, Handler, Net, dial

HEAD = b"INVITE sip:a@b SIP/2.0\r\nCall-ID: x1\r\nCSeq: 1 INVITE\r\n\r\n"


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (HEAD, "INVITE"),
        (HEAD + b"v=0\r\nm=audio 5 RTP/AVP 8\r\n", "INVITE (audio)"),
        (HEAD + b"v=0\r\nm=image 5 udptl t38\r\n", "INVITE (T.38)"),
        (HEAD + b"v=0\r\nm=audio 5 RTP/AVP 8\r\nm=image 0 udptl t38\r\n", "INVITE (audio)"),
        (b"SIP/2.0 488 Not Acceptable Here\r\nCall-ID: x\r\nCSeq: 2 INVITE\r\n\r\n",
         "488 Not Acceptable Here"),
        (b"SIP/2.0 200 OK\r\ni: x\r\nCSeq: 2 INVITE\r\n\r\nm=video 1 x\r\nm=image 5 udptl t38\r\n",
         "200 OK (T.38)"),
        (b"\x00\x01", ""),
        (b"SIP/2.0 999 No\r\n\r\n", ""),
    ],
)  # fmt: skip
def test_a_message_in_a_few_words(data: bytes, said: str) -> None:
    assert summary(data)[0] == said


@pytest.mark.parametrize("name", [b"Call-ID", b"call-id", b"i", b"I", b"CALL-ID "])
def test_the_call_id_by_any_name(name: bytes) -> None:
    assert call_id(b"BYE sip:a@b SIP/2.0\r\n" + name + b": ab@c \r\n\r\n") == "ab@c"


@given(st.binary(max_size=300))
def test_any_bytes_do_no_harm(data: bytes) -> None:
    for some in (data, HEAD + data, b"SIP/2.0 " + data):
        text, again = summary(some)
        assert isinstance(text, str)
        assert isinstance(again, str)
        assert len(call_id(some)) <= 256


async def test_a_call_is_watched_from_its_invite_to_its_bye() -> None:
    """Also over a line that loses half of the messages: what comes twice is told by its CSeq."""
    net = Net(loss=0.3, seed=4)

    def take(call: IncomingCall) -> None:
        call.handler = Handler()
        call.accept(b"v=0\r\nm=audio 1 RTP/AVP 8\r\n")

    net.agent(BOB, ALICE, take)
    call = dial(net.agent(ALICE, BOB), Handler())
    seen: list[tuple[bool, str, str]] = []
    call.observe(lambda outgoing, data: seen.append((outgoing, *summary(data))))
    await net.run(call.answered())
    call.hang_up()
    await net.settle(40)
    told = list(dict.fromkeys((out, text) for out, text, _ in seen))
    assert told[0] == (True, "INVITE")
    assert (False, "200 OK (audio)") in told
    assert (True, "ACK") in told
    assert (True, "BYE") in told
    assert len({again for _, text, again in seen if text == "BYE"}) == 1
