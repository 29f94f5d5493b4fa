"""The reference of settings and commands as Markdown, generated from the code.

Run as ``python -m spandsp_bridge.cli.reference settings|commands``.
"""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import typer.main
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from spandsp_bridge.cli.main import cli
from spandsp_bridge.settings import ROOT, Settings

#: Defaults that differ between hosts and checkouts.
DEFAULTS = {"node": "the host's name"}
TYPES = {str: "text", int: "integer", float: "number", bool: "boolean", Path: "path"}


def settings() -> str:
    """Return a table of every setting: name, meaning, type, default."""
    lines = ["| Setting | Meaning | Type | Default |", "|---|---|---|---|"]
    for name, field in Settings.model_fields.items():
        default = DEFAULTS.get(name) or _default(field)
        lines.append(
            f"| `VFAX_{name.upper()}` | {field.description} | {_type(field)} | {default} |"
        )
    return "\n".join(lines) + "\n"


def _type(field: FieldInfo) -> str:
    kind: Any = field.annotation
    arguments = get_args(kind)
    if get_origin(kind) is Literal:
        return ", ".join(f"`{value}`" for value in arguments)
    if type(None) in arguments:
        kind = next(argument for argument in arguments if argument is not type(None))
    return "secret" if kind is SecretStr else TYPES[kind]


def _default(field: FieldInfo) -> str:
    value = field.default
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if value is None or value == "":
        return ""
    if isinstance(value, Path):
        return f"`{value.relative_to(ROOT)}` in the checkout"
    return f"`{str(value).lower() if isinstance(value, bool) else value}`"


def commands() -> str:
    """Return a section for every command: its purpose, usage, arguments and options."""
    return "\n".join(_section(path, command) for path, command in walk(cli_command(), "vfax"))


def cli_command() -> Any:
    """Return the command as typer's own copy of click has it, whose types are private."""
    return typer.main.get_command(cli)


def walk(command: Any, path: str) -> Iterator[tuple[str, Any]]:
    """Yield every command below a group, with the words that call it."""
    subcommands = getattr(command, "commands", None)
    if not subcommands:
        yield path, command
        return
    for name, subcommand in subcommands.items():
        yield from walk(subcommand, f"{path} {name}")


def _section(path: str, command: Any) -> str:
    context = typer.Context(command, info_name=path)
    lines = [f"## `{path}`", "", command.help or "", ""]
    lines += [f"    {path} {' '.join(command.collect_usage_pieces(context))}", ""]
    rows = [
        f"| `{parameter_name(parameter)}` | {parameter.help or ''} | {_value(parameter)} |"
        for parameter in command.params
    ]
    if rows:
        lines += ["| Parameter | Meaning | Default |", "|---|---|---|", *rows, ""]
    return "\n".join(lines)


def parameter_name(parameter: Any) -> str:
    """Return how a parameter is written: its options, or an argument in capitals."""
    if parameter.param_type_name == "option":
        return ", ".join([*parameter.opts, *parameter.secondary_opts])
    return str(parameter.metavar or parameter.name.upper())


def _value(parameter: Any) -> str:
    if parameter.required:
        return "required"
    default = parameter.default
    if default is None or default is False or callable(default):
        return ""
    return f"`{default}`" if not isinstance(default, bool) else "on"


PAGES: dict[str, Callable[[], str]] = {"settings": settings, "commands": commands}


def main(arguments: list[str]) -> int:
    """Print one page; return the exit code."""
    if len(arguments) != 1 or arguments[0] not in PAGES:
        sys.stderr.write(f"usage: python -m {__spec__.name} {'|'.join(PAGES)}\n")
        return 2
    sys.stdout.write(PAGES[arguments[0]]())
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
