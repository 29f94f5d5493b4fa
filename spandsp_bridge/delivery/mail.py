"""Mail about a fax: received, partial, sent, failed."""

import re
import time
from dataclasses import dataclass
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import formatdate
from typing import Any

import aiosmtplib
import structlog

from spandsp_bridge.calls.stored_documents import pdf_of
from spandsp_bridge.delivery.mail_texts import standard
from spandsp_bridge.documents.fill_template import TemplateError, fill
from spandsp_bridge.documents.template import fill_in
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
#: What would end a header's line for some reader (`str.splitlines` knows ten ways), or is not text.
CONTROLS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029]+")
TEMPLATE_REST = 600.0  #: seconds for which a template that exceeded its limits is left alone
TEMPLATES_AT_REST = 1000


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
        self._at_rest: dict[MailTemplate, float] = {}  #: templates that took too much: until when

    async def deliver(
        self, delivery: Delivery, fax: Fax, virtual_fax: VirtualFax
    ) -> dict[str, object]:
        """Hand a mail in; return the detail of the delivery: what the server said.

        A template that fails gives way to the standard text; the detail says so.

        The Message-ID is the delivery's: a mail that was handed in twice, since we were killed
        before we could write it down, is one mail to its reader. Raises DeliveryRefused,
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
        message, problem = await self._compose(delivery, fax, virtual_fax, template, pdf)
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
        return {"answer": f"{answer}{some}", **problem}

    async def _compose(
        self,
        delivery: Delivery,
        fax: Fax,
        virtual_fax: VirtualFax,
        template: MailTemplate | None,
        pdf: bytes,
    ) -> tuple[EmailMessage, dict[str, object]]:
        """Return the mail, and what was wrong with its template."""
        link = self._link(fax)
        problem: dict[str, object] = {}
        if template is not None:
            try:
                words = await self._filled(template, variables(fax, virtual_fax, link))
                return compose(delivery, fax, virtual_fax, words, pdf), problem
            except TemplateError as error:
                if error.limited:
                    problem = {"problem": "template_limit"}
                else:
                    problem = {"problem": "template_failed", "error": str(error)}
            except ValueError as error:  # its texts cannot be put into a mail
                problem = {"problem": "template_failed", "error": str(error)[:300]}
            log.warning(
                "mail template failed",
                brand_id=fax.brand_id,
                company_id=fax.company_id,
                about=delivery.event,
                **problem,
            )
        words = standard_words(delivery.event, fax, virtual_fax, link)
        return compose(delivery, fax, virtual_fax, words, pdf), problem

    async def _filled(self, template: MailTemplate, facts: dict[str, Any]) -> MailTemplate:
        """Fill in a template of a brand or company, in the sandbox. Raises TemplateError.

        One that exceeded its limits rests for a while: it would hold up the mails of others.
        """
        now = time.monotonic()
        if self._at_rest.get(template, now) > now:
            raise TemplateError("it exceeded its limits lately", limited=True)
        parts = [(template.subject, False), (template.text, False), (template.html or "", True)]
        try:
            subject, text, html = await fill(parts, facts)
        except TemplateError as error:
            if error.limited:
                if len(self._at_rest) >= TEMPLATES_AT_REST:
                    self._at_rest.clear()
                self._at_rest[template] = now + TEMPLATE_REST
            raise
        return MailTemplate(subject, text, html)

    def _link(self, fax: Fax) -> str:
        return f"{self._portal_url}/faxes/{fax.id}" if self._portal_url else ""


def _short(error: Exception) -> str:
    return CONTROLS.sub(" ", str(error))[:300]


def _pdf_name(fax: Fax) -> str:
    return f"fax-{fax.id}.pdf"


def variables(fax: Fax, virtual_fax: VirtualFax, link: str) -> dict[str, Any]:
    """Return what the templates of mails may name."""
    ours, theirs = fax.local_number, fax.remote_number
    source, destination = (theirs, ours) if fax.direction == "in" else (ours, theirs)
    local = fax.created_at.astimezone(zone_of(virtual_fax.time_zone))
    return {
        "FAX_ID": fax.id,
        "FAX_NAME": virtual_fax.name,
        "FAX_COMPANY": virtual_fax.company,
        "FAX_PDFNAME": _pdf_name(fax),
        "FAX_PAGES": fax.pages_confirmed,
        "FAX_SRC": source,
        "FAX_DST": destination,
        "FAX_DATE": f"{local:%Y-%m-%d %H:%M:%S}",
        "FAX_STATION": fax.remote_station_id,
        "FAX_REASON": sentence(fax.reason, fax.detail, virtual_fax.language),
        "FAX_LINK": link,
    }


def standard_words(event: str, fax: Fax, virtual_fax: VirtualFax, link: str) -> MailTemplate:
    """Return the platform's own texts of a mail, filled in."""
    own = standard(event, virtual_fax.language)
    facts = variables(fax, virtual_fax, link)
    return MailTemplate(
        fill_in(own.subject, facts, html=False),
        fill_in(own.text, facts, html=False),
        fill_in(own.html or "", facts, html=True),
    )


def compose(
    delivery: Delivery, fax: Fax, virtual_fax: VirtualFax, words: MailTemplate, pdf: bytes
) -> EmailMessage:
    """Return the mail of texts that are filled in, but for its sender."""
    message = EmailMessage()
    message["Subject"] = CONTROLS.sub(" ", words.subject).strip()[:400]
    message["To"] = [Address(addr_spec=to) for to in delivery.recipients or virtual_fax.email]
    message["Date"] = formatdate(delivery.created_at.timestamp())
    message["Message-ID"] = (
        f"<delivery-{delivery.replay_of or delivery.id}.fax-{fax.id}@virtualfax>"
    )
    message["Auto-Submitted"] = "auto-generated"
    message.set_content(words.text)
    if words.html:
        message.add_alternative(words.html, subtype="html")
    if pdf:
        message.add_attachment(pdf, maintype="application", subtype="pdf", filename=_pdf_name(fax))
    return message
