"""Our Kamailio as tests look at it from outside."""

from pathlib import Path

from spandsp_bridge.demo.stack import Stack

STRANGER = "127.0.0.99"  #: an address that no provider, carrier or bridge has


def pids(stack: Stack) -> list[int]:
    """Return every process of our Kamailio."""
    found = (p for p in Path("/proc").iterdir() if p.name.isdigit() and _is_child(p, stack))
    return sorted(int(p.name) for p in found)


def _is_child(process: Path, stack: Stack) -> bool:
    """Tell whether a process belongs to our Kamailio."""
    try:
        command = (process / "cmdline").read_bytes()
    except OSError:
        return False
    return f"{stack.var}/run/kamailio.cfg".encode() in command
