"""A process imports what it runs: a command, or a service, that starts is not kept waiting."""

import subprocess
import sys

import pytest

#: What takes long to import, and what alone needs it.
HEAVY = {"fastapi", "uvicorn", "fpdf", "img2pdf", "httpx"}


def imported(module: str) -> set[str]:
    """Return the names of all modules after an import in a fresh process."""
    script = f"import sys, {module}\nprint(*sys.modules)"
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    return set(run.stdout.split())


@pytest.mark.parametrize(
    ("module", "needless"),
    [
        ("spandsp_bridge.cli.main", {"fastapi", "uvicorn"}),
        ("spandsp_bridge.services.publisher", HEAVY),
    ],
)
def test_nothing_needless_is_imported(module: str, needless: set[str]) -> None:
    assert imported(module) & needless == set()
