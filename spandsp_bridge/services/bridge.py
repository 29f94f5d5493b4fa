"""The receiving half of a node: calls in, the spool, and its upload to PostgreSQL."""

import asyncio

from spandsp_bridge.calls.receive import Limits, Receiver
from spandsp_bridge.calls.spool import Spool
from spandsp_bridge.calls.spool_uploader import SpoolUploader
from spandsp_bridge.calls.virtual_fax_cache import VirtualFaxCache
from spandsp_bridge.services.node import Node, Tasks
from spandsp_bridge.store.shared_counts import SharedCounts

SHUTDOWN_SECONDS = 5.0
LOAD_REPORT_SECONDS = 1.0


class Bridge:
    """Receives faxes with the resources of a node."""

    def __init__(self, node: Node) -> None:
        settings = node.settings
        self._node = node
        spool = Spool(settings.spool)
        find = VirtualFaxCache(node.store).find
        self._uploader = SpoolUploader(
            spool, node.store, settings.node, find=find, active=lambda: self.receiver.active
        )
        self.receiver = Receiver(
            engine=node.engine,
            spool=spool,
            media_address=settings.media_address,
            limits=Limits(settings.max_calls, settings.max_call_seconds, settings.max_pages),
            find=find,
            on_over=self._uploader.take,
        )

    def tasks(self) -> Tasks:
        """Return what has to run while calls are accepted."""
        return [self._uploader.run(), self._report_load()]

    async def drain(self) -> None:
        """End the calls in progress; each keeps the pages that were confirmed."""
        await self.receiver.drain(SHUTDOWN_SECONDS)

    async def _report_load(self) -> None:
        """Report the number of calls, for Kamailio's choice of the least loaded bridge."""
        address, port = self._node.local
        shared = SharedCounts(self._node.settings.redis_url)
        try:
            while True:
                await shared.report_load(f"{address}:{port}", len(self.receiver.active))
                await asyncio.sleep(LOAD_REPORT_SECONDS)
        finally:
            await shared.close()
