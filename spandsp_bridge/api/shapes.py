"""The JSON of requests and answers of the API."""

import re
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any, Generic, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StrictInt

from spandsp_bridge.i18n import explained, sentence
from spandsp_bridge.outbound.submit import MAX_DESTINATIONS
from spandsp_bridge.store.deliveries import DeliveryRow
from spandsp_bridge.store.fax_rows import Fax

Item = TypeVar("Item")


def _rfc3339(value: object) -> object:
    """Accept RFC 3339 times only: a number could mean seconds or milliseconds."""
    if isinstance(value, datetime) or (isinstance(value, str) and DATE.match(value)):
        return value
    raise ValueError("write it as 2026-11-24T08:00:00+01:00")


DATE = re.compile(r"\d{4}-")
Moment = Annotated[datetime, BeforeValidator(_rfc3339)]
Resolution = Literal["normal", "fine", "superfine"]
Pictures = Literal["auto", "text", "photo"]
Text = Annotated[str, Field(max_length=20_000)]
Name = Annotated[str, Field(max_length=255)]


class Problem(BaseModel):
    """An error (RFC 9457)."""

    type: str
    title: str
    status: int
    detail: str = Field(description="The error, and what to do.")
    reason: str = Field(description="A stable word for programs.")


class One(BaseModel, Generic[Item]):
    """One object."""

    data: Item


class Many(BaseModel, Generic[Item]):
    """A page of objects."""

    data: list[Item]
    next: str | None = Field(None, description="`cursor` of the next page; null: there is none.")


class FaxShape(BaseModel):
    """A fax, in or out."""

    id: int
    direction: Literal["in", "out"]
    status: Literal["pending", "inprogress", "completed", "error"]
    reason: str | None = Field(description="Stable word, such as user_busy; null: not ended.")
    detail: dict[str, Any] = Field(description="Facts of the reason: SIP status, pages, ...")
    explanation: str | None = Field(description="The same as a sentence, by Accept-Language.")
    virtual_fax_id: int
    sender: str = Field(alias="from", description="E.164, or the caller ID as received.")
    to: str
    remote_station_id: str
    pages: int | None
    pages_confirmed: int
    expected_seconds: int | None = Field(description="Estimated duration of the call.")
    priority: int
    created_at: datetime
    send_at: datetime | None
    started_at: datetime | None
    finished_at: datetime | None
    read_at: datetime | None
    resend_of: int | None
    broadcast_id: int | None
    client_state: str | None
    test: bool = Field(description="Sent in test mode, to a test peer.")

    model_config = ConfigDict(populate_by_name=True)


def fax_shape(fax: Fax, language: str) -> FaxShape:
    """Return a fax as the API shows it."""
    ours, theirs = fax.local_number, fax.remote_number
    outgoing = fax.direction == "out"
    same = (
        "id",
        "direction",
        "reason",
        "detail",
        "virtual_fax_id",
        "remote_station_id",
        "pages",
        "pages_confirmed",
        "expected_seconds",
        "priority",
        "created_at",
        "started_at",
        "finished_at",
        "read_at",
        "resend_of",
        "broadcast_id",
        "client_state",
        "test",
    )
    return FaxShape.model_validate(
        {
            **{name: getattr(fax, name) for name in same},
            "status": fax.status.value,
            "explanation": sentence(fax.reason, fax.detail, language) or None,
            "from": ours if outgoing else theirs,
            "to": theirs if outgoing else ours,
            "send_at": fax.send_at if outgoing else None,
        }
    )


class Attempt(BaseModel):
    """One call of a fax."""

    number: int
    bridge: str
    started_at: datetime
    finished_at: datetime | None
    sip_call_id: str | None
    sip_status: int | None
    sip_reason: str | None
    t30_code: int | None
    t30_text: str | None
    reason: str | None
    detail: dict[str, Any]
    explanation: str | None
    pages_confirmed: int
    bit_rate: int | None
    ecm: bool | None
    encoding: str | None
    remote_station_id: str
    hung_up_by: str | None
    stats: dict[str, Any] | None
    trace: list[str] | None = Field(description="The messages of the call, one per line.")


class QueuePosition(BaseModel):
    """The place of a pending fax in the queue."""

    ahead: int = Field(description="Faxes that will be dialled before it.")
    expected_at: datetime = Field(description="When it will be dialled, estimated.")


class Cover(BaseModel):
    """The texts of a cover page."""

    subject: Annotated[str, Field(max_length=1000)] = ""
    text: Text = ""
    to_name: Name = ""
    from_name: Name = ""

    model_config = ConfigDict(extra="forbid")


class Content(BaseModel):
    """A document: `content` in base64, or `url` to fetch it from."""

    name: Name = "document.pdf"
    content: str | None = Field(None, description="Base64.", json_schema_extra={"format": "byte"})
    url: Annotated[str, Field(max_length=2000)] | None = None

    model_config = ConfigDict(extra="forbid")


class Documents(BaseModel):
    """Documents that become one fax."""

    documents: list[Content] = Field(min_length=1, max_length=50)


class NewFax(Documents):
    """A fax to send."""

    virtual_fax_id: StrictInt = Field(ge=1, lt=2**63)
    to: Annotated[str, Field(max_length=40)] = Field(description="E.164, or a national number.")
    cover: Cover | None = None
    resolution: Resolution | None = None
    pictures: Pictures | None = None
    priority: StrictInt = Field(5, ge=0, le=9, description="0 urgent, at any hour, to 9.")
    send_at: Moment | None = None
    client_state: Annotated[str, Field(max_length=1000)] | None = None

    model_config = ConfigDict(extra="forbid")


class Recipient(BaseModel):
    """One destination of a broadcast."""

    to: Annotated[str, Field(max_length=40)] = Field(description="E.164, or a national number.")
    name: Annotated[str, Field(max_length=100)] = Field("", description="For its cover page.")

    model_config = ConfigDict(extra="forbid")


class BroadcastCover(BaseModel):
    """The texts of the cover pages of a broadcast; each names its own recipient."""

    subject: Annotated[str, Field(max_length=1000)] = ""
    text: Text = ""
    from_name: Name = ""

    model_config = ConfigDict(extra="forbid")


class NewBroadcast(Documents):
    """Documents to send to many destinations."""

    virtual_fax_id: StrictInt = Field(ge=1, lt=2**63)
    name: Name = Field("", description="Shown in the portal; default: the first document's.")
    destinations: list[Recipient] = Field(min_length=1, max_length=MAX_DESTINATIONS)
    cover: BroadcastCover | None = None
    resolution: Resolution | None = None
    pictures: Pictures | None = None
    priority: StrictInt = Field(7, ge=0, le=9, description="0 urgent, at any hour, to 9.")
    send_at: Moment | None = None

    model_config = ConfigDict(extra="forbid")


class BroadcastShape(BaseModel):
    """A broadcast, and how many of its faxes are in which state."""

    id: int
    name: str
    created_at: datetime
    total: int
    pending: int
    inprogress: int
    completed: int
    error: int
    pages_confirmed: int


class Explain(BaseModel):
    """A call to explain."""

    company_id: StrictInt = Field(ge=1, lt=2**63)
    to: Annotated[str, Field(min_length=1, max_length=40)]
    fax: StrictBool = True
    at: Moment | None = None
    seed: StrictInt | None = Field(None, ge=0, lt=2**31)

    model_config = ConfigDict(extra="forbid")


class Delivery(BaseModel):
    """A mail or a webhook call."""

    id: int
    channel: Literal["mail", "webhook"]
    event: str
    url: str | None
    state: Literal["pending", "done", "failed"]
    tries: int
    reason: str | None
    detail: dict[str, Any]
    explanation: str | None
    answer: str = Field(description="The answer of the other side, else the explanation.")
    created_at: datetime
    finished_at: datetime | None
    replay_of: int | None


def delivery_shape(row: DeliveryRow, language: str) -> Delivery:
    """Return a row of `deliveries` as the API shows it."""
    values = explained(asdict(row), language)
    answer = row.detail.get("answer") or values["explanation"] or ""
    return Delivery.model_validate({**values, "answer": answer})
