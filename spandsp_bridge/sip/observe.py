"""What was said on the wire, in a few words: for the ladder of a call.

Works on the bytes as they pass, so that every message is seen, whoever sent it. A message that
is sent again is told apart by its first line and its CSeq.
"""

import re
from collections.abc import Callable

Observer = Callable[[bool, bytes], None]  #: (we sent it, the message)

_CALL_ID = re.compile(rb"\r\n(?:call-id|i)[ \t]*:[ \t]*([^\r\n]{1,256})", re.IGNORECASE)
_CSEQ = re.compile(rb"\r\ncseq[ \t]*:[ \t]*([0-9]{1,10})", re.IGNORECASE)
_FIRST = re.compile(rb"(?:SIP/2\.0 ([1-6][0-9]{2} [^\r\n]{0,40})|([A-Z]{3,9}) )")
LONGEST_HEAD = 4096  #: octets that are looked at


def call_id(data: bytes) -> str:
    """Return a message's Call-ID, or an empty text."""
    match = _CALL_ID.search(data, 0, LONGEST_HEAD)
    return match[1].strip().decode("utf-8", "replace") if match else ""


def summary(data: bytes) -> tuple[str, str]:
    """Return (what a message says, what tells it from a repetition of it)."""
    first = _FIRST.match(data)
    if first is None:
        return "", ""
    said = (first[1] or first[2]).strip().decode("utf-8", "replace")
    number = _CSEQ.search(data, 0, LONGEST_HEAD)
    again = f"{said} {number[1].decode() if number else ''}"
    lines = [line for line in data.partition(b"\r\n\r\n")[2].split(b"\n") if line[:2] == b"m="]
    live = [line for line in lines if line.split(b" ")[1:2] != [b"0"]]
    kinds = {b"m=image": "T.38", b"m=audio": "audio"}
    media = [kinds[line.split(b" ")[0]] for line in live if line.split(b" ")[0] in kinds]
    return f"{said} ({', '.join(media)})" if media else said, again
