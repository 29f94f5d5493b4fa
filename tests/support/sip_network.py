"""Two user agents over an in-memory network: unreliable, with a clock that only tests move."""

import asyncio
import heapq
import itertools
import math
import random
from collections.abc import Awaitable, Callable
from typing import TypeVar

from spandsp_bridge.sip.address import NameAddr, Uri
from spandsp_bridge.sip.call import Refusal
from spandsp_bridge.sip.message import Request, Response, parse
from spandsp_bridge.sip.timers import Timers
from spandsp_bridge.sip.uac import OutgoingCall
from spandsp_bridge.sip.uas import IncomingCall
from spandsp_bridge.sip.user_agent import UserAgent

ALICE, BOB = ("192.0.2.1", 5060), ("192.0.2.2", 5060)
OFFER, ANSWER, IMAGE = b"v=0\r\ns=offer\r\n", b"v=0\r\ns=answer\r\n", b"v=0\r\ns=image\r\n"

T = TypeVar("T")


class Net:
    """Carries datagrams with a delay; may lose, reorder and duplicate them; keeps what was sent.

    `loss` and `duplication` are probabilities; `jitter` is the longest further delay in seconds.
    `paced`: the clock moves by a quarter of a second at most while 2 ms pass, for owners
    of calls that work in threads.
    """

    def __init__(
        self,
        loss: float = 0.0,
        seed: int = 1,
        delay: float = 0.01,
        *,
        jitter: float = 0.0,
        duplication: float = 0.0,
        paced: bool = False,
    ) -> None:
        self.now = 0.0
        self.sent: list[tuple[float, str, Request | Response]] = []
        self.drop: Callable[[Request | Response], bool] = lambda _: False
        self.received: list[tuple[float, str, Request | Response]] = []
        self._loss = loss
        self._jitter = jitter
        self._duplication = duplication
        self._paced = paced
        self._delay = delay
        self._dice = random.Random(seed)
        self._queue: list[tuple[float, int, bytes, tuple[str, int], tuple[str, int]]] = []
        self._number = itertools.count()
        self._agents: dict[tuple[str, int], UserAgent] = {}
        self._timers: list[Timers] = []

    def agent(
        self,
        local: tuple[str, int],
        peer: tuple[str, int],
        on_call: Callable[[IncomingCall], None] | None = None,
    ) -> UserAgent:
        timers = Timers(lambda: self.now)

        def send(data: bytes, to: tuple[str, int]) -> None:
            message = parse(data)
            self.sent.append((self.now, local[0], message))
            if self._dice.random() < self._loss or self.drop(message):
                return
            for _ in range(1 + (self._dice.random() < self._duplication)):
                arrival = self.now + self._delay + self._jitter * self._dice.random()
                heapq.heappush(self._queue, (arrival, next(self._number), data, local, to))

        agent = UserAgent(
            local=local, outbound_proxy=peer, send=send, timers=timers, on_call=on_call
        )
        self._agents[local] = agent
        self._timers.append(timers)
        return agent

    def inject(self, data: bytes, source: tuple[str, int], to: tuple[str, int]) -> None:
        self._agents[to].receive(data, source)

    async def step(self, until: float = math.inf) -> bool:
        """Let tasks run, then move the clock to what is due next; False when nothing is."""
        for _ in range(20):
            await asyncio.sleep(0)
        if self._paced:
            await asyncio.sleep(0.002)
        deadlines = [d for t in self._timers if (d := t.next_deadline()) is not None]
        if self._queue:
            deadlines.append(self._queue[0][0])
        if not deadlines:
            return False
        target = max(self.now, min(deadlines))
        if target > until:
            return False
        self.now = min(target, self.now + 0.25) if self._paced else target
        while self._queue and self._queue[0][0] <= self.now:
            _, _, data, source, to = heapq.heappop(self._queue)
            self.received.append((self.now, to[0], parse(data, source)))
            self._agents[to].receive(data, source)
        for timers in self._timers:
            timers.advance()
        return True

    async def run(self, awaitable: Awaitable[T], limit: float = 400.0) -> T:
        """Move the clock until something is done; an exception of it is raised."""
        task = asyncio.ensure_future(awaitable)
        until = self.now + limit
        while not task.done() and self.now < until:
            if not await self.step():
                # Nothing is due. What works in a thread gets a moment of real time.
                await asyncio.wait([task], timeout=2 if self._paced else 0)
                break
        if not task.done():
            task.cancel()
            raise AssertionError(f"nothing more happens at {self.now:.1f} s")
        return task.result()

    async def settle(self, seconds: float) -> None:
        """Move the clock by some seconds."""
        until = self.now + seconds
        while self.now < until and await self.step(until):
            pass
        self.now = max(self.now, until)

    def methods(self, host: str) -> list[str]:
        """Return what an agent sent: methods of requests, statuses of responses."""
        return [
            m.method if isinstance(m, Request) else str(m.status)
            for _, h, m in self.sent
            if h == host
        ]


class Handler:
    """A call's owner that records what it is called with."""

    def __init__(self, answer: bytes | Refusal = IMAGE) -> None:
        self.answer = answer
        self.offers: list[bytes] = []
        self.ended: list[tuple[bool, str]] = []

    def on_offer(self, sdp: bytes) -> bytes | Refusal:
        self.offers.append(sdp)
        return self.answer

    def on_ended(self, by_peer: bool, reason: str) -> None:
        self.ended.append((by_peer, reason))


def dial(agent: UserAgent, handler: Handler) -> OutgoingCall:
    return agent.invite(
        to=Uri("bob", BOB[0]),
        from_=NameAddr(Uri("alice", ALICE[0])),
        sdp=OFFER,
        headers={"X-Vfax-Fax": "7"},
        handler=handler,
    )
