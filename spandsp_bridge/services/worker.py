"""The sending half of a node: the queue, the side jobs, mail to fax, and the test mode."""

import procrastinate

from spandsp_bridge.calls.send import Sender
from spandsp_bridge.delivery import mail_in
from spandsp_bridge.delivery.deliver import Deliverer
from spandsp_bridge.delivery.mail import Mailer, MailServer
from spandsp_bridge.outbound.prepare import Preparer
from spandsp_bridge.outbound.worker import Worker
from spandsp_bridge.services import jobs
from spandsp_bridge.services.node import Node, Tasks
from spandsp_bridge.settings import Settings, parse_address, parse_networks
from spandsp_bridge.sip.transport import LoopTimers, UdpTransport
from spandsp_bridge.sip.user_agent import UserAgent
from spandsp_bridge.store.deliveries import DeliveryStore
from spandsp_bridge.store.queue import FaxQueue
from spandsp_bridge.testpeer.peer import FaultPeer

LOOPBACK = "127.0.0.1"


async def tasks(node: Node, agent: UserAgent) -> Tasks:
    """Return what has to run while faxes are sent with this user agent."""
    settings = node.settings
    queue, deliveries = FaxQueue(node.database), DeliveryStore(node.database)
    scratch = settings.var / "sending" / settings.node
    worker = Worker(
        node=settings.node,
        database_url=settings.database_url,
        store=node.store,
        queue=queue,
        sender=_sender(node, agent),
        test_sender=await _test_sender(node),
        progress=node.progress,
        scratch=scratch,
        max_calls=settings.max_calls,
    )
    preparer = Preparer(node.store, queue, scratch, settings.max_pages)
    mailer = None
    if settings.smtp_server:
        mailer = Mailer(node.store, deliveries, mail_server(settings), settings.portal_url)
    deliverer = Deliverer(node.store, deliveries, mailer, parse_networks(settings.webhook_networks))

    def job_app() -> procrastinate.App:
        return jobs.make_app(settings.database_url, queue, preparer, deliverer)

    running = [worker.run(), jobs.run(job_app, settings.node)]
    if settings.mail_listen:
        handler = mail_in.MailToFax(node.store, settings.mail_domain, scratch, settings.max_pages)
        host, port = parse_address(settings.mail_listen)
        running.append(mail_in.serve(handler, host, port, lmtp=settings.mail_listen_lmtp))
    return running


def _sender(node: Node, agent: UserAgent) -> Sender:
    return Sender(
        agent=agent,
        engine=node.engine,
        media_address=node.settings.media_address,
        max_call_seconds=node.settings.max_call_seconds,
    )


async def _test_sender(node: Node) -> Sender:
    """Return the sender of the test mode: it can only call a peer inside this process."""
    settings = node.settings
    folder = settings.var / "sending" / f"{settings.node}-test"
    folder.mkdir(parents=True, exist_ok=True)
    near_socket, far_socket = [await UdpTransport.bind((LOOPBACK, 0), {LOOPBACK}) for _ in range(2)]
    for transport in (near_socket, far_socket):
        node.exits.callback(transport.close)
    near_address, far_address = (LOOPBACK, near_socket.port), (LOOPBACK, far_socket.port)
    peer = FaultPeer(node.engine, settings.media_address, folder)
    far = UserAgent(
        local=far_address,
        outbound_proxy=near_address,
        send=far_socket.send,
        timers=LoopTimers(),
        on_call=peer.take,
    )
    near = UserAgent(
        local=near_address,
        outbound_proxy=far_address,
        send=near_socket.send,
        timers=LoopTimers(),
    )
    far_socket.serve(far.receive)
    near_socket.serve(near.receive)
    return _sender(node, near)


def mail_server(settings: Settings) -> MailServer:
    """Return the server that takes outgoing mail."""
    host, _, port = settings.smtp_server.rpartition(":")
    return MailServer(
        host=host.strip("[]"),
        port=int(port),
        sender=settings.mail_from,
        tls=settings.smtp_tls,
        user=settings.smtp_user,
        password=settings.smtp_password.get_secret_value(),
    )
