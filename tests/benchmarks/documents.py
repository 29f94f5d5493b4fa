"""Documents: PDF to TIFF-F and back, beside the programs that one would use instead.

    python -m tests.benchmarks.documents [--quick] [--json] [--pages N]

Two documents: pages of text, and pages that mix text with a photo. Ours is the whole way of a
document (a look at each page, ghostscript); beside it stand ghostscript's tiffg4 alone, and
pdftoppm -mono with its pages packed as G4. What counts: CPU (of our child without its sandbox,
whose processes escape the count; pages a second are with it), octets on the line (they are
minutes of call), and whether a page can still be read: words that tesseract recognises, and the
likeness (SSIM) of pictures to a rendering at 600 dots an inch.
"""

import argparse
import asyncio
import difflib
import io
import json
import random
import resource
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from fpdf import FPDF
from PIL import Image, ImageDraw, ImageFilter, ImageSequence
from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from spandsp_bridge.documents import sandbox
from spandsp_bridge.documents.geometry import WIDTH, Y_DPI, rows
from spandsp_bridge.documents.job import Job, PageOptions
from spandsp_bridge.documents.pdfa import to_pdf
from spandsp_bridge.documents.render import render
from spandsp_bridge.documents.tiff import X_DPI, call_seconds, line_bytes

WORDS = [
    "invoice",
    "order",
    "delivery",
    "payment",
    "company",
    "contract",
    "number",
    "account",
    "please",
    "confirm",
    "receive",
    "signed",
    "before",
    "street",
    "amount",
    "price",
    "hundred",
    "thousand",
    "letter",
    "answer",
    "office",
    "machine",
    "paper",
    "morning",
    "evening",
    "quality",
    "service",
    "customer",
    "request",
    "reference",
    "document",
    "without",
    "between",
]
LIKENESS_DPI = 50  #: dots an inch at which pictures are compared: what an eye sees of a screen
GEOMETRY = [f"-r{X_DPI}x{Y_DPI['fine']}", f"-g{WIDTH}x{rows('a4', 'fine')}"]


@dataclass(frozen=True, slots=True)
class Document:
    """A document, and what it says."""

    name: str
    pdf: bytes
    texts: list[str]
    picture: tuple[float, float, float, float] | None  #: mm: left, top, width, height


@dataclass(frozen=True, slots=True)
class Made:
    """What a program made of a document."""

    tiff: bytes
    cpu: float  #: seconds
    wall: float  #: seconds


# ---- documents -----------------------------------------------------------------------------------


def photo(dice: random.Random) -> Image.Image:
    """Return a picture with soft and hard edges, in all greys, as a camera makes them."""
    small = Image.new("L", (30, 40))
    small.putdata([dice.randint(0, 255) for _ in range(30 * 40)])
    image = small.resize((900, 1200), Image.Resampling.BICUBIC)
    draw = ImageDraw.Draw(image)
    for _ in range(12):
        x, y, size = dice.randint(0, 900), dice.randint(0, 1200), dice.randint(30, 250)
        draw.ellipse((x, y, x + size, y + size), fill=dice.randint(0, 255))
    noise = Image.effect_noise(image.size, 24)
    return Image.blend(image.filter(ImageFilter.GaussianBlur(1.5)), noise, 0.12)


def document(name: str, pages: int, *, with_photos: bool) -> Document:
    """Return a document of so many pages, no two of them alike."""
    dice = random.Random(name)
    pdf = FPDF(format="A4")
    pdf.set_auto_page_break(False)
    pdf.set_font("Helvetica", "", 11)
    texts = []
    box = (20.0, 150.0, 80.0, 106.0) if with_photos else None
    for _ in range(pages):
        pdf.add_page()
        text = " ".join(dice.choice(WORDS) for _ in range(150 if with_photos else 420))
        pdf.set_xy(20, 20)
        pdf.multi_cell(170, 5.5, text, align="L")
        if box is not None:
            pdf.image(photo(dice), *box)
        texts.append(text)
    return Document(name, bytes(pdf.output()), texts, box)


# ---- programs ------------------------------------------------------------------------------------


def children_cpu() -> float:
    """Return the CPU seconds of all children that have ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def ours(document: Document, folder: Path, *, facts: bool = False) -> bytes:
    """Render as the system does, without the sandbox."""
    (folder / "0").write_bytes(document.pdf)
    (folder / "job.json").write_text(json.dumps(asdict(Job(names=["a.pdf"], facts=facts))))
    work = folder / "work"
    work.mkdir()
    said = subprocess.run(
        [*sandbox.python("spandsp_bridge.documents.sandbox_child"), str(folder)],
        cwd=work, capture_output=True, check=True,
    ).stdout  # fmt: skip
    return said.partition(b"\n")[2]


def prepared(document: Document, folder: Path) -> bytes:
    """Render as the outbound worker does: the text of the document is read, too."""
    return ours(document, folder, facts=True)


def sandboxed(document: Document, rounds: int) -> float:
    """Return the pages a second of the whole way, sandbox and all."""
    took = []
    for _ in range(rounds):
        began = time.perf_counter()
        asyncio.run(render([("a.pdf", document.pdf)], PageOptions(), 1000))
        took.append(time.perf_counter() - began)
    return len(document.texts) / statistics.median(took)


def ghostscript(document: Document, folder: Path) -> bytes:
    """Render by ghostscript's own means."""
    source, out = folder / "a.pdf", folder / "gs.tif"
    source.write_bytes(document.pdf)
    subprocess.run(
        ["gs", "-q", "-dSAFER", "-dBATCH", "-dNOPAUSE", "-dPDFFitPage", "-sDEVICE=tiffg4",
         "-dMaxStripSize=0", *GEOMETRY, f"-sOutputFile={out}", str(source)],
        check=True,
    )  # fmt: skip
    return out.read_bytes()


def pdftoppm(document: Document, folder: Path) -> bytes:
    """Render by poppler; the pages are packed afterwards, off the clock."""
    source = folder / "a.pdf"
    source.write_bytes(document.pdf)
    subprocess.run(
        ["pdftoppm", "-mono", "-rx", str(X_DPI), "-ry", str(Y_DPI["fine"]), str(source),
         str(folder / "poppler")],
        check=True,
    )  # fmt: skip
    pages = [Image.open(path).convert("1") for path in sorted(folder.glob("poppler-*.pbm"))]
    out = io.BytesIO()
    pages[0].save(
        out, "TIFF", compression="group4", save_all=True, append_images=pages[1:],
        dpi=(X_DPI, Y_DPI["fine"]), tiffinfo={278: 30000},
    )  # fmt: skip
    return out.getvalue()


def measured(program: Callable[[Document, Path], bytes], document: Document) -> Made:
    """Run a program; its CPU is that of its processes."""
    with tempfile.TemporaryDirectory(prefix="vfax-documents-") as name:
        folder = Path(name)
        folder.chmod(0o755)
        cpu, began = children_cpu(), time.perf_counter()
        tiff = program(document, folder)
        return Made(tiff, children_cpu() - cpu, time.perf_counter() - began)


# ---- legibility ----------------------------------------------------------------------------------


def pictures(tiff: bytes) -> list[Image.Image]:
    """Return the pages in grey, with square dots."""
    with Image.open(io.BytesIO(tiff)) as image:
        return [
            frame.convert("L").resize((1728, round(frame.height * X_DPI / Y_DPI["fine"])))
            for frame in ImageSequence.Iterator(image)
        ]


def recognised(page: Image.Image, text: str) -> float:
    """Return which share of the text's words tesseract reads off a page, in their order."""
    out = io.BytesIO()
    page.resize((page.width * 2, page.height * 2), Image.Resampling.BICUBIC).save(
        out, "PNG", dpi=(2 * X_DPI, 2 * X_DPI)
    )
    said = subprocess.run(
        ["tesseract", "stdin", "stdout", "--psm", "6", "-l", "eng"],
        input=out.getvalue(), capture_output=True, check=True, env={"OMP_THREAD_LIMIT": "1"},
    ).stdout.decode()  # fmt: skip
    words = text.split()
    match = difflib.SequenceMatcher(None, words, said.split(), autojunk=False)
    return sum(block.size for block in match.get_matching_blocks()) / len(words)


def reference(document: Document, page: int) -> Image.Image:
    """Return a page in grey at 600 dots an inch."""
    with tempfile.TemporaryDirectory() as name:
        source = Path(name, "a.pdf")
        source.write_bytes(document.pdf)
        subprocess.run(
            ["pdftoppm", "-gray", "-r", "600", "-f", str(page + 1), "-l", str(page + 1),
             str(source), str(Path(name, "page"))],
            check=True,
        )  # fmt: skip
        with Image.open(next(Path(name).glob("page*.pgm"))) as image:
            return image.copy()


def likeness(page: Image.Image, original: Image.Image, box: tuple[float, ...]) -> float:
    """Return the mean SSIM of the blocks of a picture (Wang et al. 2004), 1 is the same.

    `page` is as wide as a line of T.4, 215 mm, and the original as A4 paper.
    """
    left, top, width, height = box
    size = (round(width / 25.4 * LIKENESS_DPI), round(height / 25.4 * LIKENESS_DPI))

    def part(image: Image.Image, across: float) -> list[list[int]]:
        scale = image.width / across
        shift = (across - 210.0) / 2
        cut = image.crop((round((left + shift) * scale), round(top * scale),
                          round((left + shift + width) * scale),
                          round((top + height) * scale)))  # fmt: skip
        small = cut.resize(size, Image.Resampling.BOX)
        flat = list(small.tobytes())
        return [flat[row * size[0] : (row + 1) * size[0]] for row in range(size[1])]

    ours_, theirs = part(page, 215.0), part(original, 210.0)
    found = []
    for y in range(0, size[1] - 7, 4):
        for x in range(0, size[0] - 7, 4):
            a = [v for row in ours_[y : y + 8] for v in row[x : x + 8]]
            b = [v for row in theirs[y : y + 8] for v in row[x : x + 8]]
            mean_a, mean_b = statistics.fmean(a), statistics.fmean(b)
            var_a = statistics.fmean((v - mean_a) ** 2 for v in a)
            var_b = statistics.fmean((v - mean_b) ** 2 for v in b)
            both = statistics.fmean((p - mean_a) * (q - mean_b) for p, q in zip(a, b, strict=True))
            c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
            found.append(
                ((2 * mean_a * mean_b + c1) * (2 * both + c2))
                / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))
            )
    return statistics.fmean(found)


# ---- figures -------------------------------------------------------------------------------------

PROGRAMS: dict[str, Callable[[Document, Path], bytes]] = {
    "ours": ours,
    "ours with facts": prepared,
    "ghostscript tiffg4": ghostscript,
    "pdftoppm -mono": pdftoppm,
}


def forth(document: Document, rounds: int, samples: int, progress: Progress) -> dict[str, Any]:
    """Measure every program on a document, side by side; medians over the rounds."""
    made: dict[str, list[Made]] = {name: [] for name in PROGRAMS}
    bar = progress.add_task(document.name, total=rounds * len(PROGRAMS) + samples)
    for _ in range(rounds):
        for name, program in PROGRAMS.items():
            made[name].append(measured(program, document))
            progress.advance(bar)
    pages = len(document.texts)
    figures: dict[str, Any] = {}
    looks = {name: pictures(results[0].tiff) for name, results in made.items()}
    seen: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    read: dict[str, list[float]] = {name: [] for name in PROGRAMS}
    for number in range(samples):
        original = reference(document, number) if document.picture else None
        for name in PROGRAMS:
            page = looks[name][number]
            words = page
            if document.picture is not None:  # what is read is the text above the picture
                words = page.crop((0, 0, page.width, round(document.picture[1] / 215 * page.width)))
            read[name].append(recognised(words, document.texts[number]))
            if original is not None and document.picture is not None:
                seen[name].append(likeness(page, original, document.picture))
        progress.advance(bar)
    for name, results in made.items():
        octets = line_bytes(results[0].tiff)
        assert len(octets) == pages, f"{name} made {len(octets)} pages of {pages}"
        figures[name] = {
            "cpu_ms_per_page": round(1000 * statistics.median(r.cpu for r in results) / pages, 1),
            "pages_per_second": round(pages / statistics.median(r.wall for r in results), 1),
            "kb_on_the_line": round(statistics.fmean(octets) / 1000, 1),
            "seconds_of_call_per_page": round((call_seconds(octets) - 15) / pages),
            "words_read": round(statistics.fmean(read[name]), 3),
            "ssim": round(statistics.fmean(seen[name]), 3) if seen[name] else None,
        }
    figures["ours"]["pages_per_second"] = round(sandboxed(document, rounds), 1)
    return figures


def back(tiff: bytes, rounds: int) -> dict[str, float]:
    """Return the CPU milliseconds a page of TIFF to PDF: ours in this process, and tiff2pdf's."""
    pages = len(line_bytes(tiff))
    to_pdf(tiff, title="warm")
    mine, theirs = [], []
    with tempfile.TemporaryDirectory() as name:
        source = Path(name, "a.tif")
        source.write_bytes(tiff)
        for _ in range(rounds):
            began = time.process_time()
            to_pdf(tiff, title="a")
            mine.append(time.process_time() - began)
            cpu = children_cpu()
            subprocess.run(["tiff2pdf", "-o", str(Path(name, "a.pdf")), str(source)], check=True)
            theirs.append(children_cpu() - cpu)
    return {
        "ours": round(1000 * statistics.median(mine) / pages, 2),
        "tiff2pdf": round(1000 * statistics.median(theirs) / pages, 2),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="end in under a minute")
    parser.add_argument("--json", action="store_true", help="print one JSON object last")
    parser.add_argument("--pages", type=int, help="pages of each document")
    arguments = parser.parse_args()
    pages = arguments.pages or (8 if arguments.quick else 30)
    rounds, samples = (1, 1) if arguments.quick else (5, 5)
    documents = [
        document("text", pages, with_photos=False),
        document("text and photo", pages, with_photos=True),
    ]
    figures: dict[str, Any] = {"pages": pages}
    with Progress(console=Console(stderr=True), transient=True) as progress:
        for each in documents:
            figures[each.name] = forth(each, rounds, samples, progress)
    figures["tiff_to_pdf_cpu_ms_per_page"] = back(measured(ours, documents[0]).tiff, 10 * rounds)
    console = Console()
    for each in documents:
        console.print(_table(each.name, figures[each.name]))
    mixed = figures["text and photo"]
    ratio = mixed["ours"]["kb_on_the_line"] / mixed["ghostscript tiffg4"]["kb_on_the_line"]
    figures["octets_of_mixed_pages_to_ghostscript"] = round(ratio, 2)
    console.print(f"Octets of mixed pages, ours to ghostscript's: {ratio:.2f}")
    console.print(f"TIFF to PDF, CPU ms a page: {figures['tiff_to_pdf_cpu_ms_per_page']}")
    if arguments.json:
        print(json.dumps(figures))


def _table(name: str, figures: dict[str, dict[str, Any]]) -> Table:
    table = Table(title=f"A4 pages: {name}", title_justify="left")
    columns = list(figures["ours"])
    table.add_column("", no_wrap=True)
    for column in columns:
        table.add_column(column.replace("_", " "), justify="right", max_width=11)
    for program, row in figures.items():
        table.add_row(program, *("" if row[c] is None else str(row[c]) for c in columns))
    return table


if __name__ == "__main__":
    main()
