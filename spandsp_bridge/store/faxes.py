"""Faxes: read, cancelled, deleted; and FaxStore, all queries on them in one object."""

from dataclasses import dataclass
from datetime import datetime

from spandsp_bridge.errors import ConflictError
from spandsp_bridge.model import FaxStatus
from spandsp_bridge.store.attempts import Attempts
from spandsp_bridge.store.audit import AuditLog
from spandsp_bridge.store.documents import Documents
from spandsp_bridge.store.fax_rows import SELECT_FAX, Fax, fax_of
from spandsp_bridge.store.received import ReceivedFaxes
from spandsp_bridge.store.submissions import Submissions
from spandsp_bridge.store.virtual_faxes import VirtualFaxes


@dataclass(frozen=True, slots=True)
class QueuePosition:
    """Where a pending fax is in the queue."""

    ahead: int  #: faxes before it
    expected_at: datetime | None  #: when it is dialled, about


@dataclass(frozen=True, slots=True)
class BroadcastProgress:
    """One row of `broadcast_progress`: how many faxes of a broadcast are in which state."""

    id: int
    company_id: int
    name: str
    created_at: datetime
    total: int
    pending: int
    inprogress: int
    completed: int
    error: int
    pages_confirmed: int


class FaxStore(Submissions, ReceivedFaxes, Attempts, Documents, AuditLog, VirtualFaxes):
    """The queries on faxes, for those that need most of them.

    Each base is complete by itself: who needs but one part makes that one.
    """

    async def fax(self, fax_id: int) -> Fax | None:
        """Return a fax by id, or None."""
        async with self._db.transaction() as c:
            cursor = await c.execute(SELECT_FAX + "where id = %(id)s", {"id": fax_id})
            row = await cursor.fetchone()
        return fax_of(row) if row else None

    async def faxes(self, limit: int, company_id: int | None = None) -> list[Fax]:
        """Return the newest faxes."""
        async with self._db.transaction() as c:
            cursor = await c.execute(
                SELECT_FAX
                + """
                where %(company)s::bigint is null or company_id = %(company)s
                order by created_at desc, id desc limit %(limit)s
                """,
                {"company": company_id, "limit": limit},
            )
            return [fax_of(row) for row in await cursor.fetchall()]

    async def cancel(self, fax: Fax, who: str) -> str:
        """End a fax: `cancelled`, or the status in which it had ended before."""
        async with self._db.transaction() as c:
            cursor = await c.execute(
                "select cancel_fax(%(company)s, %(fax)s, %(who)s) as status",
                {"company": fax.company_id, "fax": fax.id, "who": who},
            )
            row = await cursor.fetchone()
        return str(row["status"]) if row else "unknown"

    async def mark_read(self, fax: Fax) -> None:
        """Note that somebody has opened a received fax."""
        async with self._db.transaction() as c:
            await c.execute(
                """
                update faxes set read_at = now()
                where company_id = %(company)s and id = %(fax)s
                  and direction = 'in' and read_at is null
                """,
                {"company": fax.company_id, "fax": fax.id},
            )

    async def delete(self, fax: Fax, who: str) -> None:
        """Delete the documents of a finished fax; its record stays. Raises UserError."""
        if fax.status not in (FaxStatus.COMPLETED, FaxStatus.ERROR):
            raise ConflictError(
                "fax {id} has not ended: cancel it, or wait until it has ended", id=fax.id
            )
        async with self._db.transaction() as c:
            await c.execute(
                "select delete_fax(%(company)s, %(fax)s, %(who)s)",
                {"company": fax.company_id, "fax": fax.id, "who": who},
            )

    async def queue_position(self, fax: Fax) -> QueuePosition | None:
        """Return how many faxes are `ahead` of a pending one, and when it is `expected_at`.

        None where it has no place: it is not pending, or its company's queue is not set up yet.
        """
        async with self._db.transaction() as c:
            cursor = await c.execute(
                "select ahead, expected_at from queue_position(%(company)s, %(fax)s)",
                {"company": fax.company_id, "fax": fax.id},
            )
            row = await cursor.fetchone()
        return QueuePosition(**row) if row and row["ahead"] is not None else None

    async def broadcast(self, broadcast_id: int) -> BroadcastProgress | None:
        """Return how far a broadcast is: a row of `broadcast_progress`."""
        async with self._db.transaction() as c:
            cursor = await c.execute(
                """
                select id, company_id, name, created_at, total, pending, inprogress, completed,
                       error, pages_confirmed
                from broadcast_progress where id = %(id)s
                """,
                {"id": broadcast_id},
            )
            row = await cursor.fetchone()
        return BroadcastProgress(**row) if row else None
