"""Called and calling numbers: E.164 inside, the format of the peer outside."""

import re

from kemi.routing.model import Direction, Rule, Transformation

_E164 = re.compile(r"\+[1-9][0-9]{6,14}\Z")
_SEPARATORS = str.maketrans("", "", "-.() ")
_TAG = re.compile(r"([0-9]{1,4}(?:#|%23))(.+)\Z", re.DOTALL)


def digits(user: str) -> str:
    """Return a SIP user part without parameters and visual separators (RFC 3966 §5.1.1)."""
    return user.partition(";")[0].translate(_SEPARATORS)


def to_e164(user: str) -> str | None:
    """Return a SIP user part as +digits, or None if it is not an international number.

    Accepted are ``+34...``, ``0034...`` and ``34...``.
    """
    if _E164.match(user):
        return user
    text = digits(user)
    if text.startswith("00"):
        text = "+" + text[2:]
    elif not text.startswith("+"):
        text = "+" + text
    return text if _E164.match(text) else None


def apply(rules: tuple[Rule, ...], number: str) -> str:
    """Apply the first rule that matches; return the number unchanged if none does."""
    for rule in rules:
        if (
            number.startswith(rule.prefix)
            and rule.min_length <= len(number) <= rule.max_length
            and len(number) >= rule.strip
        ):
            return rule.add + number[rule.strip :]
    return number


def incoming(transformation: Transformation, direction: Direction, user: str) -> str | None:
    """Return a peer's number (a SIP user part) as E.164, or None."""
    rules = transformation.get(direction)
    return to_e164(apply(rules, digits(user)) if rules else user)


def outgoing(transformation: Transformation, direction: Direction, number: str) -> str:
    """Return an E.164 number in the format of a peer."""
    return apply(transformation.get(direction, ()), number)


def dialled(dial: tuple[str, str, str], user: str) -> str | None:
    """Return a number dialled in a country as E.164, or None.

    `dial` is calling code, international prefix, trunk prefix: ("44", "00", "0").
    """
    code, international, trunk = dial
    text = digits(user)
    if text.startswith("+"):
        pass
    elif international and text.startswith(international):
        text = "+" + text[len(international) :]
    elif not code:
        return to_e164(text)
    else:
        text = f"+{code}{text.removeprefix(trunk) if trunk else text}"
    return text if _E164.match(text) else None


def split_tag(user: str) -> tuple[str | None, str]:
    """Split a dialled user part into (tag, number): the tag of ``12#34911...`` is ``12#``."""
    match = _TAG.match(user)
    return (match[1].replace("%23", "#"), match[2]) if match else (None, user)
