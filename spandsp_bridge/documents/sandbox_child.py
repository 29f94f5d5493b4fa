"""Makes TIFF-F pages of hostile files. Runs as a process of its own, in the sandbox.

The folder that it is given holds `job.json` (a `Job`) and the files, named 0, 1, ...; it works in
the current one. On its standard output come a line of JSON, ``{"pages": N, "facts": [...]}`` or
``{"error": reason, "detail": {...}}``, and behind it the TIFF-F.

::

    sniff ── pictures, office, text ──> a PDF of each file
    cover ──> a PDF that comes first
              arrange ──> one PDF, a page of paper each  (facts: read beside what follows)
              classify ──> which pages are scanned text, which have greys
              raster ──> TIFF-F
"""

import json
import shutil
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pikepdf

from spandsp_bridge.documents.arrange import arrange, open_pdf
from spandsp_bridge.documents.classify import classify
from spandsp_bridge.documents.facts import DocumentFacts, reading
from spandsp_bridge.documents.job import Job
from spandsp_bridge.documents.raster import rasterise
from spandsp_bridge.documents.sniff import FileType, sniff
from spandsp_bridge.errors import DocumentError
from spandsp_bridge.reasons import Reason


@dataclass(frozen=True, slots=True)
class Converted:
    """What was made of a job."""

    pages: int
    tiff: Path | None = None  #: None where the job only asked whether it could be made
    facts: tuple[DocumentFacts, ...] = ()  #: of each file


@dataclass(frozen=True, slots=True)
class Source:
    """A PDF with pages of the fax."""

    path: Path
    name: str  #: what the user calls it; empty for the cover page
    file_type: FileType = FileType.PDF  #: of the file that it was made of

    @property
    def readable(self) -> Path | None:
        """Return the PDF if it may have text."""
        return None if self.file_type is FileType.PICTURE else self.path


def main() -> None:
    """Convert what the folder in the last argument asks for."""
    if "--probe" in sys.argv:
        return
    folder = Path(sys.argv[-1])
    job = Job.from_json(json.loads((folder / "job.json").read_text()))
    out = sys.stdout.buffer
    try:
        converted = convert(job, folder)
    except DocumentError as error:
        out.write(json.dumps({"error": error.reason, "detail": error.detail}).encode() + b"\n")
    except (MemoryError, RecursionError):
        out.write(json.dumps({"error": Reason.DOCUMENT_TOO_LARGE, "detail": {}}).encode() + b"\n")
    else:
        result = {"pages": converted.pages, "facts": [asdict(each) for each in converted.facts]}
        out.write(json.dumps(result).encode() + b"\n")
        if converted.tiff is not None:
            with converted.tiff.open("rb") as file:
                shutil.copyfileobj(file, out)
    out.flush()


def convert(job: Job, folder: Path) -> Converted:
    """Make a TIFF-F of the files in a folder. Raises DocumentError."""
    sources = [*_cover(job), *_files(job, folder)]
    opened = _open(sources, job.max_pages)
    ready, changed = arrange(opened, job)
    pages = len(ready.pages)
    if job.check_only:
        return Converted(pages)
    path = sources[0].path
    if changed:
        path = Path("ready.pdf")
        ready.save(path)
    files = [source for source in sources if source.name and job.facts]
    with reading([(source.name, source.readable) for source in files]) as facts:
        tiff = rasterise(path, classify(path, ready, job.options), job.options)
        return Converted(pages, tiff, tuple(facts.result()))


def _cover(job: Job) -> list[Source]:
    """Return the cover page that the job asks for, if it does."""
    if job.cover is None:
        return []
    from spandsp_bridge.documents.template import cover_pdf  # noqa: PLC0415

    path = Path("cover.pdf")
    path.write_bytes(cover_pdf(job.cover, job.options.paper))
    return [Source(path, "")]


def _files(job: Job, folder: Path) -> list[Source]:
    """Return a PDF of each file. Raises DocumentError.

    A converter is imported when a file needs it: half of the time that a short document takes
    would else be spent on imports.
    """
    sources = []
    for number, name in enumerate(job.names):
        path = folder / str(number)
        with path.open("rb") as file:
            file_type = sniff(file, name)
        match file_type:
            case FileType.PDF:
                pdf = path
            case FileType.PICTURE:
                from spandsp_bridge.documents.pictures import picture_to_pdf  # noqa: PLC0415

                pdf = picture_to_pdf(path, name, job.options, job.max_pages)
            case FileType.TEXT:
                from spandsp_bridge.documents.text import text_to_pdf  # noqa: PLC0415

                pdf = text_to_pdf(path, name, job.options.paper, job.max_pages)
            case _:
                from spandsp_bridge.documents.office import office_to_pdf  # noqa: PLC0415

                pdf = office_to_pdf(path, name, file_type)
        sources.append(Source(pdf, name, file_type))
    return sources


def _open(sources: Sequence[Source], max_pages: int) -> list[pikepdf.Pdf]:
    """Open the PDFs. Raises DocumentError as soon as they have too many pages."""
    opened: list[pikepdf.Pdf] = []
    pages = 0
    for source in sources:
        opened.append(open_pdf(source.path, source.name))
        pages += len(opened[-1].pages)
        if pages > max_pages:
            only = {"file": source.name} if len(opened) == 1 and source.name else {}
            raise DocumentError(
                Reason.PAGE_COUNT_LIMIT_EXCEEDED, **only, pages=pages, limit=max_pages
            )
    return opened


if __name__ == "__main__":
    main()
