"""Rows of `audit_log`: actions of users on faxes."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypedDict

from psycopg.types.json import Jsonb

from spandsp_bridge.store.fax_rows import Fax
from spandsp_bridge.store.transactions import Connection, Transactions


class AuditDetail(TypedDict, total=False):
    """What an entry is about, as far as its action does not say it."""

    document: str  #: document_read: pdf, tiff, receipt, viewer ...
    recipients: list[str]  #: document_read: whom the fax was mailed to
    new_fax: int  #: fax_resent: the id of the new one
    days: int  #: document_deleted: older than the company keeps documents


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One row of `audit_log`."""

    at: datetime
    who: str
    action: str
    fax_id: int | None
    detail: dict[str, Any]  #: facts, by `AuditDetail`


async def write_audit(
    c: Connection, fax: Fax, who: str, action: str, detail: AuditDetail | None = None
) -> None:
    """Write an entry for an action on a fax, in the transaction of the action."""
    await c.execute(
        "select write_audit(%(company)s, %(fax)s, %(who)s, %(action)s, %(detail)s)",
        {
            "company": fax.company_id,
            "who": who,
            "action": action,
            "fax": fax.id,
            "detail": Jsonb(detail or {}),
        },
    )


class AuditLog:
    """The queries on the audit log."""

    def __init__(self, database: Transactions) -> None:
        self._db = database

    async def audit(
        self, fax: Fax, who: str, action: str, detail: AuditDetail | None = None
    ) -> None:
        """Write an entry for an action on a fax."""
        async with self._db.transaction() as c:
            await write_audit(c, fax, who, action, detail)

    async def audit_entries(self, company_id: int, limit: int = 200) -> list[AuditEntry]:
        """Return the newest entries of a company, newest first."""
        async with self._db.transaction() as c:
            cursor = await c.execute(
                """
                select at, who, action, fax_id, detail from audit_log
                where company_id = %(company)s order by at desc limit %(limit)s
                """,
                {"company": company_id, "limit": limit},
            )
            return [AuditEntry(**row) for row in await cursor.fetchall()]
