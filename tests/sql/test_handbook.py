"""The operators' handbook is true: every table is in it, and every example in SQL works."""

import re
from typing import Any

import psycopg
import pytest
from psycopg import AsyncConnection

from spandsp_bridge.settings import ROOT
from spandsp_bridge.store.pool import Database

HANDBOOK = (ROOT / "sql" / "README.md").read_text()


async def test_every_table_is_in_the_handbook(database: Database) -> None:
    async with database.transaction() as c:
        cursor = await c.execute(
            "select relname from pg_class where relnamespace = 'public'::regnamespace"
            " and relkind in ('r', 'p') and not relispartition and relname <> 'schema_files'"
        )
        tables = [row["relname"] for row in await cursor.fetchall()]
    assert len(tables) > 15
    assert [t for t in tables if f"`{t}`" not in HANDBOOK] == []


async def test_every_example_of_the_handbook_works_for_a_brand_operator(database_url: str) -> None:
    examples = re.findall(r"```sql\n(.*?)```", HANDBOOK, re.DOTALL)
    assert len(examples) >= 8
    connection: AsyncConnection[Any] = await AsyncConnection.connect(database_url)
    async with connection:
        await connection.execute(
            b"select set_config('vfax.brand_id', id::text, true) from brands"
            b" where name = 'Demo Telecom'"
        )
        await connection.execute(b"set local role vfax_brand")
        for example in examples:
            for statement in filter(str.strip, example.split(";\n")):
                cursor = await connection.execute(statement.encode())
                if not statement.lstrip().startswith("select"):
                    assert cursor.rowcount > 0, f"did nothing:\n{statement}"
        await connection.rollback()


async def test_a_wrong_row_tells_what_it_wants(database_url: str) -> None:
    connection: AsyncConnection[Any] = await AsyncConnection.connect(database_url)
    async with connection:
        with pytest.raises(psycopg.errors.CheckViolation, match="route_weight_is_1_to_20"):
            await connection.execute(
                b"insert into outgoing_routes (brand_id, type, weight, carrier_id)"
                b" select brand_id, 'fax', 100, id from carriers"
            )
        await connection.rollback()
