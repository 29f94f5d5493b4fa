"""Faxes, attempts, pages and documents in PostgreSQL; rows become frozen objects here."""

import hashlib
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from spandsp_bridge.errors import UserError
from spandsp_bridge.model import AudioFax, FaxStatus, Outcome
from spandsp_bridge.store.database import Connection, Database

LEASE = "60 seconds"


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
           v.audio_fax
    from virtual_faxes v
    join companies c on c.id = v.company_id
    left join ddis d on d.id = coalesce(v.outgoing_ddi_id, c.outgoing_ddi_id)
"""
_FAX = """
    select id, brand_id, company_id, virtual_fax_id, direction, status, reason, explanation,
           local_number, remote_number, remote_station_id, pages, pages_confirmed,
           created_at, started_at, finished_at
    from faxes
"""


def _virtual_fax(row: dict[str, Any]) -> VirtualFax:
    return VirtualFax(
        **{**row, "email": tuple(row["email"]), "audio_fax": AudioFax(row["audio_fax"])}
    )


def _fax(row: dict[str, Any]) -> Fax:
    fields = {name: row[name] for name in Fax.__slots__}
    return Fax(**{**fields, "status": FaxStatus(row["status"])})


class FaxStore:
    """The queries on faxes."""

    def __init__(self, database: Database) -> None:
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

    async def submit(self, sender: VirtualFax, to: str, original: bytes) -> int:
        """Put a fax into the queue with its original document; return its id."""
        async with self._db.transaction() as c:
            cursor = await c.execute(
                "insert into faxes (brand_id, company_id, virtual_fax_id, direction,"
                " local_number, remote_number) values (%s, %s, %s, 'out', %s, %s) returning id",
                [sender.brand_id, sender.company_id, sender.id, sender.outgoing_number, to],
            )
            row = await cursor.fetchone()
            assert row is not None
            fax_id = int(row["id"])
            await _put_document(
                c, sender.brand_id, sender.company_id, fax_id, "original", original, None
            )
        return fax_id

    async def claim(self, worker: str) -> Fax | None:
        """Take the oldest pending fax, or return None."""
        async with self._db.transaction() as c:
            cursor = await c.execute("select * from claim_fax(%s, %s)", [worker, LEASE])
            row = await cursor.fetchone()
        return _fax(row) if row else None

    async def renew(self, worker: str) -> None:
        """Prolong this worker's leases."""
        async with self._db.transaction() as c:
            await c.execute("select renew_claims(%s, %s)", [worker, LEASE])

    async def expire_claims(self) -> list[int]:
        """End the faxes of dead workers; return their ids."""
        async with self._db.transaction() as c:
            cursor = await c.execute("select expire_claims() as id")
            return [int(row["id"]) for row in await cursor.fetchall()]

    async def abandon_claims(self, worker: str) -> None:
        """Give up a worker's claims: what was never dialled waits again, the rest ends."""
        async with self._db.transaction() as c:
            await c.execute("select abandon_claims(%s)", [worker])

    async def ensure_partitions(self) -> None:
        """Make the partitions that documents of this month and the next go into."""
        async with self._db.transaction() as c:
            await c.execute("select ensure_document_partitions()")

    async def set_rendered(self, fax: Fax, tiff: bytes, pdf: bytes, pages: int) -> None:
        """Store the rendered document and its page count."""
        async with self._db.transaction() as c:
            await _put_document(c, fax.brand_id, fax.company_id, fax.id, "tiff", tiff, pages)
            await _put_document(c, fax.brand_id, fax.company_id, fax.id, "pdf", pdf, pages)
            await c.execute(
                "update faxes set pages = %s where company_id = %s and id = %s",
                [pages, fax.company_id, fax.id],
            )

    async def begin_attempt(self, fax: Fax, bridge: str) -> int:
        """Write the attempt before it dials: after a crash it can be judged."""
        async with self._db.transaction() as c:
            cursor = await c.execute(
                "insert into attempts (brand_id, company_id, fax_id, number, bridge)"
                " select %s, %s, %s, coalesce(max(number), 0) + 1, %s from attempts"
                " where company_id = %s and fax_id = %s returning id",
                [fax.brand_id, fax.company_id, fax.id, bridge, fax.company_id, fax.id],
            )
            row = await cursor.fetchone()
            assert row is not None
            return int(row["id"])

    async def confirm_page(self, fax: Fax, attempt: int, page: ReceivedPage) -> None:
        """Record a page that the receiver confirmed."""
        async with self._db.transaction() as c:
            await _put_page(c, fax.brand_id, fax.company_id, fax.id, page)
            await c.execute(
                "update faxes set pages_confirmed = %s where company_id = %s and id = %s",
                [page.page, fax.company_id, fax.id],
            )
            await c.execute(
                "update attempts set pages_confirmed = %s where company_id = %s and id = %s",
                [page.page, fax.company_id, attempt],
            )

    async def retry_rules(self, brand: int | None) -> list[dict[str, Any]]:
        """Return a brand's rows of `retry_rules_in_force`; None: those of the first brand."""
        async with self._db.transaction() as c:
            cursor = await c.execute(
                "select reason, action, delay, tries, steps, why from retry_rules_in_force"
                " where brand_id = coalesce(%s, (select min(id) from brands)) order by reason",
                [brand],
            )
            return await cursor.fetchall()

    async def reasons(self, fax: Fax) -> list[str]:
        """Return why the attempts of a fax failed, oldest first."""
        async with self._db.transaction() as c:
            cursor = await c.execute(
                "select reason from attempts where company_id = %s and fax_id = %s"
                " and reason is not null order by number",
                [fax.company_id, fax.id],
            )
            return [row["reason"] for row in await cursor.fetchall()]

    async def retry_fax(self, fax: Fax, outcome: Outcome, seconds: float) -> None:
        """Put a fax back into the queue after a failed attempt."""
        async with self._db.transaction() as c:
            await c.execute(
                "update faxes set status = 'pending', reason = %s, explanation = %s,"
                " pages_confirmed = %s, claimed_by = null, claimed_until = null,"
                " send_at = now() + make_interval(secs => %s) where company_id = %s and id = %s",
                [outcome.reason, outcome.explanation, outcome.pages, seconds,
                 fax.company_id, fax.id],
            )  # fmt: skip

    async def end_attempt(
        self, fax: Fax, attempt: int, outcome: Outcome, call_id: str, route: dict[str, Any] | None
    ) -> None:
        """Store how an attempt ended."""
        async with self._db.transaction() as c:
            await _end_attempt(c, fax.company_id, attempt, outcome, call_id, route)

    async def end_fax(self, fax: Fax, outcome: Outcome) -> None:
        """Close an outbound fax. `completed` holds only with every page confirmed."""
        async with self._db.transaction() as c:
            await c.execute(
                "update faxes set status = %s, reason = %s, explanation = %s,"
                " pages_confirmed = %s, remote_station_id = %s, claimed_by = null,"
                " claimed_until = null, finished_at = now() where company_id = %s and id = %s",
                [
                    FaxStatus.COMPLETED if outcome.ok else FaxStatus.ERROR,
                    outcome.reason,
                    outcome.explanation,
                    outcome.pages,
                    outcome.stats.remote_station_id,
                    fax.company_id,
                    fax.id,
                ],
            )

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
        received_at: datetime,
    ) -> int | None:
        """Store a received fax once; return its id, or None when it is there already."""
        v = virtual_fax
        async with self._db.transaction() as c:
            cursor = await c.execute(
                "insert into faxes (brand_id, company_id, virtual_fax_id, direction, status,"
                " reason, explanation, local_number, remote_number, remote_station_id, pages,"
                " pages_confirmed, spool_key, created_at, started_at, finished_at, mailed_at)"
                " values (%s, %s, %s, 'in', %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, now(), %s)"
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
                    None if v.send_by_email and pages else received_at,
                ],
            )
            row = await cursor.fetchone()
            if row is None:
                return None
            fax_id = int(row["id"])
            for page in pages:
                await _put_page(c, v.brand_id, v.company_id, fax_id, page)
            if pages:
                await _put_document(c, v.brand_id, v.company_id, fax_id, "tiff", tiff, len(pages))
                await _put_document(c, v.brand_id, v.company_id, fax_id, "pdf", pdf, len(pages))
            cursor = await c.execute(
                "insert into attempts (brand_id, company_id, fax_id, number, bridge, started_at)"
                " values (%s, %s, %s, 1, %s, %s) returning id",
                [v.brand_id, v.company_id, fax_id, bridge, received_at],
            )
            attempt = await cursor.fetchone()
            assert attempt is not None
            await _end_attempt(c, v.company_id, int(attempt["id"]), outcome, call_id, None)
        return fax_id

    # ---- reading ---------------------------------------------------------

    async def fax(self, fax_id: int) -> Fax | None:
        """Return a fax by id, or None."""
        async with self._db.transaction() as c:
            cursor = await c.execute(_FAX + "where id = %s", [fax_id])
            row = await cursor.fetchone()
        return _fax(row) if row else None

    async def faxes(self, limit: int, company_id: int | None = None) -> list[Fax]:
        """Return the newest faxes."""
        async with self._db.transaction() as c:
            cursor = await c.execute(
                _FAX + "where %(company)s::bigint is null or company_id = %(company)s"
                " order by created_at desc, id desc limit %(limit)s",
                {"company": company_id, "limit": limit},
            )
            return [_fax(row) for row in await cursor.fetchall()]

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

    async def document(self, fax: Fax, kind: str) -> bytes | None:
        """Return a document of a fax: `original`, `tiff` or `pdf`. Its digest is checked."""
        async with self._db.transaction() as c:
            cursor = await c.execute(
                "select data, sha256 from documents where company_id = %s and fax_id = %s"
                " and kind = %s order by created_at desc limit 1",
                [fax.company_id, fax.id, kind],
            )
            row = await cursor.fetchone()
        if row is None:
            return None
        data = bytes(row["data"])
        if hashlib.sha256(data).digest() != bytes(row["sha256"]):
            raise UserError(f"the {kind} of fax {fax.id} does not match its digest")
        return data

    async def unmailed(self) -> list[tuple[Fax, VirtualFax]]:
        """Return received faxes whose mail is due."""
        async with self._db.transaction() as c:
            cursor = await c.execute(
                _FAX + "where direction = 'in' and mailed_at is null"
                " and finished_at is not null order by finished_at limit 20"
            )
            faxes = [_fax(row) for row in await cursor.fetchall()]
        due = []
        for fax in faxes:
            virtual_fax = await self.virtual_fax(fax.virtual_fax_id)
            if virtual_fax is not None:
                due.append((fax, virtual_fax))
        return due

    async def set_mailed(self, fax: Fax) -> None:
        """Record that the mail server took the mail."""
        async with self._db.transaction() as c:
            await c.execute(
                "update faxes set mailed_at = now() where company_id = %s and id = %s",
                [fax.company_id, fax.id],
            )


async def _put_document(
    c: Connection,
    brand_id: int,
    company_id: int,
    fax_id: int,
    kind: str,
    data: bytes,
    pages: int | None,
) -> None:
    await c.execute(
        "insert into documents (brand_id, company_id, fax_id, kind, sha256, size, page_count,"
        " data) values (%s, %s, %s, %s, %s, %s, %s, %s)",
        [
            brand_id,
            company_id,
            fax_id,
            kind,
            hashlib.sha256(data).digest(),
            len(data),
            pages,
            data,
        ],
        binary=True,
    )


async def _put_page(
    c: Connection, brand_id: int, company_id: int, fax_id: int, page: ReceivedPage
) -> None:
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


async def _end_attempt(
    c: Connection,
    company_id: int,
    attempt: int,
    outcome: Outcome,
    call_id: str,
    route: dict[str, Any] | None,
) -> None:
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
