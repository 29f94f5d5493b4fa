"""PDF to TIFF-F by ghostscript: text by a threshold, pictures by a screen of lines."""

from collections.abc import Sequence
from pathlib import Path

from spandsp_bridge.documents.geometry import WIDTH, Y_DPI, rows
from spandsp_bridge.documents.job import PageOptions
from spandsp_bridge.documents.programs import run_program
from spandsp_bridge.documents.tiff import X_DPI, join_pages
from spandsp_bridge.errors import DocumentError
from spandsp_bridge.reasons import Reason

#: A screen of slanted lines: G4 codes a line that goes on in the next row with a bit or two, and
#: a dot with many. Two thirds of the octets of ghostscript's own dots, and no worse to look at
#: (tests/benchmarks/documents.py).
SCREEN = "<< /HalftoneType 1 /Frequency 50 /Angle 11 /SpotFunction { pop abs neg } >> sethalftone"
#: Text that was scanned: black or white, a little in favour of black.
THRESHOLD = "{ 0.6 gt { 1 } { 0 } ifelse } settransfer"
BASE_SECONDS, PAGE_SECONDS = 15, 3

COMMAND = (
    *("gs", "-q", "-dSAFER", "-dBATCH", "-dNOPAUSE"),
    *("-dPDFFitPage", "-dUseCropBox", "-dAutoRotatePages=/None"),
)


def ghostscript(
    source: Path, out: str, pages: Sequence[int] | int, *options: str, install: str = ""
) -> bool:
    """Run ghostscript over a PDF; return whether it succeeded. Raises DocumentError (timeout).

    `pages` are numbers from 0, or how many there are, for all. `install` is PostScript that
    sets up each page.
    """
    setup = f"<< /Install {{ {install} }} >> setpagedevice" if install else ""
    chosen = []
    count = pages if isinstance(pages, int) else len(pages)
    if not isinstance(pages, int):
        chosen = [f"-sPageList={','.join(str(number + 1) for number in pages)}"]
    output = [f"-sOutputFile={out}", "-c", setup, "-f", str(source)]
    seconds = BASE_SECONDS + PAGE_SECONDS * count
    return run_program([*COMMAND, *options, *chosen, *output], seconds)


def rasterise(ready: Path, scanned: Sequence[bool], options: PageOptions) -> Path:
    """Return a TIFF-F of a PDF whose pages are `scanned` text, or not.

    Raises DocumentError: `conversion_failed` or `conversion_timeout`.
    """
    texts = [number for number, is_text in enumerate(scanned) if is_text]
    others = [number for number, is_text in enumerate(scanned) if not is_text]
    if not texts or not others:
        return _tiff(ready, len(scanned), options, scanned=bool(texts))
    text = _tiff(ready, texts, options, scanned=True).read_bytes()
    other = _tiff(ready, others, options, scanned=False).read_bytes()
    order = {number: (text, place) for place, number in enumerate(texts)}
    order |= {number: (other, place) for place, number in enumerate(others)}
    out = Path("joined.tif")
    out.write_bytes(join_pages([order[number] for number in range(len(scanned))]))
    return out


def _tiff(ready: Path, pages: Sequence[int] | int, options: PageOptions, *, scanned: bool) -> Path:
    """Return a TIFF-F of some pages, all of them scanned text or none."""
    out = Path("text.tif" if scanned else "screen.tif")
    device = [
        f"-r{X_DPI}x{Y_DPI[options.resolution]}",
        f"-g{WIDTH}x{rows(options.paper, options.resolution)}",
        *("-sDEVICE=tiffg4", "-dMaxStripSize=0"),
        *(["-dDOINTERPOLATE"] if scanned else []),
    ]
    install = THRESHOLD if scanned else SCREEN
    if not ghostscript(ready, out.name, pages, *device, install=install) or not out.exists():
        raise DocumentError(Reason.CONVERSION_FAILED)
    return out
