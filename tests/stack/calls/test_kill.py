"""Bridges killed at random: a short storm; the long one is `python -m tests.benchmarks.kill`."""

from pathlib import Path

from spandsp_bridge.demo.stack import Stack
from tests.benchmarks import kill

KILLS = 4


async def test_no_confirmed_page_is_lost_and_no_fax_is_there_twice(
    stack: Stack, tmp_path: Path
) -> None:
    tally = await kill.run(stack, KILLS, KILLS, tmp_path)
    assert sum(tally.kills.values()) == KILLS
    assert tally.confirmed > 0, "the storm was too early"
    assert (tally.lost, tally.twice) == (0, 0)
