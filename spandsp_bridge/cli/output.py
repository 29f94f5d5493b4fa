"""How commands print: one JSON object, or something for people."""

import json
import sys
from dataclasses import asdict
from datetime import datetime
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.markup import escape

from spandsp_bridge.cli.client import Broadcast
from spandsp_bridge.i18n import environment_language, explained, sentence
from spandsp_bridge.model import FaxStatus
from spandsp_bridge.store.fax_rows import Fax

Json = Annotated[bool, typer.Option("--json", help="Print one JSON object instead.")]
STATUS_COLOURS = {"completed": "green", "error": "red", "inprogress": "yellow", "pending": "dim"}


def console() -> Console:
    """Return standard output for text and tables: without the highlighting of numbers."""
    return Console(highlight=False)


def print_json(value: Any) -> None:
    """Write one JSON object; values that JSON has no type for become text."""
    sys.stdout.write(json.dumps(value, default=_to_json, indent=2) + "\n")


def _to_json(value: Any) -> str:
    return value.isoformat() if isinstance(value, datetime) else str(value)


def to_json(item: Fax | Broadcast) -> dict[str, Any]:
    """Return a fax or a broadcast as a JSON object, without the tenant where it is unknown."""
    values = asdict(item)
    if isinstance(item, Fax):
        values = explained(values, environment_language())
    if not item.company_id:
        for name in ("company_id", "brand_id"):
            values.pop(name, None)
    return values


def print_fax(fax: Fax, as_json: bool) -> None:
    """Print what became of a fax: one line, or the JSON object."""
    if as_json:
        print_json(to_json(fax))
        return
    reason = f" ({fax.reason})" if fax.status is FaxStatus.ERROR else ""
    explanation = sentence(fax.reason, fax.detail, environment_language())
    console().print(
        f"fax {fax.id}: [{STATUS_COLOURS[fax.status]}]{fax.status}[/]{reason} {escape(explanation)}"
    )
