"""Rows of `faxes` as frozen objects."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from spandsp_bridge.model import FaxStatus
from spandsp_bridge.reasons import Reason, reason_of


@dataclass(frozen=True, slots=True)
class Fax:
    """One row of `faxes`."""

    id: int
    brand_id: int
    company_id: int
    virtual_fax_id: int
    direction: str
    status: FaxStatus
    reason: Reason | str | None  #: text: of a newer version
    detail: dict[str, Any]  #: facts of the outcome, by `reasons.DETAILS`
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


#: Selects the columns of a Fax; a where clause follows.
SELECT_FAX = f"select {', '.join(Fax.__slots__)} from faxes "  # noqa: S608 - our own names


def fax_of(row: dict[str, Any]) -> Fax:
    """Return a row of `faxes` as an object."""
    fields = {name: row[name] for name in Fax.__slots__}
    status, reason = FaxStatus(row["status"]), reason_of(row["reason"])
    return Fax(**{**fields, "status": status, "reason": reason})
