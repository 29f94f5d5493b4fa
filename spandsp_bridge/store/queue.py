"""The outbound queue in PostgreSQL: claims, attempts, retries, ends."""

from collections.abc import Mapping
from dataclasses import dataclass

from psycopg.types.json import Jsonb

from spandsp_bridge.model import FaxStatus, Outcome
from spandsp_bridge.reasons import Reason
from spandsp_bridge.store.attempts import ReceivedPage, end_attempt, put_page
from spandsp_bridge.store.fax_rows import Fax, fax_of
from spandsp_bridge.store.maintenance import Maintenance
from spandsp_bridge.store.peer_profiles import PeerProfiles
from spandsp_bridge.store.preparation import Preparation
from spandsp_bridge.store.retry_rules import RetryRules

LEASE = "60 seconds"


@dataclass(frozen=True, slots=True)
class History:
    """The attempts of a fax so far."""

    reasons: list[Reason]
    carriers: tuple[int, ...]  #: that took its calls, without repetition, the first one first


class FaxQueue(Preparation, PeerProfiles, RetryRules, Maintenance):
    """The queries of workers on the queue. Each base class can be used alone."""

    async def claim(self, worker: str) -> Fax | None:
        """Claim the next fax by the queue's order, or return None."""
        async with self._db.transaction() as c:
            cursor = await c.execute(
                "select * from claim_fax(%(worker)s, %(lease)s)",
                {"worker": worker, "lease": LEASE},
            )
            row = await cursor.fetchone()
        return fax_of(row) if row else None

    async def renew(self, worker: str) -> None:
        """Prolong this worker's leases."""
        async with self._db.transaction() as c:
            await c.execute(
                "select renew_claims(%(worker)s, %(lease)s)", {"worker": worker, "lease": LEASE}
            )

    async def take_over(self, worker: str) -> list[Fax]:
        """Claim the faxes whose leases ran out; the caller decides what follows for each one."""
        async with self._db.transaction() as c:
            cursor = await c.execute(
                "select * from take_over_claims(%(worker)s, %(lease)s)",
                {"worker": worker, "lease": LEASE},
            )
            return [fax_of(row) for row in await cursor.fetchall()]

    async def release_claim(self, worker: str, fax: Fax) -> None:
        """Put a fax back into the queue unchanged, as no call was made."""
        async with self._db.transaction() as c:
            await c.execute(
                "select release_claim(%(company)s, %(fax)s, %(worker)s)",
                {"company": fax.company_id, "fax": fax.id, "worker": worker},
            )

    async def abandon_claims(self, worker: str) -> None:
        """End a worker's leases, so that another worker takes its faxes over at once."""
        async with self._db.transaction() as c:
            await c.execute("select abandon_claims(%(worker)s)", {"worker": worker})

    async def cancelled(self, worker: str) -> list[int]:
        """Return the ids of a worker's faxes whose cancellation was requested."""
        async with self._db.transaction() as c:
            cursor = await c.execute(
                """
                select id from faxes
                where status = 'inprogress' and claimed_by = %(worker)s
                  and cancel_requested_at is not null
                """,
                {"worker": worker},
            )
            return [int(row["id"]) for row in await cursor.fetchall()]

    # ---- attempts ------------------------------------------------------------

    async def begin_attempt(self, fax: Fax, bridge: str) -> int:
        """Insert the attempt before it dials, so that it exists after a crash; return its id."""
        async with self._db.transaction() as c:
            cursor = await c.execute(
                """
                insert into attempts (brand_id, company_id, fax_id, number, bridge)
                select %(brand)s, %(company)s, %(fax)s, coalesce(max(number), 0) + 1, %(bridge)s
                from attempts where company_id = %(company)s and fax_id = %(fax)s
                returning id
                """,
                {
                    "brand": fax.brand_id,
                    "company": fax.company_id,
                    "fax": fax.id,
                    "bridge": bridge,
                },
            )
            row = await cursor.fetchone()
            assert row is not None
            return int(row["id"])

    async def confirm_page(self, fax: Fax, attempt: int, page: ReceivedPage) -> None:
        """Record a page that the receiver confirmed."""
        values = {
            "pages": page.page,
            "company": fax.company_id,
            "fax": fax.id,
            "attempt": attempt,
        }
        async with self._db.transaction() as c:
            await put_page(c, fax, page)
            await c.execute(
                """
                update faxes set pages_confirmed = %(pages)s
                where company_id = %(company)s and id = %(fax)s
                """,
                values,
            )
            await c.execute(
                """
                update attempts set pages_confirmed = %(pages)s
                where company_id = %(company)s and id = %(attempt)s
                """,
                values,
            )

    async def end_attempt(
        self,
        fax: Fax,
        attempt: int,
        outcome: Outcome,
        call_id: str,
        route: Mapping[str, str] | None,
    ) -> None:
        """Store the outcome of an attempt and its end."""
        async with self._db.transaction() as c:
            await end_attempt(c, fax.company_id, attempt, outcome, call_id, route)

    async def history(self, fax: Fax) -> History:
        """Return the reasons of a fax's attempts, oldest first, and the carriers that took them."""
        async with self._db.transaction() as c:
            cursor = await c.execute(
                """
                select reason, route ->> 'carrier' as carrier from attempts
                where company_id = %(company)s and fax_id = %(fax)s and reason is not null
                order by number
                """,
                {"company": fax.company_id, "fax": fax.id},
            )
            rows = await cursor.fetchall()
        carriers = [int(r["carrier"]) for r in rows if (r["carrier"] or "").isdigit()]
        return History([Reason(row["reason"]) for row in rows], tuple(dict.fromkeys(carriers)))

    # ---- after an attempt ----------------------------------------------------------

    async def retry_fax(
        self, fax: Fax, outcome: Outcome, seconds: float, resolution: str | None = None
    ) -> None:
        """Put a fax back into the queue after a failed attempt, due in `seconds`.

        With another `resolution` its pages are rendered again first.
        """
        async with self._db.transaction() as c:
            await c.execute(
                """
                update faxes set
                  status = 'pending', reason = %(reason)s, detail = %(detail)s,
                  pages_confirmed = %(pages)s, claimed_by = null, claimed_until = null,
                  send_at = now() + make_interval(secs => %(seconds)s),
                  resolution = coalesce(%(resolution)s, resolution),
                  prepared_at = case when %(resolution)s::text is null then prepared_at end
                where company_id = %(company)s and id = %(id)s
                """,
                {
                    "reason": outcome.reason,
                    "detail": Jsonb(outcome.detail),
                    "pages": outcome.pages,
                    "seconds": seconds,
                    "resolution": resolution,
                    "company": fax.company_id,
                    "id": fax.id,
                },
            )
            if resolution is not None:
                await c.execute(
                    "select defer_job('prepare', %(arguments)s, %(lock)s)",
                    {
                        "arguments": Jsonb({"company_id": fax.company_id, "fax_id": fax.id}),
                        "lock": f"prepare:{fax.id}",
                    },
                )

    async def end_fax(self, fax: Fax, outcome: Outcome) -> None:
        """End an outbound fax: `completed` requires that every page was confirmed."""
        async with self._db.transaction() as c:
            await c.execute(
                """
                update faxes set
                  status = %(status)s, reason = %(reason)s, detail = %(detail)s,
                  pages_confirmed = %(pages)s, remote_station_id = %(remote_station_id)s,
                  claimed_by = null, claimed_until = null, finished_at = now()
                where company_id = %(company)s and id = %(id)s
                """,
                {
                    "status": FaxStatus.COMPLETED if outcome.ok else FaxStatus.ERROR,
                    "reason": outcome.reason,
                    "detail": Jsonb(outcome.detail),
                    "pages": outcome.pages,
                    "remote_station_id": outcome.stats.remote_station_id,
                    "company": fax.company_id,
                    "id": fax.id,
                },
            )
