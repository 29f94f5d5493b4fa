"""Turns a stranger's files into TIFF-F pages. Runs as a process of its own, in the sandbox.

The folder that it is given holds `job.json` (a `Job`) and the files, named 0, 1, ...; it works in
the current one. On its standard output come a line of JSON, ``{"pages": N}`` or
``{"error": [reason, message]}``, and behind it the TIFF-F.

::

    any format --_pdf()--> PDF --_arrange()--> one PDF, a page of paper each
                                --_classify()--> which pages are text, which have photos
                                --_rasterise()--> out.tif
"""

import json
import math
import shutil
import signal
import subprocess
import sys
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pikepdf

from spandsp_bridge.documents import cover
from spandsp_bridge.documents.job import Job
from spandsp_bridge.documents.tiff import X_DPI, join_pages
from spandsp_bridge.errors import DocumentError, UserError

WIDTH = 1728  # T.4 §2: pixels of a line, 215 mm
#: Lines an inch of the resolutions: 3.85, 7.7 and 15.4 lines a millimetre (T.4 §2.2).
Y_DPI = {"normal": 98, "fine": 196, "superfine": 391}
MILLIMETRES = {"a4": 297.0, "letter": 279.4}
POINTS = {"a4": (595.28, 841.89), "letter": (612.0, 792.0)}
INCH = 25.4

#: A screen of slanted lines: G4 codes a line that goes on in the next row with a bit or two, and
#: a dot with many. Two thirds of the octets of ghostscript's own dots, and no worse to look at
#: (tests/benchmarks/documents.py).
SCREEN = "<< /HalftoneType 1 /Frequency 50 /Angle 11 /SpotFunction { pop abs neg } >> sethalftone"
#: Text that was scanned: black or white, a little in favour of black.
THRESHOLD = "{ 0.6 gt { 1 } { 0 } ifelse } settransfer"

MAX_PIXELS = 120_000_000  #: of one picture
TEXT_COLUMNS, TEXT_LINES = 84, 66
FONTS = Path("/usr/share/fonts/truetype/dejavu")
LONGER_THAN_PAPER = 1.1  #: a page may be so much too long before it is split
OFFICE_SECONDS = 60
COVER_SECONDS = 5
PAGE_SECONDS = 3
LONG_PICTURE = 4.0  #: a picture longer than so many times its width is a strip to be split
TOP = 12.0  #: points above a page that is smaller than the paper


def rows(paper: str, resolution: str) -> int:
    """Return how many rows a page has."""
    return math.floor(MILLIMETRES[paper] / INCH * Y_DPI[resolution])


def main() -> None:
    """Prepare what the folder in the last argument asks for."""
    if "--probe" in sys.argv:
        return
    folder = Path(sys.argv[-1])
    job = Job.from_json(json.loads((folder / "job.json").read_text()))
    output = Path("out.tif")
    try:
        result: dict[str, Any] = {"pages": prepare(job, folder)}
    except DocumentError as error:
        result = {"error": [error.reason, str(error)]}
    except (MemoryError, RecursionError):
        remedy = "the document needs too much memory: make it simpler"
        result = {"error": ["document_too_large", remedy]}
    sys.stdout.buffer.write(json.dumps(result).encode() + b"\n")
    if "pages" in result and output.exists():
        with output.open("rb") as file:
            shutil.copyfileobj(file, sys.stdout.buffer)
    sys.stdout.buffer.flush()


def prepare(job: Job, folder: Path) -> int:
    """Make `out.tif` of the files in a folder; return its pages."""
    sources = []
    if job.cover:
        Path("cover.pdf").write_bytes(html_to_pdf(_cover_html(job.cover), job.options.paper))
        sources.append(("the cover page", Path("cover.pdf")))
    for number, name in enumerate(job.names):
        sources.append((name, _pdf(folder / str(number), name, job)))
    opened = []
    for name, path in sources:
        opened.append((name, _open(path, name)))
        pages = sum(len(pdf.pages) for _, pdf in opened)
        if pages > job.max_pages:
            raise DocumentError(
                "page_count_limit_exceeded",
                f"{_all_of(opened)} {pages} pages: at most {job.max_pages} can be faxed, so split "
                + ("it" if len(opened) == 1 else "them"),
            )
    arranged, changed = _arrange([pdf for _, pdf in opened], job)
    if job.check_only:
        return len(arranged.pages)
    if changed:
        ready = Path("ready.pdf")
        arranged.save(ready)
    else:
        ready = sources[0][1]
    return _rasterise(ready, _classify(ready, arranged, job), job)


def _cover_html(page: dict[str, Any]) -> str:
    """Fill in a cover page's template, which may compute for ever. Raises DocumentError."""

    def too_long(*_: object) -> None:
        raise TimeoutError(f"it takes longer than {COVER_SECONDS} s")

    signal.signal(signal.SIGALRM, too_long)
    signal.alarm(COVER_SECONDS)
    try:
        return cover.html(cover.CoverPage(**page))
    except (UserError, TimeoutError) as error:
        raise DocumentError("cover_page_invalid", str(error)) from error
    finally:
        signal.alarm(0)


def _all_of(opened: list[tuple[str, pikepdf.Pdf]]) -> str:
    return f"{opened[0][0]} has" if len(opened) == 1 else "the documents together have"


# ---- any format to PDF -----------------------------------------------------------------------


def _pdf(path: Path, name: str, job: Job) -> Path:
    """Return a PDF of one file. Raises DocumentError."""
    if path.stat().st_size == 0:
        raise DocumentError("document_empty", f"{name} is empty: give a document with a page")
    with path.open("rb") as file:
        head = file.read(4096)
    if b"%PDF-" in head[:1024]:
        return path
    if head.startswith((b"\x89PNG", b"\xff\xd8\xff", b"II*\0", b"MM\0*", b"GIF8", b"BM")) or (
        head[:4] == b"RIFF" and head[8:12] == b"WEBP"
    ):
        return _picture(path, name, job)
    extension = _office(path, head, name)
    if extension:
        return _convert_office(path, name, extension)
    if name.lower().endswith(".pdf"):
        raise DocumentError(
            "file_format_invalid", f"{name} is no PDF, though it is called one: send the real one"
        )
    return _text(path, name, job)


def _picture(path: Path, name: str, job: Job) -> Path:
    import img2pdf  # noqa: PLC0415 - only what a job needs is loaded
    from PIL import Image, ImageOps, ImageSequence  # noqa: PLC0415

    Image.MAX_IMAGE_PIXELS = MAX_PIXELS // 2  # Pillow refuses twice of this
    made, sizes = [], []
    try:
        with Image.open(path, formats=["PNG", "JPEG", "TIFF", "GIF", "BMP", "WEBP"]) as image:
            frames = getattr(image, "n_frames", 1) if image.format == "TIFF" else 1
            if frames > job.max_pages:
                raise DocumentError(
                    "page_count_limit_exceeded",
                    f"{name} has {frames} pages: at most {job.max_pages} can be faxed",
                )
            for number, frame in enumerate(ImageSequence.Iterator(image)):
                if number == frames:
                    break
                dpi = frame.info.get("dpi")
                page = _flat(ImageOps.exif_transpose(frame) or frame)
                sizes.append(_dots(page.size, dpi, job))
                if page.mode == "1":
                    out = Path(f"{path.name}.{number}.tif")
                    page.save(out, compression="group4")
                else:
                    out = Path(f"{path.name}.{number}.png")
                    page.save(out, compress_level=1, icc_profile=None)
                made.append(out)
    except Image.DecompressionBombError as error:
        raise DocumentError(
            "document_too_large",
            f"{name} has too many pixels: at most {MAX_PIXELS // 10**6} million can be faxed",
        ) from error
    except (OSError, ValueError, SyntaxError, EOFError, KeyError, IndexError, TypeError,
            OverflowError, AttributeError) as error:  # fmt: skip
        raise DocumentError(
            "file_format_invalid", f"{name} is a damaged picture: open it and save it again"
        ) from error
    pages = [
        img2pdf.convert(str(file), layout_fun=img2pdf.get_fixed_dpi_layout_fun(dpi))
        for file, dpi in zip(made, sizes, strict=True)
    ]
    out = Path(f"{path.name}.pdf")
    if len(pages) == 1:
        out.write_bytes(pages[0])
        return out
    joined = pikepdf.new()
    for number, page in enumerate(pages):
        part = Path(f"{path.name}.{number}.pdf")
        part.write_bytes(page)
        with pikepdf.open(part) as opened:
            joined.pages.extend(opened.pages)
    joined.save(out)
    return out


def _flat(image: Any) -> Any:
    """Return a picture in black and white, or in grey, on white paper, not needlessly large."""
    from PIL import Image  # noqa: PLC0415

    if image.mode == "1":
        return image
    if image.mode.startswith(("I", "F")):  # 16 and 32 bits a pixel
        low, high = image.getextrema()
        scale = 255.0 / ((high - low) or 1)
        image = image.convert("F").point(lambda value: value * scale - low * scale)
    elif image.mode == "P" or "A" in image.getbands() or "transparency" in image.info:
        image = image.convert("RGBA")
        paper = Image.new("RGBA", image.size, "white")
        paper.alpha_composite(image)
        image = paper
    image = image.convert("L")
    most = 2 * WIDTH
    if min(image.size) > most:
        factor = most / min(image.size)
        image = image.resize((round(image.width * factor), round(image.height * factor)),
                             reducing_gap=2.0)  # fmt: skip
    return image


def _dots(size: tuple[int, int], dpi: Any, job: Job) -> tuple[float, float]:
    """Return the dots an inch at which a picture is put on paper: its own where that fits."""
    width, height = (points / 72 for points in POINTS[job.options.paper])
    try:
        across, down = float(dpi[0]), float(dpi[1])
    except (TypeError, ValueError, IndexError, ZeroDivisionError):
        across = down = 0.0
    short, long = sorted((size[0] / (across or 1), size[1] / (down or 1)))
    if across >= 90 and down >= 90 and short <= width * 1.03 and long <= height * 1.03:
        return across, down
    margin = 0.4  # inches
    if size[0] > size[1]:  # it will be turned
        width, height = height, width
    fitting = max(size[0] / (width - 2 * margin), size[1] / (height - 2 * margin))
    if max(size) / min(size) > LONG_PICTURE and job.options.long_pages == "split":
        fitting = min(size) / (min(width, height) - 2 * margin)
    return fitting, fitting


_OFFICE_PARTS = {"word/": "docx", "xl/": "xlsx", "ppt/": "pptx"}
_ODF = {"text": "odt", "spreadsheet": "ods", "presentation": "odp"}


def _office(path: Path, head: bytes, name: str) -> str:
    """Return which office format a file has, or an empty text."""
    if head.startswith(b"{\\rtf"):
        return "rtf"
    if head.startswith(b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1"):
        data = path.read_bytes()
        if "EncryptedPackage".encode("utf-16-le") in data:
            raise _encrypted(name)
        for stream, extension in (("Workbook", "xls"), ("PowerPoint Document", "ppt")):
            if stream.encode("utf-16-le") in data:
                return extension
        return "doc"
    if not head.startswith(b"PK\x03\x04"):
        return ""
    try:
        with zipfile.ZipFile(path) as archive:
            names = archive.namelist()
            if "mimetype" in names:
                with archive.open("mimetype") as file:
                    kind = file.read(100).decode("ascii", "replace").rpartition(".")[2]
                return _ODF.get(kind, "")
    except (zipfile.BadZipFile, OSError, RuntimeError, NotImplementedError) as error:
        raise DocumentError(
            "file_format_invalid", f"{name} is a damaged office document: save it again"
        ) from error
    for start, extension in _OFFICE_PARTS.items():
        if any(part.startswith(start) for part in names):
            return extension
    raise _unknown(name)


def _unknown(name: str) -> DocumentError:
    return DocumentError(
        "file_format_invalid",
        f"{name} is of no format that can be faxed: send PDF, TIFF, PNG, JPEG, plain text or an "
        "office document",
    )


def _encrypted(name: str) -> DocumentError:
    return DocumentError(
        "document_encrypted",
        f"{name} is protected by a password: save it without one, then send it again",
    )


def _convert_office(path: Path, name: str, extension: str) -> Path:
    if shutil.which("soffice") is None:
        raise DocumentError(
            "office_not_installed",
            f"{name} is an office document, and LibreOffice is not installed here: send it as PDF",
        )
    source = Path(shutil.copyfile(path, f"{path.name}.{extension}"))
    _run(
        ["soffice", "--headless", "--norestore", "--convert-to", "pdf", "--outdir", "office",
         source.name],
        OFFICE_SECONDS,
    )  # fmt: skip
    made = Path("office", f"{path.name}.pdf")
    if not made.exists():
        raise DocumentError(
            "file_format_invalid",
            f"{name} cannot be read by LibreOffice: open it, save it as PDF, then send that",
        )
    return made


def _text(path: Path, name: str, job: Job) -> Path:
    text = _decoded(path.read_bytes(), name)
    lines: list[str] = []
    for part in text.replace("\r\n", "\n").replace("\r", "\n").split("\f"):
        for line in part.split("\n"):
            rest = line.expandtabs(8).rstrip()
            while len(rest) > TEXT_COLUMNS:
                cut = rest.rfind(" ", TEXT_COLUMNS // 2, TEXT_COLUMNS + 1)
                cut = cut if cut > 0 else TEXT_COLUMNS
                lines.append(rest[:cut])
                rest = rest[cut:].lstrip()
            lines.append(rest)
        lines += [""] * (-len(lines) % TEXT_LINES)
        if len(lines) > (job.max_pages + 1) * TEXT_LINES:
            raise DocumentError(
                "page_count_limit_exceeded",
                f"{name} has more than {job.max_pages} pages: split it",
            )
    while len(lines) >= TEXT_LINES and not any(lines[-TEXT_LINES:]):
        del lines[-TEXT_LINES:]
    if not lines:
        raise DocumentError("document_without_pages", f"{name} has no text: nothing can be faxed")
    pdf = _page_maker(job.options.paper)
    for start in range(0, len(lines), TEXT_LINES):
        pdf.add_page()
        pdf.set_font("mono", size=10)
        for line in lines[start : start + TEXT_LINES]:
            pdf.cell(0, pdf.eph / TEXT_LINES, line, new_x="LMARGIN", new_y="NEXT")
    out = Path(f"{path.name}.pdf")
    out.write_bytes(pdf.output())
    return out


def _decoded(data: bytes, name: str) -> str:
    encodings = ["utf-16"] if data[:2] in (b"\xff\xfe", b"\xfe\xff") else ["utf-8-sig", "cp1252"]
    for encoding in encodings:
        try:
            text = data.decode(encoding)
        except UnicodeDecodeError:
            continue
        if all(char >= " " or char in "\t\r\n\f" for char in text):
            return text
    raise _unknown(name)


def _page_maker(paper: str) -> Any:
    from fpdf import FPDF  # noqa: PLC0415

    pdf = FPDF(format="A4" if paper == "a4" else "Letter")
    pdf.set_auto_page_break(False)
    pdf.set_margin(15)
    for style, file in (("", "DejaVuSans"), ("B", "DejaVuSans-Bold"), ("I", "DejaVuSans"),
                        ("BI", "DejaVuSans-Bold")):  # fmt: skip
        pdf.add_font("sans", style, FONTS / f"{file}.ttf")
    pdf.add_font("mono", "", FONTS / "DejaVuSansMono.ttf")
    return pdf


def html_to_pdf(html: str, paper: str) -> bytes:
    """Return a page of simple HTML (headings, paragraphs, tables, bold) as PDF."""
    pdf = _page_maker(paper)
    pdf.set_auto_page_break(True, 15)
    pdf.add_page()
    pdf.set_font("sans", size=12)
    try:
        pdf.write_html(html, font_family="sans")
    except Exception as error:  # whatever its HTML reader stumbles over
        raise DocumentError(
            "cover_page_invalid", f"the cover page cannot be made of its template: {error}"
        ) from error
    return bytes(pdf.output())


# ---- pages of paper --------------------------------------------------------------------------


def _open(path: Path, name: str) -> pikepdf.Pdf:
    with path.open("rb") as file:
        file.seek(max(0, path.stat().st_size - 4096))
        if b"%%EOF" not in file.read():  # what is left could be shown: a part of a document
            raise DocumentError(
                "file_format_invalid", f"{name} is a PDF without its end: get the whole file"
            )
    try:
        pdf = pikepdf.open(path)
        count = len(pdf.pages)
    except pikepdf.PasswordError as error:
        raise _encrypted(name) from error
    except (pikepdf.PdfError, ValueError, TypeError, KeyError, RuntimeError) as error:
        raise DocumentError(
            "file_format_invalid",
            f"{name} is a damaged PDF: open it in a viewer and save it again, then send that",
        ) from error
    if count == 0:
        raise DocumentError("document_without_pages", f"{name} has no pages: nothing can be faxed")
    return pdf


def _inherited(page: pikepdf.Object, key: str) -> Any:
    for _ in range(50):
        if key in page:
            return page[key]
        if "/Parent" not in page:
            return None
        page = page["/Parent"]
    return None


Box = tuple[float, float, float, float]
LETTER = (0.0, 0.0, 612.0, 792.0)


def _box(page: pikepdf.Page) -> Box:
    """Return what a viewer shows of a page: its crop box within its media box (points)."""
    boxes = []
    for key in ("/MediaBox", "/CropBox"):
        try:
            x0, y0, x1, y1 = (float(v) for v in _inherited(page.obj, key))
        except (TypeError, ValueError):
            continue
        x0, x1, y0, y1 = min(x0, x1), max(x0, x1), min(y0, y1), max(y0, y1)
        if x1 - x0 >= 1 and y1 - y0 >= 1 and all(map(math.isfinite, (x0, y0, x1, y1))):
            boxes.append((x0, y0, x1, y1))
    if not boxes:  # a page has to have a size
        page.obj["/MediaBox"] = page.obj["/CropBox"] = pikepdf.Array(LETTER)
        return LETTER
    box = boxes[0]
    for other in boxes[1:]:
        common = (max(box[0], other[0]), max(box[1], other[1]),
                  min(box[2], other[2]), min(box[3], other[3]))  # fmt: skip
        if common[2] - common[0] >= 1 and common[3] - common[1] >= 1:
            box = common
    return box


def _arrange(pdfs: list[pikepdf.Pdf], job: Job) -> tuple[pikepdf.Pdf, bool]:
    """Return one PDF in which each page is one of paper, and whether that is a new one.

    Landscape pages are turned, long ones are split or left to be scaled, small ones keep their
    size. Nothing is cropped, and nothing that was cropped comes back.
    """
    out = pdfs[0]
    changed = len(pdfs) > 1
    for pdf in pdfs:
        changed |= _fill_forms(pdf)
    for pdf in pdfs[1:]:
        out.pages.extend(pdf.pages)
    width, height = POINTS[job.options.paper]
    plans: list[tuple[pikepdf.Page, list[tuple[Box, float, float]]]] = []
    total = 0
    for page in out.pages:
        box = _box(page)
        changed |= box is LETTER
        turn = _number(_inherited(page.obj, "/Rotate")) // 90 * 90 % 360
        unit = max(0.01, float(page.obj.get("/UserUnit", 1)))
        across, down = (box[2] - box[0]) * unit, (box[3] - box[1]) * unit
        if turn in (90, 270):
            across, down = down, across
        if across > down * 1.02:
            turn, across, down, changed = (turn + 90) % 360, down, across, True
            page.obj["/Rotate"] = turn
        scale = min(1.0, width / across)
        parts = math.ceil(down * scale / height - (LONGER_THAN_PAPER - 1))
        windows: list[tuple[Box, float, float]] = []
        if parts > 1 and job.options.long_pages == "split":
            share = height / (down * scale)
            windows = [(_slice(box, turn, n * share, (n + 1) * share), 0, 0)
                       for n in range(min(parts, job.max_pages + 1))]  # fmt: skip
        elif across < width * 0.93 and down < height * 0.93:
            windows = [(box, width / unit, height / unit)]
        elif min(box) < 0:  # ghostscript shows nothing of it
            windows = [(box, 0, 0)]
        plans.append((page, windows))
        total += max(1, len(windows))
        if total > job.max_pages:
            raise DocumentError(
                "page_count_limit_exceeded",
                f"the document needs more than {job.max_pages} pages of paper: split it",
            )
    if any(windows for _, windows in plans):
        out.flatten_annotations("print")
        arranged = pikepdf.new()
        for page, windows in plans:
            for box, wide, tall in windows:
                arranged.pages.append(_placed(out, page, box, wide, tall))
            if not windows:
                arranged.pages.append(page)
        return arranged, True
    return out, changed


def _number(value: Any) -> int:
    try:
        return int(value or 0)
    except (TypeError, ValueError):
        return 0


def _slice(box: Box, turn: int, start: float, end: float) -> Box:
    """Return the part of a page between two fractions of its length, as it is displayed."""
    x0, y0, x1, y1 = box
    width, length = x1 - x0, y1 - y0
    end = min(end, 1.0)
    match turn:
        case 90:
            return x0 + start * width, y0, x0 + end * width, y1
        case 180:
            return x0, y0 + start * length, x1, y0 + end * length
        case 270:
            return x1 - end * width, y0, x1 - start * width, y1
        case _:
            return x0, y1 - end * length, x1, y1 - start * length


def _placed(
    pdf: pikepdf.Pdf, page: pikepdf.Page, box: Box, wide: float, tall: float
) -> pikepdf.Page:
    """Return a page that shows a part of another, alone or at the top middle of some paper.

    What lies outside of the part stays hidden. `wide` and `tall` are the paper's, as displayed.
    """
    x0, y0, x1, y1 = box
    width, length = x1 - x0, y1 - y0
    turn = _number(_inherited(page.obj, "/Rotate")) // 90 * 90 % 360
    if turn in (90, 270):
        wide, tall = tall, wide
    wide, tall = max(wide, width), max(tall, length)
    left, low = (wide - width) / 2, (tall - length) / 2
    match turn:  # the middle, moved to what is displayed as the top
        case 90:
            left = min(TOP, left)
        case 180:
            low = min(TOP, low)
        case 270:
            left = wide - width - min(TOP, left)
        case _:
            low = tall - length - min(TOP, low)
    copy = pikepdf.Page(pdf.make_indirect(pikepdf.Dictionary(dict(page.obj.items()))))
    for key in ("/Resources", "/Rotate"):
        value = _inherited(page.obj, key)
        if value is not None:
            copy.obj[key] = value
    start = (
        f"q 1 0 0 1 {left - x0:.3f} {low - y0:.3f} cm "
        f"{x0:.3f} {y0:.3f} {width:.3f} {length:.3f} re W n q\n"
    )
    copy.contents_add(start.encode(), prepend=True)
    copy.contents_add(b"\nQ Q")
    copy.obj["/MediaBox"] = copy.obj["/CropBox"] = pikepdf.Array([0, 0, wide, tall])
    return copy


def _fill_forms(pdf: pikepdf.Pdf) -> bool:
    """Draw the fields of a form that relies on its viewer to draw them; tell whether it did."""
    form = pdf.Root.get("/AcroForm")
    if isinstance(form, pikepdf.Dictionary) and form.get("/NeedAppearances"):
        pdf.generate_appearance_streams()
        return True
    return False


# ---- text or photo ---------------------------------------------------------------------------


def _classify(ready: Path, pdf: pikepdf.Pdf, job: Job) -> list[bool]:
    """Tell of each page whether it is scanned text: black and white, without greys to keep."""
    count = len(pdf.pages)
    if job.options.pictures != "auto":
        return [job.options.pictures == "text"] * count
    scanned = [False] * count
    candidates = [n for n, page in enumerate(pdf.pages) if _has_picture(page.obj)]
    for number, grey in zip(candidates, _greys(ready, candidates, job), strict=True):
        scanned[number] = not grey
    return scanned


def _has_picture(page: pikepdf.Object) -> bool:
    todo, seen = [_inherited(page, "/Resources")], 0
    while todo:
        resources = todo.pop()
        if not isinstance(resources, pikepdf.Dictionary):
            continue
        objects = resources.get("/XObject")
        if not isinstance(objects, pikepdf.Dictionary):
            continue
        for item in objects.values():
            seen += 1
            if seen > 2000 or not isinstance(item, pikepdf.Stream):
                continue
            if item.get("/Subtype") == "/Image":
                return True
            todo.append(item.get("/Resources"))
    return False


def _greys(ready: Path, pages: list[int], job: Job) -> Iterator[bool]:
    """Yield of each page whether it has areas of grey (at 72 dots an inch: letters have none)."""
    from PIL import Image, ImageChops, ImageFilter  # noqa: PLC0415

    if not pages:
        return
    _ghostscript(
        ready, "grey-%d.pgm", "", len(pages),
        "-sDEVICE=pgmraw", "-r102", f"-g{WIDTH // 2}x{rows(job.options.paper, 'normal')}",
        "-dDOINTERPOLATE", f"-sPageList={','.join(str(n + 1) for n in pages)}",
    )  # fmt: skip
    for number in range(len(pages)):
        file = Path(f"grey-{number + 1}.pgm")
        if not file.exists():
            yield True
            continue
        with Image.open(file) as image:
            grey = image.convert("L")
            middle = grey.point(lambda value: 255 if 40 <= value <= 225 else 0)
            # White where all 7 x 7 around are: MinFilter(7) says the same in 50 times the time.
            flat = middle.filter(ImageFilter.BoxBlur(3)).point(lambda mean: 255 * (mean == 255))
            paper = ImageChops.invert(grey.point(lambda value: 255 if value > 235 else 0))
            area = flat.histogram()[255]
            inked = max(1, paper.histogram()[255])
            yield area / (grey.width * grey.height) > 0.004 and area / inked > 0.02


# ---- pages of dots ---------------------------------------------------------------------------


def _run(command: list[str], seconds: float) -> bool:
    """Run a program; tell whether it went well. Raises DocumentError when it takes too long."""
    try:
        done = subprocess.run(
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired as error:
        raise DocumentError(
            "conversion_timeout",
            f"the document took longer than {seconds:.0f} s to render: make it simpler or split it",
        ) from error
    return done.returncode == 0


def _ghostscript(source: Path, out: str, install: str, pages: int, *options: str) -> bool:
    setup = f"<< /Install {{ {install} }} >> setpagedevice" if install else ""
    return _run(
        ["gs", "-q", "-dSAFER", "-dBATCH", "-dNOPAUSE", "-dPDFFitPage", "-dUseCropBox",
         "-dAutoRotatePages=/None", *options, f"-sOutputFile={out}", "-c", setup,
         "-f", str(source)],
        15 + PAGE_SECONDS * pages,
    )  # fmt: skip


def _rasterise(ready: Path, scanned: list[bool], job: Job) -> int:
    """Write out.tif; return its pages. Raises DocumentError."""
    size = [f"-r{X_DPI}x{Y_DPI[job.options.resolution]}",
            f"-g{WIDTH}x{rows(job.options.paper, job.options.resolution)}", "-sDEVICE=tiffg4",
            "-dMaxStripSize=0"]  # fmt: skip
    made: dict[int, tuple[Path, int]] = {}
    for text, install in ((True, THRESHOLD), (False, SCREEN)):
        pages = [n for n, is_text in enumerate(scanned) if is_text == text]
        if not pages:
            continue
        out = Path(f"{'text' if text else 'screen'}.tif")
        smooth = ["-dDOINTERPOLATE"] if text else []
        some = [] if len(pages) == len(scanned) else [
            f"-sPageList={','.join(str(n + 1) for n in pages)}"]  # fmt: skip
        good = _ghostscript(ready, out.name, install, len(pages), *size, *smooth, *some)
        if not good or not out.exists():
            raise DocumentError(
                "conversion_failed",
                "the document could not be rendered: open it in a viewer and save it again, "
                "then send that",
            )
        made |= {number: (out, place) for place, number in enumerate(pages)}
    files = {file for file, _ in made.values()}
    if len(files) == 1:
        files.pop().rename("out.tif")
    else:
        read: Callable[[Path], bytes] = Path.read_bytes
        contents = {file: read(file) for file in files}
        Path("out.tif").write_bytes(
            join_pages([(contents[made[n][0]], made[n][1]) for n in range(len(scanned))])
        )
    return len(scanned)


if __name__ == "__main__":
    main()
