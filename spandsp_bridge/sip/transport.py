"""The user agent's socket: UDP on asyncio, one address, known peers only."""

import asyncio
import socket
from collections.abc import Callable, Collection
from typing import cast

import structlog

from spandsp_bridge.errors import SetupError
from spandsp_bridge.sip.timers import Timers
from spandsp_bridge.sip.transaction import Address

log = structlog.get_logger(__name__)

RECEIVE_BUFFER = 4 * 1024 * 1024  #: octets; a burst of INVITEs has to fit


class LoopTimers(Timers):
    """Timers driven by the event loop: one loop timer, armed for the next deadline."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._handle: asyncio.TimerHandle | None = None
        self._due = 0.0  # uvloop's handles do not always know their time
        super().__init__(self._loop.time, self._arm)

    def _arm(self, deadline: float) -> None:
        if self._handle is not None and self._due <= deadline:
            return
        if self._handle is not None:
            self._handle.cancel()
        self._due = deadline
        self._handle = self._loop.call_at(deadline, self._fire)

    def _fire(self) -> None:
        self._handle = None
        try:
            self.advance()
        except Exception:
            log.exception("SIP timer failed")
        if (deadline := self.next_deadline()) is not None:
            self._arm(deadline)


class UdpTransport(asyncio.DatagramProtocol):
    """A bound UDP socket. Datagrams from unknown addresses are dropped without an answer."""

    def __init__(self, peers: Collection[str] | None) -> None:
        self._peers = peers  #: addresses that may send to us; None: any
        self._receive: Callable[[bytes, Address], None] | None = None
        self._transport: asyncio.DatagramTransport | None = None
        self._dropped = 0

    @classmethod
    async def bind(cls, local: Address, peers: Collection[str] | None) -> "UdpTransport":
        """Open the socket. Raises SetupError when the address cannot be bound."""
        loop = asyncio.get_running_loop()
        family = socket.AF_INET6 if ":" in local[0] else socket.AF_INET
        sock = socket.socket(family, socket.SOCK_DGRAM)
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, RECEIVE_BUFFER)
        try:
            sock.bind(local)
        except OSError as error:
            sock.close()
            raise SetupError(
                "SIP address {address}:{port} cannot be used: {error}; change VFAX_SIP_LISTEN or "
                "stop the program that holds it",
                address=local[0],
                port=local[1],
                error=error.strerror,
            ) from error
        _, transport = await loop.create_datagram_endpoint(lambda: cls(peers), sock=sock)
        return transport

    @property
    def port(self) -> int:
        """The bound port; of use where port 0 was asked for."""
        assert self._transport is not None
        return int(self._transport.get_extra_info("sockname")[1])

    def serve(self, receive: Callable[[bytes, Address], None]) -> None:
        """Pass datagrams to `receive` from now on."""
        self._receive = receive

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the asyncio transport."""
        # uvloop's transport has the methods, but not the base class.
        self._transport = cast("asyncio.DatagramTransport", transport)

    def datagram_received(self, data: bytes, addr: Address) -> None:
        """Pass one datagram on; an error in its handling costs that message alone."""
        if self._peers is not None and addr[0] not in self._peers:
            self._dropped += 1
            if self._dropped & (self._dropped - 1) == 0:  # 1, 2, 4, 8...: a flood is not logged
                log.warning(
                    "SIP datagrams from unknown address dropped",
                    source=addr[0],
                    dropped=self._dropped,
                )
            return
        if self._receive is not None:
            try:
                self._receive(data, (addr[0], addr[1]))
            except Exception:
                log.exception("SIP message handling failed", source=addr[0])

    def error_received(self, exc: Exception) -> None:
        """Log an ICMP error; the transaction's timer ends the request (RFC 3261 §17.1.4)."""
        log.debug("ICMP error", error=str(exc))

    def send(self, data: bytes, address: Address) -> None:
        """Send one datagram."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.sendto(data, address)

    def close(self) -> None:
        """Close the socket."""
        if self._transport is not None:
            self._transport.close()
