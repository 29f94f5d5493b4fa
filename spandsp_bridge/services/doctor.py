"""`vfax doctor`: check every dependency, and name the remedy of each fault."""

import asyncio
import os
import re
import shutil
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from redis.exceptions import RedisError

from spandsp_bridge.documents import sandbox
from spandsp_bridge.errors import SetupError
from spandsp_bridge.publisher.rpc import KamailioRpc
from spandsp_bridge.services import kamailio_config
from spandsp_bridge.settings import ROOT, Settings, parse_address, parse_ports
from spandsp_bridge.store.errors import DatabaseError
from spandsp_bridge.store.pool import Database
from spandsp_bridge.store.progress import Progress

KAMAILIO_MODULES = (
    *("jsonrpcs", "kex", "kemix", "corex", "tm", "tmx", "sl", "rr", "pv", "maxfwd", "textops"),
    *("textopsx", "siputils", "xlog", "sanity", "dispatcher", "app_python3"),
)
MODULE_FOLDERS = "/usr/lib/*/kamailio/modules"
#: Kamailio is installed outside an ordinary user's PATH.
ENVIRONMENT = {**os.environ, "PATH": f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin"}
MIN_FREE_BYTES = 1 << 30
EARLIEST_TIME = 1_750_000_000  #: of a plausible clock, in seconds since 1970
FOUND_LENGTH = 160  #: characters of an error that are shown
PROGRAM_SECONDS = 20


@dataclass(frozen=True, slots=True)
class Check:
    """The result of one check; `remedy` is for one that failed."""

    name: str
    ok: bool
    found: str
    remedy: str


def _output(*command: str) -> str:
    try:
        done = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=PROGRAM_SECONDS,
            env=ENVIRONMENT,
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return (done.stdout + done.stderr).strip()


def _kamailio() -> list[Check]:
    version = _output("kamailio", "-v").partition("\n")[0]
    checks = [
        Check(
            "Kamailio",
            "version: kamailio 5." in version,
            _version(version),
            "apt-get install kamailio (5.6 or later)",
        )
    ]
    folders = list(Path("/").glob(MODULE_FOLDERS.lstrip("/")))
    have = {f.stem for folder in folders for f in folder.glob("*.so")}
    missing = [m for m in KAMAILIO_MODULES if m not in have]
    checks.append(
        Check(
            "Kamailio modules",
            not missing,
            f"missing: {', '.join(missing)}" if missing else f"{len(KAMAILIO_MODULES)} modules",
            "apt-get install kamailio kamailio-python3-modules",
        )
    )
    return checks


def _config(settings: Settings) -> Check:
    name = "Kamailio configuration"
    folder = settings.var / "run"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder / "check.cfg"
        path.write_text(kamailio_config.kamailio(settings))
    except OSError as error:
        return Check(
            name, False, f"{folder}: {error.strerror}", "set VFAX_VAR to a writable folder"
        )
    try:
        output = _output("kamailio", "-c", "-f", str(path))
    finally:
        path.unlink(missing_ok=True)
    valid = "config file ok" in output
    last_line = output.splitlines()[-1] if output else "no output"
    return Check(
        name,
        valid,
        "kamailio -c: ok" if valid else last_line[:FOUND_LENGTH],
        "check kamailio-config/ and the VFAX_ settings",
    )


def _python() -> Check:
    embedded = sys.base_prefix == "/usr" and Path(sys.prefix) == ROOT / ".venv"
    return Check(
        "Python environment",
        embedded,
        f"{sys.version.split()[0]} in {sys.prefix}",
        "rm -r .venv && ./install.sh (Kamailio embeds Debian's Python)",
    )


def _spandsp() -> Check:
    try:
        from spandsp_bridge.native import binding  # noqa: PLC0415

        binding.check_spandsp()
    except (ImportError, SetupError) as error:
        return Check("SpanDSP engine", False, str(error)[:FOUND_LENGTH], "run ./install.sh")
    version = _output("dpkg-query", "-W", "-f", "${Version}", "libspandsp2")
    return Check("SpanDSP engine", True, f"libspandsp {version or 'of an unknown version'}", "")


def _version(text: str) -> str:
    """Return the first version number in a program's output."""
    match = re.search(r"\d+\.\d+(\.\d+)?", text)
    return match[0] if match else "not found"


def _program(name: str, package: str) -> Check:
    found = shutil.which(name, path=ENVIRONMENT["PATH"]) is not None
    text = _version(_output(name, "--version")) if found else "not found"
    return Check(name, found, text, f"apt-get install {package}")


async def _database(settings: Settings) -> Check:
    remedy = "start PostgreSQL, check VFAX_DATABASE_URL, run `vfax migrate`"
    try:
        async with Database(settings.database_url, size=1) as database:
            await database.ready()
            version = await database.server_version()
    except (SetupError, DatabaseError, OSError) as error:
        return Check("PostgreSQL", False, str(error)[:FOUND_LENGTH], remedy)
    return Check("PostgreSQL", True, version, remedy)


async def _redis(settings: Settings) -> Check:
    progress = Progress(settings.redis_url)
    try:
        await progress.ping()
    except (RedisError, OSError) as error:
        return Check("Redis", False, str(error)[:FOUND_LENGTH], "start Redis, check VFAX_REDIS_URL")
    finally:
        await progress.close()
    return Check("Redis", True, "answers PING", "")


def _rpc(settings: Settings) -> Check:
    remedy = "start Kamailio with the configuration of `vfax config render`"
    try:
        seconds = KamailioRpc(settings.rpc_socket).call("core.uptime")["uptime"]
    except (OSError, RuntimeError, KeyError, TypeError) as error:
        return Check(
            "Kamailio running", False, f"{settings.rpc_socket}: {error}"[:FOUND_LENGTH], remedy
        )
    return Check("Kamailio running", True, f"up for {seconds} s", remedy)


def _port(settings: Settings) -> Check:
    """Check that the SIP address is one of this host; a port in use means a running node."""
    address = parse_address(settings.sip_listen)
    with socket.socket(
        socket.AF_INET6 if ":" in address[0] else socket.AF_INET, socket.SOCK_DGRAM
    ) as sock:
        try:
            sock.bind((address[0], 0))
        except OSError as error:
            return Check(
                "SIP address",
                False,
                f"{address[0]}: {error.strerror}",
                "set VFAX_SIP_LISTEN to an address of this host",
            )
        try:
            sock.close()
            with socket.socket(sock.family, socket.SOCK_DGRAM) as second:
                second.bind(address)
        except OSError:
            return Check(
                "SIP address", True, f"{settings.sip_listen}, in use by a running node", ""
            )
    return Check("SIP address", True, f"{settings.sip_listen}, free", "")


def _media(settings: Settings) -> Check:
    first, last = parse_ports(settings.media_ports)
    calls = (last - first + 1) // 2
    return Check(
        "media ports",
        calls >= settings.max_calls,
        f"{first}-{last}: {calls} calls",
        f"widen VFAX_MEDIA_PORTS: {settings.max_calls} calls need twice as many ports",
    )


def _folder(settings: Settings) -> Check:
    try:
        settings.var.mkdir(parents=True, exist_ok=True)
        free = shutil.disk_usage(settings.var).free
    except OSError as error:
        return Check("state folder", False, f"{settings.var}: {error.strerror}", "set VFAX_VAR")
    usable = os.access(settings.var, os.W_OK) and free >= MIN_FREE_BYTES
    return Check(
        "state folder",
        usable,
        f"{settings.var}, {free >> 30} GiB free",
        "make it writable with 1 GiB free: pages are stored there before they are confirmed",
    )


def _clock() -> Check:
    return Check(
        "clock",
        time.time() > EARLIEST_TIME,
        time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime()),
        "set the clock: header lines and records contain the time",
    )


def _sandbox() -> Check:
    isolation = sandbox.isolation()
    return Check(
        "sandbox",
        bool(isolation),
        {"user": "separate user and namespaces", "namespace": "user namespaces"}.get(
            isolation, "only limits of memory, time and files"
        ),
        "apt-get install bubblewrap, and allow user namespaces "
        "(sysctl kernel.unprivileged_userns_clone=1)",
    )


async def examine(settings: Settings) -> list[Check]:
    """Return the result of every check."""
    return [
        *await asyncio.to_thread(_kamailio),
        await asyncio.to_thread(_config, settings),
        _python(),
        await asyncio.to_thread(_spandsp),
        _program("gs", "ghostscript"),
        _program("soffice", "libreoffice-writer-nogui"),
        await asyncio.to_thread(_sandbox),
        _program("redis-server", "redis-server"),
        await _database(settings),
        await _redis(settings),
        await asyncio.to_thread(_rpc, settings),
        _port(settings),
        _media(settings),
        _folder(settings),
        _clock(),
    ]
