"""Programs that read a stranger's file run here: without network, with bounded everything.

bubblewrap gives each run its own processes, mounts and (empty) network, and a user that owns
nothing, where the kernel allows that; the limits of memory, time and file sizes hold everywhere.
"""

import asyncio
import contextlib
import functools
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from spandsp_bridge.errors import SetupError
from spandsp_bridge.settings import ROOT

MEMORY = 4 * 2**30  #: address space; LibreOffice maps more than it uses
FILE_SIZE = 2**30
PROCESSES = 256
NOBODY = 60999  #: a user id that owns nothing
INSIDE = "/job"  #: where the folder is, inside

#: What a program sees of the machine, read-only: programs, libraries, fonts, our own code.
VISIBLE = ("/usr", "/etc/fonts", "/etc/ghostscript", "/etc/libreoffice", "/var/lib/ghostscript",
           "/etc/papersize", "/etc/alternatives", "/etc/ld.so.cache")  # fmt: skip
LINKS = ("bin", "lib", "lib64", "sbin")  #: into /usr, as everywhere since Debian 12


def python(module: str, *arguments: str) -> list[str]:
    """Return the command that runs a module of ours."""
    return [sys.executable, "-I", "-m", module, *arguments]


def _namespaces(folder: Path, *, as_root: bool) -> list[str]:
    users = (
        ["--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts",
         "--unshare-cgroup-try", "--cap-drop", "ALL", "--cap-add", "CAP_SETUID",
         "--cap-add", "CAP_SETGID"]
        if as_root
        else ["--unshare-all", "--unshare-user", "--uid", str(NOBODY), "--gid", str(NOBODY),
              "--cap-drop", "ALL"]
    )  # fmt: skip
    command = ["bwrap", *users, "--die-with-parent", "--new-session"]
    for path in VISIBLE:
        command += ["--ro-bind-try", path, path]
    for name in LINKS:
        if Path("/", name).is_symlink():
            command += ["--symlink", f"usr/{name}", f"/{name}"]
        else:
            command += ["--ro-bind-try", f"/{name}", f"/{name}"]
    command += ["--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp"]  # noqa: S108
    for ours in (str(ROOT / "spandsp_bridge"), sys.prefix):
        command += ["--ro-bind", ours, ours]
    command += ["--bind", str(folder), INSIDE, "--ro-bind", str(folder / ".passwd"), "/etc/passwd",
                "--chdir", INSIDE, "--"]  # fmt: skip
    if as_root:  # the kernel exempts root from limits, even inside: be somebody else
        command += ["setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups",
                    "--inh-caps=-all", "--no-new-privs", "--"]  # fmt: skip
    return command


def _prepare(folder: Path) -> None:
    """Give the folder to the one who works in it; LibreOffice wants that one to have a name."""
    (folder / ".passwd").write_text(f"fax:x:{NOBODY}:{NOBODY}::{INSIDE}:/bin/false\n")
    if os.geteuid() == 0:
        for path in (folder, *folder.iterdir()):
            os.chown(path, NOBODY, NOBODY)


@functools.cache
def isolation() -> str:
    """Return how programs are kept apart here: `user`, `namespace`, or `` for limits alone."""
    if shutil.which("bwrap") is None:
        return ""
    ways = ["user", "namespace"] if os.geteuid() == 0 else ["namespace"]
    for way in ways:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            _prepare(folder)
            probe = [*_namespaces(folder, as_root=way == "user"),
                     *python("spandsp_bridge.documents.prepare", "--probe")]  # fmt: skip
            with contextlib.suppress(OSError, subprocess.TimeoutExpired):
                done = subprocess.run(probe, capture_output=True, check=False, timeout=30)
                if done.returncode == 0:
                    return way
    return ""


async def run(command: Sequence[str], folder: Path, seconds: float) -> int | None:
    """Run a program whose only writable place is `folder`, its current folder.

    Return its exit status, or None when it took too long. Raises SetupError.
    """
    if shutil.which("prlimit") is None:
        raise SetupError("prlimit is not installed: apt-get install util-linux")
    way = await asyncio.to_thread(isolation)
    processes = [f"--nproc={PROCESSES}"] if way else []  # elsewhere it would count all of ours
    command = ["prlimit", f"--as={MEMORY}", f"--fsize={FILE_SIZE}", *processes,
               f"--cpu={max(1, int(seconds))}", "--core=0", "--nofile=256", "--",
               *command]  # fmt: skip
    home = str(folder)
    if way:
        await asyncio.to_thread(_prepare, folder)
        command = [*_namespaces(folder, as_root=way == "user"), *command]
        home = INSIDE
    process = await asyncio.create_subprocess_exec(
        *command,
        cwd=folder,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": home, "TMPDIR": home},
        start_new_session=True,
    )
    try:
        return await asyncio.wait_for(process.wait(), seconds)
    except TimeoutError:
        return None
    finally:
        if process.returncode is None:
            os.killpg(process.pid, signal.SIGKILL)
            await process.wait()
