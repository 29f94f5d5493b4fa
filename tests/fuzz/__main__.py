"""Fuzz every parser of strangers' bytes, and the whole engine.

    python -m tests.fuzz [--seconds N] [NAME...]

The C code is built with AddressSanitizer, UndefinedBehaviorSanitizer and libFuzzer (clang),
the Python code runs under atheris. What is learned of the inputs stays in var/fuzz; an input
that breaks something is written to tests/fuzz/findings/NAME, from where the tests replay it.
"""

import argparse
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

from PIL import Image
from rich.console import Console
from rich.table import Table

from tests.fuzz.seeds import seeds
from tests.support.engine_code import NATIVE, engine_code

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
PYTHON = ("sip", "sdp")
NAMES = ("udptl", "rtp", "engine", *PYTHON)
LONGEST = 4096  #: octets of an input
CLANG = "clang-14"


def build(name: str, folder: Path) -> list[str]:
    """Return the command that runs a fuzzer; build it first where it is C."""
    if name in PYTHON:
        return [sys.executable, "-m", f"tests.fuzz.{name}"]
    program = folder / name
    if name == "engine":
        code = ["-Wl,--wrap=clock_gettime,--wrap=sendto", *engine_code("engine.c", "event_queue.c")]
    else:
        code = ["-Wall", "-I", str(NATIVE), str(NATIVE / f"{name}.c"), "-lspandsp"]
    subprocess.run(
        [CLANG, "-std=gnu11", "-O1", "-g", "-fsanitize=fuzzer,address,undefined",
         "-fno-sanitize-recover=undefined",
         "-o", str(program), str(HERE / f"{name}.c"), *code],
        check=True,
    )  # fmt: skip
    return [str(program)]


def environment(folder: Path) -> dict[str, str]:
    """Return what the fuzzers find around them: among it a document to send."""
    document = folder / "document.tif"
    if not document.exists():
        pages = [Image.new("1", (1728, 60), 1) for _ in range(2)]
        pages[0].save(document, compression="group4", save_all=True, append_images=pages[1:],
                      dpi=(204, 196), tiffinfo={278: 60})  # fmt: skip
    return {
        **os.environ,
        "VFAX_FUZZ_DOCUMENT": str(document),
        "ASAN_OPTIONS": "detect_leaks=0:abort_on_error=0",
    }


def fuzz(name: str, seconds: int, folder: Path, corpus: Path, findings: Path) -> tuple[int, str]:
    """Run a fuzzer for so long; return (exit code, what it said)."""
    corpus.mkdir(parents=True, exist_ok=True)
    findings.mkdir(parents=True, exist_ok=True)
    begin = folder / f"{name}-seeds"
    begin.mkdir(exist_ok=True)
    for number, octets in enumerate(seeds(name)):
        (begin / str(number)).write_bytes(octets)
    done = subprocess.run(
        [*build(name, folder), str(corpus), str(begin),
         f"-max_total_time={seconds}", f"-max_len={LONGEST}", "-timeout=10", "-rss_limit_mb=2048",
         f"-artifact_prefix={findings}/", "-print_final_stats=1"],
        cwd=ROOT, env=environment(folder), capture_output=True, text=True, errors="replace",
        check=False,
    )  # fmt: skip
    return done.returncode, done.stderr + done.stdout


def replay(name: str, inputs: list[Path], folder: Path) -> tuple[int, str]:
    """Run a fuzzer on given inputs alone."""
    done = subprocess.run(
        [*build(name, folder), *map(str, inputs)], cwd=ROOT, env=environment(folder),
        capture_output=True, text=True, errors="replace", check=False,
    )  # fmt: skip
    return done.returncode, done.stderr


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", choices=[*NAMES, []], help="which fuzzers")
    parser.add_argument("--seconds", type=int, default=60, help="for each of them")
    arguments = parser.parse_args()
    table = Table(title=f"{arguments.seconds} seconds each", title_justify="left")
    for column in ("fuzzer", "inputs tried", "coverage", "result"):
        table.add_column(column, justify="right")
    failed = False
    with tempfile.TemporaryDirectory(prefix="vfax-fuzz-") as name:
        for fuzzer in arguments.names or NAMES:
            corpus = ROOT / "var" / "fuzz" / fuzzer
            code, said = fuzz(
                fuzzer, arguments.seconds, Path(name), corpus, HERE / "findings" / fuzzer
            )
            tried = re.search(r"stat::number_of_executed_units:\s*(\d+)", said)
            coverage = re.findall(r"cov: (\d+)", said)
            table.add_row(
                fuzzer, tried[1] if tried else "?", coverage[-1] if coverage else "?",
                "nothing found" if code == 0 else f"exit code {code}",
            )  # fmt: skip
            if code != 0:
                failed = True
                Console(stderr=True).print(said[-3000:], markup=False)
    Console().print(table)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
