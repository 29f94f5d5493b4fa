"""Settings, each from an environment variable `VFAX_NAME`."""

import ipaddress
import re
import socket
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from spandsp_bridge.errors import SetupError

ROOT = Path(__file__).resolve().parent.parent


def parse_address(text: str) -> tuple[str, int]:
    """Return (IP address, port) of ``host:port``. Raises ValueError."""
    host, colon, port = text.rpartition(":")
    if not colon or not port.isdigit() or not 0 < int(port) < 65536:
        raise ValueError(f"{text!r} is not ADDRESS:PORT")
    return str(ipaddress.ip_address(host.strip("[]"))), int(port)


def parse_ports(text: str) -> tuple[int, int]:
    """Return (first, last) of ``first-last``. Raises ValueError."""
    match = re.fullmatch(r"(\d{1,5})-(\d{1,5})", text)
    if match is None or not 0 < int(match[1]) < int(match[2]) < 65536:
        raise ValueError(f"{text!r} is not FIRST-LAST")
    return int(match[1]), int(match[2])


def _address(text: str) -> str:
    parse_address(text)
    return text


def _ports(text: str) -> str:
    parse_ports(text)
    return text


def _optional_address(text: str) -> str:
    return _address(text) if text else text


def parse_networks(text: str) -> list[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    """Return the networks of ``NETWORK,NETWORK``. Raises ValueError."""
    return [ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip()]


def _networks(text: str) -> str:
    parse_networks(text)
    return text


class Settings(BaseSettings):
    """All settings. The description of each is what `vfax doctor` and the README show."""

    # The demo leaves its settings in var/vfax.env, so that `vfax` finds it; the environment wins.
    model_config = SettingsConfigDict(
        env_prefix="VFAX_", env_file=ROOT / "var" / "vfax.env", extra="ignore"
    )

    database_url: str = Field(
        "postgresql://127.0.0.1/vfax", description="PostgreSQL 15 or later, as a libpq URL"
    )
    redis_url: str = Field(
        "redis://127.0.0.1:6379/0", description="Redis, for live progress; may vanish at any time"
    )
    var: Path = Field(
        ROOT / "var", description="State folder: the spool, the routing tables, sockets, logs"
    )
    node: str = Field(
        socket.gethostname(), description="Name of this bridge node or worker, unique in the system"
    )
    sip_listen: Annotated[str, AfterValidator(_address)] = Field(
        "127.0.0.1:5070", description="Where this node's SIP user agent listens (UDP)"
    )
    outbound_proxy: Annotated[str, AfterValidator(_address)] = Field(
        "127.0.0.1:5060", description="Our Kamailio: calls go to it, and come from it alone"
    )
    media_address: str = Field(
        "127.0.0.1", description="Address of UDPTL and RTP, as peers reach it"
    )
    media_ports: Annotated[str, AfterValidator(_ports)] = Field(
        "30000-33999", description="UDP ports of UDPTL and RTP, two for each call"
    )
    engine_processes: int = Field(
        64,
        ge=1,
        le=256,
        description="Engine processes of this node; a crash takes the calls of one",
    )
    max_calls: int = Field(
        100, ge=1, description="Calls of this node at a time; further ones get 503"
    )
    max_pages: int = Field(1000, ge=1, description="Pages of one document at most")
    max_call_seconds: int = Field(7200, ge=60, description="Hard limit of one call")
    kamailio_rpc: Path | None = Field(
        None, description="Kamailio's JSON-RPC unix socket, for reloads; VAR/run/kamailio.rpc"
    )
    routes_map_size: int = Field(
        256 * 2**20, ge=2**20, description="Largest size of the routing tables' file, bytes"
    )
    sip_tls_listen: str = Field(
        "", description="ADDRESS:PORT where Kamailio takes SIP over TLS; empty: no TLS"
    )
    tls_certificate: Path | None = Field(
        None, description="PEM file: Kamailio's certificate with its chain, for TLS"
    )
    tls_key: Path | None = Field(None, description="PEM file: the key of that certificate")
    tls_ca: Path | None = Field(
        None, description="PEM file: whose certificates carriers may show; none: not checked"
    )
    dns_servers: str = Field(
        "", description="ADDRESS:PORT,... of DNS servers for carriers' names; empty: the system's"
    )
    metrics_listen: str = Field(
        "", description="ADDRESS:PORT where the publisher serves Prometheus; empty: nowhere"
    )
    smtp_server: str = Field(
        "", description="HOST:PORT of the mail server for received faxes; empty: no mail"
    )
    mail_from: str = Field("fax@localhost", description="Sender address of mail")
    smtp_tls: Literal["auto", "starttls", "tls", "none"] = Field(
        "auto",
        description="auto (STARTTLS if offered), starttls (required), tls (from the start), none",
    )
    smtp_user: str = Field("", description="Log-in at the mail server; empty: none")
    smtp_password: SecretStr = Field(SecretStr(""), description="Password of that log-in")
    mail_listen: Annotated[str, AfterValidator(_optional_address)] = Field(
        "", description="ADDRESS:PORT where workers take mail to fax; empty: nowhere"
    )
    mail_listen_lmtp: bool = Field(False, description="true: that listener speaks LMTP")
    mail_domain: str = Field(
        "fax.localhost", description="Mail to NUMBER@ this domain becomes a fax"
    )
    portal_listen: Annotated[str, AfterValidator(_address)] = Field(
        "127.0.0.1:8080", description="Where the portal and the API listen (HTTP)"
    )
    portal_proxies: str = Field(
        "127.0.0.1", description="ADDRESS,... of proxies in front that say whom they speak for"
    )
    api_url: str = Field(
        "", description="URL of a portal: `vfax` uses its API instead of the database"
    )
    api_key: SecretStr = Field(SecretStr(""), description="Key of that API")
    api_rate: float = Field(
        50, gt=0, description="Requests a second of one API key, in the long run"
    )
    portal_url: str = Field("", description="URL of the portal, for links in mails; empty: none")
    webhook_networks: Annotated[str, AfterValidator(_networks)] = Field(
        "", description="NETWORK,... of our own that webhooks may call; empty: none"
    )
    port_base: int = Field(
        25060, ge=1024, le=64000, description="First of the 1,000 ports of `make demo`"
    )
    log_level: str = Field("info", description="debug, info, warning or error")

    @property
    def rpc_socket(self) -> Path:
        """Kamailio's JSON-RPC socket."""
        return self.kamailio_rpc or self.var / "run" / "kamailio.rpc"

    @property
    def routes_file(self) -> Path:
        """The routing tables that the publisher writes and Kamailio maps."""
        return self.var / "routes.lmdb"

    @property
    def secret_file(self) -> Path:
        """The key by which our Kamailio knows the calls that it let in."""
        return self.var / "kamailio.secret"

    @property
    def dispatcher_file(self) -> Path:
        """The dispatcher list that the publisher writes."""
        return self.var / "dispatcher.list"

    @property
    def registrations(self) -> Path:
        """The folder with the table of registrations at carriers that the publisher writes."""
        return self.var / "registrations"

    @property
    def spool(self) -> Path:
        """This node's spool."""
        return self.var / "spool" / self.node


def load() -> Settings:
    """Read the settings. Raises SetupError that names the variable."""
    try:
        return Settings()
    except ValidationError as error:
        problem = error.errors()[0]
        name = "VFAX_" + "_".join(str(part) for part in problem["loc"]).upper()
        raise SetupError(f"{name}: {problem['msg']}") from error
