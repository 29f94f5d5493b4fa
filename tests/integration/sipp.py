"""Runs sipp, a SIP client that shares no code with us."""

import asyncio
import tempfile
from pathlib import Path

SCENARIOS = Path(__file__).parent.parent / "data" / "sipp"


async def sipp(
    scenario: str,
    *,
    number: str,
    source: str,
    target: tuple[str, int],
    calls: int = 1,
    rate: int = 10,
    status: int = 0,
) -> None:
    """Place calls with a scenario; an AssertionError tells what sipp said when one failed."""
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "scenario.xml"
        file.write_text((SCENARIOS / f"{scenario}.xml").read_text().replace("STATUS", str(status)))
        process = await asyncio.create_subprocess_exec(
            *("sipp", f"{target[0]}:{target[1]}", "-sf", str(file), "-s", number),
            *("-i", source, "-m", str(calls), "-r", str(rate), "-l", str(calls)),
            *("-nostdin", "-timeout", "60s", "-timeout_error", "-recv_timeout", "30000"),
            *("-trace_err", "-error_file", str(Path(folder) / "errors")),
            cwd=folder,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        output, _ = await process.communicate()
        errors = Path(folder) / "errors"
        said = errors.read_text(errors="replace") if errors.exists() else output[-1500:].decode()
        assert process.returncode == 0, f"sipp {scenario}: {said}"
