"""What every process with a SIP user agent has: bridge nodes and workers."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import structlog

from spandsp_bridge.native.client import PRODUCTION, EngineBuild, EngineClient
from spandsp_bridge.settings import Settings, parse_address, parse_ports
from spandsp_bridge.sip.transport import UdpTransport
from spandsp_bridge.store.bridges import Bridges
from spandsp_bridge.store.errors import DatabaseError
from spandsp_bridge.store.faxes import FaxStore
from spandsp_bridge.store.pool import Database
from spandsp_bridge.store.progress import Progress

log = structlog.get_logger(__name__)

REGISTRATION_RETRY_SECONDS = 2.0

Tasks = list[Coroutine[Any, Any, None]]


@dataclass(frozen=True, slots=True)
class Node:
    """The open resources of a process; `exits` closes what is added to it with the node."""

    settings: Settings
    database: Database
    store: FaxStore
    progress: Progress
    engine: EngineClient
    transport: UdpTransport
    local: tuple[str, int]
    proxy: tuple[str, int]
    exits: AsyncExitStack


@asynccontextmanager
async def open_node(settings: Settings, build: EngineBuild | None = None) -> AsyncIterator[Node]:
    """Open the database, the engine and the SIP socket; close them in reverse order."""
    local, proxy = parse_address(settings.sip_listen), parse_address(settings.outbound_proxy)
    async with AsyncExitStack() as exits:
        database = await exits.enter_async_context(Database(settings.database_url))
        progress = Progress(settings.redis_url)
        exits.push_async_callback(progress.close)
        engine = await exits.enter_async_context(
            EngineClient(
                settings.engine_processes,
                settings.media_address,
                parse_ports(settings.media_ports),
                build or PRODUCTION,
            )
        )
        transport = await UdpTransport.bind(local, {proxy[0]})
        exits.callback(transport.close)
        yield Node(
            settings=settings,
            database=database,
            store=FaxStore(database),
            progress=progress,
            engine=engine,
            transport=transport,
            local=local,
            proxy=proxy,
            exits=exits,
        )


async def register(node: Node, *, receives: bool) -> None:
    """Write this node's row in `bridges` once PostgreSQL can be reached.

    Calls are accepted without it: the row only puts the node into the dispatcher's list.
    """
    while True:
        try:
            await Bridges(node.database).register(
                node.settings.node, *node.local, receives=receives
            )
        except (DatabaseError, OSError) as error:
            log.warning("node registration deferred", error=str(error)[:200])
            await asyncio.sleep(REGISTRATION_RETRY_SECONDS)
        else:
            return
