"""Where pages and pictures go on paper."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from spandsp_bridge.documents.geometry import (
    POINTS,
    Box,
    Window,
    picture_dpi,
    plan_page,
    rows,
    slice_box,
    visible_box,
)
from spandsp_bridge.documents.job import PageOptions

A4: Box = (0.0, 0.0, *POINTS["a4"])
SPLIT, SCALE = PageOptions(), PageOptions(long_pages="scale")


@pytest.mark.parametrize(
    ("paper", "resolution", "expected"),
    [
        ("a4", "normal", 1145),
        ("a4", "fine", 2291),
        ("a4", "superfine", 4571),
        ("letter", "fine", 2156),
    ],
)
def test_rows_of_a_page(paper: str, resolution: str, expected: int) -> None:
    assert rows(paper, resolution) == expected


@pytest.mark.parametrize(
    ("boxes", "expected"),
    [
        ([[0, 0, 595, 842], None], (0, 0, 595, 842)),
        ([[595, 842, 0, 0]], (0, 0, 595, 842)),
        ([[0, 0, 595, 842], [100, 100, 400, 500]], (100, 100, 400, 500)),
        ([[0, 0, 595, 842], [-50, 700, 700, 900]], (0, 700, 595, 842)),
        ([[0, 0, 595, 842], [5000, 5000, 6000, 6000]], (0, 0, 595, 842)),
        ([None, [0, 0, 595, 842]], (0, 0, 595, 842)),
        ([[0, 0, 0, 0], ["a", 0, 1, 1]], None),
        ([[0, 0, math.inf, 842]], None),
        ([[0, 0, 595], 7], None),
    ],
)
def test_what_a_viewer_shows(boxes: list[object], expected: Box | None) -> None:
    assert visible_box(boxes) == expected


def test_a_page_of_the_paper_stays_as_it_is() -> None:
    for turn in (0, 180):
        plan = plan_page(A4, turn, 1.0, SPLIT, 100)
        assert (plan.turn, plan.windows) == (turn, [])


@pytest.mark.parametrize(("turn", "expected"), [(0, 90), (180, 270)])
def test_a_landscape_page_is_turned(turn: int, expected: int) -> None:
    plan = plan_page((0.0, 0.0, A4[3], A4[2]), turn, 1.0, SPLIT, 100)
    assert (plan.turn, plan.windows) == (expected, [])
    assert plan_page(A4, turn + 90, 1.0, SPLIT, 100).turn == (turn + 180) % 360


def test_a_small_page_keeps_its_size() -> None:
    box = (0.0, 0.0, 420.0, 595.0)
    assert plan_page(box, 0, 1.0, SPLIT, 100).windows == [Window(box, *POINTS["a4"])]
    half = plan_page((0.0, 0.0, 210.0, 297.5), 0, 2.0, SPLIT, 100).windows
    assert (half[0].width, half[0].length) == (A4[2] / 2, A4[3] / 2), "in units of the page"


def test_a_long_page_is_split_or_scaled() -> None:
    box = (0.0, 0.0, A4[2], 2.5 * A4[3])
    windows = plan_page(box, 0, 1.0, SPLIT, 100).windows
    assert [round(w.box[1] / A4[3], 2) for w in windows] == [1.5, 0.5, 0.0]
    assert windows[0].box[3] == box[3]
    assert plan_page(box, 0, 1.0, SCALE, 100).windows == []
    assert len(plan_page((0.0, 0.0, 100.0, 1e9), 0, 1.0, SPLIT, 5).windows) == 6
    a_little_longer = plan_page((0.0, 0.0, A4[2], 2.08 * A4[3]), 0, 1.0, SPLIT, 100).windows
    assert [w.box[1] for w in a_little_longer] == [pytest.approx(1.08 * A4[3]), 0.0]


@given(
    box=st.tuples(
        *(st.floats(-1e4, 1e4) for _ in range(2)), *(st.floats(1.0, 1e4) for _ in range(2))
    ),
    turn=st.sampled_from([0, 90, 180, 270]),
    unit=st.floats(0.01, 100),
    options=st.sampled_from([SPLIT, SCALE, PageOptions(paper="letter")]),
)
def test_every_part_of_a_page_is_shown_once(
    box: tuple[float, float, float, float], turn: int, unit: float, options: PageOptions
) -> None:
    page = (box[0], box[1], box[0] + box[2], box[1] + box[3])
    plan = plan_page(page, turn, unit, options, 10_000_000)
    if len(plan.windows) > 10_000:
        return
    area = sum((w.box[2] - w.box[0]) * (w.box[3] - w.box[1]) for w in plan.windows)
    if plan.windows:
        assert area == pytest.approx(box[2] * box[3], rel=1e-3)


@pytest.mark.parametrize(
    ("turn", "expected"),
    [
        (0, (0, 50, 100, 200)),
        (90, (0, 0, 75, 200)),
        (180, (0, 0, 100, 150)),
        (270, (25, 0, 100, 200)),
    ],
)
def test_the_first_part_is_the_top_as_it_is_displayed(turn: int, expected: Box) -> None:
    assert slice_box((0, 0, 100, 200), turn, 0.0, 0.75) == expected


@pytest.mark.parametrize(
    ("size", "dpi", "options", "expected"),
    [
        ((1654, 2339), (200, 200), SPLIT, (200, 200)),
        ((1728, 1145), (204, 98), SPLIT, (204, 98)),
        ((747, 1089), None, SPLIT, (100, 100)),
        ((747, 1089), (72, 72), SPLIT, (100, 100)),
        ((1089, 747), ("a", 0), SPLIT, (100, 100)),
        ((747, 7470), (96, 96), SPLIT, (100, 100)),
        ((747, 7470), (96, 96), SCALE, (686, 686)),
    ],
)
def test_a_picture_keeps_its_resolution_where_it_fits(
    size: tuple[int, int], dpi: object, options: PageOptions, expected: tuple[float, float]
) -> None:
    assert picture_dpi(size, dpi, options) == pytest.approx(expected, rel=0.01)
