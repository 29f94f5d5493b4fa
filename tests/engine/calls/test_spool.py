"""The spool: what its journal says is on disk, and a crash loses no confirmed page."""

from pathlib import Path

import pytest
from PIL import Image

from spandsp_bridge.calls.spool import CallFacts, Spool, SpoolFull
from spandsp_bridge.documents.tiff import TiffError
from spandsp_bridge.model import Outcome, PageDone, SessionStats
from spandsp_bridge.reasons import Reason

FACTS = CallFacts(30, "+34911000001", "+34911000002", "call@host", 1_790_000_000.0)
STATS = SessionStats(image_size=1234, bad_rows=2)


def write_pages(path: Path, pages: int) -> None:
    images = [Image.new("1", (1728, 100 + n), 1) for n in range(pages)]
    images[0].save(path, compression="group4", save_all=True, append_images=images[1:])


def test_a_call_comes_back_as_it_was(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    entry = spool.create("one", FACTS)
    write_pages(entry.tiff, 2)
    pages = [entry.commit_page(PageDone(n, STATS)) for n in (1, 2)]
    outcome = Outcome(
        True, Reason.COMPLETED, {"received": 2}, 2, SessionStats(bit_rate=14400), trace=["> DIS"]
    )
    entry.finish(outcome)
    [found] = spool.entries()
    back = found.read()
    assert back is not None
    assert (back.facts, back.pages, back.outcome) == (FACTS, pages, outcome)
    assert [(p.width, p.length, p.line_bytes) for p in pages] == [
        (1728, 100, 1234),
        (1728, 101, 1234),
    ]
    found.remove()
    assert list(spool.entries()) == []


def test_after_a_crash_the_journal_alone_counts(tmp_path: Path) -> None:
    """Three pages are in the file, one was journaled, and the last line is cut short."""
    spool = Spool(tmp_path)
    entry = spool.create("crashed", FACTS)
    write_pages(entry.tiff, 3)
    entry.commit_page(PageDone(1, STATS))
    with (entry.folder / "journal").open("a") as journal:
        journal.write('{"page": {"page": 2, "wid')
    back = entry.read()
    assert back is not None
    assert [page.page for page in back.pages] == [1]
    assert back.outcome is None


@pytest.mark.parametrize("problem", ["missing", "cut", "not there yet"])
def test_a_page_that_cannot_be_read_back_is_not_journaled(tmp_path: Path, problem: str) -> None:
    entry = Spool(tmp_path).create("bad", FACTS)
    if problem != "missing":
        write_pages(entry.tiff, 1)
    if problem == "cut":
        entry.tiff.write_bytes(entry.tiff.read_bytes()[:60])
    with pytest.raises((OSError, TiffError)):
        entry.commit_page(PageDone(2 if problem == "not there yet" else 1, STATS))
    back = entry.read()
    assert back is not None
    assert back.pages == []


def test_an_entry_without_a_journal_proves_nothing(tmp_path: Path) -> None:
    spool = Spool(tmp_path)
    (tmp_path / "empty").mkdir()
    [entry] = spool.entries()
    assert entry.read() is None


def test_a_full_disk_is_noticed_before_a_call(tmp_path: Path) -> None:
    Spool(tmp_path, minimum_free=1).create("one", FACTS)
    with pytest.raises(SpoolFull):
        Spool(tmp_path, minimum_free=1 << 60).create("two", FACTS)
    assert [entry.key for entry in Spool(tmp_path).entries()] == ["one"]
