"""Packet loss in simulated time: redundancy carries faxes through it, and no page is invented."""

import os
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.benchmarks.engine import dense_document
from tests.benchmarks.loss import simulate, simulator

RUNS = 10
CASES = [
    # recovery, ECM, loss, length of a burst
    ("redundancy", True, 0.0, 1),
    ("redundancy", True, 0.05, 1),
    ("redundancy", True, 0.10, 1),
    ("redundancy", False, 0.10, 1),
    ("fec", True, 0.05, 1),
    ("none", False, 0.05, 1),
    ("none", False, 0.10, 3),  # here SpanDSP confirms pages that it does not have
    ("none", False, 0.05, 5),
]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    folder = tmp_path_factory.mktemp("loss")
    document = folder / "document.tif"
    dense_document(document, 3)
    program = simulator(folder)

    def one(number: int) -> dict[str, Any]:
        recovery, ecm, loss, burst = CASES[number]
        runs = RUNS if recovery != "none" else 10 * RUNS
        return simulate(program, document, folder / f"{number}.tif", recovery, loss, burst, runs,
                        ecm=ecm, seed=35)  # fmt: skip

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(one, range(len(CASES))))


@pytest.mark.parametrize("number", [n for n, case in enumerate(CASES) if case[0] != "none"])
def test_with_recovery_every_fax_is_whole(results: list[dict[str, Any]], number: int) -> None:
    assert results[number]["whole"] == results[number]["runs"]


@pytest.mark.parametrize("number", range(len(CASES)))
def test_no_page_is_confirmed_that_is_not_there(results: list[dict[str, Any]], number: int) -> None:
    assert results[number]["false"] == 0
