"""What one SIP worker process keeps between messages."""

import os
import random
from pathlib import Path

import KSR
import lmdb

from kemi.tables import Tables


class Worker:
    """The settings from the environment, and the routing tables once they are open.

    It is made before Kamailio forks; each SIP worker opens the tables for itself.
    """

    def __init__(self) -> None:
        self._path = Path(os.environ["VFAX_ROUTES_FILE"])
        self._map_size = int(os.environ["VFAX_ROUTES_MAP_SIZE"])
        self._tables: Tables | None = None
        self.secret = Path(os.environ["VFAX_SECRET_FILE"]).read_bytes()
        self.random = random.SystemRandom().random  #: yields [0, 1)

    def tables(self) -> Tables | None:
        """Return the routing tables, or None until the publisher has written them."""
        if self._tables is None:
            try:
                self._tables = Tables(self._path, self._map_size)
                self._tables.warm()
            except lmdb.Error as error:
                KSR.err(f"routing tables unavailable: file={self._path} error={error}\n")
        return self._tables
