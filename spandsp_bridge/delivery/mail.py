"""Mail about a fax: received, partial, sent, failed."""

import re
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate
from typing import Any

import aiosmtplib
import structlog
from jinja2.sandbox import ImmutableSandboxedEnvironment

from spandsp_bridge.calls.stored_documents import pdf_of
from spandsp_bridge.delivery.words import standard
from spandsp_bridge.errors import DeliveryRefused, UserError
from spandsp_bridge.i18n import sentence
from spandsp_bridge.numbers import zone_of
from spandsp_bridge.reasons import Reason
from spandsp_bridge.store.deliveries import Delivery, DeliveryStore, MailTemplate
from spandsp_bridge.store.fax_rows import Fax
from spandsp_bridge.store.faxes import FaxStore
from spandsp_bridge.store.virtual_faxes import VirtualFax

log = structlog.get_logger(__name__)

SMTP_TIMEOUT = 30.0
LINE = re.compile(r"[\r\n\0]+")


@dataclass(frozen=True, slots=True)
class MailServer:
    """Where mail is handed in."""

    host: str
    port: int
    sender: str  #: From and envelope sender
    tls: str = "auto"  #: `auto` (STARTTLS if offered), `starttls` (or nothing), `tls`, `none`
    user: str = ""
    password: str = ""


class Mailer:
    """Composes mails and hands them in."""

    def __init__(
        self, store: FaxStore, deliveries: DeliveryStore, server: MailServer, portal_url: str
    ) -> None:
        self._store = store
        self._deliveries = deliveries
        self._server = server
        self._portal_url = portal_url.rstrip("/")

    async def deliver(self, delivery: Delivery, fax: Fax, virtual_fax: VirtualFax) -> str:
        """Hand a mail in; return what the server said.

        The Message-ID is the delivery's: a mail that was handed in twice, since we were killed
        before we could write it down, is one mail to whoever reads it. Raises DeliveryRefused,
        or aiosmtplib's errors and OSError when it may be tried again.
        """
        if not virtual_fax.email:
            raise DeliveryRefused(Reason.RECIPIENTS_MISSING)
        template = await self._deliveries.template(
            fax.brand_id, fax.company_id, delivery.event, virtual_fax.language
        )
        pdf = b""
        if virtual_fax.mail_document == "pdf" and fax.pages:
            try:
                pdf = await pdf_of(self._store, fax)
            except UserError:
                pdf = b""  # the document was deleted: the news stands without it
        message = compose(delivery, fax, virtual_fax, template, pdf, self._link(fax))
        message["From"] = self._server.sender
        s = self._server
        try:
            refused, answer = await aiosmtplib.send(
                message,
                hostname=s.host,
                port=s.port,
                timeout=SMTP_TIMEOUT,
                use_tls=s.tls == "tls",
                start_tls={"auto": None, "starttls": True}.get(s.tls, False),
                username=s.user or None,
                password=s.password or None,
            )
        except aiosmtplib.SMTPRecipientsRefused as error:
            codes = {refusal.code for refusal in error.recipients}
            if all(500 <= code < 600 for code in codes):
                raise DeliveryRefused(Reason.RECIPIENTS_REFUSED, answer=_short(error)) from error
            raise
        except aiosmtplib.SMTPResponseException as error:
            if 500 <= error.code < 600 and error.code not in (530, 535):  # those: our settings
                raise DeliveryRefused(
                    Reason.MAIL_REFUSED, answer=f"{error.code} {error.message}"
                ) from error
            raise
        some = f"; refused: {', '.join(refused)}" if refused else ""
        return f"{answer}{some}"

    def _link(self, fax: Fax) -> str:
        return f"{self._portal_url}/faxes/{fax.id}" if self._portal_url else ""


def _short(error: Exception) -> str:
    return LINE.sub(" ", str(error))[:300]


def variables(fax: Fax, virtual_fax: VirtualFax, pdf_name: str, link: str) -> dict[str, Any]:
    """Return what the templates of mails may name."""
    ours, theirs = fax.local_number, fax.remote_number
    source, destination = (theirs, ours) if fax.direction == "in" else (ours, theirs)
    local = fax.created_at.astimezone(zone_of(virtual_fax.time_zone))
    return {
        "FAX_ID": fax.id,
        "FAX_NAME": virtual_fax.name,
        "FAX_COMPANY": virtual_fax.company,
        "FAX_PDFNAME": pdf_name,
        "FAX_PAGES": fax.pages_confirmed,
        "FAX_SRC": source,
        "FAX_DST": destination,
        "FAX_DATE": f"{local:%Y-%m-%d %H:%M:%S}",
        "FAX_STATION": fax.remote_station_id,
        "FAX_REASON": sentence(fax.reason, fax.detail, virtual_fax.language),
        "FAX_LINK": link,
    }


def compose(
    delivery: Delivery,
    fax: Fax,
    virtual_fax: VirtualFax,
    template: MailTemplate | None,
    pdf: bytes,
    link: str,
) -> EmailMessage:
    """Return the mail, but for its sender. A template that fails gives way to the platform's."""
    pdf_name = f"fax-{fax.id}.pdf"
    facts = variables(fax, virtual_fax, pdf_name, link)
    own = standard(delivery.event, virtual_fax.language)
    try:
        subject, text, html = _filled(template or own, facts)
    except Exception as error:
        # Whatever a template of theirs stumbles over: the news goes out in our words.
        if template is None:
            raise
        log.warning("a mail template is wrong", brand=fax.brand_id, of=delivery.event,
                    error=str(error)[:200])  # fmt: skip
        subject, text, html = _filled(own, facts)
    message = EmailMessage()
    message["Subject"] = LINE.sub(" ", subject).strip()[:400]
    message["To"] = [Address(addr_spec=to) for to in delivery.recipients or virtual_fax.email]
    message["Date"] = formatdate(delivery.created_at.timestamp())
    message["Message-ID"] = (
        f"<delivery-{delivery.replay_of or delivery.id}.fax-{fax.id}@virtualfax>"
    )
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(text)
    if html:
        message.add_alternative(html, subtype="html")
    if pdf:
        message.add_attachment(pdf, maintype="application", subtype="pdf", filename=pdf_name)
    return message


def _filled(template: MailTemplate, facts: dict[str, Any]) -> tuple[str, str, str]:
    plain = ImmutableSandboxedEnvironment()
    escaped = ImmutableSandboxedEnvironment(autoescape=True)
    return (
        plain.from_string(template.subject).render(facts),
        plain.from_string(template.text).render(facts),
        escaped.from_string(template.html).render(facts) if template.html else "",
    )
