"""How commands print: one JSON object, or something for people."""

import json
import sys
from datetime import datetime
from typing import Annotated, Any

import typer

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")]


def print_json(value: Any) -> None:
    """Write one JSON object; what JSON does not know becomes text."""
    sys.stdout.write(json.dumps(value, default=_plain, indent=2) + "\n")


def _plain(value: Any) -> Any:
    return value.isoformat() if isinstance(value, datetime) else str(value)
