"""Pictures in SVG: what two fax machines said to each other, and charts."""

import io
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from PIL import Image, ImageSequence

from spandsp_bridge.documents.bitmaps import BROKEN, open_frames
from spandsp_bridge.documents.tiff import TiffError

LINE = re.compile(r"\s*([0-9]+\.[0-9]+)?\s*([<>!])?\s*(.*)")
ROW, TOP, LEFT, WIDE = 26, 34, 96, 300  # of a ladder, in its own units
MOST_ROWS = 400

#: What the messages of T.30 say (T.30 §5.3.6.1).
SAYS = {
    "DIS": "what I can do", "DCS": "how I will send", "TSI": "my number", "CSI": "my number",
    "TCF": "speed test", "CFR": "speed is good", "FTT": "too fast, slower", "MPS": "another page",
    "EOP": "that was all", "EOM": "more, after a new start", "MCF": "page confirmed",
    "RTP": "confirmed, retrain", "RTN": "page refused", "PPS": "end of a part, ECM",
    "PPR": "parts are missing", "RNR": "not ready yet", "RR": "ready?", "CTC": "go on, slower",
    "CTR": "yes, go on", "EOR": "giving up on parts", "ERR": "agreed, without them",
    "DCN": "goodbye", "NSF": "my maker", "NSS": "my maker's way", "CRP": "say that again",
    "PIN": "page refused, talk", "PIP": "confirmed, talk",
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Said:
    """One line of a trace."""

    at: str
    way: str  #: > we said, < they said, ! a remark, or nothing
    text: str

    @property
    def word(self) -> str:
        """The message's name."""
        if self.text.startswith("SIP "):
            return self.text.removeprefix("SIP ")[:60]
        return re.split(r"[\s,-]", self.text, maxsplit=1)[0]


def read(trace: Sequence[str]) -> list[Said]:
    """Return the lines of a trace."""
    found = []
    for line in trace[:MOST_ROWS]:
        match = LINE.fullmatch(line)
        if match and match[3]:
            found.append(Said(match[1] or "", match[2] or "", match[3]))
    return found


def ladder(trace: Sequence[str], ours: str, theirs: str, say: dict[str, str] | None = None) -> str:
    """Return the T.30 messages of a call as a ladder: time, who said what, in words."""
    rows = read(trace)
    say = say or SAYS
    height = TOP + ROW * max(1, len(rows)) + 12
    right = LEFT + WIDE
    parts = [
        f'<svg class="ladder" viewBox="0 0 {right + 90} {height}" role="img" '
        f'aria-label="{escape(ours)}, {escape(theirs)}: {len(rows)}">',
        f'<text class="end" x="{LEFT}" y="16">{escape(ours)}</text>',
        f'<text class="end" x="{right}" y="16">{escape(theirs)}</text>',
        f'<path class="rail" d="M{LEFT} 24V{height}M{right} 24V{height}"/>',
    ]
    for number, said in enumerate(rows):
        y = TOP + ROW * number + 16
        parts.append(f'<text class="time" x="{LEFT - 12}" y="{y}">{escape(said.at)}</text>')
        middle = (LEFT + right) // 2
        if said.way in ("<", ">"):
            start, end = (LEFT, right) if said.way == ">" else (right, LEFT)
            tip = end - 8 if said.way == ">" else end + 8
            kind = _kind(said)
            head = f"M{tip} {y - 4}L{end} {y}L{tip} {y + 4}"
            parts.append(f'<path class="arrow {kind}" d="M{start} {y}H{end}{head}"/>')
            words = f" · {say[said.word]}" if said.word in say else ""
            parts.append(
                f'<text class="word {kind}" x="{middle}" y="{y - 5}"><title>{escape(said.text)}'
                f"</title><tspan>{escape(said.word)}</tspan>{escape(words)}</text>"
            )
        else:
            text = escape(said.text[:70])
            parts.append(f'<text class="remark" x="{middle}" y="{y}">{text}</text>')
    return "".join(parts) + "</svg>"


def _kind(said: Said) -> str:
    word = said.word
    if said.text.startswith("SIP "):
        return "bad" if re.match("[456]", word) else "sip"
    if word in ("MCF", "CFR", "CTR"):
        return "good"
    return "bad" if word in ("RTN", "FTT", "PIN", "ERR", "CRP") else ""


def bars(rows: Sequence[tuple[str, int, int]], title: str) -> str:
    """Return a chart of days: (label, good, bad) each, good below bad."""
    if not rows:
        return ""
    most = max(1, *(good + bad for _, good, bad in rows))
    step = 640 / len(rows)
    wide = max(2.0, step * 0.7)
    parts = [f'<svg class="bars" viewBox="0 0 640 168" role="img" aria-label="{escape(title)}">']
    for place, (label, good, bad) in enumerate(rows):
        x = place * step + (step - wide) / 2
        high, low = 130 * good / most, 130 * bad / most
        parts.append(
            f"<g><title>{escape(label)}: {good} + {bad}</title>"
            f'<rect class="good" x="{x:.1f}" y="{140 - high:.1f}" width="{wide:.1f}" '
            f'height="{high:.1f}"/><rect class="bad" x="{x:.1f}" y="{140 - high - low:.1f}" '
            f'width="{wide:.1f}" height="{low:.1f}"/></g>'
        )
        if place % max(1, len(rows) // 7) == 0:
            parts.append(f'<text x="{x + wide / 2:.1f}" y="160">{escape(label)}</text>')
    parts.append('<path class="base" d="M0 140.5H640"/>')
    parts.append(f'<text class="most" x="0" y="10">{most}</text>')
    return "".join(parts) + "</svg>"


def page_png(tiff: bytes, page: int, width: int) -> bytes:
    """Return one page (from 1) as PNG in square pixels, at most `width` wide. Raises TiffError."""
    try:
        with open_frames(tiff) as image:
            for number, frame in enumerate(ImageSequence.Iterator(image), 1):
                if number == page:
                    across, down = frame.size
                    dpi = frame.info.get("dpi") or (1, 1)
                    wide = min(width, across)
                    long = max(1, min(round(wide * down / across * dpi[0] / dpi[1]), 8 * wide))
                    small = frame.convert("L").resize((wide, long), Image.Resampling.BOX)
                    out = io.BytesIO()
                    small.quantize(16).save(out, "PNG")
                    return out.getvalue()
    except BROKEN as error:
        raise TiffError(str(error)) from error
    raise TiffError(f"the file has no page {page}")
