"""Another SpanDSP than the engine was built for is refused when it is loaded."""

import os
import subprocess
import sys
from pathlib import Path

RELEASE, OTHER = b"20110122 075024", b"20140101 000000"


def run(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run Python over the SpanDSP of a folder."""
    return subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False,
        env={**os.environ, "LD_LIBRARY_PATH": str(folder)},
    )  # fmt: skip


def another_spandsp(folder: Path) -> Path:
    """Write a copy of the installed library that says that it is of another release."""
    [library] = {path.resolve() for path in Path("/usr/lib").glob("*/libspandsp.so.2")}
    octets = library.read_bytes()
    assert octets.count(RELEASE) > 0
    (folder / "libspandsp.so.2").write_bytes(octets.replace(RELEASE, OTHER))
    return folder


CHECK = "from spandsp_bridge.native import binding; print(binding.check_spandsp())"
SERVE = "from spandsp_bridge.native._engine import lib; print(lib.vfx_serve(0))"
DOCTOR = "from spandsp_bridge.services.doctor import _spandsp; print(_spandsp())"


def test_the_release_that_it_was_built_for_is_taken(tmp_path: Path) -> None:
    done = run(CHECK, tmp_path)
    assert done.stdout.strip() == RELEASE.decode(), done.stderr


def test_another_release_is_a_setup_error(tmp_path: Path) -> None:
    done = run(CHECK, another_spandsp(tmp_path))
    assert done.returncode != 0
    assert "unsupported SpanDSP release '20140101 000000'" in done.stderr


def test_an_engine_process_does_not_serve_over_another_release(tmp_path: Path) -> None:
    done = run(SERVE, another_spandsp(tmp_path))
    assert int(done.stdout) < 0, done.stderr


def test_doctor_says_so(tmp_path: Path) -> None:
    done = run(DOCTOR, another_spandsp(tmp_path))
    assert "ok=False" in done.stdout, done.stderr
    assert "20140101" in done.stdout
