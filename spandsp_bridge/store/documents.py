"""Documents of faxes: content, with its digest and size in the row."""

import hashlib
from dataclasses import dataclass

from spandsp_bridge.errors import UserError
from spandsp_bridge.store.fax_rows import Fax
from spandsp_bridge.store.transactions import Connection, Transactions

File = tuple[str, bytes]  #: the sender's name of a file, and its content


@dataclass(frozen=True, slots=True)
class Owner:
    """The fax that a document belongs to."""

    brand_id: int
    company_id: int
    id: int


async def put_document(
    c: Connection,
    fax: Fax | Owner,
    kind: str,
    data: bytes,
    pages: int | None,
    *,
    name: str = "",
    part: int = 0,
) -> None:
    """Store a document of a fax."""
    await c.execute(
        """
        insert into documents
          (brand_id, company_id, fax_id, kind, part, name, sha256, size, page_count, data)
        values
          (%(brand)s, %(company)s, %(fax)s, %(kind)s, %(part)s, %(name)s, %(sha256)s, %(size)s,
           %(pages)s, %(data)s)
        """,
        {
            "brand": fax.brand_id,
            "company": fax.company_id,
            "fax": fax.id,
            "kind": kind,
            "part": part,
            "name": name,
            "sha256": hashlib.sha256(data).digest(),
            "size": len(data),
            "pages": pages,
            "data": data,
        },
        binary=True,
    )


class Documents:
    """The queries on documents.

    `kind` is `tiff`, `pdf`, `cover`, `thumbnail` or `original`.
    """

    def __init__(self, database: Transactions) -> None:
        self._db = database

    async def document(self, fax: Fax, kind: str) -> bytes | None:
        """Return a document of a fax, or the one that it shares. Raises UserError: bad digest."""
        files = await self.documents(fax, kind)
        return files[0][1] if files else None

    async def documents(self, fax: Fax, kind: str) -> list[File]:
        """Return the (name, content) pairs of a kind; `original` may have several."""
        async with self._db.transaction() as c:
            for owner in (fax.id, fax.document_fax_id):
                if owner is None:
                    break
                cursor = await c.execute(
                    """
                    select distinct on (part) name, data, sha256 from documents
                    where company_id = %(company)s and fax_id = %(fax)s and kind = %(kind)s
                    order by part, created_at desc
                    """,
                    {"company": fax.company_id, "fax": owner, "kind": kind},
                )
                rows = await cursor.fetchall()
                if rows or kind == "cover":  # a cover page is never shared
                    break
        files = []
        for row in rows:
            data = bytes(row["data"])
            if hashlib.sha256(data).digest() != bytes(row["sha256"]):
                raise UserError(
                    "the {kind} of fax {id} does not match its digest", kind=kind, id=fax.id
                )
            files.append((str(row["name"]), data))
        return files

    async def has_document(self, fax: Fax) -> bool:
        """Tell whether the pages of a fax are there, its own or those that it shares."""
        async with self._db.transaction() as c:
            cursor = await c.execute(
                """
                select from documents
                where company_id = %(company)s and fax_id = any(%(faxes)s) and kind = 'tiff'
                limit 1
                """,
                {"company": fax.company_id, "faxes": [fax.id, fax.document_fax_id or fax.id]},
            )
            return await cursor.fetchone() is not None
