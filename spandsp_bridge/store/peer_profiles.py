"""Rows of `peer_profiles`: settings that worked for a number."""

from dataclasses import asdict, dataclass

from spandsp_bridge.store.transactions import Transactions


@dataclass(frozen=True, slots=True)
class PeerProfile:
    """Settings of calls to a number; None: the virtual fax's setting applies."""

    audio_fax: str | None = None
    ecm: bool | None = None
    max_bit_rate: int | None = None
    max_datagram: int | None = None
    resolution: str | None = None
    avoid_carriers: tuple[int, ...] = ()
    learned_from: int | None = None  #: the fax that went through in this way
    changes: tuple[str, ...] = ()  #: steps of retry rules that it took


class PeerProfiles:
    """The queries on peer profiles."""

    def __init__(self, database: Transactions) -> None:
        self._db = database

    async def profile(self, brand: int, number: str) -> PeerProfile | None:
        """Return the profile of a number, or None where there is none or it has expired."""
        async with self._db.transaction() as c:
            cursor = await c.execute(
                """
                select audio_fax, ecm, max_bit_rate, max_datagram, resolution, avoid_carriers,
                       learned_from, changes
                from peer_profiles
                where brand_id = %(brand)s and number = %(number)s
                  and (pinned or expires_at is null or expires_at > now())
                """,
                {"brand": brand, "number": number},
            )
            row = await cursor.fetchone()
        if row is None:
            return None
        lists = {name: tuple(row[name]) for name in ("avoid_carriers", "changes")}
        return PeerProfile(**{**row, **lists})

    async def learn(self, brand: int, number: str, profile: PeerProfile) -> None:
        """Store settings that worked, unless an operator pinned the profile."""
        async with self._db.transaction() as c:
            await c.execute(
                """
                insert into peer_profiles as p
                  (brand_id, number, audio_fax, ecm, max_bit_rate, max_datagram, resolution,
                   avoid_carriers, learned_from, changes)
                values
                  (%(brand)s, %(number)s, %(audio_fax)s, %(ecm)s, %(max_bit_rate)s,
                   %(max_datagram)s, %(resolution)s, %(avoid_carriers)s, %(learned_from)s,
                   %(changes)s)
                on conflict (brand_id, number) do update set
                  audio_fax = coalesce(excluded.audio_fax, p.audio_fax),
                  ecm = coalesce(excluded.ecm, p.ecm),
                  max_bit_rate = coalesce(excluded.max_bit_rate, p.max_bit_rate),
                  max_datagram = coalesce(excluded.max_datagram, p.max_datagram),
                  resolution = coalesce(excluded.resolution, p.resolution),
                  avoid_carriers = excluded.avoid_carriers,
                  learned_from = excluded.learned_from, changes = excluded.changes,
                  learned_at = now(), expires_at = now() + interval '30 days'
                where not p.pinned
                """,
                {
                    **asdict(profile),
                    "brand": brand,
                    "number": number,
                    "avoid_carriers": list(profile.avoid_carriers),
                    "changes": list(profile.changes),
                },
            )

    async def forget(self, brand: int, number: str) -> None:
        """Delete the learned profile of a number, as a call that used it failed."""
        async with self._db.transaction() as c:
            await c.execute(
                """
                delete from peer_profiles
                where brand_id = %(brand)s and number = %(number)s and not pinned
                  and calls is null
                """,
                {"brand": brand, "number": number},
            )
