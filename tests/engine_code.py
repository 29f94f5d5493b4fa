"""The engine's C code, for programs of the tests that are built around it."""

from pathlib import Path

from spandsp_bridge.native.build import LIBRARIES, SOURCES

NATIVE = Path(__file__).parent.parent / "spandsp_bridge" / "native"


def engine_code(*, without: str) -> list[str]:
    """Return a compiler's arguments for all of the engine but one source, libraries last."""
    sources = [str(NATIVE / name) for name in SOURCES if name != without]
    return ["-I", str(NATIVE), *sources, *(f"-l{name}" for name in LIBRARIES)]
