"""Time zones for the header line: SpanDSP wants POSIX TZ, companies have IANA names."""

import zoneinfo
from pathlib import Path


def posix_tz(name: str) -> str:
    """Return the POSIX TZ string of an IANA zone, or an empty one when it is unknown.

    It stands in the footer of the zone's file (RFC 8536 §3.3).
    """
    try:
        zoneinfo.ZoneInfo(name)  # refuses names that lead elsewhere
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return ""
    for folder in zoneinfo.TZPATH:
        file = Path(folder) / name
        if file.is_file():
            lines = file.read_bytes().split(b"\n")
            return lines[-2].decode("ascii", "replace") if len(lines) > 2 else ""
    return ""
