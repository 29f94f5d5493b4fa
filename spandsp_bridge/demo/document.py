"""The demo's document: two pages of text and a page with a photograph, as PDF."""

import math
import random
from pathlib import Path

from fpdf import FPDF
from PIL import Image, ImageDraw, ImageFilter

PARAGRAPHS = (
    "A fax is older than the telephone. Alexander Bain drew pictures over a telegraph wire in "
    "1843, a pendulum at each end and a stylus on treated paper. What made it work was not the "
    "wire but the agreement: both ends had to swing in step, and each had to trust that the "
    "other did. Everything that came after is a longer way of saying the same thing.",
    "The machines of today agree through Recommendation T.30. The called one says what it can "
    "do (DIS), the calling one says what it will do (DCS), then tries the line with a second and "
    "a half of zeros (TCF). If they arrive well enough the answer is CFR, and the page follows. "
    "After each page the sender asks, and the receiver answers: MCF, the page is confirmed.",
    "That last answer is the whole point. A page that was confirmed must be somewhere: on paper, "
    "or on a disk that will not forget it. A machine that confirms first and stores later has "
    "told a lie that no one can see, and the sender has thrown the original away.",
    "On an IP network the tones are gone, and with them the patience of the analogue world. "
    "T.38 carries the same conversation in packets: an indicator for each tone, data for each "
    "frame. A packet that is lost would cost a frame, so every packet repeats the ones before "
    "it. Three are enough for almost every network that deserves the name.",
    "Between two companies there are many hands: the proxy that finds a route, the carrier that "
    "takes the call, the provider that brings it back, the bridge that answers. Each of them "
    "may fail, and each failure has a reason. The user of a fax asks for one of two things: "
    "that the pages arrive, or that somebody says plainly why they did not.",
)


def photograph(width: int, height: int) -> Image.Image:
    """Return a picture with the soft tones of a photograph: hills, haze and a low sun."""
    dice = random.Random(1843)  # noqa: S311
    picture = Image.new("L", (width, height))
    pixels = picture.load()
    assert pixels is not None
    sun_x, sun_y = width * 0.68, height * 0.34
    for y in range(height):
        for x in range(width):
            glow = 90 * math.exp(-math.hypot(x - sun_x, y - sun_y) / (width * 0.16))
            pixels[x, y] = min(255, int(150 + 70 * y / height + glow))
    draw = ImageDraw.Draw(picture)
    for layer in range(5):
        base, tone = height * (0.45 + 0.12 * layer), 165 - 34 * layer
        waves = [
            (dice.uniform(0.5, 3.5), dice.uniform(0, 6.3), dice.uniform(8, 26)) for _ in range(4)
        ]
        ridge = [
            (x, base - sum(a * math.sin(f * x * 6.3 / width + p) for f, p, a in waves))
            for x in range(width)
        ]
        draw.polygon([*ridge, (width, height), (0, height)], fill=tone)
        picture = picture.filter(ImageFilter.GaussianBlur(1.2))
        draw = ImageDraw.Draw(picture)
    return picture


def _heading(pdf: FPDF, text: str) -> None:
    pdf.set_font("Helvetica", "B", 20)
    pdf.cell(0, 14, text, new_x="LMARGIN", new_y="NEXT")
    pdf.ln(4)


def write(path: Path) -> int:
    """Write the PDF; return its page count."""
    pdf = FPDF(format="A4")
    pdf.set_margins(25, 25, 25)
    pdf.set_auto_page_break(False)
    for page, paragraphs in enumerate((PARAGRAPHS[:3], PARAGRAPHS[3:]), start=1):
        pdf.add_page()
        _heading(pdf, "The agreement" if page == 1 else "In packets")
        pdf.set_font("Times", "", 13)
        for paragraph in paragraphs:
            pdf.multi_cell(0, 7, paragraph, new_x="LMARGIN", new_y="NEXT")
            pdf.ln(4)
    pdf.add_page()
    _heading(pdf, "A photograph")
    pdf.image(photograph(480, 320), w=90)
    pdf.ln(6)
    pdf.set_font("Times", "", 13)
    pdf.multi_cell(0, 7, "Grey tones become dots; text on the same page stays crisp.")
    pdf.output(str(path))
    return int(pdf.page)
