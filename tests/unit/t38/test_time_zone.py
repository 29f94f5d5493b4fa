"""Time zones of companies, as SpanDSP's header line wants them."""

import pytest

from spandsp_bridge.t38.time_zone import posix_tz


@pytest.mark.parametrize(
    ("name", "posix"),
    [
        ("UTC", "UTC0"),
        ("Europe/Madrid", "CET-1CEST,M3.5.0,M10.5.0/3"),
        ("Asia/Kolkata", "IST-5:30"),
        ("Nowhere/Land", ""),
        ("../../etc/passwd", ""),
        ("/etc/passwd", ""),
        ("", ""),
    ],
)
def test_zones(name: str, posix: str) -> None:
    assert posix_tz(name) == posix
