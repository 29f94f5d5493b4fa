"""The services, put together: a bridge node, the outbound worker, the publisher."""

import asyncio
import contextlib
import ctypes
import signal
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import structlog
import uvicorn

from spandsp_bridge.calls.receive import Limits, Receiver
from spandsp_bridge.calls.send import Sender
from spandsp_bridge.calls.spool import Spool
from spandsp_bridge.calls.spool_uploader import SpoolDrain
from spandsp_bridge.delivery import mail_in
from spandsp_bridge.delivery.deliver import Deliverer
from spandsp_bridge.delivery.mail import Mailer, MailServer
from spandsp_bridge.native.client import EngineClient
from spandsp_bridge.outbound.prepare import Preparer
from spandsp_bridge.outbound.worker import Worker
from spandsp_bridge.portal.site import make_site
from spandsp_bridge.publisher.follow import Publisher
from spandsp_bridge.services import jobs
from spandsp_bridge.settings import Settings, parse_address, parse_networks, parse_ports
from spandsp_bridge.sip.transport import LoopTimers, UdpTransport
from spandsp_bridge.sip.user_agent import UserAgent
from spandsp_bridge.store.database import Database
from spandsp_bridge.store.deliveries import DeliveryStore
from spandsp_bridge.store.errors import DatabaseError
from spandsp_bridge.store.faxes import FaxStore, VirtualFax
from spandsp_bridge.store.people import People
from spandsp_bridge.store.progress import Progress
from spandsp_bridge.store.queue import FaxQueue
from spandsp_bridge.store.shared import SharedCounts
from spandsp_bridge.testpeer.peer import FaultPeer
from spandsp_bridge.web.limits import RateLimit
from spandsp_bridge.web.live import Hub
from spandsp_bridge.web.state import Web

log = structlog.get_logger(__name__)

SERVICES = ("bridge", "worker", "publisher", "portal", "all")
DIRECTORY_SECONDS = 5.0
DIRECTORY_TIMEOUT = 0.5
SHUTDOWN_SECONDS = 5.0
PORTAL_CONNECTIONS = 16
LOOPBACK = "127.0.0.1"


class Directory:
    """The virtual faxes as last read: an answer waits for the database for a moment at most."""

    def __init__(self, store: FaxStore) -> None:
        self._store = store
        self._known: dict[int, tuple[float, VirtualFax | None]] = {}

    async def find(self, virtual_fax: int) -> VirtualFax | None:
        """Return a virtual fax, as it was up to DIRECTORY_SECONDS ago; None when unknown."""
        now = asyncio.get_running_loop().time()
        read_at, known = self._known.get(virtual_fax, (-DIRECTORY_SECONDS, None))
        if now - read_at < DIRECTORY_SECONDS:
            return known
        try:
            async with asyncio.timeout(DIRECTORY_TIMEOUT):
                known = await self._store.virtual_fax(virtual_fax)
        except (DatabaseError, OSError):  # TimeoutError is an OSError
            return known
        self._known[virtual_fax] = (now, known)
        return known


class Node:
    """One process with a SIP user agent: takes calls, sends the queue, or both."""

    def __init__(self, settings: Settings, *, receives: bool, sends: bool) -> None:
        self._settings = settings
        self._receives = receives
        self._sends = sends

    async def run(self) -> None:
        """Serve until cancelled."""
        s = self._settings
        local, proxy = parse_address(s.sip_listen), parse_address(s.outbound_proxy)
        async with AsyncExitStack() as stack:
            database = await stack.enter_async_context(Database(s.database_url))
            store = FaxStore(database)
            progress = Progress(s.redis_url)
            stack.push_async_callback(progress.close)
            engine = await stack.enter_async_context(
                EngineClient(s.engine_processes, s.media_address, parse_ports(s.media_ports))
            )
            transport = await UdpTransport.bind(local, {proxy[0]})
            stack.callback(transport.close)
            tasks: list[Coroutine[Any, Any, None]] = []

            receiver: Receiver | None = None
            if self._receives:
                spool = Spool(s.spool)
                find = Directory(store).find
                drain = SpoolDrain(
                    spool, store, s.node, find=find,
                    active=lambda: receiver.active if receiver else (),
                )  # fmt: skip
                receiver = Receiver(
                    engine=engine,
                    spool=spool,
                    media_address=s.media_address,
                    limits=Limits(s.max_calls, s.max_call_seconds, s.max_pages),
                    find=find,
                    on_over=drain.take,
                )
                tasks.append(drain.run())
            agent = UserAgent(
                local=local,
                outbound_proxy=proxy,
                send=transport.send,
                timers=LoopTimers(),
                on_call=receiver.take if receiver else None,
            )
            transport.serve(agent.receive)
            if self._sends:
                sender = Sender(
                    agent=agent,
                    engine=engine,
                    media_address=s.media_address,
                    max_call_seconds=s.max_call_seconds,
                )
                testing = await self._test_sender(stack, engine)
                tasks += self._sending(database, store, sender, testing, progress)
            tasks.append(self._register(store, local))
            if receiver is not None:
                tasks.append(self._report_load(receiver, local))
            log.info("node is up", node=s.node, sip=s.sip_listen, receives=self._receives)
            try:
                async with asyncio.TaskGroup() as group:
                    for task in tasks:
                        group.create_task(task)
            finally:
                agent.draining = True
                if receiver is not None:
                    await receiver.drain(SHUTDOWN_SECONDS)

    async def _test_sender(self, stack: AsyncExitStack, engine: EngineClient) -> Sender:
        """Return who calls for the test mode: a peer in this process, and nobody else."""
        s = self._settings
        folder = s.var / "sending" / f"{s.node}-test"
        folder.mkdir(parents=True, exist_ok=True)
        ours, theirs = [await UdpTransport.bind((LOOPBACK, 0), {LOOPBACK}) for _ in range(2)]
        for transport in (ours, theirs):
            stack.callback(transport.close)
        here, there = (LOOPBACK, ours.port), (LOOPBACK, theirs.port)
        peer = FaultPeer(engine, s.media_address, folder)
        far = UserAgent(
            local=there, outbound_proxy=here, send=theirs.send, timers=LoopTimers(),
            on_call=peer.take,
        )  # fmt: skip
        near = UserAgent(local=here, outbound_proxy=there, send=ours.send, timers=LoopTimers())
        theirs.serve(far.receive)
        ours.serve(near.receive)
        return Sender(
            agent=near, engine=engine, media_address=s.media_address,
            max_call_seconds=s.max_call_seconds,
        )  # fmt: skip

    def _sending(
        self, database: Database, store: FaxStore, sender: Sender, testing: Sender,
        progress: Progress,
    ) -> list[Coroutine[Any, Any, None]]:  # fmt: skip
        """Return the tasks of a worker: the queue, the side jobs, mail to fax."""
        s = self._settings
        queue, deliveries = FaxQueue(database), DeliveryStore(database)
        scratch = s.var / "sending" / s.node
        worker = Worker(
            node=s.node,
            database_url=s.database_url,
            store=store,
            queue=queue,
            sender=sender,
            test_sender=testing,
            progress=progress,
            scratch=scratch,
            max_calls=s.max_calls,
        )
        preparer = Preparer(store, queue, scratch, s.max_pages)
        mailer = Mailer(store, deliveries, mail_server(s), s.portal_url) if s.smtp_server else None
        deliverer = Deliverer(store, deliveries, mailer, parse_networks(s.webhook_networks))
        tasks = [
            worker.run(),
            jobs.run(lambda: jobs.make_app(s.database_url, queue, preparer, deliverer), s.node),
        ]
        if s.mail_listen:
            handler = mail_in.MailToFax(store, deliveries, s.mail_domain, scratch, s.max_pages)
            host, port = parse_address(s.mail_listen)
            tasks.append(mail_in.serve(handler, host, port, lmtp=s.mail_listen_lmtp))
        return tasks

    async def _report_load(self, receiver: Receiver, local: tuple[str, int]) -> None:
        """Say every second how many calls we have: for Kamailio's choice of the least loaded."""
        shared = SharedCounts(self._settings.redis_url)
        try:
            while True:
                await shared.report_load(f"{local[0]}:{local[1]}", len(receiver.active))
                await asyncio.sleep(1)
        finally:
            await shared.close()

    async def _register(self, store: FaxStore, local: tuple[str, int]) -> None:
        """Write our row as soon as PostgreSQL is there; calls are taken without it."""
        while True:
            try:
                await store.register_bridge(
                    self._settings.node, local[0], local[1], receives=self._receives
                )
            except (DatabaseError, OSError) as error:
                log.warning("not registered yet; trying again", error=str(error)[:200])
                await asyncio.sleep(2)
            else:
                return


def mail_server(settings: Settings) -> MailServer:
    """Return where mail is handed in."""
    host, _, port = settings.smtp_server.rpartition(":")
    return MailServer(
        host=host.strip("[]"),
        port=int(port),
        sender=settings.mail_from,
        tls=settings.smtp_tls,
        user=settings.smtp_user,
        password=settings.smtp_password.get_secret_value(),
    )


async def publish(settings: Settings) -> None:
    """Run the publisher until cancelled."""
    await Publisher(settings).run()


async def serve_portal(settings: Settings) -> None:
    """Run the portal and the API until cancelled."""
    s = settings
    host, port = parse_address(s.portal_listen)
    scratch = s.var / "portal"
    scratch.mkdir(parents=True, exist_ok=True)
    progress = Progress(s.redis_url)
    async with Database(s.database_url, size=PORTAL_CONNECTIONS) as database:
        web = Web(
            settings=s,
            database=database,
            people=People(database),
            hub=Hub(database, progress),
            log_ins=RateLimit(20, 0.2),
            requests=RateLimit(4 * s.api_rate, s.api_rate),
            scratch=scratch,
        )
        server = uvicorn.Server(
            uvicorn.Config(
                make_site(web), host=host, port=port, log_config=None, access_log=False,
                server_header=False, forwarded_allow_ips=s.portal_proxies,
                timeout_graceful_shutdown=2, lifespan="on",
            )
        )  # fmt: skip
        log.info("portal is up", address=s.portal_listen)
        try:
            await server.serve()
        finally:
            await progress.close()


#: mallopt(3): two heaps for all threads, and large blocks apart from them. Each thread of a pool
#: has a heap of its own otherwise, which keeps what the largest document of its life needed.
MALLOC = {"M_ARENA_MAX": (-8, 2), "M_MMAP_THRESHOLD": (-3, 128 << 10)}


def _keep_memory_steady() -> None:
    with contextlib.suppress(OSError, AttributeError):  # no glibc
        mallopt = ctypes.CDLL(None).mallopt
        for parameter, value in MALLOC.values():
            mallopt(parameter, value)


async def serve(settings: Settings, service: str) -> None:
    """Run a service until SIGTERM or SIGINT."""
    _keep_memory_steady()
    match service:
        case "bridge":
            main = Node(settings, receives=True, sends=False).run()
        case "worker":
            main = Node(settings, receives=False, sends=True).run()
        case "publisher":
            main = publish(settings)
        case "portal":
            main = serve_portal(settings)
        case _:
            main = _all(settings)
    task = asyncio.ensure_future(main)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def _all(settings: Settings) -> None:
    async with asyncio.TaskGroup() as group:
        group.create_task(publish(settings))
        group.create_task(serve_portal(settings))
        group.create_task(Node(settings, receives=True, sends=True).run())


@asynccontextmanager
async def open_database(settings: Settings) -> AsyncIterator[Database]:
    """Yield the database for a short command. Raises SetupError when PostgreSQL is away."""
    database = Database(settings.database_url, size=2)
    await database.ready()
    async with database:
        yield database


@asynccontextmanager
async def open_store(settings: Settings) -> AsyncIterator[FaxStore]:
    """Yield the faxes for a short command. Raises SetupError when PostgreSQL is away."""
    async with open_database(settings) as database:
        yield FaxStore(database)
