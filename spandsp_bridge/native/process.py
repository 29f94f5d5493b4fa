"""The parent of the engine processes: it is forked from again and again, and does nothing else.

Started by `client.EngineClient` with one end of a SOCK_SEQPACKET pair as its standard
input. For each descriptor that comes over it, it forks an engine process that serves it, and
answers ``{"spawned": pid}``; when one ends it says ``{"ended": pid, "status": status}``. A fork
costs a millisecond and shares all memory with its parent, so that there can be many: a crash
takes the calls of its own process and no others.
"""

import array
import gc
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Callable

from spandsp_bridge.native._engine import lib

MAX_PACKET = 4096

Serve = Callable[[int], int]  #: `vfx_serve` of a build of the engine: serves a descriptor


def _fork(descriptor: int, control: socket.socket, serve: Serve) -> int:
    pid = os.fork()
    if pid == 0:
        status = 1
        try:
            control.close()
            os.close(0)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            # The parent decides when calls end; a signal to the group reaches the bridge.
            signal.signal(signal.SIGTERM, signal.SIG_IGN)
            status = 0 if serve(descriptor) == 0 else 1
        finally:
            os._exit(status)
    os.close(descriptor)
    return pid


def _reap(control: socket.socket) -> None:
    while True:
        try:
            pid, status = os.waitpid(-1, os.WNOHANG)
        except ChildProcessError:
            return
        if pid == 0:
            return
        control.send(json.dumps({"ended": pid, "status": status}).encode())


def _serve(control: socket.socket, serve: Serve) -> None:
    ended, wake = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
    signal.set_wakeup_fd(wake, warn_on_full_buffer=False)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    poll = select.poll()
    poll.register(control, select.POLLIN)
    poll.register(ended, select.POLLIN)
    while True:
        for descriptor, _ in poll.poll():
            if descriptor == ended:
                os.read(ended, 4096)
                _reap(control)
                continue
            packet, ancillary, _, _ = control.recvmsg(16, socket.CMSG_SPACE(4))
            if not packet:
                return
            for _, _, data in ancillary:
                [passed] = array.array("i", data[:4])
                pid = _fork(passed, control, serve)
                control.send(json.dumps({"spawned": pid}).encode())


def main(serve: Serve = lib.vfx_serve) -> None:
    """Fork on demand until the standard input closes; engine processes live on until theirs do."""
    # A Ctrl-C at the terminal reaches the bridge, which ends its calls in order.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    control = socket.socket(fileno=os.dup(sys.stdin.fileno()))
    gc.collect()
    gc.freeze()  # what the forks share stays shared
    try:
        _serve(control, serve)
    except (BrokenPipeError, ConnectionResetError):
        return


if __name__ == "__main__":
    main()
