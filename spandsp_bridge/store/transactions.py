"""The type that queries run on: transactions of the whole database, or of a tenant."""

from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from psycopg import AsyncConnection

Connection = AsyncConnection[dict[str, Any]]  #: rows are dictionaries


class Transactions(Protocol):
    """Opens transactions on the whole database, or as a tenant."""

    def transaction(self) -> AbstractAsyncContextManager[Connection]:
        """Yield a connection inside a transaction."""
