"""Pages of the documentation that are made of the code: reasons, the HTTP API, the SQL tables.

Settings and commands are `reference`. Nothing of this is kept in the repository: docs/hooks.py
makes the pages when the site is built, so that they cannot be out of date.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any, cast

from fastapi.routing import APIRoute

from spandsp_bridge.api.problems import routes_of
from spandsp_bridge.i18n import ENGLISH, sentence
from spandsp_bridge.portal.site import make_api
from spandsp_bridge.reasons import DETAILS, PROBLEMS, Reason
from spandsp_bridge.settings import ROOT
from spandsp_bridge.store.default_rules import retry_defaults
from spandsp_bridge.web.access import Allow

SQL = ROOT / "sql"


def table(*heading: str, rows: Iterable[Iterable[str]]) -> str:
    """Return a Markdown table."""
    lines = [heading, ["---"] * len(heading), *rows]
    return "".join(f"| {' | '.join(map(_cell, line))} |\n" for line in lines) + "\n"


def _cell(text: str) -> str:
    return " ".join(text.replace("|", "\\|").split())


def _code(words: Iterable[str]) -> str:
    return ", ".join(f"`{word}`" for word in words)


# ---- reasons ---------------------------------------------------------------------------


def reasons() -> str:
    """Return every reason: its sentence, the keys of its detail, and what follows it."""
    rules = retry_defaults()
    rows = [
        (
            f"`{reason}`",
            sentence(reason, {}, ENGLISH),
            _code(DETAILS[reason]) + _problems(reason),
            _what_follows(rules.get(reason)),
        )
        for reason in Reason
    ]
    return table("Reason", "Sentence, without a detail", "Detail", "Default", rows=rows)


def _problems(reason: Reason) -> str:
    known = PROBLEMS.get(reason)
    return f"; `problem` is {_code(known)}" if known else ""


def _what_follows(rule: Mapping[str, Any] | None) -> str:
    if rule is None:
        return ""
    if rule["action"] == "stop":
        return "stop"
    steps = [step for step in rule["steps"].strip("{}").split(",") if step]
    changes = f"; then {_code(steps)}" if steps else ""
    return f"{rule['tries']} tries, {_duration(rule['delay'])} apart{changes}"


def _duration(seconds: int) -> str:
    return f"{seconds // 60} min" if seconds and seconds % 60 == 0 else f"{seconds} s"


# ---- the HTTP API ----------------------------------------------------------------------


def api() -> str:
    """Return every route by its tag, with who may use it, and the objects in JSON."""
    application = make_api(cast(Any, None))
    routes = sorted(
        ((str(route.tags[0]), route) for route in routes_of(application)), key=lambda pair: pair[0]
    )
    parts = [
        f"## {tag}\n\n" + table(
            "Request", "Does", "Key of", "Scope", rows=[_route(route) for _, route in group]
        )
        for tag, group in groupby(routes, key=lambda pair: pair[0])
    ]  # fmt: skip
    schemas: Mapping[str, Any] = application.openapi()["components"]["schemas"]
    parts.append("# Objects\n\n")
    for name, schema in sorted(schemas.items()):
        if "properties" in schema and not name.startswith(("One_", "Many_")):
            parts.append(f"## {name}\n\n{schema.get('description', '')}\n\n{_object(schema)}")
    return "".join(parts)


def openapi() -> str:
    """Return the OpenAPI document."""
    return json.dumps(make_api(cast(Any, None)).openapi(), indent=1)


def _route(route: APIRoute) -> tuple[str, ...]:
    [rule] = [d.call for d in route.dependant.dependencies if isinstance(d.call, Allow)]
    # Keys are a company's or a brand's: the role `user` is of people.
    owners = ", ".join(role for role in rule.roles if role != "user")
    path = route.path.replace(":int", "")
    summary = route.summary or (route.description or "").partition("\n")[0]
    return (f"`{min(route.methods or ())} {path}`", summary, owners, f"`{rule.scope}`")


def _object(schema: Mapping[str, Any]) -> str:
    required = schema.get("required", ())
    rows = [
        (f"`{name}`" + (" *" if name in required else ""), _type(of), of.get("description", ""))
        for name, of in schema["properties"].items()
    ]
    return table("Field (* required)", "Type", "Meaning", rows=rows)


def _type(schema: Mapping[str, Any]) -> str:
    if "$ref" in schema:
        name = schema["$ref"].rpartition("/")[2]
        return f"[{name}](#{name.lower()})"
    if "enum" in schema:
        return _code(map(str, schema["enum"]))
    if "anyOf" in schema:
        return " or ".join(_type(each) for each in schema["anyOf"])
    if schema.get("type") == "array":
        return f"list of {_type(schema.get('items', {}))}"
    kind = {"date-time": "time (RFC 3339)", "byte": "base64"}.get(schema.get("format", ""))
    return kind or str(schema.get("const") or schema.get("type", "any"))


# ---- SQL -------------------------------------------------------------------------------


@dataclass(slots=True)
class SqlTable:
    """A table of `sql/schema.sql`; columns are (name, type, meaning)."""

    name: str
    comment: str = ""
    columns: dict[str, tuple[str, str]] = field(default_factory=dict)


CREATE = re.compile(r"^CREATE TABLE (\w+) \(\n(.*?)^\)", re.DOTALL | re.MULTILINE)
COLUMN = re.compile(r"^    ([a-z]\w*) (.+?)( DEFAULT .+?)?( NOT NULL)?,?$", re.MULTILINE)
COMMENT = re.compile(
    r"^COMMENT ON (TABLE|COLUMN) (\w+)(?:\.(\w+))? IS '((?:[^']|'')*)';", re.MULTILINE
)


def sql_tables() -> dict[str, SqlTable]:
    """Return the tables of the schema by name, with their comments; partitions are left out."""
    text = (SQL / "schema.sql").read_text()
    found: dict[str, SqlTable] = {}
    for name, body in CREATE.findall(text):
        columns = {
            column: (f"{kind}{', not null' if not_null else ''}", "")
            for column, kind, _, not_null in COLUMN.findall(body)
        }
        found[name] = SqlTable(name, columns=columns)
    for sort, name, column, comment in COMMENT.findall(text):
        if name not in found:
            continue
        meaning = comment.replace("''", "'")
        if sort == "TABLE":
            found[name].comment = meaning
        else:
            found[name].columns[column] = (found[name].columns[column][0], meaning)
    return {name: each for name, each in sorted(found.items()) if each.comment}


def tables() -> str:
    """Return every table with its columns."""
    return "".join(_sections(sql_tables().values()))


def _sections(found: Iterable[SqlTable]) -> Iterator[str]:
    for each in found:
        rows = [(f"`{name}`", kind, meaning) for name, (kind, meaning) in each.columns.items()]
        yield f"## {each.name}\n\n{each.comment}\n\n" + table(
            "Column", "Type", "Meaning", rows=rows
        )
