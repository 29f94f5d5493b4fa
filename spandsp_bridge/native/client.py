"""The bridge's side of its engine processes: sessions, their events, and crashes."""

import asyncio
import contextlib
import itertools
import json
import socket
import sys
from collections.abc import AsyncIterator
from dataclasses import asdict
from typing import Any

import structlog

from spandsp_bridge.errors import EngineError
from spandsp_bridge.model import (
    Cause,
    Finished,
    MediaPeer,
    Negotiated,
    PageDone,
    SessionEvent,
    SessionOptions,
    SessionStats,
    Trace,
)
from spandsp_bridge.native.process import MAX_PACKET

log = structlog.get_logger(__name__)

OPEN_TIMEOUT = 2.0  #: seconds for an engine process to answer `open`
RESTART_DELAY = 0.5  #: seconds before a dead engine process is replaced
NO_T30_CODE = -1  #: the session's own end was never seen


class NativeSession:
    """One T.38 session in an engine process."""

    def __init__(self, process: "_Process", call: int, audio_port: int, t38_port: int) -> None:
        self._process = process
        self._call = call
        self.audio_port = audio_port
        self.t38_port = t38_port
        self._queue: asyncio.Queue[SessionEvent] = asyncio.Queue()

    def start(self, peer: MediaPeer) -> None:
        """Begin T.30 with the peer; later calls only move the peer's address."""
        self._process.send(command="start", call=self._call, peer=asdict(peer))

    def page_verdict(self, *, durable: bool) -> None:
        """Let the MCF of a received page leave, or end the session without it."""
        self._process.send(command="verdict", call=self._call, durable=durable)

    def terminate(self) -> None:
        """End T.30 now; `Finished` follows."""
        self._process.send(command="terminate", call=self._call)

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
        """Hand an event to whoever reads `events`."""
        self._queue.put_nowait(event)


def _event(message: dict[str, Any]) -> SessionEvent:
    seconds = message["seconds"]
    if message["event"] == "trace":
        return Trace(message["text"], seconds)
    stats = SessionStats(**message["stats"])
    match message["event"]:
        case "negotiated":
            return Negotiated(stats, seconds)
        case "page":
            return PageDone(stats.pages, stats, seconds, last=message["last"])
        case _:
            return Finished(
                message["t30_code"], message["t30_text"], Cause(message["cause"]), stats, seconds
            )


class _Process:
    """One engine process. When it dies, its sessions finish with `Cause.ENGINE_LOST`."""

    def __init__(self) -> None:
        self._sock: socket.socket | None = None
        self._child: asyncio.subprocess.Process | None = None
        self._opening: dict[int, asyncio.Future[tuple[int, int]]] = {}
        self._sessions: dict[int, NativeSession] = {}
        self._unsent: list[bytes] = []

    @property
    def load(self) -> int:
        """Number of sessions."""
        return len(self._sessions) + len(self._opening)

    @property
    def alive(self) -> bool:
        """True while commands can be sent."""
        return self._sock is not None

    @property
    def pid(self) -> int | None:
        """The process id, for operators and for tests that kill it."""
        return self._child.pid if self._child else None

    async def start(self) -> None:
        ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        ours.setblocking(False)
        self._child = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "spandsp_bridge.native.process", stdin=theirs.fileno()
        )
        theirs.close()
        self._sock = ours
        asyncio.get_running_loop().add_reader(ours, self._readable)

    async def wait(self) -> int:
        assert self._child is not None
        return await self._child.wait()

    async def stop(self) -> None:
        """Close the socket, which ends the process, and wait for it."""
        self._lose()
        if self._child is not None and self._child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                try:
                    await asyncio.wait_for(self._child.wait(), 3)
                except TimeoutError:
                    self._child.kill()
                    await self._child.wait()

    async def open(self, call: int, options: dict[str, Any]) -> NativeSession:
        future: asyncio.Future[tuple[int, int]] = asyncio.get_running_loop().create_future()
        self._opening[call] = future
        try:
            self.send(command="open", call=call, options=options)
            audio_port, t38_port = await asyncio.wait_for(future, OPEN_TIMEOUT)
        except TimeoutError as error:
            self.send(command="close", call=call)
            raise EngineError("the fax engine did not answer; see the bridge's log") from error
        finally:
            self._opening.pop(call, None)
        session = NativeSession(self, call, audio_port, t38_port)
        self._sessions[call] = session
        return session

    def forget(self, call: int) -> None:
        if self._sessions.pop(call, None) is not None:
            self.send(command="close", call=call)

    def send(self, **command: Any) -> None:
        """Send a command; to a dead process it is void, its sessions are over."""
        if self._sock is None:
            return
        self._unsent.append(json.dumps(command).encode())
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
                self._lose()
                return
            self._unsent.pop(0)
        loop.remove_writer(sock)

    def _readable(self) -> None:
        while self._sock is not None:
            try:
                packet = self._sock.recv(MAX_PACKET)
            except BlockingIOError:
                return
            except OSError:
                packet = b""
            if not packet:
                self._lose()
                return
            self._dispatch(json.loads(packet))

    def _dispatch(self, message: dict[str, Any]) -> None:
        call = message["call"]
        future = self._opening.get(call)
        match message["event"]:
            case "opened" if future is not None and not future.done():
                future.set_result((message["audio_port"], message["t38_port"]))
            case "refused" if future is not None and not future.done():
                future.set_exception(
                    EngineError(
                        f"{message['reason']}; widen VFAX_MEDIA_PORTS or wait for calls to end"
                    )
                )
            case "opened" | "refused":
                pass
            case _ if call in self._sessions:
                self._sessions[call].put(_event(message))

    def _lose(self) -> None:
        """Close the socket and end every session that lived behind it."""
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


class EngineClient:
    """A few engine processes; new sessions go to the least loaded one that lives.

    Use as an async context manager. A process that dies is replaced after
    `RESTART_DELAY`; its sessions end, and nothing else does.
    """

    def __init__(self, processes: int, media_address: str, media_ports: tuple[int, int]) -> None:
        self._processes = [_Process() for _ in range(processes)]
        self._address = media_address
        self._ports = media_ports
        self._numbers = itertools.count(1)
        self._keepers: list[asyncio.Task[None]] = []
        self._stopping = False

    async def __aenter__(self) -> "EngineClient":
        for process in self._processes:
            await process.start()
            self._keepers.append(asyncio.create_task(self._keep(process)))
        return self

    async def __aexit__(self, *_: object) -> None:
        self._stopping = True
        for keeper in self._keepers:
            keeper.cancel()
        for process in self._processes:
            await process.stop()

    @property
    def pids(self) -> list[int]:
        """Process ids of the engine processes."""
        return [process.pid for process in self._processes if process.pid is not None]

    async def _keep(self, process: _Process) -> None:
        while True:
            code = await process.wait()
            if self._stopping:
                return
            process._lose()
            log.error("engine process ended; its calls are lost, others go on", exit_code=code)
            await asyncio.sleep(RESTART_DELAY)
            await process.start()

    async def open(self, options: SessionOptions) -> NativeSession:
        """Reserve a session and its ports. Raises EngineError when none can be had."""
        alive = [process for process in self._processes if process.alive]
        if not alive:
            raise EngineError("no fax engine process is running; see the bridge's log")
        process = min(alive, key=lambda p: p.load)
        fields = asdict(options)
        fields["file"] = str(options.file)
        fields["bind_address"] = self._address
        fields["first_port"], fields["last_port"] = self._ports
        return await process.open(next(self._numbers), fields)
