"""Faxes that tests sent, found again where they arrived."""

from spandsp_bridge.store.fax_rows import Fax
from spandsp_bridge.store.faxes import FaxStore
from tests.support.waiting import until


async def received_after(store: FaxStore, sent: Fax) -> Fax:
    """Wait for the received fax that a sent one became."""

    async def find() -> Fax | None:
        assert sent.started_at is not None
        for fax in await store.faxes(50):
            if (
                fax.direction == "in"
                and fax.local_number == sent.remote_number.replace("+34922", "+34911")
                and fax.remote_number == sent.local_number
                and fax.created_at >= sent.started_at
            ):
                return fax
        return None

    found = await until(find)
    assert isinstance(found, Fax)
    return found
