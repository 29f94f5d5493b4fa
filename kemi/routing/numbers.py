"""Called and calling numbers as E.164."""

import re

_E164 = re.compile(r"\+[1-9][0-9]{6,14}\Z")


def to_e164(user: str) -> str | None:
    """Return a SIP user part as +digits, or None when it is no international number.

    Understood are ``+34...``, ``0034...`` and ``34...``; visual separators are dropped
    (RFC 3966 §5.1.1), so are parameters of the user part.
    """
    text = user.partition(";")[0]
    text = text.replace("-", "").replace(".", "").replace("(", "").replace(")", "")
    if text.startswith("00"):
        text = "+" + text[2:]
    elif not text.startswith("+"):
        text = "+" + text
    return text if _E164.match(text) else None
