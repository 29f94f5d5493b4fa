"""The whole system on loopback: what `make demo` shows and the tests use.

PostgreSQL, Redis, a mail sink, Kamailio, the publisher, two bridge nodes, the outbound worker,
the portal, and a carrier that is a second Kamailio.
"""

import asyncio
import signal
import sys
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any

import lmdb

from kemi.tables import Tables
from spandsp_bridge.demo.layout import LOOPBACK, Layout
from spandsp_bridge.demo.probes import options_answered, tcp_accepts
from spandsp_bridge.demo.seeding import seed, seed_users, stored_password
from spandsp_bridge.demo.supervisor import Service, Supervisor
from spandsp_bridge.errors import SetupError
from spandsp_bridge.publisher.kamailio import ensure_files
from spandsp_bridge.publisher.rpc import KamailioRpc, dispatcher_states
from spandsp_bridge.services import kamailio_config
from spandsp_bridge.store.migrate import create_database, migrate

CONNECT_ATTEMPTS, CONNECT_SECONDS = 100, 0.1
#: PostgreSQL accepts connections before sessions; and again after a crash, while it recovers.
STARTING = ("starting up", "not yet accepting")
VFAX = (sys.executable, "-m", "spandsp_bridge")


def vfax(*arguments: str) -> list[str]:
    """Return the command that runs `vfax` of this checkout."""
    return [*VFAX, *arguments]


def answers_options(address: tuple[str, int]) -> Callable[[], Awaitable[bool]]:
    """Return a readiness check: a SIP server answers OPTIONS."""

    async def ready() -> bool:
        return await asyncio.to_thread(options_answered, *address)

    return ready


async def together(*starts: Coroutine[Any, Any, None]) -> None:
    """Run starts side by side; the first failure cancels the others and is raised."""
    tasks = [asyncio.create_task(start) for start in starts]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Stack(Layout):
    """Start with `start`, stop with `stop`; an async context manager does both."""

    def __init__(
        self,
        var: Path,
        port_base: int,
        more: Mapping[str, str] | None = None,
        postgres: Mapping[str, str] | None = None,
        node_program: Sequence[str] = VFAX,
    ) -> None:
        super().__init__(var, port_base, more)
        self.supervisor = Supervisor(var / "log")
        self._postgres_settings = dict(postgres or {})
        self._node_program = node_program  # of bridges and workers

    async def __aenter__(self) -> "Stack":
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    async def start(self) -> None:
        """Start everything. Raises SetupError."""
        self.check()
        self.create_folders()
        await together(
            self.start_postgres(),
            self.start_redis(),
            self.start_mail_sink(),
            self._start_carrier(),
        )
        await migrate(self.database_url)
        await seed(self.database_url, self.carrier)
        await seed_users(self.database_url, stored_password(self.password_file))
        self.write_environment()
        # None of these needs another one to start; each is up when the others see it.
        await together(
            self.start_publisher(),
            self.start_kamailio(),
            *(self.start_bridge(name) for name in self.bridges),
            self.start_worker(),
            self.start_portal(),
        )

    async def stop(self) -> None:
        """Stop everything."""
        await self.supervisor.stop_all()

    @property
    def password_file(self) -> Path:
        """The password of the demo's users."""
        return self.var / "portal.password"

    async def start_postgres(self) -> None:
        """Start PostgreSQL; create its cluster the first time."""
        await self.cluster.prepare()
        service = Service(
            name="postgresql",
            command=self.cluster.command(**self._postgres_settings),
            ready=lambda: tcp_accepts(LOOPBACK, self.database_port),
            foundation=True,
            address=f"{LOOPBACK}:{self.database_port}",
            stop_signal=signal.SIGINT,  # fast shutdown
        )
        await self.supervisor.start(service)
        for _ in range(CONNECT_ATTEMPTS):
            try:
                await create_database(self.cluster.url("postgres"), "vfax")
            except SetupError as error:
                if not any(text in str(error) for text in STARTING):
                    raise
                await asyncio.sleep(CONNECT_SECONDS)
            else:
                return

    async def start_redis(self) -> None:
        """Start Redis, which keeps nothing."""
        folder = self.var / "redis"
        folder.mkdir(exist_ok=True)
        await self.supervisor.start(
            Service(
                name="redis",
                command=[
                    "redis-server",
                    "--port",
                    str(self.redis_port),
                    "--bind",
                    LOOPBACK,
                    "--save",
                    "",
                    "--appendonly",
                    "no",
                    "--dir",
                    str(folder),
                ],
                ready=lambda: tcp_accepts(LOOPBACK, self.redis_port),
                foundation=True,
                address=f"{LOOPBACK}:{self.redis_port}",
            )
        )

    async def start_mail_sink(self) -> None:
        """Start the mail server that keeps what it gets."""
        await self.supervisor.start(
            Service(
                name="mail-sink",
                command=[
                    sys.executable,
                    "-m",
                    "spandsp_bridge.demo.mail_sink",
                    str(self.smtp_port),
                    str(self.mail_folder),
                ],
                ready=lambda: tcp_accepts(LOOPBACK, self.smtp_port),
                foundation=True,
                address=f"{LOOPBACK}:{self.smtp_port}",
            )
        )

    async def start_publisher(self) -> None:
        """Start the publisher; it is up when the routing tables are there."""
        settings = self.settings()

        async def published() -> bool:
            try:
                tables = Tables(settings.routes_file, settings.routes_map_size)
            except lmdb.Error:
                return False
            try:
                return bool(tables.meta())
            finally:
                tables.close()

        await self.supervisor.start(
            Service(
                name="publisher",
                command=vfax("serve", "publisher"),
                ready=published,
                address=str(settings.routes_file.relative_to(self.var.parent)),
                environment=self.environment("publisher"),
            )
        )

    async def _start_carrier(self) -> None:
        config = self.var / "run" / "carrier.cfg"
        config.write_text(kamailio_config.carrier(self.carrier, self.kamailio))
        runtime = self.var / "run" / "carrier"
        runtime.mkdir(exist_ok=True)
        await self.supervisor.start(
            Service(
                name="carrier",
                command=kamailio_config.command(config, runtime),
                ready=answers_options(self.carrier),
                address=f"{self.carrier[0]}:{self.carrier[1]}",
            )
        )

    async def start_kamailio(self) -> None:
        """Start our Kamailio."""
        settings = self.settings()
        ensure_files(settings)
        config = kamailio_config.write(settings, self.var / "run")
        runtime = self.var / "run" / "kamailio"
        runtime.mkdir(exist_ok=True)
        await self.supervisor.start(
            Service(
                name="kamailio",
                command=kamailio_config.command(config, runtime),
                ready=answers_options(self.kamailio),
                address=f"{self.kamailio[0]}:{self.kamailio[1]}",
                environment=kamailio_config.environment(settings),
            )
        )

    async def start_bridge(self, name: str) -> None:
        """Start a bridge node; it is up when Kamailio's dispatcher sees it alive."""
        listen = self.bridges[name]
        rpc = KamailioRpc(self.settings().rpc_socket)
        uri = f"sip:{listen[0]}:{listen[1]}"

        async def alive() -> bool:
            states = await asyncio.to_thread(lambda: list(dispatcher_states(rpc)))
            known = any(u == uri and flags.startswith("A") for _, u, flags in states)
            return known and await asyncio.to_thread(options_answered, *listen)

        await self.supervisor.start(
            Service(
                name=name,
                command=[*self._node_program, "serve", "bridge"],
                ready=alive,
                address=f"{listen[0]}:{listen[1]}",
                environment=self.environment(name, listen),
            )
        )

    async def start_worker(self) -> None:
        """Start the outbound worker; it is up when Kamailio would take its calls."""
        listen = self.worker
        settings = self.settings()

        async def known() -> bool:
            try:
                tables = Tables(settings.routes_file, settings.routes_map_size)
            except lmdb.Error:
                return False  # the publisher has not created them yet
            try:
                with tables.reading() as facts:
                    if facts.bridge(*listen) is None:
                        return False
            finally:
                tables.close()
            return await asyncio.to_thread(options_answered, *listen)

        await self.supervisor.start(
            Service(
                name="worker",
                command=[*self._node_program, "serve", "worker"],
                ready=known,
                address=f"{listen[0]}:{listen[1]}",
                environment=self.environment("worker", listen),
            )
        )

    async def start_portal(self) -> None:
        """Start the portal and the API."""
        await self.supervisor.start(
            Service(
                name="portal",
                command=vfax("serve", "portal"),
                ready=lambda: tcp_accepts(LOOPBACK, self.portal_port),
                address=f"{LOOPBACK}:{self.portal_port}",
                environment=self.environment("portal", self.worker),
            )
        )
