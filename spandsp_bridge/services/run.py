"""`vfax serve`: run one service, or all of them in one process, until a signal.

A service is imported when it is run: the portal alone takes a second to import, and every
`vfax` command would pay for it.
"""

# ruff: noqa: PLC0415

import asyncio
import contextlib
import ctypes
import signal
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

import structlog

from spandsp_bridge.errors import UserError
from spandsp_bridge.settings import Settings

if TYPE_CHECKING:
    from spandsp_bridge.native.client import EngineBuild

log = structlog.get_logger(__name__)

#: mallopt(3): two heaps for all threads, and large blocks apart from them. Each thread of a pool
#: has a heap of its own otherwise, which keeps what the largest document of its life needed.
MALLOC = {"M_ARENA_MAX": (-8, 2), "M_MMAP_THRESHOLD": (-3, 128 << 10)}


async def serve_node(
    settings: Settings, *, receives: bool, sends: bool, build: "EngineBuild | None" = None
) -> None:
    """Receive calls, send the queue, or both with one user agent and one engine."""
    from spandsp_bridge.services import worker
    from spandsp_bridge.services.bridge import Bridge
    from spandsp_bridge.services.node import open_node, register
    from spandsp_bridge.sip.transport import LoopTimers
    from spandsp_bridge.sip.user_agent import UserAgent

    async with open_node(settings, build) as node:
        bridge = Bridge(node) if receives else None
        agent = UserAgent(
            local=node.local,
            outbound_proxy=node.proxy,
            send=node.transport.send,
            timers=LoopTimers(),
            on_call=bridge.receiver.take if bridge else None,
        )
        node.transport.serve(agent.receive)
        tasks = bridge.tasks() if bridge else []
        if sends:
            tasks += await worker.tasks(node, agent)
        tasks.append(register(node, receives=receives))
        log.info("node started", node=settings.node, sip=settings.sip_listen, receives=receives)
        try:
            async with asyncio.TaskGroup() as group:
                for task in tasks:
                    group.create_task(task)
        finally:
            agent.draining = True
            if bridge is not None:
                await bridge.drain()


async def _serve_bridge(settings: Settings) -> None:
    await serve_node(settings, receives=True, sends=False)


async def _serve_worker(settings: Settings) -> None:
    await serve_node(settings, receives=False, sends=True)


async def _serve_publisher(settings: Settings) -> None:
    from spandsp_bridge.services import publisher

    await publisher.serve(settings)


async def _serve_portal(settings: Settings) -> None:
    from spandsp_bridge.services import portal

    await portal.serve(settings)


async def _serve_all(settings: Settings) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(_serve_publisher(settings))
        group.create_task(_serve_portal(settings))
        group.create_task(serve_node(settings, receives=True, sends=True))


#: Every service of `vfax serve`, by name.
SERVICES: dict[str, Callable[[Settings], Awaitable[None]]] = {
    "bridge": _serve_bridge,
    "worker": _serve_worker,
    "publisher": _serve_publisher,
    "portal": _serve_portal,
    "all": _serve_all,
}


def check_service(name: str) -> None:
    """Raise UserError for a name that is not a service."""
    if name not in SERVICES:
        raise UserError(
            "unknown service {name!r}: choose {services}", name=name, services=", ".join(SERVICES)
        )


async def serve(settings: Settings, service: str) -> None:
    """Run a service of SERVICES until SIGTERM or SIGINT."""
    _limit_heaps()
    await until_signal(SERVICES[service](settings))


async def until_signal(main: Awaitable[None]) -> None:
    """Run until SIGTERM or SIGINT, which cancel it."""
    task = asyncio.ensure_future(main)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


def _limit_heaps() -> None:
    with contextlib.suppress(OSError, AttributeError):  # not glibc
        mallopt = ctypes.CDLL(None).mallopt
        for parameter, value in MALLOC.values():
            mallopt(parameter, value)
