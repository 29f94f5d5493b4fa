"""What a PDF says of itself: text, metadata, form, attachments; read with pypdf.

pypdf is pure Python: what a hostile file does to it is an exception, or costs time and memory,
never a crash that could be exploited. So it reads in a process of its own within the sandbox,
forked from the child beside ghostscript's work, with limits of its own. A fax never fails for its
facts: what was read before a limit counts.

A line of JSON for each document is written before its text is read, and another one after it.
"""

import contextlib
import json
import logging
import os
import resource
import signal
import sys
import time
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from types import ModuleType
from typing import Any

MAX_TEXT = 1_000_000  #: characters of all documents of a fax
MAX_NAMES = 100  #: attachments that are listed
MAX_WORDS = 1000  #: characters of a title, an author, a name
TEXT_SECONDS = 8  #: CPU seconds after which no further page is read
CPU_SECONDS = 10  #: after which the process is killed
MEMORY = 2 * 2**30  #: address space
OUTPUT = Path("facts.jsonl")


@dataclass(frozen=True, slots=True)
class DocumentFacts:
    """What a document says of itself; all texts may be stored in PostgreSQL."""

    name: str  #: what the user calls the file
    pages: int = 0
    page_sizes: tuple[tuple[float, float], ...] = ()  #: width and length in points, as stored
    title: str = ""
    author: str = ""
    subject: str = ""
    producer: str = ""
    encrypted: bool = False  #: it opens without a password, but its rights are limited
    has_form: bool = False  #: AcroForm with fields
    needs_appearances: bool = False  #: the viewer has to draw the fields
    has_xfa: bool = False  #: an XML form (XFA), which may be drawn by Adobe's viewers alone
    portfolio: bool = False  #: it is a cover for its attachments
    attachments: tuple[str, ...] = ()
    text: str = ""  #: of all pages, with a form feed between two
    complete: bool = False  #: false where an error or a limit ended the reading early

    @classmethod
    def from_json(cls, values: dict[str, Any]) -> "DocumentFacts":
        """Return the facts whose `dataclasses.asdict` this is."""
        sizes = tuple((float(width), float(length)) for width, length in values["page_sizes"])
        attachments = tuple(values["attachments"])
        return cls(**{**values, "page_sizes": sizes, "attachments": attachments})


#: A name and its PDF; None where there is nothing to read, as in a picture.
Document = tuple[str, Path | None]


@contextlib.contextmanager
def reading(documents: Sequence[Document]) -> Iterator["Reading"]:
    """Read the facts of documents in a process beside this one; it ends with the block."""
    if all(path is None for _, path in documents):
        yield Reading(None, documents)
        return
    process = os.fork()
    if process == 0:
        with contextlib.suppress(BaseException):  # nothing of the parent may run here
            _limit()
            _read_all(documents)
        os._exit(0)
    running = Reading(process, documents)
    try:
        yield running
    finally:
        running.end()


class Reading:
    """A process that reads facts."""

    def __init__(self, process: int | None, documents: Sequence[Document]) -> None:
        self._process = process
        self._documents = documents

    def result(self) -> list[DocumentFacts]:
        """Wait for the process, CPU_SECONDS of its time at most; return what it read."""
        facts = [DocumentFacts(name, complete=path is None) for name, path in self._documents]
        if self._process is None:
            return facts
        os.waitpid(self._process, 0)
        self._process = None
        with contextlib.suppress(OSError, ValueError, KeyError, TypeError):
            for line in OUTPUT.read_text().splitlines():
                number, values = json.loads(line)
                facts[number] = DocumentFacts.from_json(values)
        return facts

    def end(self) -> None:
        """Kill the process if it still runs."""
        if self._process is not None:
            os.kill(self._process, signal.SIGKILL)
            os.waitpid(self._process, 0)
            self._process = None


def _limit() -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (CPU_SECONDS, CPU_SECONDS))
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    logging.disable()  # pypdf logs each oddity of a file


def _read_all(documents: Sequence[Document]) -> None:
    room = MAX_TEXT
    with OUTPUT.open("w") as out:
        for number, (name, path) in enumerate(documents):
            facts = DocumentFacts(name)
            for facts in read(path, name, room, TEXT_SECONDS) if path is not None else ():
                out.write(json.dumps([number, asdict(facts)]) + "\n")
                out.flush()
            room -= len(facts.text)


def read(
    path: Path, name: str, room: int = MAX_TEXT, deadline: float | None = None
) -> Iterator[DocumentFacts]:
    """Yield what a PDF says of itself without its text, then with it.

    The text has `room` characters at most, and those of the pages that are read before this
    process has used `deadline` seconds of CPU: TEXT_SECONDS from now if absent. An error of
    pypdf ends the reading; raises MemoryError.
    """
    if deadline is None:
        deadline = time.process_time() + TEXT_SECONDS
    facts = DocumentFacts(name)
    try:
        reader, encrypted = _open(path)
        facts = replace(_facts(reader, name), encrypted=encrypted)
    except MemoryError:
        raise
    except Exception:  # pypdf raises whatever its parsers stumble over
        yield facts
        return
    yield facts
    text, complete = _text(reader, room, deadline)
    yield replace(facts, text=text, complete=complete)


def _open(path: Path) -> tuple[Any, bool]:
    """Return a reader of a PDF, and whether that is encrypted with an empty password.

    A file that pypdf cannot read, or whose AES it cannot decrypt without a further library, is
    read as pikepdf writes it: repaired and without encryption.
    """
    pdf_reader = _pypdf().PdfReader
    encrypted = False
    try:
        reader = pdf_reader(path)
        encrypted = reader.is_encrypted
        if not encrypted and len(reader.pages) > 0:
            return reader, False
    except MemoryError:
        raise
    except Exception:  # see above
        encrypted = encrypted or b"/Encrypt" in path.read_bytes()
    return pdf_reader(_repaired(path)), encrypted


def _pypdf() -> ModuleType:
    """Import pypdf without the libraries by which it shows pictures and writes fonts.

    They take as long to import as pypdf itself. Fonts are read by `fontTools.cffLib`, which
    pypdf imports when a document needs it.
    """
    fonts: Any = ModuleType("fontTools.ttLib")
    fonts.TTFont = None
    absent = {"PIL": None, "cryptography": None, "Crypto": None, "fontTools.ttLib": fonts}
    absent = {name: absent[name] for name in absent.keys() - sys.modules.keys()}
    sys.modules.update(absent)
    try:
        import pypdf  # noqa: PLC0415 - beside ghostscript, not before it
    finally:
        for name in absent:
            del sys.modules[name]
    return pypdf


def _repaired(path: Path) -> Path:
    import pikepdf  # noqa: PLC0415 - for what pypdf cannot read

    out = path.with_suffix(".repaired.pdf")
    with pikepdf.open(path) as pdf:
        pdf.save(out)
    return out


def _facts(reader: Any, name: str) -> DocumentFacts:
    """Return all but the text. Raises what pypdf does."""
    root = reader.root_object
    form = _dictionary(root.get("/AcroForm"))
    information = reader.metadata or {}
    sizes = [_size(page) for page in reader.pages]
    return DocumentFacts(
        name=name,
        pages=len(sizes),
        page_sizes=tuple(sizes),
        title=_words(information.get("/Title")),
        author=_words(information.get("/Author")),
        subject=_words(information.get("/Subject")),
        producer=_words(information.get("/Producer")),
        has_form=bool(form.get("/Fields")),
        needs_appearances=form.get("/NeedAppearances") == True,  # noqa: E712 - pypdf's BooleanObject
        has_xfa="/XFA" in form,
        portfolio="/Collection" in root,
        attachments=tuple(_attachments(reader)),
    )


def _size(page: Any) -> tuple[float, float]:
    """Return the size of a page's media box; (0, 0) where it has none that is valid."""
    try:
        return round(float(page.mediabox.width), 2), round(float(page.mediabox.height), 2)
    except MemoryError:
        raise
    except Exception:  # see `read`
        return 0.0, 0.0


def _dictionary(value: Any) -> dict[str, Any]:
    value = value.get_object() if hasattr(value, "get_object") else value
    return value if isinstance(value, dict) else {}


def _attachments(reader: Any) -> Iterator[str]:
    """Yield the names of embedded files (ISO 32000-1 §7.11.4), not their contents."""
    for number, attachment in enumerate(reader.attachment_list):
        if number == MAX_NAMES:
            return
        yield _words(attachment.name)


def _text(reader: Any, room: int, deadline: float) -> tuple[str, bool]:
    """Return the text of the pages, and whether that is all of it."""
    parts: list[str] = []
    complete = True
    for page in reader.pages:
        if room <= 0 or time.process_time() > deadline:
            return "\f".join(parts), False
        try:
            text = storable(page.extract_text())
        except MemoryError:
            return "\f".join(parts), False
        except Exception:  # see `read`; the next page may be a good one
            text, complete = "", False
        complete = complete and len(text) <= room
        parts.append(text[:room])
        room -= len(text) + 1
    return "\f".join(parts), complete


def _words(value: Any) -> str:
    return storable(str(value))[:MAX_WORDS] if value is not None else ""


def storable(text: str) -> str:
    """Return a text without what PostgreSQL refuses: NUL and halves of surrogate pairs."""
    return text.replace("\0", "").encode("utf-8", "ignore").decode("utf-8")
