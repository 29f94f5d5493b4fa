"""The documentation is true: files, functions, settings, commands, links, generated pages."""

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
import typer.main
from standardwebhooks import Webhook

from docs import hooks
from spandsp_bridge.api.config import routers
from spandsp_bridge.api.shapes import NewFax
from spandsp_bridge.cli import reference_pages as reference
from spandsp_bridge.cli.main import cli
from spandsp_bridge.i18n import sentence
from spandsp_bridge.reasons import Reason
from spandsp_bridge.settings import ROOT, Settings
from spandsp_bridge.store.default_rules import retry_defaults
from spandsp_bridge.testpeer.peer import BEHAVIOURS

PACKAGE = ROOT / "spandsp_bridge"
DOCS = ROOT / "docs"
README = (ROOT / "README.md").read_text()
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted(DOCS.rglob("*.md"))]
#: Folders in which a path that a page mentions may begin.
PLACES = {p.name for p in (*ROOT.iterdir(), *PACKAGE.iterdir()) if p.is_dir()} - {"var", "build"}


def by_path(path: Path) -> str:
    return str(path.relative_to(ROOT))


# ---- files and functions ------------------------------------------------------------------


def code_spans(page: Path) -> set[str]:
    """Return what stands between backticks, outside of blocks."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    return set(re.findall(r"`([^`\n]+)`", text))


def is_path(text: str) -> bool:
    if not re.fullmatch(r"\.?[\w.-]+(/[\w.-]*)*", text) or re.search("LANG|/fr/", text):
        return False
    first, separator, _ = text.partition("/")
    return (bool(separator) and first in PLACES) or bool(re.search(r"\.(py|c|h|sql|cfg)$", text))


def resolved(text: str) -> Path | None:
    """Return the file or folder that a page means: below the root, the package or `native/`."""
    for folder in (ROOT, PACKAGE, PACKAGE / "native"):
        for ending in ("", ".py"):
            if (folder / f"{text}{ending}").exists():
                return folder / f"{text}{ending}"
    return None


def defines(file: Path, name: str) -> bool:
    """Tell whether a file defines a function, class, method (`Class.method`) or constant."""
    text = file.read_text()
    if file.suffix == ".py":
        owner, _, member = name.rpartition(".")
        if owner:
            inside = re.search(rf"^class {owner}\b.*?(?=^\S|\Z)", text, re.DOTALL | re.MULTILINE)
            return inside is not None and bool(re.search(rf"\bdef {member}\b", inside[0]))
        return bool(re.search(rf"^(?:async )?(?:def|class) {name}\b|^{name}\b", text, re.MULTILINE))
    if file.suffix == ".sql":
        return f"create or replace function {name}(" in text
    return bool(re.search(rf"^[a-z].*\b{name}\(", text, re.MULTILINE))


@pytest.mark.parametrize("page", PAGES, ids=by_path)
def test_every_file_and_function_that_a_page_mentions_exists(page: Path) -> None:
    for span in code_spans(page):
        path, separator, name = span.partition(":")
        if not is_path(path):
            continue
        file = resolved(path)
        assert file is not None, span
        assert not separator or defines(file, name), span


def test_the_tour_names_many_functions() -> None:
    steps = [span for span in code_spans(DOCS / "tour.md") if ":" in span]
    assert len(steps) > 80


@pytest.mark.parametrize(
    ("path", "name", "found"),
    [
        ("kemi/edge.py", "route_request", True),
        ("kemi/edge.py", "route", False),
        ("calls/spool.py", "SpoolEntry.commit_page", True),
        ("calls/spool.py", "Spool.commit_page", False),
        ("native/call.c", "call_tick", True),
        ("native/call.c", "call_tock", False),
        ("sql/functions/queue.sql", "claim_fax", True),
        ("sql/functions/queue.sql", "claim", False),
        ("kemi/routing/decode.py", "DECODERS", True),
    ],
)
def test_a_name_is_looked_for_where_it_is_defined(path: str, name: str, found: bool) -> None:
    file = resolved(path)
    assert file is not None
    assert defines(file, name) is found


# ---- modules -------------------------------------------------------------------------------


def long_modules() -> dict[str, str]:
    """Return the modules of more than 400 lines, with the reason in their first lines."""
    found = {}
    for folder in (ROOT / "kemi", PACKAGE):
        for file in (*folder.rglob("*.py"), *folder.rglob("*.[ch]")):
            lines = file.read_text().splitlines()
            if len(lines) > 400 and file.name != "_engine.c":  # what cffi generates
                top = " ".join(lines[:20])
                [reason] = re.findall(r"Over 400 lines because ([^.]+)\.", top) or [""]
                found[by_path(file)] = reason
    return found


def test_long_modules_are_few_and_listed_with_their_reasons() -> None:
    listed = re.findall(r"^\| `([^`]+)` \| (.+) \|$", (DOCS / "modules.md").read_text().partition(
        "| module | reason |")[2], re.MULTILINE)  # fmt: skip
    assert dict(listed) == long_modules()
    assert len(listed) <= 6


# ---- settings and commands ----------------------------------------------------------------


def test_pages_name_no_setting_that_does_not_exist() -> None:
    known = {f"VFAX_{name.upper()}" for name in Settings.model_fields}
    for page in (*PAGES, ROOT / "sql" / "README.md"):
        assert set(re.findall(r"\bVFAX_[A-Z_]+", page.read_text())) <= known, page


def commands(command: Any, path: str = "vfax") -> Iterator[tuple[str, Any]]:
    yield path, command
    for name, subcommand in (getattr(command, "commands", None) or {}).items():
        yield from commands(subcommand, f"{path} {name}")


COMMANDS = dict(commands(typer.main.get_command(cli)))


@pytest.mark.parametrize("page", [*PAGES, ROOT / "sql" / "README.md"], ids=by_path)
def test_commands_that_a_page_shows_exist_with_their_options(page: Path) -> None:
    for line in re.findall(r"(?:^|[`/ (])vfax ([a-z][^`\n|\\]*)", page.read_text()):
        words = line.split()
        if f"vfax {words[0].rstrip(',.;')}" not in COMMANDS:
            continue  # prose about the command
        path = f"vfax {words[0].rstrip(',.;')}"
        for word in words[1:]:
            path = f"{path} {word}" if f"{path} {word}" in COMMANDS else path
        options = {o for p in COMMANDS[path].params for o in (*p.opts, *p.secondary_opts)}
        for option in re.findall(r"--[a-z][a-z-]+", line):
            assert option in options | {"--help"}, f"vfax {line}"


# ---- the guide to the API ------------------------------------------------------------------

API = (DOCS / "api.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```", API, re.DOTALL | re.MULTILINE)


def test_requests_of_the_guide_are_routes_of_the_api() -> None:
    known = [re.sub(r"{\w+}", r"\\w+", path) for path in json.loads(reference.openapi())["paths"]]
    called = re.findall(r"\$VFAX(/[\w/.-]+)", API)
    assert len(called) > 8
    for path in called:
        assert any(re.fullmatch(route, path) for route in known), path


def test_documents_of_the_guide_are_accepted() -> None:
    bodies = [
        json.loads(body) for body in re.findall(r"(?:-d|-F fax=) ?'(\{.*?\})'", API, re.DOTALL)
    ]
    form, sent, webhook = bodies
    assert NewFax.model_validate({**form, "documents": [{"name": "letter.pdf"}]}).to
    assert len(NewFax.model_validate(sent).documents) == 2
    [create] = [route for router in routers() for route in router.routes
                if getattr(route, "operation_id", "") == "add_webhooks"]  # fmt: skip
    accepted = create.body_field.field_info.annotation.model_validate(webhook)  # type: ignore[attr-defined]
    assert accepted.events == ["fax.sent", "fax.failed"]


def test_the_outcome_of_the_guide_is_what_the_api_says() -> None:
    outcome, problem = (json.loads(block) for block in blocks("json"))
    assert outcome["explanation"] == sentence(outcome["reason"], outcome["detail"], "en")
    assert problem.keys() == {"type", "title", "status", "detail", "reason"}


def test_the_webhook_of_the_guide_accepts_our_signature_only(monkeypatch: Any) -> None:
    secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
    monkeypatch.setenv("WEBHOOK_SECRET", secret)
    example = ModuleType("example")
    [code] = blocks("python")
    exec(code, example.__dict__)
    body = b'{"type": "fax.sent", "data": {"id": 17, "reason": "completed"}}'
    now = datetime.now(UTC)
    headers = {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": Webhook(secret).sign("msg_1", now, body.decode()),
    }
    assert example.on_request(body, headers) == 204
    assert example.on_request(body + b" ", headers) == 400


def test_numbers_of_the_test_mode_are_in_the_guide() -> None:
    assert set(re.findall(r"\+1500555\d{4}", API)) == set(BEHAVIOURS)


# ---- links -----------------------------------------------------------------------------------


@pytest.mark.parametrize("page", PAGES, ids=by_path)
def test_links_lead_somewhere(page: Path) -> None:
    generated = {DOCS / place for place in hooks.PAGES}
    for link in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", page.read_text()):
        target = (page.parent / link).resolve()
        assert target.exists() or target in generated, link


def test_the_tree_says_nothing_of_where_it_was_made() -> None:
    for file in (
        *ROOT.glob("*.md"),
        *ROOT.glob("*/*.md"),
        *ROOT.glob("docs/**/*.md"),
        ROOT / "Makefile",
    ):
        text = Path(file).read_text()
        assert "/work/" not in text
        assert "/tmp/" not in text


# ---- generated pages ---------------------------------------------------------------------------


def rows(text: str) -> list[list[str]]:
    """Return the cells of all Markdown tables, headings left out."""
    found = []
    for block in re.findall(r"(?:^\|.*\n)+", text, re.MULTILINE):
        lines = block.splitlines()[2:]
        found += [[cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]] for line in lines]
    return found


def test_every_reason_is_in_the_reference_with_a_sentence() -> None:
    found = rows(reference.reasons())
    assert [row[0] for row in found] == [f"`{reason}`" for reason in Reason]
    assert all(row[1].endswith(".") for row in found)


def test_default_retry_rules_are_those_of_the_migrations() -> None:
    rules = retry_defaults()
    assert rules["user_busy"]["tries"] == 5
    assert rules["cancelled"]["action"] == "stop"
    # Changed by a later migration.
    assert rules["receiver_resolution"]["steps"] == "{coarser,coarser}"
    [busy] = [row for row in rows(reference.reasons()) if row[0] == "`user_busy`"]
    assert busy[3] == "5 tries, 3 min apart"


def test_every_route_is_in_the_reference_with_its_scope() -> None:
    document = json.loads(reference.openapi())
    routes = {
        f"`{verb.upper()} {path}`" for path, verbs in document["paths"].items() for verb in verbs
    }
    found = {
        row[0]: row for row in rows(reference.api()) if row[0].startswith(("`GET", "`P", "`DEL"))
    }
    assert found.keys() == routes
    assert found["`POST /faxes`"][2:] == ["company", "`faxes:write`"]
    assert found["`POST /routes/explain`"][2:] == ["brand", "`config:read`"]


def test_tables_have_their_columns_and_comments() -> None:
    tables = reference.sql_tables()
    assert tables["faxes"].columns["company_id"][0] == "bigint, not null"
    assert "confirmed" in tables["faxes"].columns["pages_confirmed"][1]
    assert tables.keys() >= {"brands", "companies", "ddis", "outgoing_routes", "attempts", "pages"}
    for table in tables.values():
        assert table.comment.endswith(".")
        assert all(re.fullmatch(r"[a-z][a-z0-9_]*", column) for column in table.columns)


@pytest.mark.parametrize(
    ("html", "found"),
    [
        ('<script src="assets/a.js"></script>', 0),
        ('<script src="https://cdn.example/a.js"></script>', 1),
        ("<link rel=stylesheet href=//fonts.example/a.css>", 1),
        ("<style>@import url(https://fonts.example/a.css)</style>", 1),
        ('<img alt="" src="http://images.example/a.png">', 1),
        ('<a href="https://www.rfc-editor.org/rfc/rfc3261">RFC 3261</a>', 0),
    ],
)
def test_what_a_page_would_load_from_another_host_is_found(html: str, found: int) -> None:
    assert len(hooks.external(html)) == found
