"""The OpenAPI document and the API say the same: schemathesis compares them."""

import asyncio
import shutil
import sys
from pathlib import Path

import httpx
import pytest

from spandsp_bridge.demo.stack import Stack
from spandsp_bridge.store.pool import Database
from tests.support.people import one, with_key

#: What a request that fits the schema may be answered. 422 is among it: numbers, references and
#: names that are taken are rules of the tables, which no schema can state.
CONFIG = """
[checks.positive_data_acceptance]
expected-statuses = ["2xx", "401", "403", "404", "409", "422", "429"]
"""


@pytest.mark.parametrize("whose", ["company", "brand"])
async def test_schemathesis_finds_nothing(
    stack: Stack, database: Database, tmp_path: Path, whose: str
) -> None:
    """As a tenant of its own, which the other tests do not see."""
    async with database.transaction() as c:
        await c.execute("insert into brands (name) values ('Fuzzed') on conflict do nothing")
        await c.execute(
            "insert into companies (brand_id, name) select id, 'Fuzzed' from brands"
            " where name = 'Fuzzed' on conflict do nothing"
        )
    brand = int(await one(database, "select id from brands where name = 'Fuzzed'"))
    company = int(await one(database, "select id from companies where name = 'Fuzzed'"))
    client = await with_key(stack, database, brand, company if whose == "company" else None)
    key = client.headers["authorization"]
    await client.aclose()
    config = tmp_path / "schemathesis.toml"
    config.write_text(CONFIG)
    program = shutil.which("schemathesis", path=str(Path(sys.executable).parent))
    assert program is not None
    process = await asyncio.create_subprocess_exec(
        program, "--config-file", str(config), "run", f"{stack.portal_url}/v1/openapi.json",
        "-H", f"Authorization: {key}", "-n", "8", "--phases", "examples,coverage,fuzzing",
        "--suppress-health-check", "all", "--seed", "1", "--no-color",
        cwd=tmp_path, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    said, _ = await process.communicate()
    assert process.returncode == 0, said.decode()[-6000:]
    async with httpx.AsyncClient() as plain:
        document = (await plain.get(f"{stack.portal_url}/v1/openapi.json")).json()
    assert document["openapi"].startswith("3.1")
