"""The sandbox: what runs in it sees little, has no network, and is limited."""

import shutil
import sys
import time
from pathlib import Path

import pytest

from spandsp_bridge.documents import sandbox

PYTHON = [sys.executable, "-I", "-c"]


async def run(tmp_path: Path, program: str, seconds: float = 20) -> str:
    folder = tmp_path / "given"
    folder.mkdir(exist_ok=True)
    (folder / "file").write_text("what was given")
    return (await sandbox.run([*PYTHON, program], folder, seconds)).decode().strip()


@pytest.fixture(autouse=True)
def namespaces() -> None:
    assert sandbox.isolation(), "no namespaces on this machine"


async def test_what_is_given_can_be_read_and_not_written(tmp_path: Path) -> None:
    said = await run(
        tmp_path,
        """
import sys, pathlib
given = pathlib.Path(sys.argv[-1])
print((given / "file").read_text())
for place in (given / "file", pathlib.Path("/usr/new"), pathlib.Path("/etc/passwd")):
    try:
        place.write_text("x")
        print("wrote", place)
    except OSError:
        pass
pathlib.Path("own").write_text("x")
""",
    )
    assert said == "what was given"


async def test_nothing_of_the_host_is_there(tmp_path: Path) -> None:
    said = await run(
        tmp_path,
        """
import os
print(sorted(os.listdir("/")))
print(os.getuid(), open("/etc/passwd").read().count("root"), os.path.exists("/etc/shadow"))
print(len([p for p in os.listdir("/proc") if p.isdigit()]))
""",
    )
    folders, users, processes = said.splitlines()
    assert "home" not in folders
    assert "root" not in folders
    assert users == f"{sandbox.NOBODY} 0 False"
    assert int(processes) < 6


async def test_there_is_no_network(tmp_path: Path) -> None:
    said = await run(
        tmp_path,
        """
import socket
for address in (("127.0.0.1", 27070), ("192.0.2.1", 80)):
    try:
        socket.create_connection(address, timeout=2)
        print("reached", address)
    except OSError as error:
        print(type(error).__name__)
print([name for _, name in socket.if_nameindex()])
""",
    )
    *failed, interfaces = said.splitlines()
    assert not any(line.startswith("reached") for line in failed)
    assert interfaces == "['lo']"


async def test_processes_are_bounded(tmp_path: Path) -> None:
    said = await run(
        tmp_path,
        """
import os, time
made = 0
try:
    for _ in range(2000):
        if os.fork() == 0:
            time.sleep(5); os._exit(0)
        made += 1
except OSError:
    pass
print(made)
""",
    )
    assert 0 < int(said) <= sandbox.PROCESSES


async def test_memory_files_and_output_are_bounded(tmp_path: Path) -> None:
    said = await run(
        tmp_path,
        """
try:
    bytearray(8 * 2**30)
    print("had 8 GiB")
except MemoryError:
    print("no")
try:
    with open("big", "wb") as file:
        for _ in range(4096):
            file.write(bytes(2**20))
    print("wrote 4 GiB")
except OSError:
    print("no")
""",
        60,
    )
    assert said == "no\nno"
    with pytest.raises(sandbox.OutputError):
        await run(tmp_path, "import os\nwhile True: os.write(1, bytes(2**20))", 60)


async def test_time_is_bounded_and_nothing_is_left(tmp_path: Path) -> None:
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        await run(tmp_path, "import os, time\nos.fork()\ntime.sleep(60)", 1)
    assert time.monotonic() - began < 5
    assert [p.name for p in tmp_path.iterdir()] == ["given"]


async def test_a_crash_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(sandbox.OutputError):
        await run(tmp_path, "import os\nos.kill(os.getpid(), 11)")


async def test_without_bubblewrap_the_limits_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sandbox, "isolation", lambda: "")
    assert shutil.which("prlimit")
    said = await run(tmp_path, "import sys\nprint(open(sys.argv[-1] + '/file').read())")
    assert said == "what was given"
    with pytest.raises(sandbox.OutputError):
        await run(tmp_path, "bytearray(8 * 2**30)")
