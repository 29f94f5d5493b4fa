"""A PostgreSQL cluster of our own on loopback, for the demo and the tests."""

import asyncio
import os
import pwd
import secrets
import subprocess
from pathlib import Path

from spandsp_bridge.errors import SetupError
from spandsp_bridge.store.migrate import MINIMUM_VERSION

HOST = "127.0.0.1"
USER = "vfax"


def postgres_binaries(root: Path = Path("/usr/lib/postgresql")) -> Path:
    """Return the folder of the newest PostgreSQL server. Raises SetupError."""
    found = []
    for folder in root.glob("*/bin"):
        name = folder.parent.name
        if name.isdigit() and (folder / "initdb").exists():
            found.append((int(name), folder))
    if not found:
        raise SetupError("the PostgreSQL server is not installed: apt-get install postgresql-15")
    version, newest = max(found)
    if version < MINIMUM_VERSION:
        raise SetupError(
            "PostgreSQL {version} is too old, {minimum} or later is required: "
            "apt-get install postgresql-15",
            version=version,
            minimum=MINIMUM_VERSION,
        )
    return newest


class Cluster:
    """The files of a cluster under `var`, and the commands that run its server.

    The superuser is `vfax`; its password is kept in a file beside the cluster.
    """

    def __init__(self, var: Path, port: int) -> None:
        self.data = var / "postgres"
        self.port = port
        self._secret = var / "postgres.password"
        self._prefix: list[str] = []
        self._password = ""

    def url(self, database: str) -> str:
        """Return the URL of a database, as its owner; valid after `prepare`."""
        return f"postgresql://{USER}:{self._password}@{HOST}:{self.port}/{database}"

    async def prepare(self) -> None:
        """Create the cluster where there is none. Raises SetupError."""
        binaries = postgres_binaries()
        if not self._secret.exists():
            self._secret.touch(mode=0o600)
            self._secret.write_text(secrets.token_urlsafe(24))
        self._password = self._secret.read_text().strip()
        self.data.mkdir(exist_ok=True, mode=0o700)
        self._prefix = _unprivileged(self.data)
        if not (self.data / "PG_VERSION").exists():
            await self._initdb(binaries)

    def command(self, **settings: str) -> list[str]:
        """Return the command of the server in the foreground, with settings by name."""
        settings = {
            "listen_addresses": HOST,
            "unix_socket_directories": "",
            "timezone": "UTC",
            **settings,
        }
        options = [word for item in settings.items() for word in ("-c", "=".join(item))]
        server = str(postgres_binaries() / "postgres")
        return [*self._prefix, server, "-D", str(self.data), "-p", str(self.port), *options]

    async def _initdb(self, binaries: Path) -> None:
        read, write = os.pipe()
        os.write(write, self._password.encode() + b"\n")
        os.close(write)
        os.fchown(read, self.data.stat().st_uid, -1)  # initdb opens it again, as its own user
        process = await asyncio.create_subprocess_exec(
            *self._prefix,
            str(binaries / "initdb"),
            "--pgdata",
            str(self.data),
            f"--username={USER}",
            "--auth=scram-sha-256",
            "--pwfile=/dev/stdin",
            "--encoding=UTF8",
            "--locale=C.UTF-8",
            "--no-instructions",
            stdin=read,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        os.close(read)
        output, _ = await process.communicate()
        if process.returncode != 0:
            lines = output.decode(errors="replace").strip().splitlines()
            raise SetupError("initdb failed: {output}", output=lines[-1] if lines else "no output")


def _unprivileged(folder: Path) -> list[str]:
    """Return a prefix that runs a command without root, which PostgreSQL insists on.

    The user `postgres` where it can reach the folder; else an own user namespace, in
    which the files still belong to us. Raises SetupError.
    """
    if os.geteuid() != 0:
        return []
    as_postgres = ["setpriv", "--reuid=postgres", "--regid=postgres", "--init-groups", "--"]
    if _works([*as_postgres, "test", "-x", str(folder.parent)]):
        user = pwd.getpwnam("postgres")
        for path in [folder, *folder.rglob("*")]:
            os.chown(path, user.pw_uid, user.pw_gid, follow_symlinks=False)
        return as_postgres
    namespace = ["unshare", "--user", "--map-user=65534", "--map-group=65534", "--"]
    if _works([*namespace, "true"]):
        user_owns = [p for p in [folder, *folder.rglob("*")] if p.lstat().st_uid != 0]
        for path in user_owns:
            os.chown(path, 0, 0, follow_symlinks=False)
        return namespace
    raise SetupError(
        "PostgreSQL does not run as root, and the user postgres cannot enter {folder}: "
        "move the checkout to a folder that all may enter, or run as an ordinary user",
        folder=folder.parent,
    )


def _works(command: list[str]) -> bool:
    try:
        return subprocess.run(command, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        return False
