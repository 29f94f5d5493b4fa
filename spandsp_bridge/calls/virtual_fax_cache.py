"""Virtual faxes as last read, so that a call is answered while PostgreSQL is slow or down."""

import asyncio

from spandsp_bridge.store.errors import DatabaseError
from spandsp_bridge.store.faxes import FaxStore
from spandsp_bridge.store.virtual_faxes import VirtualFax

FRESH_SECONDS = 5.0
LOOKUP_TIMEOUT = 0.5


class VirtualFaxCache:
    """Reads virtual faxes through a cache; a lookup takes LOOKUP_TIMEOUT seconds at most."""

    def __init__(self, store: FaxStore) -> None:
        self._store = store
        self._cached: dict[int, tuple[float, VirtualFax | None]] = {}

    async def find(self, virtual_fax_id: int) -> VirtualFax | None:
        """Return a virtual fax, up to FRESH_SECONDS old; None when it does not exist.

        An older copy, or None, stands in while the database cannot be read.
        """
        now = asyncio.get_running_loop().time()
        read_at, cached = self._cached.get(virtual_fax_id, (-FRESH_SECONDS, None))
        if now - read_at < FRESH_SECONDS:
            return cached
        try:
            async with asyncio.timeout(LOOKUP_TIMEOUT):
                current = await self._store.virtual_fax(virtual_fax_id)
        except (DatabaseError, OSError):  # TimeoutError is an OSError
            return cached
        self._cached[virtual_fax_id] = (now, current)
        return current
