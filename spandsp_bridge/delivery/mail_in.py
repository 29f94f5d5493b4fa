"""Mail to fax: an SMTP (or LMTP) listener behind the site's mail server.

`<number>@fax.domain` from a permitted sender becomes a fax: the attachments are its document,
subject and body its cover page. The answer to the last octet of the mail says what became of
it; the site's mail server tells the sender. Whoever may speak to the listener is trusted to
have checked who the sender is.
"""

import asyncio
import email.policy
import re
from collections.abc import Iterable
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path
from typing import Any

import structlog
from aiosmtpd.lmtp import LMTP
from aiosmtpd.smtp import SMTP, Envelope, Session
from html2text import HTML2Text

from spandsp_bridge.documents.job import PageOptions
from spandsp_bridge.documents.render import MAX_BYTES, check
from spandsp_bridge.errors import DocumentError, UserError
from spandsp_bridge.i18n import ENGLISH, error_text
from spandsp_bridge.reasons import Reason
from spandsp_bridge.store.documents import File
from spandsp_bridge.store.errors import DatabaseError
from spandsp_bridge.store.faxes import FaxStore
from spandsp_bridge.store.submissions import SendOptions
from spandsp_bridge.store.virtual_faxes import VirtualFax

log = structlog.get_logger(__name__)

MAX_RECIPIENTS = 50
MAX_PARTS = 100
MAX_BODY = 20_000
SIGNATURES = (".p7s", ".asc", ".ics", ".vcf")  #: what mail programs attach by themselves


class MailToFax:
    """The handler of aiosmtpd: submits mails as faxes."""

    def __init__(
        self,
        store: FaxStore,
        domain: str,
        scratch: Path,
        max_pages: int,
    ) -> None:
        self._store = store
        self._domain = domain.lower()
        self._scratch = scratch
        self._max_pages = max_pages
        scratch.mkdir(parents=True, exist_ok=True)

    async def handle_RCPT(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        """Accept a recipient, or refuse it with the reason."""
        del server, session, options
        local, _, domain = address.rpartition("@")
        if domain.lower() != self._domain:
            return f"550 5.1.2 Only addresses of {self._domain} are faxed to"
        if len(envelope.rcpt_tos) >= MAX_RECIPIENTS:
            return f"452 4.5.3 At most {MAX_RECIPIENTS} recipients at a time"
        try:
            sender = await self._sender(envelope)
            _number(local, sender)
        except UserError as error:
            return f"550 5.7.1 {_line(error)}"
        except (DatabaseError, OSError):
            return "451 4.3.0 Database unavailable; try again later"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 OK"

    async def handle_DATA(  # noqa: N802 - aiosmtpd's name
        self, server: SMTP, session: Session, envelope: Envelope
    ) -> str:
        """Submit a mail as faxes; the reply names them, or the reason of the refusal."""
        del server, session
        content = envelope.content if isinstance(envelope.content, bytes) else b""
        try:
            sender = await self._sender(envelope)
            message = await asyncio.to_thread(parse, content)
            files, wishes = read(message)
            if files:
                options = PageOptions(
                    sender.paper, sender.resolution, sender.pictures, sender.long_pages
                )
                await check(files, options, self._max_pages, self._scratch)
            elif not wishes["text"].strip():
                raise DocumentError(Reason.DOCUMENT_EMPTY, problem="mail_empty")
            made = []
            for address in envelope.rcpt_tos:
                number = _number(address.rpartition("@")[0], sender)
                # The mail server may hand the same mail in twice: it becomes one fax.
                key = message.get("Message-ID", "").strip()
                made.append(await self._store.submit(sender, number, files, SendOptions(
                    cover=wishes, idempotency_key=f"mail:{number}:{key}"[:255] if key else None,
                )))  # fmt: skip
        except UserError as error:
            log.info("mail rejected", error=str(error)[:200])
            return f"554 5.6.0 {_line(error)}"
        except (DatabaseError, OSError) as error:
            log.warning("mail deferred: database unavailable", error=str(error)[:200])
            return "451 4.3.0 The fax system cannot store the fax now; try again later"
        log.info("mail accepted", faxes=made)
        return f"250 2.0.0 Accepted as fax {', '.join(map(str, made))}"

    async def _sender(self, envelope: Envelope) -> VirtualFax:
        address = envelope.mail_from or ""
        virtual_fax_id = await self._store.of_mail_sender(address) if address else None
        found = await self._store.virtual_fax(virtual_fax_id) if virtual_fax_id else None
        if found is None:
            raise UserError(
                "{address} may not fax by mail: add it to the senders of a virtual fax",
                address=address or "<>",
            )
        if found.outgoing_number is None:
            raise UserError(
                "virtual fax {company}/{name} has no outgoing DDI",
                company=found.company,
                name=found.name,
            )
        return found


def _number(local: str, sender: VirtualFax) -> str:
    return sender.destination(local.strip('"'))


def _line(error: UserError) -> str:
    """Return an error as the text of an SMTP reply: English, for it is ASCII (RFC 5321 §4.2)."""
    return re.sub(r"[^\x20-\x7e]+", " ", error_text(error, ENGLISH))[:400]


def parse(content: bytes) -> EmailMessage:
    """Return a mail. Raises DocumentError."""
    try:
        message = BytesParser(policy=email.policy.default).parsebytes(content)
    except Exception as error:
        # The email package raises what its many parsers do.
        raise DocumentError(Reason.FILE_FORMAT_INVALID, problem="unreadable_mail") from error
    assert isinstance(message, EmailMessage)
    return message


def read(message: EmailMessage) -> tuple[list[File], dict[str, str]]:
    """Return the (name, content) of what is attached, and what the cover page says.

    Raises DocumentError.
    """
    try:
        parts = [part for part, _ in zip(message.walk(), range(MAX_PARTS + 1), strict=False)]
        files, plain, html = _contents(part for part in parts if not part.is_multipart())
        subject = str(message.get("Subject", ""))
        sender = message.get("From")
        from_name = sender.addresses[0].display_name if sender and sender.addresses else ""
    except Exception as error:
        # A hostile mail breaks the email package in ways of its own.
        raise DocumentError(Reason.FILE_FORMAT_INVALID, problem="unreadable_mail") from error
    if len(parts) > MAX_PARTS:
        raise DocumentError(Reason.DOCUMENT_TOO_LARGE, problem="mail_parts", limit=MAX_PARTS)
    text = plain or _text_of(html)
    return files, {"subject": subject[:300], "text": text.strip()[:MAX_BODY],
                   "from_name": from_name[:100]}  # fmt: skip


def _contents(parts: Iterable[EmailMessage]) -> tuple[list[File], str, str]:
    """Return what is attached, and the text as plain text and as HTML."""
    files: list[File] = []
    plain = html = ""
    for part in parts:
        kind = part.get_content_type()
        name = part.get_filename() or ""
        attached = part.get_content_disposition() == "attachment" or bool(name)
        if not attached and kind == "text/plain" and not plain:
            plain = str(part.get_content())
        elif not attached and kind == "text/html" and not html:
            html = str(part.get_content())
        elif attached and not name.lower().endswith(SIGNATURES):
            data = part.get_payload(decode=True)
            if isinstance(data, bytes):
                files.append((name or f"attachment {len(files) + 1}", data))
    return files, plain, html


def _text_of(html: str) -> str:
    """Return what a person would read of HTML."""
    reader = HTML2Text(bodywidth=0)
    reader.ignore_links = reader.ignore_images = reader.ignore_emphasis = True
    return re.sub(r"[ \t]*\n\s*\n\s*", "\n\n", reader.handle(html)).strip()


async def serve(handler: MailToFax, host: str, port: int, *, lmtp: bool) -> None:
    """Listen until cancelled."""
    kind: type[SMTP] = LMTP if lmtp else SMTP
    loop = asyncio.get_running_loop()

    def protocol() -> Any:
        return kind(handler, data_size_limit=2 * MAX_BYTES, enable_SMTPUTF8=True,
                    ident="virtualfax", loop=loop)  # fmt: skip

    server = await loop.create_server(protocol, host, port)
    log.info("mail to fax listening", address=f"{host}:{port}")
    async with server:
        await server.serve_forever()
