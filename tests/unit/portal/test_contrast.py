"""Text of the portal keeps WCAG's contrast of 4.5:1 (§1.4.3), also while something moves."""

import re

import pytest

from spandsp_bridge.settings import ROOT

CSS = (ROOT / "spandsp_bridge" / "portal" / "static" / "portal.css").read_text()
#: Text on its background: every kind of pill, and hints on cards and on the page.
PAIRS = [("muted", "paper"), ("good", "good-soft"), ("bad", "bad-soft"), ("wait", "wait-soft"),
         ("muted", "card"), ("ink", "paper"), ("accent-ink", "accent")]  # fmt: skip


def colours(scheme: str) -> dict[str, str]:
    """Return the custom properties of a colour scheme, as six hexadecimal digits."""
    light, dark = re.findall(r":root \{(.*?)\}", CSS, re.DOTALL)[:2]
    found = re.findall(
        r"--([\w-]+): #([0-9a-f]{3,6})\b", light + (dark if scheme == "dark" else "")
    )
    return {k: v if len(v) == 6 else "".join(c * 2 for c in v) for k, v in found}


def luminance(colour: str) -> float:
    """Return the relative luminance (WCAG 2.2, definitions)."""
    parts = [int(colour[i : i + 2], 16) / 255 for i in (0, 2, 4)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize(("text", "background"), PAIRS)
def test_text_is_readable(scheme: str, text: str, background: str) -> None:
    known = colours(scheme)
    dark, bright = sorted((luminance(known[text]), luminance(known[background])))
    assert (bright + 0.05) / (dark + 0.05) >= 4.5


def test_no_animation_fades_text() -> None:
    """A pill that fades has too little contrast half of the time."""
    for frames in re.findall(r"@keyframes \w+ \{((?:[^{}]*\{[^{}]*\})*)", CSS):
        assert "opacity" not in frames
