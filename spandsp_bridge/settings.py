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
        raise ValueError(f"{text!r} is not of the form ADDRESS:PORT")
    return str(ipaddress.ip_address(host.strip("[]"))), int(port)


def parse_ports(text: str) -> tuple[int, int]:
    """Return (first, last) of ``first-last``. Raises ValueError."""
    match = re.fullmatch(r"(\d{1,5})-(\d{1,5})", text)
    if match is None or not 0 < int(match[1]) < int(match[2]) < 65536:
        raise ValueError(f"{text!r} is not of the form FIRST-LAST")
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
    """All settings; the reference in the documentation is generated from their descriptions."""

    # The demo writes its settings to var/vfax.env for the commands beside it; the environment wins.
    model_config = SettingsConfigDict(
        env_prefix="VFAX_", env_file=ROOT / "var" / "vfax.env", extra="ignore"
    )

    database_url: str = Field(
        "postgresql://127.0.0.1/vfax", description="URL of PostgreSQL 15 or later, in libpq's form"
    )
    redis_url: str = Field(
        "redis://127.0.0.1:6379/0",
        description="URL of Redis, for live progress and call counts; losing its data is safe",
    )
    var: Path = Field(
        ROOT / "var", description="State folder: spool, routing tables, sockets, logs"
    )
    node: str = Field(
        socket.gethostname(),
        description="Name of this bridge node or worker, unique in the installation",
    )
    sip_listen: Annotated[str, AfterValidator(_address)] = Field(
        "127.0.0.1:5070", description="ADDRESS:PORT of this node's SIP user agent (UDP)"
    )
    outbound_proxy: Annotated[str, AfterValidator(_address)] = Field(
        "127.0.0.1:5060",
        description="ADDRESS:PORT of Kamailio: calls are sent to it and accepted from it only",
    )
    media_address: str = Field(
        "127.0.0.1", description="Address of UDPTL and RTP, as remote peers reach it"
    )
    media_ports: Annotated[str, AfterValidator(_ports)] = Field(
        "30000-33999", description="FIRST-LAST UDP port of UDPTL and RTP; two for each call"
    )
    engine_processes: int = Field(
        64,
        ge=1,
        le=256,
        description="Engine processes of this node; a crash ends the calls of one process",
    )
    max_calls: int = Field(
        100, ge=1, description="Simultaneous calls of this node; further ones are rejected with 503"
    )
    max_pages: int = Field(1000, ge=1, description="Maximum number of pages of a document")
    max_call_seconds: int = Field(7200, ge=60, description="Maximum duration of a call, in seconds")
    kamailio_rpc: Path | None = Field(
        None,
        description="Kamailio's JSON-RPC Unix socket; unset: run/kamailio.rpc in VFAX_VAR",
    )
    routes_map_size: int = Field(
        256 * 2**20, ge=2**20, description="Maximum size of the routing tables' file, in bytes"
    )
    sip_tls_listen: str = Field(
        "",
        description="ADDRESS:PORT of Kamailio's TLS listener; empty: no TLS, in or out",
    )
    tls_certificate: Path | None = Field(
        None, description="PEM file: Kamailio's certificate with its chain"
    )
    tls_key: Path | None = Field(None, description="PEM file: the key of that certificate")
    tls_ca: Path | None = Field(
        None,
        description="PEM file: certificate authorities for carriers; unset: not checked",
    )
    dns_servers: str = Field(
        "",
        description="ADDRESS:PORT,... of DNS servers for carriers; empty: the system's",
    )
    metrics_listen: str = Field(
        "", description="ADDRESS:PORT of the publisher's Prometheus metrics; empty: not served"
    )
    smtp_server: str = Field(
        "", description="HOST:PORT of the outgoing mail server; empty: no mail"
    )
    mail_from: str = Field("fax@localhost", description="Sender address of outgoing mail")
    smtp_tls: Literal["auto", "starttls", "tls", "none"] = Field(
        "auto",
        description="TLS to the mail server: auto (STARTTLS if offered), starttls (required), "
        "tls (implicit), none",
    )
    smtp_user: str = Field("", description="User name at the mail server; empty: no authentication")
    smtp_password: SecretStr = Field(SecretStr(""), description="Password at the mail server")
    mail_listen: Annotated[str, AfterValidator(_optional_address)] = Field(
        "",
        description="ADDRESS:PORT where workers accept mail to fax; empty: disabled",
    )
    mail_listen_lmtp: bool = Field(False, description="Use LMTP instead of SMTP for mail to fax")
    mail_domain: str = Field(
        "fax.localhost", description="Domain of mail to fax: mail to NUMBER@DOMAIN becomes a fax"
    )
    portal_listen: Annotated[str, AfterValidator(_address)] = Field(
        "127.0.0.1:8080", description="ADDRESS:PORT of the portal and the API (HTTP)"
    )
    portal_proxies: str = Field(
        "127.0.0.1",
        description="ADDRESS,... of reverse proxies whose X-Forwarded headers are trusted",
    )
    api_url: str = Field(
        "",
        description="URL of an installation: the fax commands use its API instead of the database",
    )
    api_key: SecretStr = Field(SecretStr(""), description="API key for VFAX_API_URL")
    api_rate: float = Field(
        50,
        gt=0,
        description="Sustained requests per second of one API key; four times as many in a burst",
    )
    portal_url: str = Field(
        "",
        description="URL of the portal, for links in mails; https: secure cookies only",
    )
    webhook_networks: Annotated[str, AfterValidator(_networks)] = Field(
        "", description="NETWORK,... of private addresses that webhooks may call; empty: none"
    )
    port_base: int = Field(
        25060, ge=1024, le=64000, description="First of the 1,000 ports that `make demo` uses"
    )
    log_level: str = Field("info", description="Log level: debug, info, warning or error")

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
        """The secret with which Kamailio seals Record-Route of authenticated calls."""
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
    """Return the settings of the environment. Raises SetupError with the variable's name."""
    try:
        return Settings()
    except ValidationError as error:
        problem = error.errors()[0]
        name = "VFAX_" + "_".join(str(part) for part in problem["loc"]).upper()
        raise SetupError("{setting}: {error}", setting=name, error=problem["msg"]) from error
