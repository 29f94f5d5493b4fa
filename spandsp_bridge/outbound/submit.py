"""What is asked of a fax before it enters the queue: by the command, the portal and the API."""

import csv
import io
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from spandsp_bridge.documents.job import PageOptions
from spandsp_bridge.documents.render import check
from spandsp_bridge.errors import UserError
from spandsp_bridge.numbers import e164
from spandsp_bridge.store.documents import File
from spandsp_bridge.store.faxes import FaxStore
from spandsp_bridge.store.submissions import SendOptions
from spandsp_bridge.store.virtual_faxes import VirtualFax

MAX_DESTINATIONS = 100_000
MAX_NAME = 100


def one_of(name: str, value: str | None, known: tuple[str, ...]) -> None:
    """Refuse a value that is not known. Raises UserError."""
    if value is not None and value not in known:
        raise UserError(
            "invalid {name} {value!r}: choose {choices}",
            name=name,
            value=value,
            choices=", ".join(known),
        )


def time_of(text: str | None) -> datetime | None:
    """Return a moment; without an offset it is local time. Raises UserError."""
    if text is None:
        return None
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        raise UserError(
            "invalid date-time {text!r}: use ISO 8601, e.g. 2026-11-24T08:00+01:00", text=text
        ) from None
    return at if at.tzinfo else at.astimezone()


async def sender_of(store: FaxStore, name: str) -> VirtualFax:
    """Return a virtual fax that can send, by its id or COMPANY/NAME. Raises UserError."""
    found = await store.find_virtual_fax(name)
    if found.outgoing_number is None:
        raise UserError(
            "virtual fax {company}/{name} has no outgoing DDI: "
            "set virtual_faxes.outgoing_ddi_id or companies.outgoing_ddi_id",
            company=found.company,
            name=found.name,
        )
    return found


async def checked(
    sender: VirtualFax,
    files: list[File],
    wishes: SendOptions,
    max_pages: int,
    scratch: Path | None = None,
) -> int:
    """Refuse at once what could not be faxed; return its pages. Raises DocumentError."""
    options = page_options(sender, wishes)
    return await check(files, options, max_pages, scratch)


def page_options(sender: VirtualFax, wishes: SendOptions) -> PageOptions:
    """Return how a document is put on paper, for a sender with these wishes."""
    return PageOptions(
        sender.paper,
        wishes.resolution or sender.resolution,
        wishes.pictures or sender.pictures,
        sender.long_pages,
    )


@dataclass(frozen=True, slots=True)
class Destination:
    """A number as it was entered; `place` names it in errors, such as ``list.csv:3``."""

    place: str
    number: str
    name: str


def parse_destinations(data: bytes, file: str) -> list[Destination]:
    """Return the rows of a CSV file: number, and the receiver's name. Raises UserError.

    The first line may be a heading; columns are separated by comma, semicolon or tab.
    """
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = data.decode("cp1252", "replace")
    first = text.partition("\n")[0]
    separator = max(",;\t", key=first.count)
    rows: list[Destination] = []
    try:
        for line, row in enumerate(csv.reader(io.StringIO(text), delimiter=separator), 1):
            cells = [cell.strip() for cell in row]
            if not any(cells):
                continue
            if line == 1 and not any(char.isdigit() for char in cells[0]):
                continue  # a heading
            name = cells[1][:MAX_NAME] if len(cells) > 1 else ""
            rows.append(Destination(f"{file}:{line}", cells[0], name))
    except csv.Error as error:
        raise UserError(
            "{file} could not be parsed as CSV: {error}", file=file, error=error
        ) from error
    if not rows:
        raise UserError(
            "{file} has no numbers: put a number, and optionally a name, in each line", file=file
        )
    if len(rows) > MAX_DESTINATIONS:
        raise UserError(
            "{file} has more than {limit} numbers: split it", file=file, limit=MAX_DESTINATIONS
        )
    return rows


def resolve_destinations(
    rows: list[Destination], sender: VirtualFax, *, test: bool = False
) -> list[tuple[str, str]]:
    """Return the (E.164 number, name) pairs, each number once. Raises UserError.

    In test mode no call leaves, so every country is allowed.
    """
    resolved: dict[str, str] = {}
    for row in rows:
        try:
            number = e164(row.number, sender.country) if test else sender.destination(row.number)
        except UserError as error:
            raise UserError("{place}: {error}", place=row.place, error=error) from None
        resolved.setdefault(number, row.name)
    return list(resolved.items())
