"""T.6 encoding: the same bits as libtiff's, and the pixels that were put in."""

import errno
import io
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from spandsp_bridge.native._engine import ffi, lib

WIDTHS = (1728, 2048, 2432, 3456, 4096, 4864)


def encode(rows: list[bytes], width: int) -> bytes:
    state = ffi.new("struct t6 *")
    try:
        lib.t6_begin(state, width)
        for row in rows:
            lib.t6_row(state, row)
        assert lib.t6_end(state) == 0
        assert state.rows == len(rows)
        return bytes(ffi.buffer(state.octets, state.len))
    finally:
        lib.t6_free(state)


def libtiff(rows: list[bytes], width: int) -> bytes:
    """Return the one strip that libtiff makes of the rows; to it, a set bit is black too."""
    image = Image.frombytes("1", (width, len(rows)), b"".join(rows))
    file = io.BytesIO()
    image.save(file, "TIFF", compression="group4", tiffinfo={278: len(rows)})
    made = Image.open(io.BytesIO(file.getvalue()))
    [offset], [size] = made.tag_v2[273], made.tag_v2[279]  # type: ignore[attr-defined]
    return file.getvalue()[offset : offset + size]


def row_of(runs: list[int], width: int) -> bytes:
    """Return a row of white, black, white... runs, cut or filled with white."""
    bits = "".join("01"[number % 2] * run for number, run in enumerate(runs))[:width]
    return int(bits.ljust(width, "0"), 2).to_bytes(width // 8, "big")


@pytest.mark.parametrize("width", WIDTHS)
def test_every_run_of_either_colour(width: int) -> None:
    rows = []
    step = 1 if width < 4864 else 2  # Pillow warns of pictures beyond 89 megapixels
    for run in range(0, width + 1, step):
        rows += [row_of([run, width], width), bytes(width // 8)]
        rows += [row_of([0, run], width), b"\xff" * (width // 8)]
    assert encode(rows, width) == libtiff(rows, width)


@pytest.mark.parametrize("seed", range(8))
def test_noise_and_what_is_almost_the_row_above(seed: int) -> None:
    dice = random.Random(seed)
    width = dice.choice(WIDTHS)
    density = dice.choice((1, 3, 20, 200))
    rows: list[bytes] = []
    runs: list[int] = []
    for _ in range(300):
        if not runs or dice.random() < 0.2:
            runs = [dice.randint(0, 2 * density) for _ in range(width // density + 1)]
        elif dice.random() < 0.8:
            runs = [max(0, run + dice.choice((0, 0, 0, 1, -1, 2, -3, 4, -5))) for run in runs]
        rows.append(row_of(runs, width))
    assert encode(rows, width) == libtiff(rows, width)


@settings(max_examples=300, deadline=None)
@given(st.lists(st.binary(min_size=8, max_size=8), min_size=1, max_size=20))
def test_any_pixels(rows: list[bytes]) -> None:
    assert encode(rows, 64) == libtiff(rows, 64)


@settings(max_examples=100, deadline=None)
@given(st.integers(1, 200), st.integers(1, 9), st.randoms(use_true_random=False))
def test_any_width(width: int, rows: int, dice: random.Random) -> None:
    """Beyond the width there may be anything in the last octet."""
    octets = (width + 7) // 8
    pixels = [dice.randbytes(octets) for _ in range(rows)]
    spare = 8 * octets - width
    cut = [(int.from_bytes(row, "big") >> spare << spare).to_bytes(octets, "big") for row in pixels]
    assert encode(pixels, width) == libtiff(cut, width)


def test_a_page_after_a_page() -> None:
    state = ffi.new("struct t6 *")
    made = []
    for width in (1728, 1728, 2432):
        lib.t6_begin(state, width)
        lib.t6_row(state, b"\x0f" * (width // 8))
        assert lib.t6_end(state) == 0
        made.append(bytes(ffi.buffer(state.octets, state.len)))
    lib.t6_free(state)
    assert made[0] == made[1] == libtiff([b"\x0f" * 216], 1728)
    assert made[2] == libtiff([b"\x0f" * 304], 2432)


@pytest.mark.parametrize("width", [0, -8, lib.T6_MAX_WIDTH + 1, 2**31 - 1])
def test_no_page_has_such_a_width(width: int) -> None:
    state = ffi.new("struct t6 *")
    lib.t6_begin(state, width)
    lib.t6_row(state, bytes(10))
    assert lib.t6_end(state) == -errno.ENOMEM
    lib.t6_free(state)
