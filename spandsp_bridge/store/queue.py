"""The outbound queue in PostgreSQL: claims, pages made, attempts, retries, what was learned."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from psycopg.types.json import Jsonb

from spandsp_bridge.model import FaxStatus, Outcome
from spandsp_bridge.store.faxes import (
    Fax,
    ReceivedPage,
    end_attempt,
    fax_of,
    put_document,
    put_page,
)
from spandsp_bridge.store.pool import Database

LEASE = "60 seconds"


@dataclass(frozen=True, slots=True)
class Prepared:
    """The pages of a fax, made."""

    documents: Sequence[tuple[str, bytes, int | None]]  #: kind, content, pages
    pages: int
    seconds: int  #: how long the call takes, about


@dataclass(frozen=True, slots=True)
class History:
    """What has happened to a fax so far."""

    reasons: list[str]
    carriers: tuple[int, ...]  #: that took its calls, the first one first


@dataclass(frozen=True, slots=True)
class PeerProfile:
    """How to fax a number; None: as the virtual fax says."""

    audio_fax: str | None = None
    ecm: bool | None = None
    max_bit_rate: int | None = None
    max_datagram: int | None = None
    resolution: str | None = None
    avoid_carriers: tuple[int, ...] = ()
    reason: str = ""
    pinned: bool = False


class FaxQueue:
    """What workers do with the queue."""

    def __init__(self, database: Database) -> None:
        self._db = database

    async def claim(self, worker: str) -> Fax | None:
        """Take the oldest pending fax, or return None."""
        async with self._db.transaction() as c:
            cursor = await c.execute("select * from claim_fax(%s, %s)", [worker, LEASE])
            row = await cursor.fetchone()
        return fax_of(row) if row else None

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

    # ---- preparing ---------------------------------------------------------

    async def set_prepared(self, fax: Fax, made: Prepared) -> None:
        """Store the pages of a fax; from now on it may be sent, and those that share them too."""
        async with self._db.transaction() as c:
            for kind, data, pages in made.documents:
                await put_document(c, fax, kind, data, pages)
            await c.execute(
                "update faxes set pages = %(pages)s, expected_seconds = %(seconds)s,"
                " prepared_at = now() where company_id = %(company)s and status = 'pending'"
                " and (id = %(id)s or (document_fax_id = %(id)s and cover is null"
                " and prepared_at is null))",
                {"pages": made.pages, "seconds": made.seconds,
                 "company": fax.company_id, "id": fax.id},
            )  # fmt: skip
            await c.execute("select pg_notify('vfax_faxes', '')")

    async def fail_prepared(self, fax: Fax, reason: str, explanation: str) -> None:
        """End a fax whose document cannot be sent, and those that share it."""
        async with self._db.transaction() as c:
            await c.execute(
                "update faxes set status = 'error', reason = %(reason)s,"
                " explanation = %(explanation)s, finished_at = now()"
                " where company_id = %(company)s and status = 'pending' and prepared_at is null"
                " and (id = %(id)s or document_fax_id = %(id)s)",
                {"reason": reason, "explanation": explanation,
                 "company": fax.company_id, "id": fax.id},
            )  # fmt: skip

    async def sweep(self) -> None:
        """Defer again what waits without a job."""
        async with self._db.transaction() as c:
            await c.execute("select sweep()")

    async def apply_retention(self) -> int:
        """Delete what companies do not keep any longer; return of how many faxes."""
        async with self._db.transaction() as c:
            cursor = await c.execute("select apply_retention() as n")
            row = await cursor.fetchone()
            return int(row["n"]) if row else 0

    # ---- attempts ------------------------------------------------------------

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
            await put_page(c, fax.brand_id, fax.company_id, fax.id, page)
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

    async def history(self, fax: Fax) -> History:
        """Return why the attempts of a fax failed, oldest first, and by which carriers."""
        async with self._db.transaction() as c:
            cursor = await c.execute(
                "select reason, route ->> 'carrier' as carrier from attempts"
                " where company_id = %s and fax_id = %s and reason is not null order by number",
                [fax.company_id, fax.id],
            )
            rows = await cursor.fetchall()
        carriers = [int(r["carrier"]) for r in rows if (r["carrier"] or "").isdigit()]
        return History([row["reason"] for row in rows], tuple(dict.fromkeys(carriers)))

    async def retry_fax(
        self, fax: Fax, outcome: Outcome, seconds: float, resolution: str | None = None
    ) -> None:
        """Put a fax back into the queue after a failed attempt.

        With another `resolution` its pages are made anew first.
        """
        async with self._db.transaction() as c:
            await c.execute(
                "update faxes set status = 'pending', reason = %(reason)s,"
                " explanation = %(explanation)s, pages_confirmed = %(pages)s, claimed_by = null,"
                " claimed_until = null, send_at = now() + make_interval(secs => %(seconds)s),"
                " resolution = coalesce(%(resolution)s, resolution),"
                " prepared_at = case when %(resolution)s::text is null then prepared_at end"
                " where company_id = %(company)s and id = %(id)s",
                {"reason": outcome.reason, "explanation": outcome.explanation,
                 "pages": outcome.pages, "seconds": seconds, "resolution": resolution,
                 "company": fax.company_id, "id": fax.id},
            )  # fmt: skip
            if resolution is not None:
                await c.execute(
                    "select defer_job('prepare', %s, %s)",
                    [Jsonb({"company_id": fax.company_id, "fax_id": fax.id}), f"prepare:{fax.id}"],
                )

    async def cancelled(self, worker: str) -> list[int]:
        """Return the faxes of a worker that somebody asked to end."""
        async with self._db.transaction() as c:
            cursor = await c.execute(
                "select id from faxes where status = 'inprogress' and claimed_by = %s"
                " and cancel_requested_at is not null",
                [worker],
            )
            return [int(row["id"]) for row in await cursor.fetchall()]

    # ---- what was learned ------------------------------------------------------

    async def profile(self, brand: int, number: str) -> PeerProfile | None:
        """Return how to fax a number, if something is known and has not expired."""
        async with self._db.transaction() as c:
            cursor = await c.execute(
                "select audio_fax, ecm, max_bit_rate, max_datagram, resolution, avoid_carriers,"
                " reason, pinned from peer_profiles where brand_id = %s and number = %s"
                " and (pinned or expires_at is null or expires_at > now())",
                [brand, number],
            )
            row = await cursor.fetchone()
        if row is None:
            return None
        return PeerProfile(**{**row, "avoid_carriers": tuple(row["avoid_carriers"])})

    async def learn(self, brand: int, number: str, learned: PeerProfile) -> None:
        """Remember what worked, unless an operator has pinned something else."""
        async with self._db.transaction() as c:
            await c.execute(
                "insert into peer_profiles as p (brand_id, number, audio_fax, ecm, max_bit_rate,"
                " max_datagram, resolution, avoid_carriers, reason)"
                " values (%(brand)s, %(number)s, %(audio_fax)s, %(ecm)s, %(max_bit_rate)s,"
                " %(max_datagram)s, %(resolution)s, %(avoid_carriers)s, %(reason)s)"
                " on conflict (brand_id, number) do update set"
                " audio_fax = coalesce(excluded.audio_fax, p.audio_fax),"
                " ecm = coalesce(excluded.ecm, p.ecm),"
                " max_bit_rate = coalesce(excluded.max_bit_rate, p.max_bit_rate),"
                " max_datagram = coalesce(excluded.max_datagram, p.max_datagram),"
                " resolution = coalesce(excluded.resolution, p.resolution),"
                " avoid_carriers = excluded.avoid_carriers, reason = excluded.reason,"
                " learned_at = now(), expires_at = now() + interval '30 days'"
                " where not p.pinned",
                {"brand": brand, "number": number, **asdict(learned),
                 "avoid_carriers": list(learned.avoid_carriers)},
            )  # fmt: skip

    async def forget(self, brand: int, number: str) -> None:
        """Drop what was learned of a number: it did not help."""
        async with self._db.transaction() as c:
            await c.execute(
                "delete from peer_profiles where brand_id = %s and number = %s and not pinned"
                " and calls is null",
                [brand, number],
            )

    async def end_attempt(
        self, fax: Fax, attempt: int, outcome: Outcome, call_id: str, route: dict[str, Any] | None
    ) -> None:
        """Store how an attempt ended."""
        async with self._db.transaction() as c:
            await end_attempt(c, fax.company_id, attempt, outcome, call_id, route)

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
