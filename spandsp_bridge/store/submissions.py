"""Faxes put into the queue: single ones, broadcasts, and sent once more."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from spandsp_bridge.errors import ConflictError
from spandsp_bridge.model import FaxStatus
from spandsp_bridge.store.audit import write_audit
from spandsp_bridge.store.documents import File, Owner, put_document
from spandsp_bridge.store.fax_rows import Fax
from spandsp_bridge.store.transactions import Connection, Transactions
from spandsp_bridge.store.virtual_faxes import VirtualFax, VirtualFaxes


@dataclass(frozen=True, slots=True)
class SendOptions:
    """How a fax is to be sent; None: as the virtual fax says."""

    cover: dict[str, str] | None = None  #: subject, text, to_name, from_name
    resolution: str | None = None
    pictures: str | None = None
    priority: int = 5
    send_at: datetime | None = None  #: not before
    idempotency_key: str | None = None
    client_state: str | None = None  #: opaque to us, given back to the submitter
    test: bool = False  #: calls the test peer


DEFAULT_OPTIONS = SendOptions()

_INSERT_BROADCAST_FAXES = """
    insert into faxes
      (brand_id, company_id, virtual_fax_id, direction, local_number, remote_number, cover,
       resolution, pictures, priority, send_at, broadcast_id, document_fax_id, test)
    select %(brand)s, %(company)s, %(virtual_fax)s, 'out', %(local_number)s, number, cover,
           %(resolution)s, %(pictures)s, %(priority)s, coalesce(%(send_at)s, now()),
           %(broadcast)s, %(document)s, %(test)s
    from unnest(%(numbers)s::text[], %(covers)s::jsonb[]) as d (number, cover)
    returning id
"""


class Submissions:
    """The queries that put faxes into the queue."""

    def __init__(self, database: Transactions) -> None:
        self._db = database

    async def submit(
        self,
        sender: VirtualFax,
        to: str,
        files: Sequence[File],
        options: SendOptions = DEFAULT_OPTIONS,
    ) -> int:
        """Put a fax into the queue with its documents; return its id.

        The same `idempotency_key` of a company makes no second fax: the id of the first one is
        returned. Raises UserError when that one was another request.
        """
        digest = _digest(sender, to, files, options)
        async with self._db.transaction() as c:
            fax_id = await _insert_fax(c, sender, to, options, digest)
            if fax_id is None:
                return await _same_request(c, sender, options, digest)
            await _put_originals(c, sender, fax_id, files)
        return fax_id

    async def submit_broadcast(
        self,
        sender: VirtualFax,
        destinations: Sequence[tuple[str, str]],
        files: Sequence[File],
        options: SendOptions = DEFAULT_OPTIONS,
        name: str = "",
    ) -> int:
        """Put one document to many (number, name) destinations into the queue; return its id."""
        covers = [
            json.dumps({**options.cover, "to_name": to_name}) if options.cover is not None else None
            for _, to_name in destinations
        ]
        numbers = [number for number, _ in destinations]
        async with self._db.transaction() as c:
            broadcast = await _insert_broadcast(c, sender, name, len(destinations))
            values = {
                "brand": sender.brand_id,
                "company": sender.company_id,
                "virtual_fax": sender.id,
                "local_number": sender.outgoing_number,
                "resolution": options.resolution,
                "pictures": options.pictures,
                "priority": options.priority,
                "send_at": options.send_at,
                "broadcast": broadcast,
                "test": options.test,
            }
            # The first fax owns the document, which the others share.
            cursor = await c.execute(
                _INSERT_BROADCAST_FAXES,
                {**values, "numbers": numbers[:1], "covers": covers[:1], "document": None},
            )
            row = await cursor.fetchone()
            assert row is not None
            first = int(row["id"])
            await _put_originals(c, sender, first, files)
            if len(numbers) > 1:
                await c.execute(
                    _INSERT_BROADCAST_FAXES,
                    {**values, "numbers": numbers[1:], "covers": covers[1:], "document": first},
                )
        return broadcast

    async def resend(self, old: Fax, who: str) -> int:
        """Put a finished fax into the queue once more, as a new one; return its id.

        Raises UserError for one that was received, is not finished, or has no document.
        """
        if old.direction != "out":
            raise ConflictError(
                "fax {id} was received: only sent faxes can be sent again", id=old.id
            )
        if old.status not in (FaxStatus.COMPLETED, FaxStatus.ERROR):
            raise ConflictError(
                "fax {id} has not ended: cancel it, or wait until it has ended", id=old.id
            )
        sender = await VirtualFaxes(self._db).virtual_fax(old.virtual_fax_id)
        if sender is not None and not old.test:
            sender.destination(old.remote_number)
        values = {
            "company": old.company_id,
            "id": old.id,
            "document": old.document_fax_id or old.id,
        }
        async with self._db.transaction() as c:
            cursor = await c.execute(
                """
                select from documents
                where company_id = %(company)s and fax_id = %(document)s limit 1
                """,
                values,
            )
            if await cursor.fetchone() is None:
                raise ConflictError(
                    "the document of fax {id} was deleted: send it as a new fax", id=old.id
                )
            cursor = await c.execute(
                """
                insert into faxes
                  (brand_id, company_id, virtual_fax_id, direction, local_number, remote_number,
                   cover, resolution, pictures, priority, document_fax_id, resend_of, test, pages,
                   expected_seconds, prepared_at)
                select f.brand_id, f.company_id, f.virtual_fax_id, f.direction, f.local_number,
                       f.remote_number, f.cover, f.resolution, f.pictures, f.priority,
                       %(document)s, f.id, f.test, d.pages, d.expected_seconds,
                       case when f.cover is null then d.prepared_at end
                from faxes f
                cross join lateral (
                  select g.pages, g.expected_seconds, g.prepared_at from faxes g
                  where g.company_id = f.company_id and g.id = %(document)s
                ) d
                where f.company_id = %(company)s and f.id = %(id)s
                returning id
                """,
                values,
            )
            row = await cursor.fetchone()
            assert row is not None
            await write_audit(c, old, who, "fax_resent", {"new_fax": int(row["id"])})
        return int(row["id"])


def _digest(sender: VirtualFax, to: str, files: Sequence[File], options: SendOptions) -> bytes:
    """Return what tells one request from another."""
    fields: dict[str, Any] = {**asdict(options), "send_at": str(options.send_at)}
    parts = [sender.id, to, fields, [[n, hashlib.sha256(d).hexdigest()] for n, d in files]]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).digest()


async def _insert_broadcast(c: Connection, sender: VirtualFax, name: str, total: int) -> int:
    cursor = await c.execute(
        """
        insert into broadcasts (brand_id, company_id, virtual_fax_id, name, total)
        values (%(brand)s, %(company)s, %(virtual_fax)s, %(name)s, %(total)s)
        returning id
        """,
        {
            "brand": sender.brand_id,
            "company": sender.company_id,
            "virtual_fax": sender.id,
            "name": name,
            "total": total,
        },
    )
    row = await cursor.fetchone()
    assert row is not None
    return int(row["id"])


async def _insert_fax(
    c: Connection, sender: VirtualFax, to: str, options: SendOptions, digest: bytes
) -> int | None:
    """Return the id of a new fax, or None where its idempotency key is taken."""
    cursor = await c.execute(
        """
        insert into faxes
          (brand_id, company_id, virtual_fax_id, direction, local_number, remote_number, cover,
           resolution, pictures, priority, send_at, idempotency_key, request_digest, client_state,
           test)
        values
          (%(brand)s, %(company)s, %(virtual_fax)s, 'out', %(local_number)s, %(remote_number)s,
           %(cover)s, %(resolution)s, %(pictures)s, %(priority)s, coalesce(%(send_at)s, now()),
           %(idempotency_key)s, %(digest)s, %(client_state)s, %(test)s)
        on conflict (company_id, idempotency_key) do nothing
        returning id
        """,
        {
            "brand": sender.brand_id,
            "company": sender.company_id,
            "virtual_fax": sender.id,
            "local_number": sender.outgoing_number,
            "remote_number": to,
            "cover": Jsonb(options.cover) if options.cover is not None else None,
            "resolution": options.resolution,
            "pictures": options.pictures,
            "priority": options.priority,
            "send_at": options.send_at,
            "idempotency_key": options.idempotency_key,
            "digest": digest if options.idempotency_key is not None else None,
            "client_state": options.client_state,
            "test": options.test,
        },
    )
    row = await cursor.fetchone()
    return int(row["id"]) if row else None


async def _same_request(
    c: Connection, sender: VirtualFax, options: SendOptions, digest: bytes
) -> int:
    """Return the fax that an idempotency key made. Raises UserError for another request."""
    cursor = await c.execute(
        """
        select id, request_digest from faxes
        where company_id = %(company)s and idempotency_key = %(key)s
        """,
        {"company": sender.company_id, "key": options.idempotency_key},
    )
    row = await cursor.fetchone()
    assert row is not None
    if bytes(row["request_digest"]) != digest:
        raise ConflictError(
            "the idempotency key {key!r} belongs to another request, fax {id}: use a new key for "
            "a new fax",
            key=options.idempotency_key,
            id=row["id"],
        )
    return int(row["id"])


async def _put_originals(
    c: Connection, sender: VirtualFax, fax_id: int, files: Sequence[File]
) -> None:
    owner = Owner(sender.brand_id, sender.company_id, fax_id)
    for part, (name, data) in enumerate(files):
        await put_document(c, owner, "original", data, None, name=name, part=part)
