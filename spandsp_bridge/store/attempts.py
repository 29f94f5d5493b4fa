"""Attempts and pages of faxes."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from psycopg.types.json import Jsonb

from spandsp_bridge.model import Outcome
from spandsp_bridge.store.documents import Owner
from spandsp_bridge.store.fax_rows import Fax
from spandsp_bridge.store.transactions import Connection, Transactions


@dataclass(frozen=True, slots=True)
class ReceivedPage:
    """One confirmed page of a fax, as the engine reports it."""

    page: int
    width: int
    length: int
    line_bytes: int
    bad_rows: int
    retransmissions: int = 0
    seconds: float | None = None


@dataclass(frozen=True, slots=True)
class StoredPage:
    """One row of `pages`."""

    page: int
    width: int | None
    length: int | None
    line_bytes: int | None
    bad_rows: int
    retransmissions: int
    seconds: float | None
    confirmed: datetime | None


@dataclass(frozen=True, slots=True)
class Attempt:
    """One row of `attempts`: a call for an outbound fax, or that of a received one."""

    number: int  #: 1 for the first call of a fax
    bridge: str
    started_at: datetime
    finished_at: datetime | None
    sip_call_id: str | None
    sip_status: int | None
    sip_reason: str | None  #: the phrase of the final response
    t30_code: int | None  #: T30_ERR_* of SpanDSP
    t30_text: str | None
    reason: str | None  #: of `reasons.Reason`; None while it lasts
    detail: dict[str, Any]  #: facts of the outcome, by `reasons.DETAILS`
    pages_confirmed: int
    bit_rate: int | None  #: bit/s
    ecm: bool | None
    encoding: str | None
    remote_station_id: str
    hung_up_by: str | None
    route: dict[str, Any] | None  #: the X-Vfax-* headers of an outbound call's answer
    stats: dict[str, Any] | None  #: a `model.Stats`
    trace: list[str] | None  #: the T.30 messages, one a line


async def put_page(c: Connection, fax: Fax | Owner, page: ReceivedPage) -> None:
    """Store a confirmed page."""
    await c.execute(
        """
        insert into pages
          (brand_id, company_id, fax_id, page, width, length, line_bytes, bad_rows,
           retransmissions, seconds, confirmed)
        values
          (%(brand)s, %(company)s, %(fax)s, %(page)s, %(width)s, %(length)s, %(line_bytes)s,
           %(bad_rows)s, %(retransmissions)s, %(seconds)s, now())
        on conflict (company_id, fax_id, page) do update set confirmed = now()
        """,
        {"brand": fax.brand_id, "company": fax.company_id, "fax": fax.id, **asdict(page)},
    )


async def end_attempt(
    c: Connection,
    company_id: int,
    attempt: int,
    outcome: Outcome,
    call_id: str,
    route: Mapping[str, str] | None,
) -> None:
    """Store the outcome of an attempt and its end."""
    stats = outcome.stats
    await c.execute(
        """
        update attempts set
          finished_at = now(), sip_call_id = %(call_id)s, sip_status = %(sip_status)s,
          sip_reason = %(sip_reason)s, t30_code = %(t30_code)s, t30_text = %(t30_text)s,
          reason = %(reason)s, detail = %(detail)s, pages_confirmed = %(pages)s,
          bit_rate = %(bit_rate)s, ecm = %(ecm)s, encoding = %(encoding)s,
          remote_station_id = %(remote_station_id)s, hung_up_by = %(hung_up_by)s,
          route = %(route)s, stats = %(stats)s, trace = %(trace)s
        where company_id = %(company)s and id = %(attempt)s
        """,
        {
            "call_id": call_id,
            "sip_status": outcome.sip_status,
            "sip_reason": outcome.sip_reason,
            "t30_code": outcome.t30_code,
            "t30_text": outcome.t30_text,
            "reason": outcome.reason,
            "detail": Jsonb(outcome.detail),
            "pages": outcome.pages,
            "bit_rate": stats.bit_rate or None,
            "ecm": stats.ecm if stats.bit_rate else None,
            "encoding": stats.encoding or None,
            "remote_station_id": stats.remote_station_id,
            "hung_up_by": outcome.hung_up_by or None,
            "route": Jsonb(dict(route)) if route else None,
            "stats": Jsonb(
                {
                    **asdict(stats),
                    "media": stats.media.name.lower(),
                    "heard": stats.heard.name.lower(),
                }
            ),
            "trace": outcome.trace,
            "company": company_id,
            "attempt": attempt,
        },
    )


class Attempts:
    """The queries that read attempts and pages."""

    def __init__(self, database: Transactions) -> None:
        self._db = database

    async def attempts(self, fax: Fax) -> list[Attempt]:
        """Return the attempts of a fax, oldest first."""
        async with self._db.transaction() as c:
            cursor = await c.execute(
                """
                select number, bridge, started_at, finished_at, sip_call_id, sip_status,
                       sip_reason, t30_code, t30_text, reason, detail, pages_confirmed,
                       bit_rate, ecm, encoding, remote_station_id, hung_up_by, route, stats, trace
                from attempts
                where company_id = %(company)s and fax_id = %(fax)s
                order by number
                """,
                {"company": fax.company_id, "fax": fax.id},
            )
            return [Attempt(**row) for row in await cursor.fetchall()]

    async def pages(self, fax: Fax) -> list[StoredPage]:
        """Return the pages of a fax with their quality."""
        async with self._db.transaction() as c:
            cursor = await c.execute(
                """
                select page, width, length, line_bytes, bad_rows, retransmissions, seconds,
                       confirmed
                from pages
                where company_id = %(company)s and fax_id = %(fax)s
                order by page
                """,
                {"company": fax.company_id, "fax": fax.id},
            )
            return [StoredPage(**row) for row in await cursor.fetchall()]
