"""Runs programs that read hostile files: without network, with a limit for each resource.

bubblewrap gives each run its own processes, mounts and (empty) network, and a user that owns
nothing, where the kernel allows that; the limits of memory, time and file sizes always hold.
"""

import asyncio
import compileall
import contextlib
import functools
import os
import shutil
import signal
import site
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from spandsp_bridge.errors import SetupError
from spandsp_bridge.settings import ROOT

MEMORY = 4 * 2**30  #: address space; LibreOffice maps more than it uses
FILE_SIZE = 512 * 2**20
PROCESSES = 256
NOBODY = 60999  #: a user id that owns nothing
INPUT, WORK = "/in", "/job"  #: the folder of the input, read-only, and the working directory
WORK_SIZE = 2**30
PACKAGE = ROOT / "spandsp_bridge"

#: What a program sees of the machine, read-only: programs, libraries, fonts.
VISIBLE = (
    "/usr",
    "/etc/fonts",
    "/etc/ghostscript",
    "/etc/libreoffice",
    "/var/lib/ghostscript",
    "/etc/papersize",
    "/etc/alternatives",
    "/etc/ld.so.cache",
)
LINKS = ("bin", "lib", "lib64", "sbin")  #: into /usr, since Debian 12 (merged /usr)


class OutputError(Exception):
    """A program failed, or wrote too much."""


#: Calls a module's `main`. What surrounds it would cost a one-page document half of its time:
#: the hooks of `site`, the garbage collector during imports, the interpreter's end.
START = """
import gc, os, sys
gc.disable()
sys.path += {paths}
from {module} import main
gc.freeze()
gc.enable()
main()
sys.stdout.flush()
os._exit(0)
"""


def python(module: str, *arguments: str) -> list[str]:
    """Return the command that calls the function `main` of a module of this project."""
    paths = [str(ROOT), *filter(os.path.isdir, site.getsitepackages())]
    return [sys.executable, "-I", "-S", "-c", START.format(paths=paths, module=module), *arguments]


#: Root starts it: the user is changed inside, since the kernel exempts root from limits even there.
AS_ROOT = (
    *("--unshare-ipc", "--unshare-pid", "--unshare-net", "--unshare-uts", "--unshare-cgroup-try"),
    *("--cap-drop", "ALL", "--cap-add", "CAP_SETUID", "--cap-add", "CAP_SETGID"),
)
AS_USER = (
    *("--unshare-all", "--unshare-user", "--uid", str(NOBODY), "--gid", str(NOBODY)),
    *("--cap-drop", "ALL"),
)
CHANGE_USER = (
    *("setpriv", f"--reuid={NOBODY}", f"--regid={NOBODY}", "--clear-groups"),
    *("--inh-caps=-all", "--no-new-privs", "--"),
)


def _namespaces(folder: Path, *, as_root: bool) -> list[str]:
    """Return the command that runs what follows it in namespaces of its own."""
    command = ["bwrap", *(AS_ROOT if as_root else AS_USER), "--die-with-parent", "--new-session"]
    for path in ("/etc", "/var", "/var/lib"):  # bubblewrap would create them with 0700
        command += ["--perms", "0755", "--dir", path]
    for path in VISIBLE:
        command += ["--ro-bind-try", path, path]
    for name in LINKS:
        if Path("/", name).is_symlink():
            command += ["--symlink", f"usr/{name}", f"/{name}"]
        else:
            command += ["--ro-bind-try", f"/{name}", f"/{name}"]
    command += ["--proc", "/proc", "--dev", "/dev"]
    command += ["--size", str(WORK_SIZE), "--perms", "1777", "--tmpfs", "/tmp"]  # noqa: S108
    for ours in (PACKAGE, Path(sys.prefix)):
        for parent in reversed(ours.parents[:-1]):
            command += ["--perms", "0755", "--dir", str(parent)]
        command += ["--ro-bind", str(ours), str(ours)]
    command += ["--ro-bind", str(folder), INPUT]
    command += ["--ro-bind", str(folder / ".passwd"), "/etc/passwd"]
    command += ["--size", str(WORK_SIZE), "--perms", "0777", "--tmpfs", WORK]
    command += ["--chdir", WORK, "--"]
    return [*command, *CHANGE_USER] if as_root else command


def _compile() -> None:
    """Compile what runs in the sandbox, which sees it read-only and would compile it each time.

    Where this user may not write there, install.sh has compiled it.
    """
    compileall.compile_dir(PACKAGE, maxlevels=0, quiet=2)
    compileall.compile_dir(PACKAGE / "documents", quiet=2)


def _prepare(folder: Path, *, as_root: bool) -> None:
    """Give the folder to the sandbox's user, whom LibreOffice requires to have a name."""
    (folder / ".passwd").write_text(f"fax:x:{NOBODY}:{NOBODY}::{WORK}:/bin/false\n")
    if as_root:
        for path in (folder, *folder.iterdir()):
            os.chown(path, NOBODY, NOBODY)


@functools.cache
def isolation() -> str:
    """Return how programs are isolated here: `user`, `namespace`, or empty for limits alone."""
    if shutil.which("bwrap") is None:
        return ""
    _compile()
    ways = ["user", "namespace"] if os.geteuid() == 0 else ["namespace"]
    for way in ways:
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            _prepare(folder, as_root=way == "user")
            probe = [
                *_namespaces(folder, as_root=way == "user"),
                *python("spandsp_bridge.documents.sandbox_child", "--probe"),
            ]
            with contextlib.suppress(OSError, subprocess.TimeoutExpired):
                done = subprocess.run(probe, capture_output=True, check=False, timeout=30)
                if done.returncode == 0:
                    return way
    return ""


async def run(
    command: Sequence[str],
    folder: Path,
    seconds: float,
    *,
    memory: int = MEMORY,
    file_size: int = FILE_SIZE,
) -> bytes:
    """Run a program that reads `folder`; return what it wrote to its standard output.

    It may use `memory` octets of address space and write files of `file_size` octets. The path
    of the folder is appended to its arguments; its working directory is empty and temporary.
    Raises TimeoutError; OutputError when it failed or wrote too much; SetupError.
    """
    if shutil.which("prlimit") is None:
        raise SetupError("prlimit is not installed: apt-get install util-linux")
    way = await asyncio.to_thread(isolation)
    # Without a namespace, the limit of processes would count this user's others.
    processes = [f"--nproc={PROCESSES}"] if way else []
    limits = [f"--as={memory}", f"--fsize={file_size}", f"--cpu={max(1, int(seconds))}"]
    limits += ["--core=0", "--nofile=256", *processes]
    inside = ["prlimit", *limits, "--", *command, INPUT if way else str(folder)]
    with tempfile.TemporaryDirectory(prefix="work-", dir=folder.parent) as work:
        home = WORK if way else work
        if way:
            await asyncio.to_thread(_prepare, folder, as_root=way == "user")
            inside = [*_namespaces(folder, as_root=way == "user"), *inside]
        output = folder / ".output"
        with output.open("wb") as out:  # a file: the limit of file sizes is the limit of output
            process = await asyncio.create_subprocess_exec(
                *inside,
                cwd=work,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=out,
                stderr=asyncio.subprocess.DEVNULL,
                env={"PATH": "/usr/bin:/bin", "LANG": "C.UTF-8", "HOME": home, "TMPDIR": home},
                start_new_session=True,
            )
        try:
            status = await asyncio.wait_for(process.wait(), seconds)
        finally:
            if process.returncode is None:
                os.killpg(process.pid, signal.SIGKILL)
                await process.wait()
        if status != 0:
            raise OutputError(f"it ended with status {status}")
        return await asyncio.to_thread(output.read_bytes)
