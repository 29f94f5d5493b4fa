"""Mail for received faxes: the PDF, once, when the mail server took it."""

import asyncio
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

import aiosmtplib
import psycopg
import structlog

from spandsp_bridge.store.faxes import Fax, FaxStore, VirtualFax

log = structlog.get_logger(__name__)

POLL_SECONDS = 2.0
RETRY_SECONDS = 30.0
SMTP_TIMEOUT = 20.0


def compose(fax: Fax, virtual_fax: VirtualFax, pdf: bytes, sender: str) -> EmailMessage:
    """Return the mail that brings a received fax."""
    source = fax.remote_number
    pages = fax.pages_confirmed
    message = EmailMessage()
    message["Subject"] = (
        f"New fax from {source} received in {virtual_fax.name} ({fax.local_number})"
    )
    message["From"] = sender
    message["To"] = ", ".join(virtual_fax.email)
    message["Date"] = formatdate(usegmt=True)
    message["Message-ID"] = make_msgid(f"fax{fax.id}", domain=sender.rpartition("@")[2])
    partial = "" if fax.status == "completed" else f"\nPartial: {fax.explanation}\n"
    message.set_content(
        f"A fax came for {virtual_fax.company}, {virtual_fax.name}.\n\n"
        f"From: {source} {fax.remote_station_id}\n"
        f"To: {fax.local_number}\n"
        f"Time: {fax.created_at:%Y-%m-%d %H:%M %Z}\n"
        f"Pages: {pages}\n{partial}"
    )
    message.add_attachment(pdf, maintype="application", subtype="pdf", filename=f"fax-{fax.id}.pdf")
    return message


class Mailer:
    """Sends what is due, for ever."""

    def __init__(self, store: FaxStore, server: str, sender: str) -> None:
        self._store = store
        self._host, _, port = server.rpartition(":")
        self._port = int(port)
        self._sender = sender

    async def run(self) -> None:
        """Send for ever; a mail server that is away is tried again."""
        while True:
            delay = POLL_SECONDS
            try:
                for fax, virtual_fax in await self._store.unmailed():
                    await self._mail(fax, virtual_fax)
            except (aiosmtplib.SMTPException, psycopg.Error, OSError) as error:
                log.warning("mail waits", error=str(error)[:200])
                delay = RETRY_SECONDS
            await asyncio.sleep(delay)

    async def _mail(self, fax: Fax, virtual_fax: VirtualFax) -> None:
        pdf = await self._store.document(fax, "pdf")
        if pdf:
            await aiosmtplib.send(
                compose(fax, virtual_fax, pdf, self._sender),
                hostname=self._host,
                port=self._port,
                timeout=SMTP_TIMEOUT,
                start_tls=None,
            )
        await self._store.set_mailed(fax)
        log.info("mailed a received fax", fax_id=fax.id)
