"""Values of configuration as a form or JSON says them, to values of a column."""

from datetime import datetime
from typing import Any

from spandsp_bridge.errors import UserError
from spandsp_bridge.i18n import Label
from spandsp_bridge.store.config_tables import Field


def parsed(field: Field, raw: Any) -> Any:
    """Return what a form or JSON says as a value of the column. Raises UserError."""
    if isinstance(raw, str):
        raw = raw.strip()
    if raw is None or raw in ("", []):
        if field.kind in ("lines", "many"):
            return []
        if field.kind == "bool":
            return False
        if field.needed:
            raise UserError("{field} is required", field=Label("field", field.name))
        return None
    try:
        return _value(field, raw)
    except (ValueError, TypeError, OverflowError) as error:
        raise _invalid(field, str(raw)[:60]) from error


def _value(field: Field, raw: Any) -> Any:
    match field.kind:
        case "int" | "ref":
            number = int(raw)
            if abs(number) >= 2**63:
                raise ValueError(raw)
            return number
        case "number":
            return str(float(raw))
        case "bool":
            return raw if isinstance(raw, bool) else str(raw).lower() in ("1", "true", "on", "yes")
        case "choice":
            if str(raw) not in field.choices:
                raise ValueError(raw)
            return str(raw)
        case "many":
            several = [str(v) for v in ([raw] if isinstance(raw, str) else raw)]
            if not set(several) <= set(field.choices):
                raise ValueError(raw)
            return several
        case "lines":
            lines = raw.replace(",", "\n").splitlines() if isinstance(raw, str) else raw
            return [str(line).strip() for line in lines if str(line).strip()]
        case "moment":
            return datetime.fromisoformat(str(raw))
        case _:
            text = str(raw)
            if "\0" in text:
                raise ValueError(raw)
            return text


def _invalid(field: Field, value: str) -> UserError:
    name = Label("field", field.name)
    if field.choices:
        return UserError(
            "{field}: {value!r} is not one of {choices}",
            field=name,
            value=value,
            choices=", ".join(field.choices),
        )
    match field.kind:
        case "int" | "ref" | "number":
            return UserError("{field}: {value!r} is not a number", field=name, value=value)
        case "moment":
            return UserError(
                "{field}: {value!r} is not a time: write it as 2026-11-24T08:00+01:00",
                field=name,
                value=value,
            )
        case _:
            return UserError("{field}: {value!r} is not valid", field=name, value=value)
