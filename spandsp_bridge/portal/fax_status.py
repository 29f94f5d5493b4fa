"""The status of a fax as readers see it."""

from spandsp_bridge.model import FaxStatus
from spandsp_bridge.store.fax_rows import Fax

ENDED = (FaxStatus.COMPLETED, FaxStatus.ERROR)


def status_of(fax: Fax) -> str:
    """Return the key of a fax's status among the labels (`word("status", ...)`)."""
    if fax.status is FaxStatus.COMPLETED:
        return "received" if fax.direction == "in" else "sent"
    if fax.direction == "in" and fax.status is FaxStatus.ERROR and fax.pages_confirmed:
        return "partial"
    return fax.status.value
