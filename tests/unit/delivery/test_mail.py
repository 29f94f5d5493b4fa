"""Mails in words: templates, languages, hostile templates and hostile mails."""

import email.policy
from datetime import UTC, datetime
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from spandsp_bridge.delivery.mail import compose, standard_words
from spandsp_bridge.delivery.mail_in import parse, read
from spandsp_bridge.errors import DocumentError
from spandsp_bridge.model import AudioFax, FaxStatus
from spandsp_bridge.reasons import Reason
from spandsp_bridge.store.deliveries import Delivery, MailTemplate
from spandsp_bridge.store.fax_rows import Fax
from spandsp_bridge.store.virtual_faxes import VirtualFax

AT = datetime(2026, 3, 1, 11, 30, tzinfo=UTC)
OFFICE = VirtualFax(
    id=2, brand_id=1, company_id=1, name="Office", company="Globex", country="ES", paper="a4",
    time_zone="Europe/Madrid", email=("a@globex.example", "b@globex.example"),
    outgoing_number="+34911000002", station_id="", header_line="", ecm=True, max_bit_rate=14400,
    audio_fax=AudioFax.NEVER,
)  # fmt: skip


def fax(**changes: Any) -> Fax:
    usual: dict[str, Any] = dict.fromkeys(Fax.__slots__)
    usual |= {
        "id": 7, "brand_id": 1, "company_id": 1, "virtual_fax_id": 2, "direction": "in",
        "status": FaxStatus.COMPLETED, "local_number": "+34911000002",
        "remote_number": "+34600000001", "remote_station_id": "FAR", "pages": 3,
        "pages_confirmed": 3, "detail": {}, "created_at": AT, "send_at": AT, "priority": 5,
    }  # fmt: skip
    return Fax(**{**usual, **changes})


def delivery(event: str) -> Delivery:
    return Delivery(1, 1, 1, 7, "mail", event, "pending", 0, None, AT, None, None, None, None)


def standard_mail(event: str, of: Fax, to: VirtualFax = OFFICE, link: str = "") -> EmailMessage:
    return compose(delivery(event), of, to, standard_words(event, of, to, link), b"%PDF-1.7")


def test_a_received_fax_in_words() -> None:
    made = standard_mail("received", fax())
    assert made["Subject"] == "New Fax from +34600000001 received in Office (+34911000002)"
    assert made["To"] == "a@globex.example, b@globex.example"
    assert made["Message-ID"] == "<delivery-1.fax-7@virtualfax>"
    text = made.get_body(("plain",))
    html = made.get_body(("html",))
    assert text is not None
    assert html is not None
    assert "2026-03-01 12:30:00" in text.get_content(), "in the company's zone"
    assert "Pages: 3" in text.get_content()
    assert "<td>+34600000001 FAR</td>" in html.get_content()
    [attached] = made.iter_attachments()
    assert attached.get_filename() == "fax-7.pdf"


@pytest.mark.parametrize(
    ("event", "language", "subject"),
    [
        ("partial", "en", "Incomplete Fax from +34600000001 received in Office (+34911000002)"),
        ("received", "es", "Nuevo fax de +34600000001 recibido en Office (+34911000002)"),
        ("received", "xx", "New Fax from +34600000001 received in Office (+34911000002)"),
    ],
)
def test_events_and_languages(event: str, language: str, subject: str) -> None:
    of = OFFICE.__class__(**{**{n: getattr(OFFICE, n) for n in OFFICE.__slots__},
                             "language": language})  # fmt: skip
    assert standard_mail(event, fax(), of)["Subject"] == subject


def test_a_failed_fax_says_why_and_a_link_leads_to_it() -> None:
    failed = fax(
        direction="out", status=FaxStatus.ERROR, reason=Reason.USER_BUSY, detail={"sip": 486}
    )
    words = standard_words("failed", failed, OFFICE, "https://fax.example/faxes/7")
    made = compose(delivery("failed"), failed, OFFICE, words, b"")
    assert made["Subject"] == "Fax to +34600000001 failed"
    text = made.get_body(("plain",))
    assert text is not None
    assert "The line is busy (SIP 486)." in text.get_content()
    assert "https://fax.example/faxes/7" in text.get_content()
    assert list(made.iter_attachments()) == []


@pytest.mark.parametrize("end", ["\r\n", "\n", "\v", "\f", "\x1c", "\x85", "\u2028", "\0", "\x1b"])
def test_no_value_adds_a_header(end: str) -> None:
    station = f"A{end}Bcc: all@example.com"
    made = compose(delivery("received"), fax(), OFFICE, MailTemplate(station, "x", None), b"")
    assert made["Subject"] == "A Bcc: all@example.com"
    assert made["Bcc"] is None
    assert b"\nBcc:" not in made.as_bytes()


# ---- mail to fax ----------------------------------------------------------------------------


def letter(**parts: Any) -> EmailMessage:
    made = EmailMessage()
    made["From"] = "Ann Sales <sales@acme.example>"
    made["Subject"] = "An order"
    made.set_content(parts.get("text", "Dear all,\n\nplease find it attached.\n"))
    return made


def test_attachments_and_words_are_found() -> None:
    mail = letter()
    mail.add_attachment(b"%PDF-1.7", maintype="application", subtype="pdf", filename="order.pdf")
    mail.add_attachment(b"sig", maintype="application", subtype="pkcs7-signature",
                        filename="smime.p7s")  # fmt: skip
    files, said = read(parse(mail.as_bytes()))
    assert files == [("order.pdf", b"%PDF-1.7")]
    assert said == {"subject": "An order", "text": "Dear all,\n\nplease find it attached.",
                    "from_name": "Ann Sales"}  # fmt: skip


def test_html_alone_is_read_as_a_person_would() -> None:
    mail = EmailMessage()
    mail["From"] = "a@b"
    mail.set_content(
        "<html><head><style>p{}</style></head><body><p>One</p><p>Two &amp; three</p>"
        "<script>alert(1)</script></body></html>", subtype="html",
    )  # fmt: skip
    files, said = read(parse(mail.as_bytes(policy=email.policy.SMTP)))
    assert files == []
    assert said["text"].split() == ["One", "Two", "&", "three"]


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=600), st.integers(0, 300))
def test_hostile_mails_are_read_or_refused(noise: bytes, at: int) -> None:
    mail = letter()
    mail.add_attachment(b"x" * 50, maintype="application", subtype="pdf", filename="o.pdf")
    data = mail.as_bytes()
    for bad in (noise, data[:at] + noise + data[at:]):
        try:
            files, said = read(parse(bad))
        except DocumentError as error:
            assert error.reason
        else:
            assert isinstance(files, list)
            assert set(said) == {"subject", "text", "from_name"}


def test_too_many_parts_are_refused() -> None:
    mail = letter()
    for number in range(200):
        mail.add_attachment(b"x", maintype="text", subtype="x", filename=f"{number}.txt")
    with pytest.raises(DocumentError) as refusal:
        read(parse(mail.as_bytes()))
    assert refusal.value.reason is Reason.DOCUMENT_TOO_LARGE
    assert refusal.value.detail == {"problem": "mail_parts", "limit": 100}
