"""Converters run as programs, ghostscript and LibreOffice: quietly, and for a limited time."""

import subprocess
from collections.abc import Sequence

from spandsp_bridge.errors import DocumentError
from spandsp_bridge.reasons import Reason


def run_program(command: Sequence[str], seconds: float) -> bool:
    """Run a program; return whether it exited with status 0. Raises DocumentError (timeout)."""
    try:
        done = subprocess.run(
            command,
            check=False,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=seconds,
        )
    except subprocess.TimeoutExpired as error:
        raise DocumentError(Reason.CONVERSION_TIMEOUT, seconds=round(seconds)) from error
    return done.returncode == 0
