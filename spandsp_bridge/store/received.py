"""Received faxes, stored with their pages, attempt and documents."""

from datetime import datetime

from psycopg.types.json import Jsonb

from spandsp_bridge.model import FaxStatus, Outcome
from spandsp_bridge.store.attempts import ReceivedPage, end_attempt, put_page
from spandsp_bridge.store.documents import Owner, put_document
from spandsp_bridge.store.transactions import Transactions
from spandsp_bridge.store.virtual_faxes import VirtualFax


class ReceivedFaxes:
    """The queries that store received faxes."""

    def __init__(self, database: Transactions) -> None:
        self._db = database

    async def store_received(
        self,
        *,
        spool_key: str,
        virtual_fax: VirtualFax,
        local_number: str,
        remote_number: str,
        bridge: str,
        call_id: str,
        outcome: Outcome,
        pages: list[ReceivedPage],
        tiff: bytes,
        pdf: bytes,
        thumbnail: bytes = b"",
        received_at: datetime,
    ) -> int | None:
        """Store a received fax; return its id, or None where its `spool_key` is stored already."""
        owner = {"brand": virtual_fax.brand_id, "company": virtual_fax.company_id}
        async with self._db.transaction() as c:
            cursor = await c.execute(
                """
                insert into faxes
                  (brand_id, company_id, virtual_fax_id, direction, status, reason, detail,
                   local_number, remote_number, remote_station_id, pages, pages_confirmed,
                   spool_key, created_at, started_at, finished_at)
                values
                  (%(brand)s, %(company)s, %(virtual_fax)s, 'in', %(status)s, %(reason)s,
                   %(detail)s, %(local_number)s, %(remote_number)s, %(remote_station_id)s,
                   %(pages)s, %(pages_confirmed)s, %(spool_key)s, %(received_at)s,
                   %(received_at)s, now())
                on conflict (spool_key) do nothing
                returning id
                """,
                {
                    **owner,
                    "virtual_fax": virtual_fax.id,
                    "status": FaxStatus.COMPLETED if outcome.ok else FaxStatus.ERROR,
                    "reason": outcome.reason,
                    "detail": Jsonb(outcome.detail),
                    "local_number": local_number,
                    "remote_number": remote_number,
                    "remote_station_id": outcome.stats.remote_station_id,
                    "pages": len(pages) or None,
                    "pages_confirmed": len(pages),
                    "spool_key": spool_key,
                    "received_at": received_at,
                },
            )
            row = await cursor.fetchone()
            if row is None:
                return None
            fax = Owner(virtual_fax.brand_id, virtual_fax.company_id, int(row["id"]))
            async with c.pipeline():
                cursor = await c.execute(
                    """
                    insert into attempts (brand_id, company_id, fax_id, number, bridge, started_at)
                    values (%(brand)s, %(company)s, %(fax)s, 1, %(bridge)s, %(received_at)s)
                    returning id
                    """,
                    {**owner, "fax": fax.id, "bridge": bridge, "received_at": received_at},
                )
                for page in pages:
                    await put_page(c, fax, page)
                if pages:
                    await put_document(c, fax, "tiff", tiff, len(pages))
                    await put_document(c, fax, "pdf", pdf, len(pages))
                    if thumbnail:
                        await put_document(c, fax, "thumbnail", thumbnail, None)
                attempt = await cursor.fetchone()
                assert attempt is not None
                await end_attempt(c, fax.company_id, int(attempt["id"]), outcome, call_id, None)
        return fax.id
