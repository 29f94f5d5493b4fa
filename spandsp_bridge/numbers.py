"""Destinations and time zones as users write them."""

import zoneinfo
from collections.abc import Collection
from datetime import UTC, tzinfo

import phonenumbers

from spandsp_bridge.errors import UserError


def e164(text: str, country: str) -> str:
    """Return a destination as E.164; national numbers are of `country`. Raises UserError."""
    if any(c.isalpha() for c in text):
        raise UserError(
            "invalid phone number {number!r}: use E.164, e.g. +34911234567", number=text
        )
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        raise UserError(
            "invalid phone number {number!r}: use E.164, e.g. +34911234567", number=text
        ) from None
    if not phonenumbers.is_possible_number(number):
        raise UserError("invalid phone number {number!r}: too few or too many digits", number=text)
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def country_of(number: str) -> str:
    """Return the country of an E.164 number (ISO 3166 alpha-2), empty where it has none."""
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return ""
    found = phonenumbers.region_code_for_number(parsed)
    if found is None:  # not in use today: the first country of its code
        found = phonenumbers.region_code_for_country_code(parsed.country_code or 0)
    return found if len(found) == 2 else ""  # 001 and ZZ are not countries


def written(number: str) -> str:
    """Return an E.164 number in international format, with spaces."""
    try:
        parsed = phonenumbers.parse(number, None)
    except phonenumbers.NumberParseException:
        return number
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.INTERNATIONAL)


def destination(text: str, country: str, countries: Collection[str] = ()) -> str:
    """Return a destination as E.164 that lies in one of `countries`, if any. Raises UserError."""
    number = e164(text, country)
    found = country_of(number)
    if countries and found not in countries:
        allowed = ", ".join(sorted(countries))
        if not found:
            raise UserError(
                "{number} is in no country: faxes go to {countries} only; the brand operator may "
                "add countries",
                number=number,
                countries=allowed,
            )
        raise UserError(
            "{number} is in {country}: faxes go to {countries} only; the brand operator may add "
            "countries",
            number=number,
            country=found,
            countries=allowed,
        )
    return number


def zone_of(name: str) -> tzinfo:
    """Return an IANA zone; UTC where it is not known."""
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return UTC
