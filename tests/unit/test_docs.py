"""Documentation is true: settings, commands, links."""

import re
from pathlib import Path
from typing import Any

import pytest
import typer.main

from spandsp_bridge.cli.main import cli
from spandsp_bridge.settings import ROOT, Settings

README = (ROOT / "README.md").read_text()


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


def test_links_of_the_readme_lead_somewhere() -> None:
    for link in re.findall(r"\]\(([^)#:]+)\)", README):
        assert (ROOT / link).exists(), link


def test_the_tree_says_nothing_of_where_it_was_made() -> None:
    for file in (*ROOT.glob("*.md"), *ROOT.glob("*/*.md"), ROOT / "Makefile"):
        text = Path(file).read_text()
        assert "/work/" not in text
        assert "/tmp/" not in text
