"""Values of configuration as lists show them and as forms send them."""

from datetime import UTC, datetime, time, tzinfo
from decimal import Decimal
from typing import Any

from fastapi import Request

from spandsp_bridge.i18n import ENGLISH, language_name, word
from spandsp_bridge.store.config_tables import Field


def shown(row: dict[str, Any], field: Field, language: str = ENGLISH, zone: tzinfo = UTC) -> str:
    """Return a value as a list shows it; times in a zone."""
    value = row.get(f"{field.name}_label") if field.ref else row.get(field.name)
    match value:
        case None:
            return ""
        case bool():
            return "✓" if value else "–"
        case list():
            return ", ".join(choice_text(field, str(v), language) for v in value)
        case datetime():
            if not 2 < value.year < 9000:  # the infinities
                return ""
            return f"{value.astimezone(zone):%Y-%m-%d %H:%M}"
        case time():
            return f"{value:%H:%M}"
        case Decimal():
            return f"{value.normalize():f}"
    return choice_text(field, str(value), language)


def choice_text(field: Field, value: str, language: str) -> str:
    """Return a value to choose from in words."""
    if field.name == "language":
        return language_name(value)
    return word("choice", value, language) if field.kind in ("choice", "many") else value


async def posted(request: Request, fields: list[Field]) -> dict[str, Any]:
    """Return the values of a form; an unticked box is an empty text."""
    form = await request.form(max_fields=200)
    return {
        f.name: [str(v) for v in form.getlist(f.name)]
        if f.kind == "many"
        else str(form.get(f.name) or "")
        for f in fields
    }


def default_value(expression: str) -> Any:
    """Return the default of a column where it is a constant, else an empty text."""
    value = expression.partition("::")[0].strip("'")
    if value in ("true", "false"):
        return value == "true"
    if value.startswith("{") and value.endswith("}"):
        return [v for v in value[1:-1].split(",") if v]
    return "" if "(" in value or value in ("-infinity", "infinity") else value
