"""Faxes, attempts, pages and documents in PostgreSQL; rows become frozen objects here."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from spandsp_bridge.errors import UserError
from spandsp_bridge.model import AudioFax, FaxStatus, Outcome
from spandsp_bridge.numbers import destination
from spandsp_bridge.store.transactions import Connection, Transactions

File = tuple[str, bytes]  #: what the sender calls it, and its content


@dataclass(frozen=True, slots=True)
class VirtualFax:
    """A virtual fax with what sending and receiving need of it."""

    id: int
    brand_id: int
    company_id: int
    name: str
    company: str
    country: str
    paper: str
    time_zone: str
    email: tuple[str, ...]
    send_by_email: bool
    outgoing_number: str | None
    station_id: str
    header_line: str
    ecm: bool
    max_bit_rate: int
    audio_fax: AudioFax
    resolution: str = "fine"
    pictures: str = "auto"
    long_pages: str = "split"
    mail_document: str = "pdf"
    language: str = "en"
    continuation_cover: bool = True
    cover_template: str = ""
    countries: tuple[str, ...] = ()  #: that it may send to (ISO 3166), none: all
    max_attempts: int | None = None  #: of one fax; None: as the retry rules say
    retry_delay: int | None = None  #: seconds; None: as the retry rules say

    def destination(self, text: str) -> str:
        """Return a number that it may send to as E.164. Raises UserError."""
        return destination(text, self.country, self.countries)


@dataclass(frozen=True, slots=True)
class Fax:
    """One row of `faxes`."""

    id: int
    brand_id: int
    company_id: int
    virtual_fax_id: int
    direction: str
    status: FaxStatus
    reason: str | None
    explanation: str | None
    local_number: str
    remote_number: str
    remote_station_id: str
    pages: int | None
    pages_confirmed: int
    created_at: datetime
    started_at: datetime | None
    finished_at: datetime | None
    send_at: datetime
    prepared_at: datetime | None
    expected_seconds: int | None
    priority: int
    resolution: str | None
    pictures: str | None
    cover: dict[str, str] | None
    document_fax_id: int | None
    resend_of: int | None
    broadcast_id: int | None
    test: bool = False
    client_state: str | None = None
    read_at: datetime | None = None
    deleted_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Wishes:
    """How a fax is to be sent; None: as the virtual fax says."""

    cover: dict[str, str] | None = None  #: subject, text, to_name, from_name
    resolution: str | None = None
    pictures: str | None = None
    priority: int = 5
    send_at: datetime | None = None  #: not before
    idempotency_key: str | None = None
    client_state: str | None = None  #: whatever the submitter wants to hear again
    test: bool = False  #: calls the peer that has every fault


STANDARD = Wishes()


@dataclass(frozen=True, slots=True)
class ReceivedPage:
    """One confirmed page of an inbound fax."""

    page: int
    width: int
    length: int
    line_bytes: int
    bad_rows: int
    retransmissions: int = 0
    seconds: float | None = None


_VIRTUAL_FAX = """
    select v.id, v.brand_id, v.company_id, v.name, c.name as company, c.country, c.paper,
           c.time_zone, v.email, v.send_by_email, d.number as outgoing_number,
           coalesce(v.station_id, d.number, '') as station_id,
           coalesce(v.header_line, '') as header_line, v.ecm, v.max_bit_rate,
           v.audio_fax, v.resolution, v.pictures, v.long_pages, v.mail_document, c.language,
           c.continuation_cover, coalesce(p.html, '') as cover_template, v.max_attempts,
           v.retry_delay,
           array(select b.country from brand_countries b where b.brand_id = v.brand_id) as countries
    from virtual_faxes v
    join companies c on c.id = v.company_id
    left join cover_pages p on p.id = c.cover_page_id
    left join ddis d on d.id = coalesce(v.outgoing_ddi_id, c.outgoing_ddi_id)
"""
_FAX = f"select {', '.join(Fax.__slots__)} from faxes "  # noqa: S608 - our own names


def _virtual_fax(row: dict[str, Any]) -> VirtualFax:
    return VirtualFax(
        **{
            **row,
            "email": tuple(row["email"]),
            "audio_fax": AudioFax(row["audio_fax"]),
            "countries": tuple(row["countries"]),
        }
    )


def fax_of(row: dict[str, Any]) -> Fax:
    """Return a row of `faxes` as an object."""
    fields = {name: row[name] for name in Fax.__slots__}
    return Fax(**{**fields, "status": FaxStatus(row["status"])})


class FaxStore:
    """The queries on faxes."""

    def __init__(self, database: Transactions) -> None:
        self._db = database

    # ---- configuration -------------------------------------------------

    async def virtual_fax(self, virtual_fax_id: int) -> VirtualFax | None:
        """Return a virtual fax by id, or None."""
        async with self._db.transaction() as c:
            cursor = await c.execute(_VIRTUAL_FAX + "where v.id = %s", [virtual_fax_id])
            row = await cursor.fetchone()
        return _virtual_fax(row) if row else None

    async def find_virtual_fax(self, text: str) -> VirtualFax:
        """Return a virtual fax by its id or by ``company/name``. Raises UserError."""
        if text.isascii() and text.isdigit() and len(text) < 19:
            found = await self.virtual_fax(int(text))
            if found is None:
                raise UserError(f"there is no virtual fax {text}; see the table virtual_faxes")
            return found
        company, slash, name = text.partition("/")
        if not slash:
            raise UserError(f"{text!r} is neither a virtual fax's id nor COMPANY/NAME")
        async with self._db.transaction() as c:
            cursor = await c.execute(
                _VIRTUAL_FAX + "where c.name = %s and v.name = %s limit 2", [company, name]
            )
            rows = await cursor.fetchall()
        if not rows:
            raise UserError(f"there is no virtual fax {text!r}; see the table virtual_faxes")
        if len(rows) > 1:
            ids = " and ".join(str(row["id"]) for row in rows)
            raise UserError(f"{text!r} is in two brands: name it by its id, {ids}")
        return _virtual_fax(rows[0])

    async def register_bridge(self, name: str, address: str, port: int, *, receives: bool) -> None:
        """Write this node's row, which puts it into the dispatcher's list.

        A node that was renamed, or took over an address, replaces the row that had it.
        """
        async with self._db.transaction() as c:
            await c.execute(
                "delete from bridges where sip_address = %s and sip_port = %s and name <> %s",
                [address, port, name],
            )
            await c.execute(
                "insert into bridges (name, sip_address, sip_port, receives)"
                " values (%s, %s, %s, %s) on conflict (name) do update set"
                " sip_address = excluded.sip_address, sip_port = excluded.sip_port,"
                " receives = excluded.receives, last_seen = now()",
                [name, address, port, receives],
            )

    # ---- sending --------------------------------------------------------

    async def submit(
        self, sender: VirtualFax, to: str, files: Sequence[File], wishes: Wishes = STANDARD
    ) -> int:
        """Put a fax into the queue with its documents; return its id.

        The same `idempotency_key` of a company makes no second fax: the id of the first one is
        returned. Raises UserError when that one was another request.
        """
        digest = _digest(sender, to, files, wishes)
        async with self._db.transaction() as c:
            fax_id = await _insert_fax(c, sender, to, wishes, digest)
            if fax_id is None:
                return await _same_request(c, sender, wishes, digest)
            await _put_originals(c, sender, fax_id, files)
        return fax_id

    async def submit_broadcast(
        self,
        sender: VirtualFax,
        destinations: Sequence[tuple[str, str]],
        files: Sequence[File],
        wishes: Wishes = STANDARD,
        name: str = "",
    ) -> int:
        """Put one document to many (number, name) destinations into the queue; return its id."""
        async with self._db.transaction() as c:
            cursor = await c.execute(
                "insert into broadcasts (brand_id, company_id, virtual_fax_id, name, total)"
                " values (%s, %s, %s, %s, %s) returning id",
                [sender.brand_id, sender.company_id, sender.id, name, len(destinations)],
            )
            row = await cursor.fetchone()
            assert row is not None
            broadcast = int(row["id"])
            covers = [
                json.dumps({**wishes.cover, "to_name": to_name}) if wishes.cover is not None
                else None for _, to_name in destinations
            ]  # fmt: skip
            numbers = [number for number, _ in destinations]
            insert = (
                "insert into faxes (brand_id, company_id, virtual_fax_id, direction, local_number,"
                " remote_number, cover, resolution, pictures, priority, send_at, broadcast_id,"
                " document_fax_id)"
                " select %(brand)s, %(company)s, %(fax)s, 'out', %(local)s, number, cover,"
                " %(resolution)s, %(pictures)s, %(priority)s, coalesce(%(send_at)s, now()),"
                " %(broadcast)s, %(document)s"
                " from unnest(%(numbers)s::text[], %(covers)s::jsonb[]) as d (number, cover)"
                " returning id"
            )
            facts = {
                "brand": sender.brand_id, "company": sender.company_id, "fax": sender.id,
                "local": sender.outgoing_number, "resolution": wishes.resolution,
                "pictures": wishes.pictures, "priority": wishes.priority,
                "send_at": wishes.send_at, "broadcast": broadcast,
            }  # fmt: skip
            cursor = await c.execute(
                insert, {**facts, "numbers": numbers[:1], "covers": covers[:1], "document": None}
            )
            row = await cursor.fetchone()
            assert row is not None
            first = int(row["id"])
            await _put_originals(c, sender, first, files)
            if len(numbers) > 1:
                await c.execute(
                    insert,
                    {**facts, "numbers": numbers[1:], "covers": covers[1:], "document": first},
                )
        return broadcast

    async def resend(self, old: Fax, who: str) -> int:
        """Put a fax that is over into the queue once more, as a new one; return its id."""
        if old.direction != "out":
            raise UserError(f"fax {old.id} was received: only sent faxes can be sent again")
        if old.status not in (FaxStatus.COMPLETED, FaxStatus.ERROR):
            raise UserError(f"fax {old.id} is not over yet: cancel it first, or wait for its end")
        sender = await self.virtual_fax(old.virtual_fax_id)
        if sender is not None and not old.test:
            sender.destination(old.remote_number)
        async with self._db.transaction() as c:
            document = old.document_fax_id or old.id
            cursor = await c.execute(
                "select from documents where company_id = %s and fax_id = %s limit 1",
                [old.company_id, document],
            )
            if await cursor.fetchone() is None:
                raise UserError(f"the document of fax {old.id} was deleted: send it anew")
            cursor = await c.execute(
                "insert into faxes (brand_id, company_id, virtual_fax_id, direction, local_number,"
                " remote_number, cover, resolution, pictures, priority, document_fax_id, resend_of,"
                " test, pages, expected_seconds, prepared_at)"
                " select brand_id, company_id, virtual_fax_id, direction, local_number,"
                " remote_number, cover, resolution, pictures, priority, %(document)s, id, f.test,"
                " d.pages,"
                " d.expected_seconds, case when f.cover is null then d.prepared_at end"
                " from faxes f cross join lateral (select g.pages, g.expected_seconds,"
                " g.prepared_at from faxes g where g.company_id = f.company_id"
                " and g.id = %(document)s) d"
                " where f.company_id = %(company)s and f.id = %(id)s returning id",
                {"document": document, "company": old.company_id, "id": old.id},
            )
            row = await cursor.fetchone()
            assert row is not None
            await _audit(c, old, who, "fax_resent", f"as fax {row['id']}")
        return int(row["id"])

    async def cancel(self, fax: Fax, who: str) -> str:
        """End a fax: `cancelled`, or the status in which it had ended before."""
        async with self._db.transaction() as c:
            cursor = await c.execute(
                "select cancel_fax(%s, %s, %s) as said", [fax.company_id, fax.id, who]
            )
            row = await cursor.fetchone()
            return str(row["said"]) if row else "unknown"

    async def mark_read(self, fax: Fax) -> None:
        """Note that somebody has opened a received fax."""
        async with self._db.transaction() as c:
            await c.execute(
                "update faxes set read_at = now() where company_id = %s and id = %s"
                " and direction = 'in' and read_at is null",
                [fax.company_id, fax.id],
            )

    async def delete(self, fax: Fax, who: str) -> None:
        """Delete the documents of a fax that is over; its record stays. Raises UserError."""
        if fax.status not in (FaxStatus.COMPLETED, FaxStatus.ERROR):
            raise UserError(f"fax {fax.id} is not over yet: cancel it first, or wait for its end")
        async with self._db.transaction() as c:
            await c.execute("select delete_fax(%s, %s, %s)", [fax.company_id, fax.id, who])

    async def ensure_partitions(self) -> None:
        """Make the partitions that documents of this month and the next go into."""
        async with self._db.transaction() as c:
            await c.execute("select ensure_document_partitions()")

    # ---- receiving -------------------------------------------------------

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
        """Store a received fax once; return its id, or None when it is there already."""
        v = virtual_fax
        async with self._db.transaction() as c:
            cursor = await c.execute(
                "insert into faxes (brand_id, company_id, virtual_fax_id, direction, status,"
                " reason, explanation, local_number, remote_number, remote_station_id, pages,"
                " pages_confirmed, spool_key, created_at, started_at, finished_at)"
                " values (%s, %s, %s, 'in', %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, now())"
                " on conflict (spool_key) do nothing returning id",
                [
                    v.brand_id,
                    v.company_id,
                    v.id,
                    FaxStatus.COMPLETED if outcome.ok else FaxStatus.ERROR,
                    outcome.reason,
                    outcome.explanation,
                    local_number,
                    remote_number,
                    outcome.stats.remote_station_id,
                    len(pages) or None,
                    len(pages),
                    spool_key,
                    received_at,
                    received_at,
                ],
            )
            row = await cursor.fetchone()
            if row is None:
                return None
            fax_id = int(row["id"])
            fax = Owner(v.brand_id, v.company_id, fax_id)
            async with c.pipeline():
                cursor = await c.execute(
                    "insert into attempts (brand_id, company_id, fax_id, number, bridge,"
                    " started_at) values (%s, %s, %s, 1, %s, %s) returning id",
                    [v.brand_id, v.company_id, fax_id, bridge, received_at],
                )
                for page in pages:
                    await put_page(c, v.brand_id, v.company_id, fax_id, page)
                if pages:
                    await put_document(c, fax, "tiff", tiff, len(pages))
                    await put_document(c, fax, "pdf", pdf, len(pages))
                    if thumbnail:
                        await put_document(c, fax, "thumbnail", thumbnail, None)
                attempt = await cursor.fetchone()
                assert attempt is not None
                await end_attempt(c, v.company_id, int(attempt["id"]), outcome, call_id, None)
        return fax_id

    # ---- reading ---------------------------------------------------------

    async def fax(self, fax_id: int) -> Fax | None:
        """Return a fax by id, or None."""
        async with self._db.transaction() as c:
            cursor = await c.execute(_FAX + "where id = %s", [fax_id])
            row = await cursor.fetchone()
        return fax_of(row) if row else None

    async def faxes(self, limit: int, company_id: int | None = None) -> list[Fax]:
        """Return the newest faxes."""
        async with self._db.transaction() as c:
            cursor = await c.execute(
                _FAX + "where %(company)s::bigint is null or company_id = %(company)s"
                " order by created_at desc, id desc limit %(limit)s",
                {"company": company_id, "limit": limit},
            )
            return [fax_of(row) for row in await cursor.fetchall()]

    async def attempts(self, fax: Fax) -> list[dict[str, Any]]:
        """Return the attempts of a fax, oldest first, as plain dictionaries."""
        async with self._db.transaction() as c:
            cursor = await c.execute(
                "select number, bridge, started_at, finished_at, sip_call_id, sip_status,"
                " sip_reason, t30_code, t30_text, reason, explanation, pages_confirmed, bit_rate,"
                " ecm, encoding, remote_station_id, hung_up_by, route, stats, trace from attempts"
                " where company_id = %s and fax_id = %s order by number",
                [fax.company_id, fax.id],
            )
            return await cursor.fetchall()

    async def pages(self, fax: Fax) -> list[dict[str, Any]]:
        """Return the pages of a fax with their quality."""
        async with self._db.transaction() as c:
            cursor = await c.execute(
                "select page, width, length, line_bytes, bad_rows, retransmissions, seconds,"
                " confirmed from pages where company_id = %s and fax_id = %s order by page",
                [fax.company_id, fax.id],
            )
            return await cursor.fetchall()

    async def queue_position(self, fax: Fax) -> dict[str, Any] | None:
        """Return how many faxes come before a waiting one, and when it is dialled, about."""
        async with self._db.transaction() as c:
            cursor = await c.execute(
                "select ahead, expected_at from queue_position(%s, %s)", [fax.company_id, fax.id]
            )
            return await cursor.fetchone()

    async def broadcast(self, broadcast_id: int) -> dict[str, Any] | None:
        """Return how far a broadcast is: a row of `broadcast_progress`."""
        async with self._db.transaction() as c:
            cursor = await c.execute(
                "select id, company_id, name, created_at, total, pending, inprogress, completed,"
                " error, pages_confirmed from broadcast_progress where id = %s",
                [broadcast_id],
            )
            return await cursor.fetchone()

    async def document(self, fax: Fax, kind: str) -> bytes | None:
        """Return a document of a fax, or the one that it shares. Its digest is checked.

        `kind` is `tiff`, `pdf`, `cover`, `thumbnail` or, for a single file, `original`.
        """
        files = await self.documents(fax, kind)
        return files[0][1] if files else None

    async def documents(self, fax: Fax, kind: str) -> list[File]:
        """Return the (name, content) pairs of a kind; `original` may have several."""
        async with self._db.transaction() as c:
            for owner in (fax.id, fax.document_fax_id):
                if owner is None:
                    break
                cursor = await c.execute(
                    "select distinct on (part) name, data, sha256 from documents"
                    " where company_id = %s and fax_id = %s and kind = %s"
                    " order by part, created_at desc",
                    [fax.company_id, owner, kind],
                )
                rows = await cursor.fetchall()
                if rows or kind == "cover":  # a cover page is never shared
                    break
        files = []
        for row in rows:
            data = bytes(row["data"])
            if hashlib.sha256(data).digest() != bytes(row["sha256"]):
                raise UserError(f"the {kind} of fax {fax.id} does not match its digest")
            files.append((str(row["name"]), data))
        return files

    async def audit(self, fax: Fax, who: str, action: str, detail: str = "") -> None:
        """Write down who did what with a fax."""
        async with self._db.transaction() as c:
            await _audit(c, fax, who, action, detail)


def _digest(sender: VirtualFax, to: str, files: Sequence[File], wishes: Wishes) -> bytes:
    """Return what tells one request from another."""
    wanted = {**asdict(wishes), "send_at": str(wishes.send_at)}
    parts = [sender.id, to, wanted, [[n, hashlib.sha256(d).hexdigest()] for n, d in files]]
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).digest()


async def _insert_fax(
    c: Connection, sender: VirtualFax, to: str, wishes: Wishes, digest: bytes
) -> int | None:
    cursor = await c.execute(
        "insert into faxes (brand_id, company_id, virtual_fax_id, direction, local_number,"
        " remote_number, cover, resolution, pictures, priority, send_at, idempotency_key,"
        " request_digest, client_state, test)"
        " values (%s, %s, %s, 'out', %s, %s, %s, %s, %s, %s, coalesce(%s, now()), %s, %s, %s, %s)"
        " on conflict (company_id, idempotency_key) do nothing returning id",
        [
            sender.brand_id,
            sender.company_id,
            sender.id,
            sender.outgoing_number,
            to,
            Jsonb(wishes.cover) if wishes.cover is not None else None,
            wishes.resolution,
            wishes.pictures,
            wishes.priority,
            wishes.send_at,
            wishes.idempotency_key,
            digest if wishes.idempotency_key is not None else None,
            wishes.client_state,
            wishes.test,
        ],
    )
    row = await cursor.fetchone()
    return int(row["id"]) if row else None


async def _same_request(c: Connection, sender: VirtualFax, wishes: Wishes, digest: bytes) -> int:
    cursor = await c.execute(
        "select id, request_digest from faxes where company_id = %s and idempotency_key = %s",
        [sender.company_id, wishes.idempotency_key],
    )
    row = await cursor.fetchone()
    assert row is not None
    if bytes(row["request_digest"]) != digest:
        raise UserError(
            f"the idempotency key {wishes.idempotency_key!r} belongs to another request, fax "
            f"{row['id']}: use a new key for a new fax"
        )
    return int(row["id"])


async def _put_originals(
    c: Connection, sender: VirtualFax, fax_id: int, files: Sequence[File]
) -> None:
    owner = Owner(sender.brand_id, sender.company_id, fax_id)
    for part, (name, data) in enumerate(files):
        await put_document(c, owner, "original", data, None, name=name, part=part)


async def _audit(c: Connection, fax: Fax, who: str, action: str, detail: str) -> None:
    await c.execute(
        "insert into audit_log (brand_id, company_id, who, action, fax_id, detail)"
        " values (%s, %s, %s, %s, %s, %s)",
        [fax.brand_id, fax.company_id, who, action, fax.id, detail],
    )


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
        "insert into documents (brand_id, company_id, fax_id, kind, part, name, sha256, size,"
        " page_count, data) values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)",
        [
            fax.brand_id,
            fax.company_id,
            fax.id,
            kind,
            part,
            name,
            hashlib.sha256(data).digest(),
            len(data),
            pages,
            data,
        ],
        binary=True,
    )


async def put_page(
    c: Connection, brand_id: int, company_id: int, fax_id: int, page: ReceivedPage
) -> None:
    """Store a confirmed page."""
    await c.execute(
        "insert into pages (brand_id, company_id, fax_id, page, width, length, line_bytes,"
        " bad_rows, retransmissions, seconds, confirmed)"
        " values (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, now())"
        " on conflict (company_id, fax_id, page) do update set confirmed = now()",
        [
            brand_id,
            company_id,
            fax_id,
            page.page,
            page.width,
            page.length,
            page.line_bytes,
            page.bad_rows,
            page.retransmissions,
            page.seconds,
        ],
    )


async def end_attempt(
    c: Connection,
    company_id: int,
    attempt: int,
    outcome: Outcome,
    call_id: str,
    route: dict[str, Any] | None,
) -> None:
    """Store how an attempt ended."""
    stats = outcome.stats
    await c.execute(
        "update attempts set finished_at = now(), sip_call_id = %s, sip_status = %s,"
        " sip_reason = %s, t30_code = %s, t30_text = %s, reason = %s, explanation = %s,"
        " pages_confirmed = %s, bit_rate = %s, ecm = %s, encoding = %s, remote_station_id = %s,"
        " hung_up_by = %s, route = %s, stats = %s, trace = %s where company_id = %s and id = %s",
        [
            call_id,
            outcome.sip_status,
            outcome.sip_reason,
            outcome.t30_code,
            outcome.t30_text,
            outcome.reason,
            outcome.explanation,
            outcome.pages,
            stats.bit_rate or None,
            stats.ecm if stats.bit_rate else None,
            stats.encoding or None,
            stats.remote_station_id,
            outcome.hung_up_by or None,
            Jsonb(route) if route else None,
            Jsonb(
                {
                    **asdict(stats),
                    "media": stats.media.name.lower(),
                    "heard": stats.heard.name.lower(),
                }
            ),
            outcome.trace,
            company_id,
            attempt,
        ],
    )
