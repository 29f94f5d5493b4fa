"""Where everything of a stack is: its addresses, ports and folder, and the settings they make."""

import shutil
import socket
from collections.abc import Iterator, Mapping
from pathlib import Path

from spandsp_bridge.demo.postgres import Cluster, postgres_binaries
from spandsp_bridge.demo.probes import port_is_free
from spandsp_bridge.demo.supervisor import SEARCH_PATH
from spandsp_bridge.errors import SetupError
from spandsp_bridge.settings import Settings

KAMAILIO, BRIDGE_A, BRIDGE_B, WORKER, CARRIER = (f"127.0.0.{n}" for n in range(1, 6))
LOOPBACK = KAMAILIO
SOCKET_PATH_LIMIT = 100  # sun_path holds 108 octets (unix(7))
FIRST_MEDIA_PORT, MEDIA_PORTS = 100, 700  #: from the port base
PROGRAMS = {
    "kamailio": "kamailio",
    "redis-server": "redis-server",
    "gs": "ghostscript",
    "prlimit": "util-linux",
}


class Layout:
    """All state is under the folder `var`, all ports are counted from `port_base`.

    `more` are further VFAX_ variables for every process.
    """

    def __init__(self, var: Path, port_base: int, more: Mapping[str, str] | None = None) -> None:
        self.var = var
        self.port = port_base
        self.database_port = port_base + 10
        self.redis_port = port_base + 11
        self.smtp_port = port_base + 12
        self.mail_port = port_base + 13  #: mail to fax
        self.portal_port = port_base + 14
        self.kamailio = (KAMAILIO, port_base)
        self.bridges = {
            "bridge-a": (BRIDGE_A, port_base + 1),
            "bridge-b": (BRIDGE_B, port_base + 2),
        }
        self.worker = (WORKER, port_base + 3)
        self.carrier = (CARRIER, port_base + 4)
        self.mail_folder = var / "mail"
        self.cluster = Cluster(var, self.database_port)
        self._more = dict(more or {})

    @property
    def portal_url(self) -> str:
        """URL of the portal."""
        return f"http://{LOOPBACK}:{self.portal_port}"

    @property
    def database_url(self) -> str:
        """URL of the database, as its owner."""
        return self.cluster.url("vfax")

    def environment(
        self, node: str = "demo", listen: tuple[str, int] | None = None
    ) -> dict[str, str]:
        """Return the VFAX_ variables of a process of this stack."""
        address, port = listen or self.worker
        first = self.port + FIRST_MEDIA_PORT
        return {
            "VFAX_DATABASE_URL": self.database_url,
            "VFAX_REDIS_URL": f"redis://{LOOPBACK}:{self.redis_port}/0",
            "VFAX_VAR": str(self.var),
            "VFAX_NODE": node,
            "VFAX_SIP_LISTEN": f"{address}:{port}",
            "VFAX_OUTBOUND_PROXY": f"{self.kamailio[0]}:{self.kamailio[1]}",
            "VFAX_MEDIA_ADDRESS": address,
            "VFAX_MEDIA_PORTS": f"{first}-{first + MEDIA_PORTS}",
            "VFAX_SMTP_SERVER": f"{LOOPBACK}:{self.smtp_port}",
            "VFAX_MAIL_LISTEN": f"{LOOPBACK}:{self.mail_port}",
            "VFAX_MAIL_DOMAIN": "fax.example",
            "VFAX_WEBHOOK_NETWORKS": "127.0.0.0/8",
            "VFAX_PORTAL_LISTEN": f"{LOOPBACK}:{self.portal_port}",
            "VFAX_PORTAL_URL": self.portal_url,
            "VFAX_PORT_BASE": str(self.port),
            **self._more,
        }

    def settings(self) -> Settings:
        """Return the settings of this stack, as one process of it sees them."""
        values = {k.removeprefix("VFAX_").lower(): v for k, v in self.environment().items()}
        return Settings.model_validate(values)

    def write_environment(self) -> None:
        """Write the variables to a file that `vfax` reads, for the commands beside the demo."""
        file = self.var / "vfax.env"
        file.touch(mode=0o600)
        file.write_text("".join(f"{k}={v}\n" for k, v in self.environment().items()))

    def create_folders(self) -> None:
        """Create the folders that services write to."""
        for folder in ("log", "run", "mail", "sending", "spool"):
            (self.var / folder).mkdir(parents=True, exist_ok=True)

    def check(self) -> None:
        """Check all that can be checked before anything starts. Raises SetupError."""
        for program, package in PROGRAMS.items():
            if shutil.which(program, path=SEARCH_PATH) is None:
                raise SetupError(
                    "{program} is not installed: apt-get install {package}",
                    program=program,
                    package=package,
                )
        postgres_binaries()
        rpc = self.settings().rpc_socket
        if len(str(rpc)) > SOCKET_PATH_LIMIT:
            raise SetupError(
                "the path {path} is too long for a Unix socket: move the checkout nearer to /",
                path=rpc,
            )
        for service, address, port, kind in self._listeners():
            if not port_is_free(address, port, kind):
                raise SetupError(
                    "{protocol} port {address}:{port} of {service} is in use: stop the program "
                    "that listens there, or set VFAX_PORT_BASE to another number",
                    protocol="UDP" if kind == socket.SOCK_DGRAM else "TCP",
                    address=address,
                    port=port,
                    service=service,
                )

    def _listeners(self) -> Iterator[tuple[str, str, int, socket.SocketKind]]:
        udp, tcp = socket.SOCK_DGRAM, socket.SOCK_STREAM
        yield "Kamailio", *self.kamailio, udp
        yield "Kamailio", *self.kamailio, tcp
        for name, listen in self.bridges.items():
            yield name, *listen, udp
        yield "worker", *self.worker, udp
        yield "carrier", *self.carrier, udp
        yield "PostgreSQL", LOOPBACK, self.database_port, tcp
        yield "Redis", LOOPBACK, self.redis_port, tcp
        yield "mail sink", LOOPBACK, self.smtp_port, tcp
        yield "mail to fax", LOOPBACK, self.mail_port, tcp
        yield "portal", LOOPBACK, self.portal_port, tcp
