"""Values of configuration as a form or JSON says them, to values of a column."""

from datetime import datetime
from typing import Any

from spandsp_bridge.errors import UserError
from spandsp_bridge.store.resources import Field


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
            raise UserError("{field} is required", field=column_words(field.name))
        return None
    try:
        return _value(field, raw)
    except (ValueError, TypeError, OverflowError) as error:
        raise UserError(
            "{field}: {value!r} is not {kind}",
            field=column_words(field.name),
            value=str(raw)[:60],
            kind=_kind(field),
        ) from error


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


def _kind(field: Field) -> str:
    if field.choices:
        return f"one of {', '.join(field.choices)}"
    return {"int": "a number", "ref": "an id", "number": "a number",
            "moment": "a time such as 2026-11-24T08:00+01:00"}.get(field.kind, "valid")  # fmt: skip


def column_words(name: str) -> str:
    """Return the name of a column or a constraint as words."""
    return name.removesuffix("_id").replace("_", " ")
