"""The frame guard: what would harm SpanDSP 0.0.6 does not reach it, all else does."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from spandsp_bridge.native._engine import ffi, lib

from tests.support.t38_peer import FINAL, NON_FINAL, dcs, reverse

FCD, CTC, DIS, MCF = 0x06, 0x13, 0x80, 0x8D


def passes(octets: bytes) -> bool:
    guard: Any = ffi.new("struct frame_guard *")
    lib.frame_guard_add(guard, reverse(octets), len(octets))
    return bool(lib.frame_guard_finish(guard))


@pytest.mark.parametrize(
    ("name", "octets"),
    [
        ("FCD without a frame number: memcpy(-1)", bytes([0xFF, NON_FINAL, FCD])),
        ("FCD longer than an ECM frame", bytes([0xFF, NON_FINAL, FCD, 0]) + bytes(257)),
        ("DCS with the reserved width", dcs(width=3)),
        ("DCS with an unknown modem", dcs(rate=0x1C)),
        ("DCS longer than SpanDSP's string of it", dcs(extra=bytes(40))),
        ("CTC with an unknown modem", bytes([0xFF, FINAL, CTC, 0, 0x3C])),
        ("CTC without its rate", bytes([0xFF, FINAL, CTC, 0])),
        ("a frame longer than SpanDSP's buffer", bytes([0xFF, FINAL, DIS]) + bytes(300)),
    ],
)
def test_harmful_frames_are_refused(name: str, octets: bytes) -> None:
    assert not passes(octets), name


@pytest.mark.parametrize(
    "octets",
    [
        *(dcs(rate=rate) for rate in (0x20, 0x28, 0x24, 0x04, 0x2C, 0x0C, 0x08, 0x00)),
        *(dcs(width=width) for width in (0, 1, 2)),
        bytes([0xFF, NON_FINAL, FCD, 7]) + bytes(256),
        bytes([0xFF, NON_FINAL, FCD, 7]),
        bytes([0xFF, FINAL, CTC, 0, 0x20]),
        bytes([0xFF, FINAL, DIS, 4, 0xEE, 0xFA, 0xC4]),
        bytes([0xFF, FINAL, MCF]),
        b"\xff",
    ],
)
def test_good_frames_pass(octets: bytes) -> None:
    assert passes(octets)


@given(st.lists(st.binary(max_size=120), max_size=6))
def test_octets_may_come_in_any_pieces(pieces: list[bytes]) -> None:
    guard: Any = ffi.new("struct frame_guard *")
    for piece in pieces:
        lib.frame_guard_add(guard, reverse(piece), len(piece))
    assert bool(lib.frame_guard_finish(guard)) == passes(b"".join(pieces))
    assert guard.len == 0
