"""The engine's C code, for programs of the tests that are built around it."""

from spandsp_bridge.native.build import LIBRARIES, SOURCES
from spandsp_bridge.settings import ROOT

NATIVE = ROOT / "spandsp_bridge" / "native"


def engine_code(*without: str) -> list[str]:
    """Return a compiler's arguments for all of the engine but some sources, libraries last."""
    sources = [str(NATIVE / name) for name in SOURCES if name not in without]
    return ["-I", str(NATIVE), *sources, *(f"-l{name}" for name in LIBRARIES)]
