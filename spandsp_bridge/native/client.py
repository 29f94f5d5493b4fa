"""Engine processes as the bridge uses them: sessions that survive each other's crashes."""

import asyncio
import contextlib
import errno
import itertools
import json
import os
import socket
import sys
from array import array
from collections import deque
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

import structlog

from spandsp_bridge.errors import EngineError
from spandsp_bridge.model import (
    Cause,
    Finished,
    Media,
    MediaPeer,
    SessionEvent,
    SessionOptions,
    SessionStats,
)
from spandsp_bridge.native import binding

log = structlog.get_logger(__name__)

OPEN_TIMEOUT = 2.0  #: seconds for an engine process to answer `open`
SPAWN_TIMEOUT = 10.0  #: seconds for the parent process to import and fork
RESTART_DELAY = 0.5  #: seconds before a dead engine process is replaced
NO_T30_CODE = -1  #: the session's own end was never seen


@dataclass(frozen=True, slots=True)
class EngineBuild:
    """What engine processes are forked from, and the clock that it was built with.

    There is one build in production, and its clock is the host's (`native/clock.h`). Tests
    inject another one, whose sources they compile with a faster clock, and with it the
    factor for all Python timers that belong to a fax: `Engine.time_scale`.
    """

    command: tuple[str, ...] = (sys.executable, "-m", "spandsp_bridge.native.process")
    time_scale: float = 1.0  #: seconds of a fax that go by in a second


PRODUCTION = EngineBuild()


class NativeSession:
    """One fax session in an engine process."""

    def __init__(self, process: "_Process", call: int, audio_port: int, t38_port: int) -> None:
        self._process = process
        self._call = call
        self.audio_port = audio_port
        self.t38_port = t38_port
        self._queue: asyncio.Queue[SessionEvent] = asyncio.Queue()

    def start(self, media: Media, peer: MediaPeer) -> None:
        """Begin media with the peer; the same media again only moves the peer's address."""
        self._process.send(binding.start(self._call, media, peer))

    def page_verdict(self, *, durable: bool) -> None:
        """Let the MCF of a received page leave, or end the session without it."""
        self._process.send(binding.page_verdict(self._call, durable=durable))

    def terminate(self) -> None:
        """End T.30 now; `Finished` follows."""
        self._process.send(binding.terminate(self._call))

    def close(self) -> None:
        """Free the session and its ports."""
        self._process.forget(self._call)

    async def events(self) -> AsyncIterator[SessionEvent]:
        """Yield events up to and including `Finished`."""
        while True:
            event = await self._queue.get()
            yield event
            if isinstance(event, Finished):
                return

    def put(self, event: SessionEvent) -> None:
        """Hand an event to the reader of `events`."""
        self._queue.put_nowait(event)


class _Process:
    """One engine process. When it dies, its sessions finish with `Cause.ENGINE_LOST`."""

    def __init__(self, on_lost: Callable[["_Process"], None]) -> None:
        self.pid = 0
        self._on_lost = on_lost
        self._sock: socket.socket | None = None
        self._opening: dict[int, asyncio.Future[tuple[int, int]]] = {}
        self._sessions: dict[int, NativeSession] = {}
        self._unsent: deque[bytes] = deque()

    @property
    def load(self) -> int:
        """Number of sessions."""
        return len(self._sessions) + len(self._opening)

    @property
    def alive(self) -> bool:
        """True while commands can be sent."""
        return self._sock is not None

    def attach(self, sock: socket.socket, pid: int) -> None:
        """Speak with a fresh process over its socket."""
        self._sock, self.pid = sock, pid
        asyncio.get_running_loop().add_reader(sock, self._readable)

    async def open(self, call: int, command: bytes) -> NativeSession:
        future: asyncio.Future[tuple[int, int]] = asyncio.get_running_loop().create_future()
        self._opening[call] = future
        try:
            self.send(command)
            audio_port, t38_port = await asyncio.wait_for(future, OPEN_TIMEOUT)
        except TimeoutError as error:
            self.send(binding.close(call))
            raise EngineError("the fax engine did not answer; see the bridge's log") from error
        finally:
            self._opening.pop(call, None)
        session = NativeSession(self, call, audio_port, t38_port)
        self._sessions[call] = session
        return session

    def forget(self, call: int) -> None:
        if self._sessions.pop(call, None) is not None:
            self.send(binding.close(call))

    def send(self, command: bytes) -> None:
        """Send a command; to a dead process it is void, its sessions are over."""
        if self._sock is None:
            return
        self._unsent.append(command)
        if len(self._unsent) == 1:
            self._flush()

    def _flush(self) -> None:
        sock = self._sock
        if sock is None:
            return
        loop = asyncio.get_running_loop()
        while self._unsent:
            try:
                sock.send(self._unsent[0])
            except BlockingIOError:
                loop.add_writer(sock, self._flush)
                return
            except OSError:
                self.lose()
                return
            self._unsent.popleft()
        loop.remove_writer(sock)

    def _readable(self) -> None:
        while self._sock is not None:
            try:
                packet = self._sock.recv(binding.MAX_PACKET)
            except BlockingIOError:
                return
            except OSError:
                packet = b""
            if not packet:
                self.lose()
                return
            self._dispatch(*binding.read_event(packet))

    def _dispatch(self, call: int, event: SessionEvent | binding.Opened | binding.Refused) -> None:
        if isinstance(event, binding.Opened | binding.Refused):
            future = self._opening.get(call)
            if future is None or future.done():
                return
            if isinstance(event, binding.Opened):
                future.set_result(event)
            else:
                future.set_exception(_refusal(event))
        elif call in self._sessions:
            self._sessions[call].put(event)

    def lose(self) -> None:
        """Close the socket, which ends the process, and end every session behind it."""
        sock, self._sock = self._sock, None
        if sock is None:
            return
        loop = asyncio.get_running_loop()
        loop.remove_reader(sock)
        loop.remove_writer(sock)
        sock.close()
        self._unsent.clear()
        for future in self._opening.values():
            if not future.done():
                future.set_exception(EngineError("the fax engine process ended"))
        sessions = list(self._sessions.values())
        self._sessions.clear()
        for session in sessions:
            session.put(
                Finished(NO_T30_CODE, "the engine process ended", Cause.ENGINE_LOST, SessionStats())
            )
        self._on_lost(self)


def _refusal(code: int) -> EngineError:
    if code == errno.EADDRINUSE:
        return EngineError("no free media port; widen VFAX_MEDIA_PORTS or wait for calls to end")
    return EngineError(
        "no media sockets: {error}; check VFAX_MEDIA_ADDRESS and the host's limits",
        error=os.strerror(code),
    )


class _Parent:
    """The process that engine processes are forked from; started anew when it is gone."""

    def __init__(self, command: tuple[str, ...]) -> None:
        self._command = command
        self._sock: socket.socket | None = None
        self._child: asyncio.subprocess.Process | None = None
        self._spawned: asyncio.Future[int] | None = None
        self._lock = asyncio.Lock()

    async def spawn(self) -> tuple[socket.socket, int]:
        """Return the socket and process id of a fresh engine process. Raises EngineError."""
        async with self._lock:
            if self._sock is None:
                await self._start()
            ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
            ours.setblocking(False)
            self._spawned = asyncio.get_running_loop().create_future()
            try:
                assert self._sock is not None
                rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array("i", [theirs.fileno()]))]
                self._sock.sendmsg([b"spawn"], rights)
                pid = await asyncio.wait_for(self._spawned, SPAWN_TIMEOUT)
            except (OSError, EngineError) as error:  # TimeoutError is an OSError
                ours.close()
                await self.stop()
                raise EngineError("no engine process could be started") from error
            finally:
                theirs.close()
            return ours, pid

    async def _start(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        self._child = await asyncio.create_subprocess_exec(*self._command, stdin=theirs.fileno())
        theirs.close()
        self._sock = ours
        asyncio.get_running_loop().add_reader(ours, self._readable)

    def _readable(self) -> None:
        assert self._sock is not None
        try:
            packet = self._sock.recv(4096)
        except BlockingIOError:
            return
        except OSError:
            packet = b""
        if not packet:
            self._close()
            return
        message = json.loads(packet)
        if "spawned" in message:
            if self._spawned is not None and not self._spawned.done():
                self._spawned.set_result(message["spawned"])
        elif message["status"] != 0:
            code = os.waitstatus_to_exitcode(message["status"])
            log.error(
                "an engine process ended; its calls are lost, others go on",
                pid=message["ended"],
                exit_code=code,
            )

    def _close(self) -> None:
        sock, self._sock = self._sock, None
        if sock is None:
            return
        asyncio.get_running_loop().remove_reader(sock)
        sock.close()
        if self._spawned is not None and not self._spawned.done():
            self._spawned.set_exception(EngineError("the parent of the engine processes ended"))

    async def stop(self) -> None:
        """Close the socket, which ends the process, and wait for it."""
        self._close()
        child, self._child = self._child, None
        if child is None or child.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            try:
                await asyncio.wait_for(child.wait(), 3)
            except TimeoutError:
                child.kill()
                await child.wait()


class EngineClient:
    """Engine processes; new sessions go to the least loaded one that lives.

    Use as an async context manager. A process that dies is replaced after
    `RESTART_DELAY`; its sessions end, and nothing else does.
    """

    def __init__(
        self,
        processes: int,
        media_address: str,
        media_ports: tuple[int, int],
        build: EngineBuild = PRODUCTION,
    ) -> None:
        self.time_scale = build.time_scale
        self._processes = [_Process(self._lost) for _ in range(processes)]
        self._parent = _Parent(build.command)
        self._address = media_address
        self._ports = media_ports
        self._numbers = itertools.count(1)
        self._replacing: set[asyncio.Task[None]] = set()
        self._stopping = False

    async def __aenter__(self) -> "EngineClient":
        binding.check_spandsp()
        for process in self._processes:
            process.attach(*await self._parent.spawn())
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stopping = True
        for task in self._replacing:
            task.cancel()
        for process in self._processes:
            process.lose()
        await self._parent.stop()

    @property
    def pids(self) -> list[int]:
        """Process ids of the engine processes."""
        return [process.pid for process in self._processes if process.alive]

    def _lost(self, process: _Process) -> None:
        if self._stopping:
            return
        task = asyncio.create_task(self._replace(process))
        self._replacing.add(task)
        task.add_done_callback(self._replacing.discard)

    async def _replace(self, process: _Process) -> None:
        while True:
            await asyncio.sleep(RESTART_DELAY)
            try:
                process.attach(*await self._parent.spawn())
            except EngineError as error:
                log.warning("trying again to start an engine process", error=str(error))
            else:
                return

    async def open(self, options: SessionOptions) -> NativeSession:
        """Reserve a session and its ports. Raises EngineError when none can be had."""
        alive = [process for process in self._processes if process.alive]
        if not alive:
            raise EngineError("no fax engine process is running; see the bridge's log")
        process = min(alive, key=lambda p: p.load)
        call = next(self._numbers)
        try:
            command = binding.open_call(call, options, self._address, self._ports)
        except ValueError as error:
            raise EngineError("the fax engine refused the call: {error}", error=error) from error
        return await process.open(call, command)
