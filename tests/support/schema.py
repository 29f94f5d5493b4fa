"""sql/schema.sql: the tables that the migrations make, in one file to read.

`python -m tests.support.schema` (`make schema`) writes it; tests/sql/test_schema_file.py fails
where it is not what the migrations make. Views, functions and policies are left out: each has its
one definition in a folder of sql/ already.
"""

import asyncio
import os
import re
import subprocess
import tempfile
from pathlib import Path

from spandsp_bridge.demo.postgres import postgres_binaries
from spandsp_bridge.store.migrate import SQL, create_database, run_script
from tests.support.postgres import TestServer

SCHEMA = SQL / "schema.sql"
PORT = int(os.environ.get("VFAX_PORT_BASE", "22060")) + 19
HEAD = """\
-- The tables as all migrations make them. Generated: change a migration, then run `make schema`.

"""
_IDENTITY = re.compile(r"(ADD GENERATED \w+(?: \w+)? AS IDENTITY) \([^)]*\);")


def normalised(dump: str) -> str:
    """Return what pg_dump wrote without what differs between its versions."""
    lines = []
    for line in dump.splitlines():
        if line.startswith(("--", "SET ", "\\", "SELECT pg_catalog.")):
            continue
        lines.append(line if line.startswith("COMMENT") else line.replace("public.", ""))
    text = _IDENTITY.sub(r"\1;", "\n".join(lines))
    text = re.sub(r"^COMMENT ON (\w+) public\.", r"COMMENT ON \1 ", text, flags=re.MULTILINE)
    return HEAD + re.sub(r"\n{2,}", "\n\n", text).strip() + "\n"


async def dumped(server_url: str) -> str:
    """Return the schema that the migrations make in a new database of a server."""
    name = f"schema_{os.getpid()}"
    await create_database(server_url, name)
    url = f"{server_url.rpartition('/')[0]}/{name}"
    for migration in sorted((SQL / "migrations").glob("[0-9]*.sql")):
        await run_script(url, migration, {})
    program = str(postgres_binaries() / "pg_dump")
    command = [program, "--schema-only", "--no-owner", "--no-privileges", url]
    result = await asyncio.to_thread(
        subprocess.run, command, capture_output=True, text=True, check=True
    )
    return normalised(result.stdout)


async def write() -> None:
    """Write sql/schema.sql."""
    with tempfile.TemporaryDirectory() as folder:
        server = TestServer(Path(folder), PORT, "schema")
        async with server.running():
            SCHEMA.write_text(await dumped(server.cluster.url("postgres")))


if __name__ == "__main__":
    asyncio.run(write())
