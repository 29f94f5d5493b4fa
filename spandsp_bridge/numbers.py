"""Destinations and time zones as users write them."""

import zoneinfo
from datetime import UTC, tzinfo

import phonenumbers

from spandsp_bridge.errors import UserError


def e164(text: str, country: str) -> str:
    """Return a destination as E.164; national numbers are of `country`. Raises UserError."""
    if any(c.isalpha() for c in text):
        raise UserError(f"{text!r} is no telephone number: digits only, such as +34911234567")
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        raise UserError(f"{text!r} is no telephone number: write it as +34911234567") from None
    if not phonenumbers.is_possible_number(number):
        raise UserError(f"{text!r} has too few or too many digits for a telephone number")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def zone_of(name: str) -> tzinfo:
    """Return an IANA zone; UTC where it is not known."""
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return UTC
