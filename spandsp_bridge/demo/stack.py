"""The whole system on loopback: what `make demo` shows and the tests use.

PostgreSQL, Redis, a mail sink, Kamailio, the publisher, two bridge nodes, the
outbound worker, and a carrier that is a second Kamailio. All state is under one
folder, all ports come from one number.
"""

import asyncio
import contextlib
import secrets
import shutil
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from pathlib import Path
from typing import Any

import lmdb

from kemi.tables import Tables
from spandsp_bridge.demo.postgres import Cluster, postgres_binaries
from spandsp_bridge.demo.supervisor import SEARCH_PATH, Service, Supervisor
from spandsp_bridge.errors import SetupError
from spandsp_bridge.publisher.kamailio import ensure_files
from spandsp_bridge.publisher.rpc import KamailioRpc, dispatcher_states
from spandsp_bridge.services import kamailio_config
from spandsp_bridge.settings import Settings
from spandsp_bridge.store.migrate import SQL, create_database, migrate, run_script
from spandsp_bridge.store.people import People
from spandsp_bridge.store.pool import Database

KAMAILIO, BRIDGE_A, BRIDGE_B, WORKER, CARRIER = (f"127.0.0.{n}" for n in range(1, 6))
SOCKET_PATH_LIMIT = 100  # sun_path holds 108 octets (unix(7))
MEDIA_PORTS = 700


def _free(address: str, port: int, kind: socket.SocketKind) -> bool:
    with socket.socket(socket.AF_INET, kind) as sock:
        if kind == socket.SOCK_STREAM:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            sock.bind((address, port))
        except OSError:
            return False
        return True


async def _tcp_open(address: str, port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection(address, port)
    except OSError:
        return False
    writer.close()
    with contextlib.suppress(OSError):
        await writer.wait_closed()
    return True


def options_answered(address: str, port: int, source: str = "127.0.0.1") -> bool:
    """Send one SIP OPTIONS and tell whether a 200 came within half a second."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((source, 0))
        sock.settimeout(0.5)
        ours = f"{source}:{sock.getsockname()[1]}"
        branch = f"z9hG4bK{secrets.token_hex(6)}"
        sock.sendto(
            (
                f"OPTIONS sip:{address}:{port} SIP/2.0\r\n"
                f"Via: SIP/2.0/UDP {ours};branch={branch};rport\r\n"
                f"From: <sip:probe@{ours}>;tag=probe\r\nTo: <sip:{address}:{port}>\r\n"
                f"Call-ID: {branch}\r\nCSeq: 1 OPTIONS\r\nMax-Forwards: 70\r\n"
                "Content-Length: 0\r\n\r\n"
            ).encode(),
            (address, port),
        )
        try:
            return sock.recv(4096).startswith(b"SIP/2.0 200")
        except OSError:
            return False


async def together(*starts: Coroutine[Any, Any, None]) -> None:
    """Run starts side by side; the first failure cancels the others and is raised."""
    tasks = [asyncio.create_task(start) for start in starts]
    try:
        await asyncio.gather(*tasks)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class Stack:
    """Start with `start`, stop with `stop`; an async context manager does both."""

    def __init__(
        self,
        var: Path,
        port_base: int,
        more: Mapping[str, str] | None = None,
        postgres: Mapping[str, str] | None = None,
    ) -> None:
        self.var = var
        self._more = dict(more or {})  # further VFAX_ variables
        self._postgres_settings = dict(postgres or {})
        self.port = port_base
        self.supervisor = Supervisor(var / "log")
        self.database_port = port_base + 10
        self.redis_port = port_base + 11
        self.smtp_port = port_base + 12
        self.mail_port = port_base + 13  # mail to fax
        self.portal_port = port_base + 14
        self.kamailio = (KAMAILIO, port_base)
        self.bridges = {
            "bridge-a": (BRIDGE_A, port_base + 1),
            "bridge-b": (BRIDGE_B, port_base + 2),
        }
        self.worker = (WORKER, port_base + 3)
        self.carrier = (CARRIER, port_base + 4)
        self.mail_folder = var / "mail"
        self._cluster = Cluster(var, self.database_port)

    async def __aenter__(self) -> "Stack":
        try:
            await self.start()
        except BaseException:
            await self.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()

    # ---- settings ---------------------------------------------------------

    def environment(
        self, node: str = "demo", listen: tuple[str, int] | None = None
    ) -> dict[str, str]:
        """Return the VFAX_ variables of a process of this stack."""
        address, port = listen or self.worker
        first = self.port + 100
        return {
            "VFAX_DATABASE_URL": self.database_url,
            "VFAX_REDIS_URL": f"redis://127.0.0.1:{self.redis_port}/0",
            "VFAX_VAR": str(self.var),
            "VFAX_NODE": node,
            "VFAX_SIP_LISTEN": f"{address}:{port}",
            "VFAX_OUTBOUND_PROXY": f"{self.kamailio[0]}:{self.kamailio[1]}",
            "VFAX_MEDIA_ADDRESS": address,
            "VFAX_MEDIA_PORTS": f"{first}-{first + MEDIA_PORTS}",
            "VFAX_SMTP_SERVER": f"127.0.0.1:{self.smtp_port}",
            "VFAX_MAIL_LISTEN": f"127.0.0.1:{self.mail_port}",
            "VFAX_MAIL_DOMAIN": "fax.example",
            "VFAX_WEBHOOK_NETWORKS": "127.0.0.0/8",
            "VFAX_PORTAL_LISTEN": f"127.0.0.1:{self.portal_port}",
            "VFAX_PORTAL_URL": self.portal_url,
            "VFAX_PORT_BASE": str(self.port),
            **self._more,
        }

    @property
    def portal_url(self) -> str:
        """URL of the portal."""
        return f"http://127.0.0.1:{self.portal_port}"

    @property
    def database_url(self) -> str:
        """URL of the database, as its owner."""
        return self._cluster.url("vfax")

    def settings(self) -> Settings:
        """Return the settings of this stack, as one process of it sees them."""
        values = {k.removeprefix("VFAX_").lower(): v for k, v in self.environment().items()}
        return Settings.model_validate(values)

    # ---- checks ------------------------------------------------------------

    def check(self) -> None:
        """Check all that can be checked before anything starts. Raises SetupError."""
        for program, package in (
            ("kamailio", "kamailio"),
            ("redis-server", "redis-server"),
            ("gs", "ghostscript"),
            ("prlimit", "util-linux"),
        ):
            if shutil.which(program, path=SEARCH_PATH) is None:
                raise SetupError(f"{program} is not installed: apt-get install {package}")
        postgres_binaries()
        rpc = self.settings().rpc_socket
        if len(str(rpc)) > SOCKET_PATH_LIMIT:
            raise SetupError(
                f"the path {rpc} is too long for a unix socket: move the checkout nearer to /"
            )
        udp, tcp = socket.SOCK_DGRAM, socket.SOCK_STREAM
        wanted = [
            ("Kamailio", *self.kamailio, udp),
            ("Kamailio", *self.kamailio, tcp),
            *((name, *listen, udp) for name, listen in self.bridges.items()),
            ("worker", *self.worker, udp),
            ("the carrier", *self.carrier, udp),
            ("PostgreSQL", KAMAILIO, self.database_port, tcp),
            ("Redis", KAMAILIO, self.redis_port, tcp),
            ("the mail sink", KAMAILIO, self.smtp_port, tcp),
            ("mail to fax", KAMAILIO, self.mail_port, tcp),
            ("the portal", KAMAILIO, self.portal_port, tcp),
        ]
        for who, address, port, kind in wanted:
            if not _free(address, port, kind):
                protocol = "UDP" if kind == udp else "TCP"
                raise SetupError(
                    f"{protocol} port {address}:{port}, meant for {who}, is taken: "
                    "stop the program that holds it, or set VFAX_PORT_BASE to another number"
                )

    # ---- start and stop ------------------------------------------------------

    async def start(self) -> None:
        """Start everything, in order. Raises SetupError."""
        self.check()
        for folder in ("log", "run", "mail", "sending", "spool"):
            (self.var / folder).mkdir(parents=True, exist_ok=True)
        await together(
            self.start_postgres(),
            self._start_redis(),
            self.start_mail_sink(),
            self._start_carrier(),
        )
        await migrate(self.database_url)
        await self.seed()
        await self.seed_people()
        self._write_environment()
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

    async def seed(self) -> None:
        """Write the demo's brand, companies, numbers and routes."""
        await run_script(
            self.database_url,
            SQL / "demo.sql",
            {"demo.carrier_address": self.carrier[0], "demo.carrier_port": str(self.carrier[1])},
        )

    async def seed_people(self) -> str:
        """Make a user of each role, with one password for all; return it."""
        secret = self.var / "portal.password"
        if not secret.exists():
            secret.touch(mode=0o600)
            secret.write_text(secrets.token_urlsafe(12))
        password = secret.read_text().strip()
        async with Database(self.database_url, size=1) as database:
            async with database.transaction() as c:
                rows = await (
                    await c.execute("select id, brand_id, name from companies order by id")
                ).fetchall()
            ids = {row["name"]: (row["brand_id"], row["id"]) for row in rows}
            people = People(database)
            brand = ids["Acme"][0]
            await people.set_up("platform@demo.example", password, "platform", None, None)
            await people.set_up("operator@demo.example", password, "brand", brand, None, "Olga")
            await people.set_up("ann@acme.example", password, "company", *ids["Acme"], "Ann")
            await people.set_up("bob@globex.example", password, "company", *ids["Globex"], "Bob")
        return password

    def _write_environment(self) -> None:
        file = self.var / "vfax.env"
        file.touch(mode=0o600)
        file.write_text("".join(f"{k}={v}\n" for k, v in self.environment().items()))

    async def start_postgres(self) -> None:
        """Start PostgreSQL; create its cluster the first time."""
        await self._cluster.prepare()
        service = Service(
            name="postgresql",
            command=self._cluster.command(**self._postgres_settings),
            ready=lambda: _tcp_open("127.0.0.1", self.database_port),
            foundation=True,
            where=f"127.0.0.1:{self.database_port}",
            stop_signal=signal.SIGINT,  # fast shutdown
        )
        await self.supervisor.start(service)
        for _ in range(100):  # the port is open before the server takes sessions
            try:
                await create_database(self._cluster.url("postgres"), "vfax")
            except SetupError as error:
                # The second one after a crash, while it repairs itself.
                if not any(told in str(error) for told in ("starting up", "not yet accepting")):
                    raise
                await asyncio.sleep(0.1)
            else:
                return

    async def _start_redis(self) -> None:
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
                    "127.0.0.1",
                    "--save",
                    "",
                    "--appendonly",
                    "no",
                    "--dir",
                    str(folder),
                ],
                ready=lambda: _tcp_open("127.0.0.1", self.redis_port),
                foundation=True,
                where=f"127.0.0.1:{self.redis_port}",
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
                ready=lambda: _tcp_open("127.0.0.1", self.smtp_port),
                foundation=True,
                where=f"127.0.0.1:{self.smtp_port}",
            )
        )

    def _vfax(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "spandsp_bridge", *arguments]

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
                command=self._vfax("serve", "publisher"),
                ready=published,
                where=str(settings.routes_file.relative_to(self.var.parent)),
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
                ready=self._answers(self.carrier),
                where=f"{self.carrier[0]}:{self.carrier[1]}",
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
                ready=self._answers(self.kamailio),
                where=f"{self.kamailio[0]}:{self.kamailio[1]}",
                environment=kamailio_config.environment(settings),
            )
        )

    @staticmethod
    def _answers(address: tuple[str, int]) -> Callable[[], Awaitable[bool]]:
        async def ready() -> bool:
            return await asyncio.to_thread(options_answered, *address)

        return ready

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
                command=self._vfax("serve", "bridge"),
                ready=alive,
                where=f"{listen[0]}:{listen[1]}",
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
                command=self._vfax("serve", "worker"),
                ready=known,
                where=f"{listen[0]}:{listen[1]}",
                environment=self.environment("worker", listen),
            )
        )

    async def start_portal(self) -> None:
        """Start the portal and the API."""
        await self.supervisor.start(
            Service(
                name="portal",
                command=self._vfax("serve", "portal"),
                ready=lambda: _tcp_open("127.0.0.1", self.portal_port),
                where=f"127.0.0.1:{self.portal_port}",
                environment=self.environment("portal", self.worker),
            )
        )
