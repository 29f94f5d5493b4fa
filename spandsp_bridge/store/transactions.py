"""What queries run in: a connection inside a transaction, of the whole database or a tenant's."""

from contextlib import AbstractAsyncContextManager
from typing import Any, Protocol

from psycopg import AsyncConnection

Connection = AsyncConnection[dict[str, Any]]  #: rows are dictionaries


class Transactions(Protocol):
    """What queries run in: the whole database, or a tenant's."""

    def transaction(self) -> AbstractAsyncContextManager[Connection]:
        """Yield a connection inside a transaction."""
