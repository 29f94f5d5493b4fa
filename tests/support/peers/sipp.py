"""Runs sipp, a SIP client and server that shares no code with us."""

import asyncio
import re
import tempfile
from dataclasses import dataclass
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


@dataclass(frozen=True)
class Arrived:
    """An INVITE that a carrier got; `at` sorts."""

    at: str
    carrier: str
    call_id: str
    text: str


class Carrier:
    """sipp as a carrier's server; its message log tells which calls it got."""

    def __init__(self, name: str, address: tuple[str, int], folder: Path) -> None:
        self.name = name
        self.address = address
        self._log = folder / f"{name}.log"
        self._folder = folder
        self._process: asyncio.subprocess.Process | None = None

    async def start(self, scenario: str, status: int = 0) -> None:
        """Listen, with a scenario of tests/support/data/sipp."""
        text = (SCENARIOS / f"{scenario}.xml").read_text().replace("STATUS", str(status))
        file = self._folder / f"{self.name}.xml"
        file.write_text(text)
        host, port = self.address
        self._process = await asyncio.create_subprocess_exec(
            *("setpriv", "--pdeathsig", "KILL"),  # a killed test run leaves no carrier behind
            *("sipp", "-sf", str(file), "-i", host, "-p", str(port), "-nostdin"),
            *("-trace_msg", "-message_file", str(self._log), "-message_overwrite", "false"),
            cwd=self._folder,
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )

    async def stop(self) -> None:
        """End it."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()

    def arrived(self, call_id: str | None = None) -> list[Arrived]:
        """Return the INVITEs that came, each once, of one call or of all."""
        if not self._log.exists():
            return []
        found: dict[str, Arrived] = {}
        for part in re.split(r"^-{10,} ", self._log.read_text(errors="replace"), flags=re.M):
            at, _, rest = part.partition("\n")
            if "message received" not in rest.partition("INVITE ")[0]:
                continue
            text = rest[rest.find("INVITE ") :] if "\nINVITE " in rest else ""
            id_ = re.search(r"(?im)^Call-ID:\s*(\S+)", text)
            branch = re.search(r"(?im)^Via:.*?branch=([^;\s]+)", text)
            if id_ and branch and call_id in (None, id_[1]):
                found.setdefault(branch[1], Arrived(at, self.name, id_[1], text))
        return list(found.values())
