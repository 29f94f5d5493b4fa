"""The C parsers of hostile bytes, under AddressSanitizer and UndefinedBehaviorSanitizer."""

import subprocess
from pathlib import Path

import pytest
from spandsp_bridge.native._engine import lib

from spandsp_bridge.settings import ROOT

HERE = Path(__file__).parent
NATIVE = ROOT / "spandsp_bridge" / "native"


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = tmp_path_factory.mktemp("sanitized") / "hostile"
    subprocess.run(
        [
            *("gcc", "-std=gnu11", "-O1", "-g", "-Wall", "-Wextra", "-Werror"),
            *("-fsanitize=address,undefined", "-fno-sanitize-recover=all"),
            *("-I", str(NATIVE), "-o", str(program), str(HERE / "hostile.c")),
            *(str(NATIVE / "udptl.c"), str(NATIVE / "frame_guard.c"), "-lspandsp"),
        ],
        check=True,
    )
    return program


@pytest.mark.parametrize("seed", range(4))
def test_no_octet_is_read_or_written_too_far(hostile: Path, seed: int) -> None:
    done = subprocess.run(
        [str(hostile), str(seed), "400"], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr[:3000]
    assert int(done.stdout) > 0


def test_the_end_of_a_call_is_never_lost(tmp_path: Path) -> None:
    """Full socket, no memory: the event was reserved when the call was opened."""
    program = tmp_path / "lost_event"
    subprocess.run(
        ["gcc", "-std=gnu11", "-g", "-Wall", "-Wextra", "-Werror", "-fsanitize=address,undefined",
         "-Wl,--wrap=malloc", "-I", str(NATIVE), "-o", str(program), str(HERE / "lost_event.c"),
         str(NATIVE / "event_queue.c")],
        check=True,
    )  # fmt: skip
    done = subprocess.run([str(program)], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stderr[:3000]
    assert int(done.stdout) == lib.VFX_FINISHED
