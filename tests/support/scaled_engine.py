"""The engine with a faster clock: a fax of two minutes takes seconds.

The same C sources with `scaled_clock.c` in place of `clock.c`, as a library beside the package, so
that nothing that is shipped can run it. Signalling keeps real time; so do tests in which the time
itself is what is tested, the benchmarks and the demo.
"""

import fcntl
import hashlib
import subprocess
import sys
from pathlib import Path

from spandsp_bridge.native.client import EngineBuild
from spandsp_bridge.settings import ROOT
from tests.support.engine_code import NATIVE, engine_code

TIME_SCALE = 10  #: two cores carry a handful of calls at this pace, and no timer of T.30 is missed
CLOCK = ROOT / "tests" / "support" / "scaled_clock.c"
BUILDS = ROOT / "var" / "scaled-engine"


def scaled_clock(scale: int, *, without: str = "") -> list[str]:
    """Return a compiler's arguments for the engine with a faster clock, libraries last."""
    return [f"-DTIME_SCALE={scale}", str(CLOCK), *engine_code("clock.c", without)]


def library(scale: int) -> Path:
    """Return the engine of a scale as a shared library; compile it unless its sources are known."""
    sources = b"".join(path.read_bytes() for path in (*sorted(NATIVE.glob("*.[ch]")), CLOCK))
    built = BUILDS / f"{hashlib.sha256(sources).hexdigest()[:16]}-{scale}.so"
    BUILDS.mkdir(parents=True, exist_ok=True)
    with (BUILDS / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not built.exists():
            partial = built.with_suffix(".partial")
            subprocess.run(
                ["gcc", "-std=gnu11", "-O2", "-g", "-shared", "-fPIC", "-o", str(partial),
                 *scaled_clock(scale)],
                check=True,
            )  # fmt: skip
            partial.rename(built)
    return built


def scaled(scale: int = TIME_SCALE) -> EngineBuild:
    """Return the build of a scale, for `EngineClient` and whatever is handed one."""
    command = (sys.executable, "-m", "tests.support.scaled_process", str(library(scale)))
    return EngineBuild(command, scale)
