"""The spool: where a received page is before its MCF leaves.

One folder a call: ``pages.tif`` and a small picture of its first page, written by the
engine, and ``journal``, one JSON line for the call and one for each page, fsynced. A page
stands in the journal only after its data is on disk and was read back whole. After a crash
the spool is the truth; it is emptied into PostgreSQL by its own task.
"""

import json
import os
import shutil
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from spandsp_bridge.documents.tiff import check_page
from spandsp_bridge.errors import VfaxError
from spandsp_bridge.model import Heard, Media, Outcome, PageDone, SessionStats
from spandsp_bridge.reasons import Reason
from spandsp_bridge.store.attempts import ReceivedPage

PAGES = "pages.tif"
FIRST_PAGE = f"{PAGES}.pgm"  #: the first page, small, in grey; optional, and not in the journal
JOURNAL = "journal"


def _fsync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class SpoolFull(VfaxError):
    """The disk of the spool has no room for another call."""


@dataclass(frozen=True, slots=True)
class CallFacts:
    """An inbound call, as known when it is answered. Numbers are as Kamailio sends them."""

    virtual_fax: int
    local_number: str
    remote_number: str
    call_id: str
    received_at: float = field(default_factory=time.time)  #: POSIX time


@dataclass(frozen=True, slots=True)
class SpooledFax:
    """A finished call in the spool: its outcome, and its confirmed pages."""

    key: str
    facts: CallFacts
    pages: list[ReceivedPage]
    outcome: Outcome | None  #: None: the process died during the call
    tiff: bytes
    first_page: bytes = b""  #: a PGM, or nothing


def received_page(event: PageDone, width: int, length: int) -> ReceivedPage:
    """Return the record of a confirmed page. `width` and `length` are in pixels."""
    return ReceivedPage(
        event.page,
        width,
        length,
        event.stats.image_size,
        event.stats.bad_rows,
        event.retransmissions,
        round(event.took, 3),
    )


def _stats(fields: dict[str, Any]) -> SessionStats:
    return SessionStats(
        **{**fields, "media": Media(fields["media"]), "heard": Heard(fields["heard"])}
    )


class SpoolEntry:
    """One call in the spool. All functions block: they run in threads."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.key = folder.name

    @property
    def tiff(self) -> Path:
        """The file that the engine writes."""
        return self.folder / PAGES

    def _append(self, record: dict[str, Any]) -> None:
        with (self.folder / JOURNAL).open("a") as file:
            file.write(json.dumps(record) + "\n")
            file.flush()
            os.fsync(file.fileno())

    def commit_page(self, event: PageDone) -> ReceivedPage:
        """Make a page durable: sync its data, read it back, write the journal.

        Raises OSError or TiffError; then the page must not be confirmed.
        """
        _fsync(self.tiff)
        width, length = check_page(self.tiff, event.page)
        received = received_page(event, width, length)
        self._append({"page": asdict(received)})
        if event.page == 1:
            _fsync(self.folder)  # the TIFF's own name
        return received

    def finish(self, outcome: Outcome) -> None:
        """Write how the call ended; the engine has closed the TIFF."""
        # Closing rewrote the directories of the TIFF: sync it again.
        if self.tiff.exists():
            _fsync(self.tiff)
        self._append({"end": asdict(outcome)})

    def read(self) -> SpooledFax | None:
        """Return what the journal has, or None for a call without a record of it."""
        try:
            lines = (self.folder / JOURNAL).read_text().splitlines()
        except FileNotFoundError:
            return None
        facts: CallFacts | None = None
        pages: list[ReceivedPage] = []
        outcome: Outcome | None = None
        for line in lines:
            try:
                record = json.loads(line)
            except ValueError:
                continue  # a line that a crash cut short
            if "call" in record:
                facts = CallFacts(**record["call"])
            elif "page" in record:
                pages.append(ReceivedPage(**record["page"]))
            elif "end" in record:
                stats = _stats(record["end"].pop("stats"))
                end = record["end"]
                end.pop("explanation", None)  # written by versions before details
                outcome = Outcome(**{**end, "reason": Reason(end["reason"]), "stats": stats})
        if facts is None:
            return None
        tiff = self.tiff.read_bytes() if pages else b""
        picture = self.folder / FIRST_PAGE
        first_page = picture.read_bytes() if pages and picture.exists() else b""
        return SpooledFax(self.key, facts, pages, outcome, tiff, first_page)

    def remove(self) -> None:
        """Delete the call: it is in PostgreSQL, or has nothing to keep."""
        shutil.rmtree(self.folder, ignore_errors=True)


class Spool:
    """All calls of one node. A new one needs `minimum_free` free bytes on the disk."""

    def __init__(self, folder: Path, minimum_free: int = 256 * 2**20) -> None:
        self._folder = folder
        self._minimum_free = minimum_free
        folder.mkdir(parents=True, exist_ok=True)

    def create(self, key: str, facts: CallFacts) -> SpoolEntry:
        """Create the folder of a call, durably. Raises SpoolFull and OSError."""
        if shutil.disk_usage(self._folder).free < self._minimum_free:
            raise SpoolFull("less than {limit} MiB are free", limit=self._minimum_free >> 20)
        folder = self._folder / key
        folder.mkdir()
        entry = SpoolEntry(folder)
        entry._append({"call": asdict(facts)})
        _fsync(folder)
        _fsync(self._folder)
        return entry

    def entry(self, key: str) -> SpoolEntry:
        """Return a call by its key."""
        return SpoolEntry(self._folder / key)

    def entries(self) -> Iterator[SpoolEntry]:
        """Yield every call, oldest first."""
        with os.scandir(self._folder) as entries:
            keys = sorted(entry.name for entry in entries if entry.is_dir())
        for key in keys:  # they begin with the time
            yield self.entry(key)
