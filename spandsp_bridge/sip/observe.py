"""Short texts of SIP messages, for the message ladder of a call.

Works on the bytes as they pass, so that retransmissions and messages without a call are seen
too. A retransmission has the first line and the CSeq of the message before.
"""

import re
from collections.abc import Callable

Observer = Callable[[bool, bytes], None]  #: (we sent it, the message)

_CALL_ID = re.compile(rb"\r\n(?:call-id|i)[ \t]*:[ \t]*([^\r\n]{1,256})", re.IGNORECASE)
_CSEQ = re.compile(rb"\r\ncseq[ \t]*:[ \t]*([0-9]{1,10})", re.IGNORECASE)
_FIRST = re.compile(rb"(?:SIP/2\.0 ([1-6][0-9]{2} [^\r\n]{0,40})|([A-Z]{3,9}) )")
MAX_HEAD = 4096  #: octets that are searched


def call_id(data: bytes) -> str:
    """Return a message's Call-ID, or an empty string."""
    match = _CALL_ID.search(data, 0, MAX_HEAD)
    return match[1].strip().decode("utf-8", "replace") if match else ""


def summary(data: bytes) -> tuple[str, str]:
    """Return (short text, key): retransmissions of a message have the same key.

    The text is the method or the status line, with the media that the body offers, such as
    `INVITE (audio)` or `200 OK (T.38)`; both are empty for bytes that are not SIP.
    """
    first = _FIRST.match(data)
    if first is None:
        return "", ""
    text = (first[1] or first[2]).strip().decode("utf-8", "replace")
    number = _CSEQ.search(data, 0, MAX_HEAD)
    key = f"{text} {number[1].decode() if number else ''}"
    lines = [line for line in data.partition(b"\r\n\r\n")[2].split(b"\n") if line[:2] == b"m="]
    live = [line for line in lines if line.split(b" ")[1:2] != [b"0"]]
    kinds = {b"m=image": "T.38", b"m=audio": "audio"}
    media = [kinds[line.split(b" ")[0]] for line in live if line.split(b" ")[0] in kinds]
    return f"{text} ({', '.join(media)})" if media else text, key
