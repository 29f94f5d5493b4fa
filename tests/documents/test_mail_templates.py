"""Mail templates of brands: hostile ones are stopped, and harm neither the worker nor the mail."""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator
from dataclasses import replace
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

import aiosmtplib
import pytest

from spandsp_bridge.delivery.deliver import BACK_OFF, Deliverer, TryAgainError
from spandsp_bridge.delivery.mail import Mailer, MailServer
from spandsp_bridge.documents.fill_template import TemplateError, fill
from spandsp_bridge.documents.template import SECONDS
from spandsp_bridge.i18n import sentence
from spandsp_bridge.model import AudioFax, FaxStatus
from spandsp_bridge.reasons import Reason
from spandsp_bridge.store.deliveries import Delivery, MailTemplate
from spandsp_bridge.store.fax_rows import Fax
from spandsp_bridge.store.virtual_faxes import VirtualFax

AT = datetime(2026, 3, 1, 11, 30, tzinfo=UTC)
OFFICE = VirtualFax(
    id=2, brand_id=1, company_id=1, name="Office", company="Globex", country="ES", paper="a4",
    time_zone="Europe/Madrid", email=("a@globex.example",), outgoing_number="+34911000002",
    station_id="", header_line="", ecm=True, max_bit_rate=14400, audio_fax=AudioFax.NEVER,
)  # fmt: skip
FACTS: dict[str, Any] = {
    **dict.fromkeys(Fax.__slots__), "id": 7, "brand_id": 1, "company_id": 1, "virtual_fax_id": 2,
    "direction": "in", "status": FaxStatus.COMPLETED, "local_number": "+34911000002",
    "remote_number": "+34600000001", "remote_station_id": "<FAR>", "pages": 0,
    "pages_confirmed": 0, "detail": {}, "created_at": AT, "send_at": AT, "priority": 5,
}  # fmt: skip
FAX = Fax(**FACTS)
SLOW = [
    "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}x",
    "{% set x = 9**(9**8) %}{{ x is even }}",
]
FAILING = [
    ("{{ nothing.at.all }}", "template_failed"),
    ("{% for x in y %}", "template_failed"),
    ("{{ ''.__class__.__mro__ }}", "template_failed"),
    ("{{ 1 // 0 }}", "template_failed"),
    ("{{ 'x' * 10**6 }}", "template_failed"),
    ("{{ '\\ud800' }}", "template_failed"),
    ("{{ 'x' * 10**10 }}", "template_limit"),
    ("{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}", "template_limit"),
    ("{{ " + "(" * 20_000 + ")" * 20_000 + " }}", "template_limit"),
]
TICK = 0.02
#: A ticker beside the template; a stalled loop would miss the whole time limit of the template.
MAX_LATENESS = 1.5


class Rows:
    """The rows that a delivery reads and writes."""

    def __init__(self, template: MailTemplate | None) -> None:
        self.own = template
        self.records: list[tuple[Reason, dict[str, object], str]] = []

    async def fax(self, _: int) -> Fax:
        return FAX

    async def virtual_fax(self, _: int) -> VirtualFax:
        return OFFICE

    async def template(self, *_: object) -> MailTemplate | None:
        return self.own

    async def delivery(self, _: int) -> Delivery:
        return Delivery(1, 1, 1, 7, "mail", "received", "pending", 0, None, AT, None, None, None,
                        None)  # fmt: skip

    async def record(self, _: int, reason: Reason, detail: dict[str, object], state: str) -> None:
        self.records.append((reason, detail, state))


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[EmailMessage]:
    """The mails that were handed in."""
    mails: list[EmailMessage] = []

    async def send(message: EmailMessage, **_: object) -> tuple[dict[str, Any], str]:
        mails.append(message)
        return {}, "250 Ok"

    monkeypatch.setattr(aiosmtplib, "send", send)
    return mails


def deliverer(rows: Rows) -> Deliverer:
    store: Any = rows
    mailer = Mailer(store, store, MailServer("127.0.0.1", 25, "fax@example.com"), "")
    return Deliverer(store, store, mailer, ())


@contextlib.asynccontextmanager
async def ticker() -> AsyncIterator[list[float]]:
    """Measure by how many seconds the event loop is late, beside what runs here."""
    late: list[float] = []

    async def tick() -> None:
        while True:
            before = time.monotonic()
            await asyncio.sleep(TICK)
            late.append(time.monotonic() - before - TICK)

    task = asyncio.create_task(tick())
    try:
        yield late
    finally:
        task.cancel()


def plain(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return str(body.get_content())


async def test_own_words_win_and_values_are_escaped_in_html(sent: list[EmailMessage]) -> None:
    rows = Rows(MailTemplate("{{ FAX_SRC }}", "from {{ FAX_STATION }}", "<p>{{ FAX_STATION }}</p>"))
    await deliverer(rows).deliver(1, 0)
    [mail] = sent
    assert mail["Subject"] == "+34600000001"
    assert plain(mail) == "from <FAR>\n"
    html = mail.get_body(("html",))
    assert html is not None
    assert html.get_content() == "<p>&lt;FAR&gt;</p>\n"
    assert rows.records == [(Reason.DELIVERED, {"answer": "250 Ok"}, "done")]


@pytest.mark.parametrize(("bad", "problem"), FAILING)
async def test_a_template_that_fails_gives_way_to_our_words(
    sent: list[EmailMessage], bad: str, problem: str
) -> None:
    rows = Rows(MailTemplate("x", bad, None))
    async with ticker() as late:
        await deliverer(rows).deliver(1, 0)
    assert max(late) < MAX_LATENESS
    assert "A fax came for Globex, Office." in plain(sent[0])
    [(reason, detail, state)] = rows.records
    assert (reason, detail["problem"], state) == (Reason.DELIVERED, problem, "done")
    said = sentence(reason, detail, "en")
    assert said.startswith("Delivered in the standard text: 250 Ok. The template of this mail ")


@pytest.mark.parametrize("bad", SLOW)
async def test_a_template_that_computes_too_long_is_stopped_and_rests(
    sent: list[EmailMessage], bad: str
) -> None:
    rows = Rows(MailTemplate("x", bad, None))
    worker = deliverer(rows)
    began = time.monotonic()
    async with ticker() as late:
        await worker.deliver(1, 0)
        first = time.monotonic() - began
        await worker.deliver(1, 0)
    assert max(late) < MAX_LATENESS
    assert first < SECONDS + 5
    assert time.monotonic() - began - first < 1, "the second time it is not even begun"
    assert [plain(mail).splitlines()[0] for mail in sent] == ["A fax came for Globex, Office."] * 2
    assert [detail["problem"] for _, detail, _ in rows.records] == ["template_limit"] * 2


async def test_a_mail_that_cannot_be_composed_fails_by_name_after_its_tries(
    sent: list[EmailMessage], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Rows, "virtual_fax", _with_a_bad_address)
    rows = Rows(None)
    with pytest.raises(TryAgainError):
        await deliverer(rows).deliver(1, 0)
    await deliverer(rows).deliver(1, len(BACK_OFF))
    assert sent == []
    assert [(reason, state) for reason, _, state in rows.records] == [
        (Reason.DELIVERY_FAILED, "pending"), (Reason.DELIVERY_FAILED, "failed"),
    ]  # fmt: skip


async def _with_a_bad_address(*_: object) -> VirtualFax:
    return replace(OFFICE, email=("no address\r\n@x y",))


async def test_the_answer_of_the_child_is_checked(monkeypatch: pytest.MonkeyPatch) -> None:
    for answer in (b"", b"[]", b'{"texts": []}', b'{"texts": [1]}', b"[" * 99_999, b"\xff"):

        async def run(*_: object, answer: bytes = answer, **__: object) -> bytes:
            return answer

        monkeypatch.setattr("spandsp_bridge.documents.sandbox.run", run)
        with pytest.raises(TemplateError, match="no answer"):
            await fill([("x", False)], {})
