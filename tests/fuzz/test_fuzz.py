"""A short run of every fuzzer, and again each input that ever broke something."""

from pathlib import Path

import pytest

from tests.fuzz.__main__ import HERE, NAMES, fuzz, replay

SECONDS = 8


@pytest.mark.parametrize("name", NAMES)
def test_nothing_is_found_in_a_short_run(name: str, tmp_path: Path) -> None:
    code, said = fuzz(name, SECONDS, tmp_path, tmp_path / "corpus", tmp_path / "findings")
    assert code == 0, said[-3000:]
    assert "stat::number_of_executed_units" in said


@pytest.mark.parametrize("name", NAMES)
def test_no_finding_comes_back(name: str, tmp_path: Path) -> None:
    inputs = sorted(p for p in (HERE / "findings" / name).glob("*") if p.is_file())
    if inputs:
        code, said = replay(name, inputs, tmp_path)
        assert code == 0, said[-3000:]
