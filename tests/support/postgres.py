"""One bare PostgreSQL for all processes of a test run, and databases that are copies of one.

The first process that needs it starts the server and migrates the template; the last one
stops it. Each holds a shared lock meanwhile, which also ends with a process that was killed.
"""

import asyncio
import fcntl
import itertools
import os
import select
import shutil
import signal
import subprocess
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import IO

import psycopg

from spandsp_bridge.demo.postgres import Cluster
from spandsp_bridge.store.migrate import SQL, create_database, migrate, run_script

TEMPLATE = "template_vfax"
#: What a crash would lose is of no worth here, and waiting for the disk is most of the time.
VOLATILE = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "max_connections": "200",
}
START_SECONDS = 30
_numbers = itertools.count(1)


class TestServer:
    """The server of a test run; `run` names the run, so that a leftover is never taken for it."""

    __test__ = False

    def __init__(self, var: Path, port: int, run: str) -> None:
        var.mkdir(parents=True, exist_ok=True)
        self._folder = var / "cluster"
        self._run = run
        self._mutex = var / "mutex"
        self._users = var / "users"
        self.cluster = Cluster(self._folder, port)

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Hold the server: start it for the first holder, stop it after the last one."""
        with self._users.open("a") as users:
            with _locked(self._mutex):
                fcntl.flock(users, fcntl.LOCK_SH)
                await self._start()
            try:
                yield
            finally:
                with _locked(self._mutex):
                    if _take_alone(users):
                        self._stop()

    async def new_database(self) -> str:
        """Create a copy of the template; return its URL."""
        name = f"test_{os.getpid()}_{next(_numbers)}"
        async with await self._connect() as connection:
            await connection.execute(f"create database {name} template {TEMPLATE}".encode())
        return self.cluster.url(name)

    async def drop_database(self, url: str) -> None:
        """Drop a database that `new_database` returned; its sessions end."""
        name = url.rpartition("/")[2]
        async with await self._connect() as connection:
            await connection.execute(f"drop database {name} with (force)".encode())

    async def _connect(self) -> psycopg.AsyncConnection[tuple[object, ...]]:
        return await psycopg.AsyncConnection.connect(self.cluster.url("postgres"), autocommit=True)

    async def _start(self) -> None:
        ready = self._folder / "ready"
        if ready.exists() and ready.read_text() == self._run and self._pid() is not None:
            await self.cluster.prepare()
            return
        self._stop()
        shutil.rmtree(self._folder, ignore_errors=True)
        self._folder.mkdir()
        await self.cluster.prepare()
        log = self._folder / "log"
        with log.open("wb") as output:
            # Forked away: it may outlive this process, when another one needs it.
            command = ["setsid", "--fork", *self.cluster.command(**VOLATILE)]
            subprocess.run(command, stdout=output, stderr=output, check=True)
        began = time.monotonic()
        while not await self._answers():
            assert time.monotonic() - began < START_SECONDS, log.read_text()
            await asyncio.sleep(0.05)
        url = self.cluster.url(TEMPLATE)
        await create_database(self.cluster.url("postgres"), TEMPLATE)
        await migrate(url)
        carrier = {"demo.carrier_address": "127.0.0.5", "demo.carrier_port": "5060"}
        await run_script(url, SQL / "demo.sql", carrier)
        ready.write_text(self._run)

    async def _answers(self) -> bool:
        try:
            async with await self._connect():
                return True
        except psycopg.OperationalError:
            return False

    def _pid(self) -> int | None:
        """Return the server's process, or None where none runs."""
        try:
            pid = int((self.cluster.data / "postmaster.pid").read_text().split()[0])
            os.kill(pid, 0)
        except (OSError, ValueError, IndexError):
            return None
        return pid

    def _stop(self) -> None:
        pid = self._pid()
        if pid is None:
            return
        stopped = os.pidfd_open(pid)
        try:
            os.kill(pid, signal.SIGINT)  # fast shutdown
            ended, _, _ = select.select([stopped], [], [], START_SECONDS)
            assert ended, "PostgreSQL did not stop"
        finally:
            os.close(stopped)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    with path.open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _take_alone(users: IO[str]) -> bool:
    """Turn our shared lock into an exclusive one; False when others hold it too."""
    try:
        fcntl.flock(users, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return True
