"""The generated reference: complete, and Markdown that a site generator can read."""

import re
import subprocess
import sys

import pytest

from spandsp_bridge.cli import reference
from spandsp_bridge.settings import ROOT, Settings


def test_every_setting_has_a_row() -> None:
    rows = reference.settings().splitlines()[2:]
    assert len(rows) == len(Settings.model_fields)
    for row, (name, field) in zip(rows, Settings.model_fields.items(), strict=True):
        cells = [cell.strip() for cell in row.strip("|").split("|")]
        assert cells[:2] == [f"`VFAX_{name.upper()}`", field.description]
        assert len(cells) == 4
        assert cells[2]


@pytest.mark.parametrize(
    ("setting", "kind", "default"),
    [
        ("MAX_CALLS", "integer", "`100`"),
        ("API_KEY", "secret", ""),
        ("MAIL_LISTEN_LMTP", "boolean", "`false`"),
        ("TLS_KEY", "path", ""),
        ("SMTP_TLS", "`auto`, `starttls`, `tls`, `none`", "`auto`"),
        ("VAR", "path", "`var` in the checkout"),
        ("NODE", "text", "the host's name"),
    ],
)
def test_the_row_of_a_setting(setting: str, kind: str, default: str) -> None:
    [row] = [r for r in reference.settings().splitlines() if f"`VFAX_{setting}`" in r]
    assert [cell.strip() for cell in row.strip("|").split("|")][2:] == [kind, default]


def test_nothing_of_this_host_is_in_it() -> None:
    assert str(ROOT) not in reference.settings() + reference.commands()
    assert Settings().node not in re.findall(r"`([^`]+)`", reference.settings())


def test_every_command_has_a_section_with_its_parameters() -> None:
    text = reference.commands()
    for path, command in reference.walk(reference.cli_command(), "vfax"):
        section = text[text.index(f"## `{path}`\n") :]
        section = section.partition("\n## ")[0]
        assert command.help.partition("\n")[0] in section
        for parameter in command.params:
            assert f"`{reference.parameter_name(parameter)}`" in section


def test_it_runs_as_a_program() -> None:
    program = [sys.executable, "-m", "spandsp_bridge.cli.reference"]
    printed = subprocess.run([*program, "settings"], capture_output=True, text=True, check=True)
    assert printed.stdout == reference.settings()
    wrong = subprocess.run([*program, "tables"], capture_output=True, text=True, check=False)
    assert (wrong.returncode, "settings|commands" in wrong.stderr) == (2, True)
