"""Docs that are not true are red: settings, commands, tables, and every example in SQL."""

import re
from pathlib import Path
from typing import Any

import psycopg
import pytest
import typer.main
from psycopg import AsyncConnection

from spandsp_bridge.cli.main import cli
from spandsp_bridge.demo.stack import Stack
from spandsp_bridge.settings import ROOT, Settings
from spandsp_bridge.store.pool import Database

README = (ROOT / "README.md").read_text()
HANDBOOK = (ROOT / "sql" / "README.md").read_text()


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_setting_is_in_the_readme(name: str) -> None:
    assert f"| `VFAX_{name.upper()}` |" in README
    assert Settings.model_fields[name].description


def test_the_readme_names_no_setting_that_is_not_there() -> None:
    named = set(re.findall(r"VFAX_[A-Z_]+", README))
    assert named <= {f"VFAX_{name.upper()}" for name in Settings.model_fields}


def commands(command: Any, path: str = "vfax") -> list[str]:
    subcommands = getattr(command, "commands", None)
    if not subcommands:
        return [path]
    return [c for name, sub in subcommands.items() for c in commands(sub, f"{path} {name}")]


@pytest.mark.parametrize("command", commands(typer.main.get_command(cli)))
def test_every_command_is_in_the_readme(command: str) -> None:
    assert f"`{command}" in README


async def test_every_table_is_in_the_handbook(database: Database) -> None:
    async with database.transaction() as c:
        cursor = await c.execute(
            "select relname from pg_class where relnamespace = 'public'::regnamespace"
            " and relkind in ('r', 'p') and not relispartition and relname <> 'schema_files'"
        )
        tables = [row["relname"] for row in await cursor.fetchall()]
    assert len(tables) > 15
    assert [t for t in tables if f"`{t}`" not in HANDBOOK] == []


async def test_every_example_of_the_handbook_works_for_a_brand_operator(stack: Stack) -> None:
    examples = re.findall(r"```sql\n(.*?)```", HANDBOOK, re.DOTALL)
    assert len(examples) >= 8
    connection: AsyncConnection[Any] = await AsyncConnection.connect(stack.database_url)
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


async def test_a_wrong_row_tells_what_it_wants(stack: Stack) -> None:
    connection: AsyncConnection[Any] = await AsyncConnection.connect(stack.database_url)
    async with connection:
        with pytest.raises(psycopg.errors.CheckViolation, match="route_weight_is_1_to_20"):
            await connection.execute(
                b"insert into outgoing_routes (brand_id, type, weight, carrier_id)"
                b" select brand_id, 'fax', 100, id from carriers"
            )
        await connection.rollback()


def test_links_of_the_readme_lead_somewhere() -> None:
    for link in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / link).exists(), link


def test_the_tree_says_nothing_of_where_it_was_made() -> None:
    for file in (*ROOT.glob("*.md"), *ROOT.glob("*/*.md"), ROOT / "Makefile"):
        text = Path(file).read_text()
        assert "/work/" not in text
        assert "/tmp/" not in text
