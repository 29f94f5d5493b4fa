"""Virtual faxes with the settings that sending and receiving use."""

from dataclasses import dataclass
from typing import Any

from spandsp_bridge.errors import UserError
from spandsp_bridge.model import AudioFax
from spandsp_bridge.numbers import destination
from spandsp_bridge.store.transactions import Transactions


@dataclass(frozen=True, slots=True)
class VirtualFax:
    """A virtual fax with its settings, and those of its company."""

    id: int
    brand_id: int
    company_id: int
    name: str
    company: str
    country: str
    paper: str
    time_zone: str
    email: tuple[str, ...]
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
    max_attempts: int | None = None  #: of one fax; None: the retry rules decide
    retry_delay: int | None = None  #: seconds; None: the retry rules decide

    def destination(self, text: str) -> str:
        """Return a number that it may send to as E.164. Raises UserError."""
        return destination(text, self.country, self.countries)


@dataclass(frozen=True, slots=True)
class SenderChoice:
    """A virtual fax that can send, as a form offers it."""

    id: int
    label: str  #: its name and its number
    country: str
    countries: tuple[str, ...]  #: that its brand allows (ISO 3166), none: all


_SELECT = """
    select v.id, v.brand_id, v.company_id, v.name, c.name as company, c.country, c.paper,
           c.time_zone, v.email, d.number as outgoing_number,
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


def _virtual_fax(row: dict[str, Any]) -> VirtualFax:
    return VirtualFax(
        **{
            **row,
            "email": tuple(row["email"]),
            "audio_fax": AudioFax(row["audio_fax"]),
            "countries": tuple(row["countries"]),
        }
    )


class VirtualFaxes:
    """The queries on virtual faxes."""

    def __init__(self, database: Transactions) -> None:
        self._db = database

    async def virtual_fax(self, virtual_fax_id: int) -> VirtualFax | None:
        """Return a virtual fax by id, or None."""
        async with self._db.transaction() as c:
            cursor = await c.execute(_SELECT + "where v.id = %(id)s", {"id": virtual_fax_id})
            row = await cursor.fetchone()
        return _virtual_fax(row) if row else None

    async def find_virtual_fax(self, text: str) -> VirtualFax:
        """Return a virtual fax by its id or by ``company/name``. Raises UserError."""
        if text.isascii() and text.isdigit() and len(text) < 19:
            found = await self.virtual_fax(int(text))
            if found is None:
                raise UserError("there is no virtual fax {name}", name=text)
            return found
        company, slash, name = text.partition("/")
        if not slash:
            raise UserError(
                "{name!r} is neither the id of a virtual fax nor COMPANY/NAME", name=text
            )
        async with self._db.transaction() as c:
            cursor = await c.execute(
                _SELECT + "where c.name = %(company)s and v.name = %(name)s limit 2",
                {"company": company, "name": name},
            )
            rows = await cursor.fetchall()
        if not rows:
            raise UserError("there is no virtual fax {name!r}", name=text)
        if len(rows) > 1:
            ids = " and ".join(str(row["id"]) for row in rows)
            raise UserError("{name!r} is in two brands: use its id, {ids}", name=text, ids=ids)
        return _virtual_fax(rows[0])

    async def senders(self) -> list[SenderChoice]:
        """Return the virtual faxes that have a number to send from, by name."""
        async with self._db.transaction() as c:
            cursor = await c.execute(
                """
                select v.id, v.name || coalesce(' (' || d.number || ')', '') as label, c.country,
                       array(select b.country from brand_countries b
                             where b.brand_id = v.brand_id order by 1) as countries
                from virtual_faxes v
                join companies c on c.id = v.company_id
                left join ddis d on d.id = coalesce(v.outgoing_ddi_id, c.outgoing_ddi_id)
                where d.id is not null
                order by v.name
                """
            )
            rows = await cursor.fetchall()
        return [SenderChoice(**{**row, "countries": tuple(row["countries"])}) for row in rows]

    async def virtual_fax_ids(self) -> frozenset[int]:
        """Return the ids of the virtual faxes that the tenant sees."""
        async with self._db.transaction() as c:
            rows = await (await c.execute("select id from virtual_faxes")).fetchall()
        return frozenset(int(row["id"]) for row in rows)

    async def of_mail_sender(self, address: str) -> int | None:
        """Return the id of the virtual fax that a mail address may send as, or None.

        The row of the address has precedence over that of its domain (``@acme.example``).
        """
        address = address.lower()
        async with self._db.transaction() as c:
            cursor = await c.execute(
                """
                select virtual_fax_id from virtual_fax_senders
                where email in (%(address)s, %(domain)s)
                order by length(email) desc limit 1
                """,
                {"address": address, "domain": f"@{address.rpartition('@')[2]}"},
            )
            row = await cursor.fetchone()
        return int(row["virtual_fax_id"]) if row else None
