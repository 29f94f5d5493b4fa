"""What the fax commands need of an installation, whichever way it is reached."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, Protocol

from spandsp_bridge.outbound.submit import Destination
from spandsp_bridge.store.documents import File
from spandsp_bridge.store.fax_rows import Fax
from spandsp_bridge.store.submissions import SendOptions

DocumentKind = Literal["pdf", "tiff", "receipt"]


@dataclass(frozen=True, slots=True)
class FaxDetails:
    """What `vfax fax show` prints beside the fax: rows as JSON objects, oldest first."""

    attempts: list[dict[str, Any]]
    deliveries: list[dict[str, Any]]
    queue: dict[str, Any] | None  #: `ahead` and `expected_at`; None while it has no place


@dataclass(frozen=True, slots=True)
class Broadcast:
    """A broadcast, and how many of its faxes are in which state."""

    id: int
    company_id: int  #: 0: unknown to this client
    name: str
    created_at: datetime
    total: int
    pending: int
    inprogress: int
    completed: int
    error: int
    pages_confirmed: int

    @property
    def finished(self) -> int:
        """How many faxes have ended."""
        return self.completed + self.error


class FaxClient(Protocol):
    """An installation.

    Every method raises UserError for a wrong request or an unknown id, and SetupError when the
    installation cannot be reached.
    """

    async def send(self, sender: str, to: str, files: Sequence[File], options: SendOptions) -> Fax:
        """Put documents into the queue as one fax; `sender` is an id or COMPANY/NAME."""

    async def fax(self, fax_id: int) -> Fax:
        """Return one fax."""

    async def stage(self, fax_id: int) -> str:
        """Return what the call is doing, such as `dialling`; empty when that is not known."""

    async def details(self, fax_id: int) -> FaxDetails:
        """Return the attempts, deliveries and queue position of a fax."""

    async def faxes(self, limit: int, company_id: int | None) -> list[Fax]:
        """Return the newest faxes, of one company where an id is given."""

    async def document(self, fax_id: int, kind: DocumentKind) -> bytes:
        """Return a document of a fax, and record who read it."""

    async def cancel(self, fax_id: int) -> None:
        """End an outbound fax, also in mid-call. Raises UserError when it has ended before."""

    async def resend(self, fax_id: int) -> Fax:
        """Send a fax that has ended again; return the new fax."""

    async def replay(self, delivery_id: int) -> int:
        """Repeat a mail or a webhook call; return the id of the new delivery."""

    async def send_broadcast(
        self,
        sender: str,
        to: list[Destination],
        files: Sequence[File],
        options: SendOptions,
        name: str,
    ) -> Broadcast:
        """Put documents into the queue as one fax to each destination."""

    async def broadcast(self, broadcast_id: int) -> Broadcast:
        """Return the state of a broadcast."""
