"""Faxes whose pages are being rendered: the results of preparing their documents."""

from collections.abc import Sequence
from dataclasses import dataclass

from psycopg.types.json import Jsonb

from spandsp_bridge.reasons import Detail, Reason
from spandsp_bridge.store.documents import put_document
from spandsp_bridge.store.fax_rows import Fax
from spandsp_bridge.store.transactions import Transactions


@dataclass(frozen=True, slots=True)
class Prepared:
    """The pages of a fax, rendered."""

    documents: Sequence[tuple[str, bytes, int | None]]  #: kind, content, pages
    pages: int
    seconds: int  #: estimated duration of the call


class Preparation:
    """The queries that store the result of preparing a fax."""

    def __init__(self, database: Transactions) -> None:
        self._db = database

    async def set_prepared(self, fax: Fax, prepared: Prepared) -> None:
        """Store the pages of a fax: it may be sent now, and so may the faxes that share them."""
        async with self._db.transaction() as c:
            for kind, data, pages in prepared.documents:
                await put_document(c, fax, kind, data, pages)
            await c.execute(
                """
                update faxes set pages = %(pages)s, expected_seconds = %(seconds)s,
                                 prepared_at = now()
                where company_id = %(company)s and status = 'pending'
                  and (id = %(id)s
                       or (document_fax_id = %(id)s and cover is null and prepared_at is null))
                """,
                {
                    "pages": prepared.pages,
                    "seconds": prepared.seconds,
                    "company": fax.company_id,
                    "id": fax.id,
                },
            )
            await c.execute("select pg_notify('vfax_faxes', '')")

    async def fail_prepared(self, fax: Fax, reason: Reason, detail: Detail) -> None:
        """Fail a fax whose document cannot be sent, and the faxes that share it."""
        async with self._db.transaction() as c:
            await c.execute(
                """
                update faxes set status = 'error', reason = %(reason)s,
                                 detail = %(detail)s, finished_at = now()
                where company_id = %(company)s and status = 'pending' and prepared_at is null
                  and (id = %(id)s or document_fax_id = %(id)s)
                """,
                {
                    "reason": reason,
                    "detail": Jsonb(dict(detail)),
                    "company": fax.company_id,
                    "id": fax.id,
                },
            )
