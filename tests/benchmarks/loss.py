"""Packet loss: how many faxes arrive whole, by error recovery and by kind of loss.

    python -m tests.benchmarks.loss [--quick] [--json] [--runs N]

Two calls of the real engine fax three dense pages to each other over a wire that loses
packets, in simulated time (simulate.c): the same C code as in service, a hundred times
faster than the line. Half an hour of call is the limit, as for a patient machine.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.progress import Progress
from rich.table import Table

from tests.benchmarks.engine import dense_document
from tests.support.engine_code import engine_code

HERE = Path(__file__).parent
PAGES = 3
LOSSES = (0.0, 0.01, 0.03, 0.05, 0.10)
BURST = 3
RECOVERIES = ("none", "redundancy", "fec")


def simulator(folder: Path) -> Path:
    """Build the simulator around the engine's sources."""
    program = folder / "simulate"
    subprocess.run(
        ["gcc", "-std=gnu11", "-O2", "-Wall", "-Wextra", "-Werror",
         "-Wl,--wrap=clock_gettime,--wrap=sendto", "-o", str(program), str(HERE / "simulate.c"),
         *engine_code("engine.c", "event_queue.c"), "-lm"],
        check=True,
    )  # fmt: skip
    return program


def simulate(
    program: Path, document: Path, out: Path, recovery: str, loss: float, burst: int, runs: int,
    *, ecm: bool = True, seed: int = 1,
) -> dict[str, Any]:  # fmt: skip
    """Fax a document so many times over a lossy wire."""
    lines = subprocess.run(
        [str(program), str(document), str(out), str(PAGES), recovery, str(int(ecm)), str(loss),
         str(burst), str(runs), str(seed)],
        capture_output=True, text=True, check=True,
    ).stdout.splitlines()  # fmt: skip
    results = [(int(s), int(r), float(t), int(n)) for s, r, t, n in map(str.split, lines)]
    whole = sum(sent == received == PAGES for sent, received, _, _ in results)
    return {
        "recovery": recovery,
        "ecm": ecm,
        "loss": loss,
        "burst": burst,
        "runs": runs,
        "whole": whole,
        "false": sum(sent > received for sent, received, _, _ in results),
        "seconds": round(sum(t for *_, t, _ in results) / runs, 1),
        "retransmissions": round(sum(n for *_, n in results) / runs, 1),
    }


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--quick", action="store_true", help="end in under a minute")
    parser.add_argument("--json", action="store_true", help="print one JSON object last")
    parser.add_argument("--runs", type=int, help="runs of each")
    arguments = parser.parse_args()
    runs = arguments.runs or (5 if arguments.quick else 100)
    wires = [(loss, 1) for loss in LOSSES] + [(loss, BURST) for loss in LOSSES[1:]]
    cases = [
        (recovery, loss, burst, ecm)
        for ecm in (True, False) for recovery in RECOVERIES for loss, burst in wires
    ]  # fmt: skip
    with tempfile.TemporaryDirectory(prefix="vfax-loss-") as name:
        folder = Path(name)
        document = folder / "document.tif"
        dense_document(document, PAGES)
        program = simulator(folder)
        with (
            Progress(console=Console(stderr=True), transient=True) as progress,
            ThreadPoolExecutor(os.cpu_count()) as pool,
        ):
            bar = progress.add_task("cases", total=len(cases))

            def one(number: int) -> dict[str, Any]:
                recovery, loss, burst, ecm = cases[number]
                out = folder / f"{number}.tif"
                made = simulate(program, document, out, recovery, loss, burst, runs, ecm=ecm,
                                seed=number)  # fmt: skip
                progress.advance(bar)
                return made

            results = list(pool.map(one, range(len(cases))))
    console = Console()
    for ecm in (True, False):
        table = Table(
            title=f"Faxes whole of {runs}, {PAGES} pages, {'with' if ecm else 'without'} ECM",
            title_justify="left",
        )
        table.add_column("recovery")
        for loss, burst in wires:
            label = f"{loss:.0%}" + (f" in bursts of {burst}" if burst > 1 else "")
            table.add_column(label, justify="right")
        for recovery in RECOVERIES:
            row = [r for r in results if r["recovery"] == recovery and r["ecm"] is ecm]
            table.add_row(recovery, *(f"{r['whole']} ({r['seconds']:.0f} s)" for r in row))
        console.print(table)
    false = sum(r["false"] for r in results)
    console.print(f"pages confirmed to the sender that the receiver has not: {false}")
    if arguments.json:
        print(json.dumps({"runs": runs, "results": results}))
    return 1 if false else 0


if __name__ == "__main__":
    sys.exit(main())
