"""What rows of outcomes must not have: a sentence. It is made where somebody reads it."""

from collections.abc import Iterator
from typing import Any

from spandsp_bridge.store.pool import Database

TABLES = ("faxes", "attempts", "deliveries", "peer_profiles", "audit_log")
#: Words of others, verbatim: of the far end, of the sender, of an operator, and SpanDSP's trace.
VERBATIM = {
    "faxes": {"remote_station_id", "cover", "client_state", "idempotency_key"},
    "attempts": {"sip_reason", "remote_station_id", "t30_text", "trace", "route", "stats"},
    "peer_profiles": {"reason"},
    "deliveries": {"recipients"},
    "audit_log": {"who"},
    "jobs": set[str](),
}
VERBATIM_FACTS = {"sip_phrase", "answer", "error", "file", "url"}


def texts(value: Any) -> Iterator[str]:
    """Yield every text in a value, but for facts that are verbatim."""
    if isinstance(value, str):
        yield value
    elif isinstance(value, list):
        for part in value:
            yield from texts(part)
    elif isinstance(value, dict):
        for key, part in value.items():
            if key not in VERBATIM_FACTS:
                yield from texts(part)


async def stored_sentences(database: Database) -> list[tuple[str, str, str]]:
    """Return (table, column, text) of each text with a space that is not verbatim."""
    found = []
    async with database.transaction() as c:
        rows = [
            (table, row)
            for table in TABLES
            for row in await (await c.execute(f"select * from {table}".encode())).fetchall()
        ]
        jobs = await (await c.execute("select args from jobs.procrastinate_jobs")).fetchall()
    for table, row in [*rows, *(("jobs", job) for job in jobs)]:
        for column, value in row.items():
            if column not in VERBATIM[table]:
                found += [(table, column, text) for text in texts(value) if " " in text.strip()]
    return found
