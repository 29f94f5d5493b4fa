"""The fax commands on the installation's own database."""

import getpass
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import asdict

from spandsp_bridge.calls.stored_documents import pdf_of, receipt_of, tiff_of
from spandsp_bridge.cli.client import Broadcast, DocumentKind, FaxDetails
from spandsp_bridge.errors import ConflictError, NotFoundError
from spandsp_bridge.i18n import environment_language
from spandsp_bridge.model import FaxStatus
from spandsp_bridge.outbound.submit import Destination, checked, resolve_destinations, sender_of
from spandsp_bridge.services.connection import open_database
from spandsp_bridge.settings import Settings
from spandsp_bridge.store.deliveries import DeliveryStore
from spandsp_bridge.store.documents import File
from spandsp_bridge.store.fax_rows import Fax
from spandsp_bridge.store.faxes import FaxStore
from spandsp_bridge.store.pool import Database
from spandsp_bridge.store.progress import Progress
from spandsp_bridge.store.submissions import SendOptions


class DatabaseClient:
    """Sees every company; the audit log names the operating system's user."""

    def __init__(self, database: Database, progress: Progress, max_pages: int) -> None:
        self._store = FaxStore(database)
        self._deliveries = DeliveryStore(database)
        self._progress = progress
        self._max_pages = max_pages
        self._actor = f"cli:{getpass.getuser()}"

    async def send(self, sender: str, to: str, files: Sequence[File], options: SendOptions) -> Fax:
        """Put documents into the queue as one fax."""
        virtual_fax = await sender_of(self._store, sender)
        number = virtual_fax.destination(to)
        await checked(virtual_fax, list(files), options, self._max_pages)
        return await self.fax(await self._store.submit(virtual_fax, number, files, options))

    async def fax(self, fax_id: int) -> Fax:
        """Return one fax."""
        fax = await self._store.fax(fax_id)
        if fax is None:
            raise NotFoundError("there is no fax {fax}; see `vfax faxes`", fax=fax_id)
        return fax

    async def stage(self, fax_id: int) -> str:
        """Return what the call is doing, from Redis."""
        return (await self._progress.get(fax_id)).stage

    async def details(self, fax_id: int) -> FaxDetails:
        """Return the attempts, deliveries and queue position of a fax."""
        fax = await self.fax(fax_id)
        pending = fax.status is FaxStatus.PENDING
        position = await self._store.queue_position(fax) if pending else None
        return FaxDetails(
            attempts=[asdict(row) for row in await self._store.attempts(fax)],
            deliveries=[asdict(row) for row in await self._deliveries.deliveries(fax_id)],
            queue=asdict(position) if position else None,
        )

    async def faxes(self, limit: int, company_id: int | None) -> list[Fax]:
        """Return the newest faxes."""
        return await self._store.faxes(limit, company_id)

    async def document(self, fax_id: int, kind: DocumentKind) -> bytes:
        """Return a document of a fax, and record who read it."""
        fax = await self.fax(fax_id)
        match kind:
            case "receipt":
                data = await receipt_of(self._store, fax, environment_language())
            case "pdf":
                data = await pdf_of(self._store, fax)
            case "tiff":
                data = await tiff_of(self._store, fax)
        await self._store.audit(fax, self._actor, "document_read", {"document": kind})
        return data

    async def cancel(self, fax_id: int) -> None:
        """End an outbound fax."""
        fax = await self.fax(fax_id)
        if fax.direction != "out":
            raise ConflictError(
                "fax {fax} was received: only outbound faxes can be cancelled", fax=fax_id
            )
        result = await self._store.cancel(fax, self._actor)
        if result != "cancelled":
            raise ConflictError("fax {fax} has already ended: {result}", fax=fax_id, result=result)

    async def resend(self, fax_id: int) -> Fax:
        """Send a fax that has ended again; return the new fax."""
        return await self.fax(await self._store.resend(await self.fax(fax_id), self._actor))

    async def replay(self, delivery_id: int) -> int:
        """Repeat a delivery; return the id of the new one."""
        return await self._deliveries.replay(delivery_id)

    async def send_broadcast(
        self,
        sender: str,
        to: list[Destination],
        files: Sequence[File],
        options: SendOptions,
        name: str,
    ) -> Broadcast:
        """Put documents into the queue as one fax to each destination."""
        virtual_fax = await sender_of(self._store, sender)
        destinations = resolve_destinations(to, virtual_fax)
        await checked(virtual_fax, list(files), options, self._max_pages)
        return await self.broadcast(
            await self._store.submit_broadcast(virtual_fax, destinations, files, options, name)
        )

    async def broadcast(self, broadcast_id: int) -> Broadcast:
        """Return the state of a broadcast."""
        row = await self._store.broadcast(broadcast_id)
        if row is None:
            raise NotFoundError("there is no broadcast {broadcast}", broadcast=broadcast_id)
        return Broadcast(**asdict(row))


@asynccontextmanager
async def open_database_client(settings: Settings) -> AsyncIterator[DatabaseClient]:
    """Yield a client. Raises SetupError when PostgreSQL cannot be reached."""
    progress = Progress(settings.redis_url)
    try:
        async with open_database(settings) as database:
            yield DatabaseClient(database, progress, settings.max_pages)
    finally:
        await progress.close()
