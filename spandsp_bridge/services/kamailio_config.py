"""Render Kamailio's configuration from the templates in kamailio-config/."""

import secrets
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from spandsp_bridge.errors import SetupError
from spandsp_bridge.settings import ROOT, Settings, parse_address

TEMPLATES = ROOT / "kamailio-config"


def _render(template: str, **values: Any) -> str:
    environment = Environment(  # noqa: S701  (the output is a Kamailio configuration, not HTML)
        loader=FileSystemLoader(TEMPLATES), undefined=StrictUndefined, keep_trailing_newline=True
    )
    return environment.get_template(template).render(**values)


def _listener(address: tuple[str, int], protocol: str) -> str:
    host = f"[{address[0]}]" if ":" in address[0] else address[0]
    return f"{protocol}:{host}:{address[1]}"


def kamailio(
    settings: Settings, *, workers: int = 2, foreground: bool = True, tls_config: Path | None = None
) -> str:
    """Return kamailio.cfg for the proxy at `outbound_proxy`."""
    address = parse_address(settings.outbound_proxy)
    listeners = [_listener(address, "udp"), _listener(address, "tcp")]
    if tls_config is not None:
        listeners.append(_listener(parse_address(settings.sip_tls_listen), "tls"))
    return _render(
        "kamailio.cfg.j2",
        foreground=foreground,
        workers=workers,
        listeners=listeners,
        host=address[0],
        contact=f"{address[0]}:{address[1]}",
        rpc_socket=settings.rpc_socket,
        dispatcher_file=settings.dispatcher_file,
        registrations=settings.registrations,
        ping_interval=5,
        max_call_seconds=settings.max_call_seconds,
        tls_config=tls_config,
        kemi_main=ROOT / "kemi" / "main.py",
    )


def tls(settings: Settings) -> str:
    """Return tls.cfg. Raises SetupError."""
    for name in ("tls_certificate", "tls_key"):
        file = getattr(settings, name)
        if file is None or not file.is_file():
            raise SetupError(
                "VFAX_SIP_TLS_LISTEN requires {setting}: there is no file {file}",
                setting="VFAX_" + name.upper(),
                file=file or "",
            )
    return _render(
        "tls.cfg.j2",
        certificate=settings.tls_certificate,
        key=settings.tls_key,
        ca=settings.tls_ca,
    )


def carrier(listen: tuple[str, int], hand_back_to: tuple[str, int]) -> str:
    """Return the configuration of the demo's carrier."""
    return _render(
        "carrier.cfg.j2",
        listen=_listener(listen, "udp"),
        hand_back_to=f"{hand_back_to[0]}:{hand_back_to[1]}",
    )


def write(settings: Settings, folder: Path) -> Path:
    """Write kamailio.cfg, and tls.cfg where TLS is enabled, into a folder; return its path.

    Create the secret that seals Record-Route where there is none.
    """
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "kamailio.cfg"
    tls_config: Path | None = None
    if settings.sip_tls_listen:
        tls_config = folder / "tls.cfg"
        tls_config.write_text(tls(settings))
    path.write_text(kamailio(settings, tls_config=tls_config))
    secret = settings.secret_file
    if not secret.exists():
        secret.parent.mkdir(parents=True, exist_ok=True)
        secret.touch(mode=0o600)
        secret.write_bytes(secrets.token_bytes(32))
    return path


def environment(settings: Settings) -> dict[str, str]:
    """Return the environment variables that Kamailio's process needs."""
    venv = ROOT / ".venv" / "bin"
    return {
        # Kamailio's embedded Python finds the virtual environment by its PATH.
        "PATH": f"{venv}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
        "PYTHONPATH": str(ROOT),
        "VFAX_ROUTES_FILE": str(settings.routes_file),
        "VFAX_ROUTES_MAP_SIZE": str(settings.routes_map_size),
        "VFAX_SECRET_FILE": str(settings.secret_file),
    }


def command(config: Path, runtime: Path) -> list[str]:
    """Return the command that runs Kamailio in the foreground.

    `-x fm`: the default allocator takes a third of the CPU under load.
    """
    return [
        "kamailio",
        "-DD",
        "-E",
        "-x",
        "fm",
        "-m",
        "512",
        "-M",
        "16",
        "-Y",
        str(runtime),
        "-f",
        str(config),
    ]
