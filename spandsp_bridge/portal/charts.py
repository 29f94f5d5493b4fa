"""Charts in SVG: the T.30 messages of a call, calls by day; pages as PNG."""

import io
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from PIL import Image, ImageSequence

from spandsp_bridge.documents.bitmaps import BROKEN, open_frames
from spandsp_bridge.documents.tiff import TiffError
from spandsp_bridge.i18n import ENGLISH
from spandsp_bridge.i18n.phrases import N_, Phrase

LINE = re.compile(r"\s*([0-9]+\.[0-9]+)?\s*([<>!])?\s*(.*)")
ROW, TOP, LEFT, WIDE = 26, 34, 96, 300  # of a ladder, in its own units
MAX_ROWS = 400

#: The messages of T.30 and its annex A in words (T.30 §5.3.6.1, §A.4).
T30_MESSAGES: Mapping[str, Phrase] = {
    "CFR": N_("confirmation to receive"),
    "CRP": N_("command repeat"),
    "CSI": N_("called subscriber identification"),
    "CTC": N_("continue to correct"),
    "CTR": N_("response for continue to correct"),
    "DCN": N_("disconnect"),
    "DCS": N_("digital command signal"),
    "DIS": N_("digital identification signal"),
    "EOM": N_("end of message"),
    "EOP": N_("end of procedure"),
    "EOR": N_("end of retransmission"),
    "ERR": N_("response for end of retransmission"),
    "FTT": N_("failure to train"),
    "MCF": N_("message confirmation"),
    "MPS": N_("multipage signal"),
    "NSF": N_("non-standard facilities"),
    "NSS": N_("non-standard facilities set-up"),
    "PIN": N_("procedure interrupt negative"),
    "PIP": N_("procedure interrupt positive"),
    "PPR": N_("partial page request"),
    "PPS": N_("partial page signal"),
    "RNR": N_("receive not ready"),
    "RR": N_("receive ready"),
    "RTN": N_("retrain negative"),
    "RTP": N_("retrain positive"),
    "TCF": N_("training check"),
    "TSI": N_("transmitting subscriber identification"),
}


@dataclass(frozen=True, slots=True)
class TraceLine:
    """One line of a trace."""

    at: str  #: seconds since the call began
    direction: str  #: > sent, < received, ! or nothing: a remark
    text: str

    @property
    def word(self) -> str:
        """The message's name."""
        if self.text.startswith("SIP "):
            return self.text.removeprefix("SIP ")[:60]
        return re.split(r"[\s,-]", self.text, maxsplit=1)[0]


def read(trace: Sequence[str]) -> list[TraceLine]:
    """Return the lines of a trace, MAX_ROWS at most."""
    found = []
    for text in trace[:MAX_ROWS]:
        match = LINE.fullmatch(text)
        if match and match[3]:
            found.append(TraceLine(match[1] or "", match[2] or "", match[3]))
    return found


def ladder(trace: Sequence[str], ours: str, theirs: str, language: str = ENGLISH) -> str:
    """Return the T.30 messages of a call as a ladder diagram: time, direction, message.

    `ours` and `theirs` name the two sides.
    """
    rows = read(trace)
    height = TOP + ROW * max(1, len(rows)) + 12
    right = LEFT + WIDE
    parts = [
        f'<svg class="ladder" viewBox="0 0 {right + 90} {height}" role="img" '
        f'aria-label="{escape(ours)}, {escape(theirs)}: {len(rows)}">',
        f'<text class="end" x="{LEFT}" y="16">{escape(ours)}</text>',
        f'<text class="end" x="{right}" y="16">{escape(theirs)}</text>',
        f'<path class="rail" d="M{LEFT} 24V{height}M{right} 24V{height}"/>',
    ]
    for number, line in enumerate(rows):
        y = TOP + ROW * number + 16
        parts.append(f'<text class="time" x="{LEFT - 12}" y="{y}">{escape(line.at)}</text>')
        middle = (LEFT + right) // 2
        if line.direction in ("<", ">"):
            start, end = (LEFT, right) if line.direction == ">" else (right, LEFT)
            tip = end - 8 if line.direction == ">" else end + 8
            kind = _kind(line)
            head = f"M{tip} {y - 4}L{end} {y}L{tip} {y + 4}"
            parts.append(f'<path class="arrow {kind}" d="M{start} {y}H{end}{head}"/>')
            known = T30_MESSAGES.get(line.word)
            words = f" · {known.text({}, language)}" if known else ""
            parts.append(
                f'<text class="word {kind}" x="{middle}" y="{y - 5}"><title>{escape(line.text)}'
                f"</title><tspan>{escape(line.word)}</tspan>{escape(words)}</text>"
            )
        else:
            text = escape(line.text[:70])
            parts.append(f'<text class="remark" x="{middle}" y="{y}">{text}</text>')
    return "".join(parts) + "</svg>"


def _kind(line: TraceLine) -> str:
    word = line.word
    if line.text.startswith("SIP "):
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
        raise TiffError("unreadable image: {error}", error=error) from error
    raise TiffError("the file has no page {page}", page=page)
