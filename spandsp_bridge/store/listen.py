"""Notifications of PostgreSQL: hints, which may be lost."""

import asyncio
from collections.abc import AsyncIterator

import psycopg
from psycopg import sql

from spandsp_bridge.store.pool import CONNECT_SECONDS

QUIET_SECONDS = 30  #: without a notification, after which the connection is tested
FIRST_DELAY, LONGEST_DELAY = 0.2, 5.0  #: seconds between connection attempts


async def listen(url: str, channel: str) -> AsyncIterator[str | None]:
    """Yield payloads of NOTIFY, and None after each (re)connection and every 30 s.

    Notifications are lost while disconnected: at None the caller has to query for changes.
    Runs until cancelled; a lost connection is retried with back-off.
    """
    delay = FIRST_DELAY
    while True:
        try:
            connection = await psycopg.AsyncConnection.connect(
                url, autocommit=True, connect_timeout=CONNECT_SECONDS
            )
            async with connection:
                await connection.execute(sql.SQL("listen {}").format(sql.Identifier(channel)))
                delay = FIRST_DELAY
                yield None
                while True:
                    quiet = True
                    async for notification in connection.notifies(
                        timeout=QUIET_SECONDS, stop_after=1
                    ):
                        quiet = False
                        yield notification.payload
                    if quiet:
                        await connection.execute("select 1")
                        yield None
        except psycopg.Error:
            await asyncio.sleep(delay)
            delay = min(delay * 2, LONGEST_DELAY)
