"""Compute in a process of its own, with limits that interrupt C code too.

A signal handler of Python runs between two instructions of Python: `9**(9**8)` is one. The kernel
ends this process at its limits of processor time and memory, and its parent at the wall clock's.
"""

import multiprocessing
import resource
import signal
from collections.abc import Callable
from multiprocessing.connection import Connection

MAX_RESULT = 64 * 2**20


class LimitError(Exception):
    """The process took too long (`time`), or too much memory; a crash of it counts as memory."""

    def __init__(self, *, time: bool) -> None:
        limit = "time" if time else "memory"
        super().__init__(limit)
        self.time = time


class ComputationError(Exception):
    """What was computed raised an exception; this is its text."""


def limited(compute: Callable[[], bytes], seconds: int, memory: int) -> bytes:
    """Return what `compute` returns; it may take `seconds` and `memory` octets of address space.

    Raises LimitError and ComputationError. For processes without threads: this forks.
    """
    fork = multiprocessing.get_context("fork")
    ours, theirs = fork.Pipe(duplex=False)
    process = fork.Process(target=_run, args=(compute, theirs, seconds, memory), daemon=True)
    process.start()
    theirs.close()
    try:
        if not ours.poll(seconds):
            raise LimitError(time=True)
        answer = ours.recv_bytes(MAX_RESULT)
    except (EOFError, OSError) as error:
        process.join()
        raise LimitError(time=process.exitcode == -signal.SIGXCPU) from error
    finally:
        process.kill()
        process.join()
        ours.close()
    if answer[:1] != b"+":
        raise ComputationError(answer[1:].decode(errors="replace"))
    return answer[1:]


def _run(compute: Callable[[], bytes], answer: Connection, seconds: int, memory: int) -> None:
    resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds + 1))  # SIGXCPU, SIGKILL
    resource.setrlimit(resource.RLIMIT_AS, (memory, memory))
    try:
        result = b"+" + compute()
    except (MemoryError, RecursionError):
        return
    except Exception as error:  # what is hostile raises what it likes
        result = b"-" + (str(error) or type(error).__name__)[:500].encode(errors="replace")
    answer.send_bytes(result)
