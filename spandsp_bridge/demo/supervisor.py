"""Run child processes in the foreground: start, watch, stop."""

import asyncio
import contextlib
import os
import shutil
import signal
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

from spandsp_bridge.errors import SetupError

READY_SECONDS = 30.0
STOP_SECONDS = 8.0
POLL_SECONDS = 0.05
LOG_LINE = 300  #: characters of a log line in an error
#: Kamailio is installed outside an ordinary user's PATH.
SEARCH_PATH = f"{os.environ.get('PATH', '/usr/bin:/bin')}:/usr/sbin:/sbin"


@dataclass(slots=True)
class Service:
    """One child process. `ready` is polled after the start until it returns True."""

    name: str
    command: list[str]
    ready: Callable[[], Awaitable[bool]]
    address: str = ""  #: where it listens, for people
    environment: dict[str, str] = field(default_factory=dict)
    stop_signal: int = signal.SIGTERM
    foundation: bool = False  #: others write to it until they end: it stops after them
    process: asyncio.subprocess.Process | None = None
    state: str = "waiting"  #: waiting, starting, up, stopped, died


class Supervisor:
    """A list of services. Every child has its own process group and its own log file."""

    def __init__(self, logs: Path) -> None:
        self.services: list[Service] = []
        self._logs = logs
        self._watchers: list[asyncio.Task[None]] = []
        self._stopping = False
        self.died = asyncio.Event()

    def log_file(self, service: Service) -> Path:
        """Return where a service's output goes."""
        return self._logs / f"{service.name}.log"

    def get(self, name: str) -> Service:
        """Return a service by its name."""
        return next(service for service in self.services if service.name == name)

    async def start(self, service: Service) -> None:
        """Start a service and wait until it serves. Raises SetupError."""
        names = [other.name for other in self.services]
        if service.name in names:
            self.services[names.index(service.name)] = service  # restarted
        else:
            self.services.append(service)
        self._logs.mkdir(parents=True, exist_ok=True)
        service.state = "starting"
        with self.log_file(service).open("ab") as output:
            program = shutil.which(service.command[0], path=SEARCH_PATH)
            if program is None:
                raise SetupError(
                    "{program} is not installed: run ./install.sh", program=service.command[0]
                )
            try:
                service.process = await asyncio.create_subprocess_exec(
                    program,
                    *service.command[1:],
                    stdin=asyncio.subprocess.DEVNULL,
                    stdout=output,
                    stderr=output,
                    env={**os.environ, "PATH": SEARCH_PATH, **service.environment},
                    start_new_session=True,
                )
            except OSError as error:
                raise SetupError(
                    "{program} cannot be run: {error}", program=program, error=error.strerror
                ) from error
        try:
            async with asyncio.timeout(READY_SECONDS):
                while not await service.ready():
                    if service.process.returncode is not None:
                        raise SetupError(
                            "{service} ended at once{last_line} (log: {log})",
                            **self._died(service),
                        )
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            raise SetupError(
                "{service} was not ready after {seconds:.0f} s{last_line} (log: {log})",
                seconds=READY_SECONDS,
                **self._died(service),
            ) from None
        service.state = "up"
        self._watchers.append(asyncio.create_task(self._watch(service, service.process)))

    def _died(self, service: Service) -> dict[str, object]:
        """Mark a service as dead; return the fields of the error with its last log line."""
        service.state = "died"
        log = self.log_file(service)
        lines = log.read_text(errors="replace").strip().splitlines()
        last_line = f": {lines[-1][:LOG_LINE]}" if lines else ""
        return {"service": service.name, "last_line": last_line, "log": log}

    async def _watch(self, service: Service, process: asyncio.subprocess.Process) -> None:
        await process.wait()
        if not self._stopping and service.process is process and service.state == "up":
            service.state = "died"
            self.died.set()

    async def stop(self, service: Service) -> None:
        """Stop a service by its signal; after STOP_SECONDS its process group by SIGKILL."""
        process = service.process
        if process is None or process.returncode is not None:
            return
        service.state = "stopped"
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(service.stop_signal)
        try:
            await asyncio.wait_for(process.wait(), STOP_SECONDS)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            await process.wait()

    async def stop_all(self) -> None:
        """Stop everything at once, but foundations only when nothing uses them any more."""
        self._stopping = True
        for foundation in (False, True):
            stops = [self.stop(s) for s in self.services if s.foundation == foundation]
            await asyncio.gather(*stops)
        for watcher in self._watchers:
            watcher.cancel()
