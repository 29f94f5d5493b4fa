"""Configuration: every table as a list and a form; API keys; the audit trail."""

import asyncio
import re
from datetime import UTC, datetime, time, tzinfo
from decimal import Decimal
from functools import partial
from itertools import groupby
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Form, Query, Request, Response
from fastapi.responses import RedirectResponse

from spandsp_bridge.documents import cover
from spandsp_bridge.documents.job import PageOptions
from spandsp_bridge.documents.pdfa import to_pdf
from spandsp_bridge.documents.render import render
from spandsp_bridge.errors import ForbiddenError, NotFoundError, UserError
from spandsp_bridge.numbers import zone_of
from spandsp_bridge.portal.page import page, translator
from spandsp_bridge.publisher.rpc import KamailioRpc, dispatcher_states
from spandsp_bridge.store.api_keys import ApiKeys
from spandsp_bridge.store.audit import AuditLog
from spandsp_bridge.store.carriers import Carriers
from spandsp_bridge.store.config import ConfigStore
from spandsp_bridge.store.field_values import parsed
from spandsp_bridge.store.resources import RESOURCES, Field, Resource
from spandsp_bridge.store.retry_rules import RetryRules
from spandsp_bridge.store.users import hashed
from spandsp_bridge.web.access import BRAND, COMPANY, PLATFORM, CompanyPerson, Principal, allow
from spandsp_bridge.web.state import Web, web_of

config = APIRouter()
Person = Annotated[Principal, Depends(allow((PLATFORM, BRAND, COMPANY)))]
Keyholder = Annotated[Principal, Depends(allow((BRAND, COMPANY), fax_only=False))]

TITLES = {
    "virtual-faxes": "Virtual faxes", "ddis": "Numbers", "users": "Users", "brand": "Settings",
    "countries": "Countries that faxes may go to",
    "cover-pages": "Cover pages", "webhooks": "Webhooks", "sending-hours": "Sending hours",
    "companies": "Companies", "accounts": "SIP accounts", "ddi-providers": "DDI providers",
    "carriers": "Carriers", "patterns": "Patterns", "groups": "Groups of patterns",
    "routes": "Outgoing routes", "retry-rules": "Retry rules",
    "failover-rules": "Failover rules", "peer-profiles": "Peer profiles",
    "mail-templates": "Mail templates", "brands": "Brands", "operators": "Operators",
    "bridges": "Bridges", "hours": "Opening hours", "callers": "Black and white list",
    "senders": "Who may fax by mail", "fax-users": "Who may use it",
    "provider-addresses": "Addresses", "carrier-servers": "Servers", "carrier-rates": "Rates",
    "group-members": "Patterns of the group", "route-carriers": "Carriers, for lcr",
}  # fmt: skip
#: Tables of rules, and the table of what holds without them.
DEFAULTS = ("retry-rules", "failover-rules")
#: Not for company administrators of faxes alone.
SENSITIVE = ("users", "webhooks", "sending-hours", "companies")
USERS = ("users", "operators")
ACRONYMS = {"ddi", "ecm", "html", "id", "sip", "uri", "url"}
SCOPES = ("faxes:read", "faxes:write", "config:read", "config:write")


def words(name: str) -> str:
    """Return a column's name as words."""
    if name not in ("station_id", "caller_id", "remote_party_id"):  # no references
        name = name.removesuffix("_id")
    return " ".join(w.upper() if w in ACRONYMS else w for w in name.split("_"))


def shown(row: dict[str, Any], field: Field, zone: tzinfo = UTC) -> str:
    """Return a value as a list shows it; times in the reader's zone."""
    value = row.get(f"{field.name}_label") if field.ref else row.get(field.name)
    match value:
        case None:
            return ""
        case bool():
            return "✓" if value else "–"
        case list():
            return ", ".join(map(str, value))
        case datetime():
            if not 2 < value.year < 9000:  # the infinities
                return ""
            return f"{value.astimezone(zone):%Y-%m-%d %H:%M}"
        case time():
            return f"{value:%H:%M}"
        case Decimal():
            return f"{value.normalize():f}"
    return str(value)


def _resource(me: Principal, key: str) -> Resource:
    found = RESOURCES.get(key)
    if found is None or me.role not in found.readers:
        raise NotFoundError(f"there is no page {key[:40]}")
    if me.fax_only and key in SENSITIVE:
        raise ForbiddenError("this is not for administrators of faxes alone")
    return found


def _single(me: Principal, key: str) -> bool:
    """Tell whether somebody has one row of a table, which needs no list."""
    return key == "brand" or (key == "companies" and me.role == COMPANY)


def _visible(resource: Resource, me: Principal) -> list[Field]:
    hidden = {"company_id"} if me.role == COMPANY else set()
    fields = [f for f in resource.fields if f.listed and f.name not in hidden]
    if me.role == COMPANY:
        fields = [f for f in fields if f.ref not in ("ddi-providers", "accounts")]
    return fields


async def _states(web: Web, me: Principal, parent: str) -> dict[str, str]:
    """Return the live state of a carrier's servers, by row id, as this host's Kamailio sees it."""
    live = await asyncio.to_thread(
        lambda: list(dispatcher_states(KamailioRpc(web.settings.rpc_socket)))
    )
    if not live:
        return {}
    flags = {uri.partition(";")[0].removeprefix("sip:"): flag for _, uri, flag in live}
    addresses = await Carriers(me.tenant(web)).server_addresses(int(parent))
    known = ((str(server), flags.get(address)) for server, address in addresses.items())
    return {key: "active" if flag.startswith("A") else "inactive" for key, flag in known if flag}


@config.get("/config/{key}")
async def table(request: Request, me: Person, key: str, said: str = "") -> Response:
    """Show the rows of a table."""
    resource = _resource(me, key)
    store = me.config(web_of(request))
    if resource.parent:
        raise NotFoundError(f"there is no page {key[:40]}")
    rows = await store.rows(resource)
    if _single(me, key) and rows:
        return RedirectResponse(f"/config/{key}/{rows[0]['id']}", 303)
    defaults = (
        await RetryRules(me.tenant(web_of(request))).defaults(key) if key in DEFAULTS else None
    )
    t = translator(me.language)
    return page(
        request, me, "table.html", resource=resource, title=TITLES[key], rows=rows,
        columns=_visible(resource, me), words=words, defaults=defaults, zip=zip,
        shown=partial(shown, zone=zone_of(me.time_zone)),
        can_add=resource.made_by(me.role),
        said=t("Saved.") if said == "saved" else t("Deleted.") if said == "deleted" else "",
        about=help_of(await store.about(resource)),
    )  # fmt: skip


async def _options(store: ConfigStore, fields: list[Field]) -> dict[str, list[tuple[Any, str]]]:
    found: dict[str, list[tuple[Any, str]]] = {}
    for field in fields:
        if field.kind == "choice":
            found[field.name] = [(c, c) for c in field.choices]
        elif field.kind == "ref":
            found[field.name] = [*await store.labels(field.ref)]
    return found


async def _form(
    request: Request, me: Principal, resource: Resource, values: dict[str, Any], *, new: bool,
    parent: str = "", wrong: UserError | str = "", said: str = "", status: int = 200,
) -> Response:  # fmt: skip
    web = web_of(request)
    store = me.config(web)
    fields = store.writable(resource)
    if me.role == COMPANY:
        fields = [f for f in fields if f.name != "company_id"]
    t = translator(me.language)
    helps = {n: t(help_of(h)) for n, h in (await store.helps(resource)).items()}
    children: list[dict[str, Any]] = []
    key = str(values.get("id", ""))
    if not new:
        for child in RESOURCES.values():
            if child.parent != resource.key or me.role not in child.readers:
                continue
            if me.fax_only and child.key == "fax-users":
                continue
            states = await _states(web, me, key) if child.key == "carrier-servers" else {}
            children.append({
                "resource": child, "rows": await store.rows(child, int(key)),
                "columns": _visible(child, me), "title": TITLES[child.key],
                "can_add": child.made_by(me.role), "states": states,
            })  # fmt: skip
    back = f"/config/{resource.key}"
    if resource.parent:
        back = f"/config/{resource.parent}/{parent or values.get(resource.parent_column, '')}"
    elif _single(me, resource.key):
        back = "/"
    return page(
        request, me, "form.html", status, resource=resource, fields=fields, values=values,
        helps=helps, options=await _options(store, fields), words=words, new=new,
        shown=partial(shown, zone=zone_of(me.time_zone)),
        sections=[(name, list(of)) for name, of in groupby(fields, lambda f: f.section)],
        name=shown(values, resource.field(resource.label)) if not new and any(
            f.name == resource.label for f in resource.fields) else resource.title,
        action=f"/config/{resource.key}{f'?parent={parent}' if new and parent else ''}" if new
        else f"/config/{resource.key}/{key}",
        back=back, wrong=wrong, said=said, children=children,
        asks_password=bool(resource.digest_column), person=resource.key in USERS,
        needs_password=new and resource.key != "carrier-servers",
        can_delete=not new and resource.made_by(me.role),
    )  # fmt: skip


def help_of(comment: str) -> str:
    """Return a column's comment as people read it who see a form, not a table."""
    said = re.sub(r"\bnull\b", "empty", comment)
    return re.sub(r"^false:", "Off:", re.sub(r"^true:", "On:", said))


async def _posted(request: Request, fields: list[Field]) -> dict[str, Any]:
    """Return what a form says of the fields; an unticked box says no."""
    form = await request.form(max_fields=200)
    return {
        f.name: [str(v) for v in form.getlist(f.name)] if f.kind == "many"
        else str(form.get(f.name) or "")
        for f in fields
    }  # fmt: skip


async def _secret(
    request: Request, store: ConfigStore, resource: Resource, values: dict[str, Any],
    held: dict[str, Any],
) -> dict[str, str | None]:  # fmt: skip
    """Return the column that keeps the password of the form, where there is one."""
    if not resource.digest_column:
        return {}
    password = str((await request.form()).get("password") or "")
    if resource.key not in USERS:
        return await store.digest(resource, values, held, password)
    if not password and held:
        return {}
    return {resource.digest_column: await asyncio.to_thread(hashed, password)}


Parent = Annotated[str, Query(pattern=r"^[0-9]{0,18}$")]


@config.get("/config/{key}/new")
async def new(request: Request, me: Person, key: str, parent: Parent = "") -> Response:
    """Show an empty form."""
    resource = _resource(me, key)
    expressions = await me.config(web_of(request)).column_defaults(resource)
    defaults = {name: _default(expression) for name, expression in expressions.items()}
    return await _form(request, me, resource, {**defaults, "id": ""}, new=True, parent=parent)


def _default(expression: str) -> Any:
    """Return what a column begins with, as far as it is a plain value."""
    value = expression.partition("::")[0].strip("'")
    if value in ("true", "false"):
        return value == "true"
    if value.startswith("{") and value.endswith("}"):
        return [v for v in value[1:-1].split(",") if v]
    return "" if "(" in value or value in ("-infinity", "infinity") else value


@config.post("/config/{key}")
async def add(request: Request, me: Person, key: str, parent: Parent = "") -> Response:
    """Make a row."""
    resource = _resource(me, key)
    store = me.config(web_of(request))
    fields = store.writable(resource)
    values = await _posted(request, fields)
    if me.role == COMPANY:
        values.pop("company_id", None)
    try:
        more = await _secret(request, store, resource, values, {})
        given = {n: v for n, v in values.items() if v not in ("", []) or _is(fields, n, "bool")}
        row = await store.add(resource, given, int(parent) if parent else None, **more)
    except NotFoundError:
        raise
    except UserError as error:
        return await _form(request, me, resource, {**values, "id": ""}, new=True, parent=parent,
                           wrong=error, status=422)  # fmt: skip
    if resource.parent:
        return RedirectResponse(f"/config/{resource.parent}/{parent}", 303)
    if "secret" in row:
        said = translator(me.language)(
            "The secret of its signatures, shown this once: {}", row["secret"]
        )
        return await _form(request, me, resource, row, new=False, said=said)
    return RedirectResponse(f"/config/{key}/{row['id']}?said=saved", 303)


def _is(fields: list[Field], name: str, kind: str) -> bool:
    return any(f.name == name and f.kind == kind for f in fields)


@config.get("/config/{key}/{row}")
async def edit(request: Request, me: Person, key: str, row: str, said: str = "") -> Response:
    """Show a row in a form."""
    resource = _resource(me, key)
    values = await me.config(web_of(request)).row(resource, row)
    return await _form(
        request, me, resource, values, new=False,
        said=translator(me.language)("Saved.") if said else "",
    )  # fmt: skip


@config.post("/config/{key}/{row}")
async def change(request: Request, me: Person, key: str, row: str) -> Response:
    """Change a row."""
    resource = _resource(me, key)
    store = me.config(web_of(request))
    fields = store.writable(resource)
    if me.role == COMPANY:
        fields = [f for f in fields if f.name != "company_id"]
    held = await store.row(resource, row)  # a row that is not there is told first
    values = await _posted(request, fields)
    try:
        more = await _secret(request, store, resource, values, held)
        written = {f.name: parsed(f, values[f.name]) for f in fields}
        await store.change(resource, row, written, **more)
    except NotFoundError:
        raise
    except UserError as error:
        return await _form(request, me, resource, {**held, **values, "id": row}, new=False,
                           wrong=error, status=422)  # fmt: skip
    if (
        resource.key in USERS and int(row) != me.person
    ):  # what the sessions of a user may do has changed
        await web_of(request).users.end_session(int(row), "")
    return RedirectResponse(f"/config/{key}/{row}?said=saved", 303)


@config.post("/config/{key}/{row}/delete")
async def remove(request: Request, me: Person, key: str, row: str) -> Response:
    """Delete a row."""
    resource = _resource(me, key)
    store = me.config(web_of(request))
    if key in USERS and row == str(me.person):
        raise UserError("you cannot delete yourself")
    where = key
    if resource.parent:
        above = (await store.row(resource, row))[resource.parent_column]
        where = f"{resource.parent}/{above}"
    await store.remove(resource, row)
    return RedirectResponse(f"/config/{where}?said=deleted", 303)


@config.get("/config/cover-pages/{row}/preview.pdf")
async def cover_preview(request: Request, me: Person, row: str) -> Response:
    """Return a cover page as it will look, with words of no meaning."""
    web = web_of(request)
    values = await me.config(web).row(_resource(me, "cover-pages"), row)
    said = cover.Cover("+34911000002", "+34911000001", "Ann Example", "Bob Example", "An order",
                       "Dear Ann,\n\nhere is what you asked for.", "2026-01-31 12:00")  # fmt: skip
    made = await render([], PageOptions(), 1, web.scratch, cover=cover.page(said, values["html"]))
    return Response(to_pdf(made.tiff, title="cover page"), media_type="application/pdf")


# ---- API keys ------------------------------------------------------------------------------------


async def _keys(
    request: Request, me: Principal, token: str = "", wrong: UserError | str = "", status: int = 200
) -> Response:
    rows = await ApiKeys(me.tenant(web_of(request))).all(me.company)
    return page(request, me, "keys.html", status, rows=rows, token=token, wrong=wrong,
                scopes=SCOPES if me.role == COMPANY else SCOPES[2:])  # fmt: skip


@config.get("/keys")
async def keys(request: Request, me: Keyholder) -> Response:
    """Show the API keys."""
    return await _keys(request, me)


@config.post("/keys")
async def make_key(
    request: Request, me: Keyholder, name: Annotated[str, Form(max_length=100)] = "",
    scopes: Annotated[list[str] | None, Form()] = None, test: Annotated[bool, Form()] = False,
) -> Response:  # fmt: skip
    """Make a key, and show it this once."""
    chosen = [s for s in SCOPES if s in (scopes or ())]
    if not name.strip() or not chosen:
        wrong = translator(me.language)("A key needs a name and something that it may do.")
        return await _keys(request, me, wrong=wrong, status=422)
    clean = name.strip().replace("\0", "")
    keys = ApiKeys(me.tenant(web_of(request)))
    token = await keys.add(me.brand, me.company, clean, chosen, test=test)
    return await _keys(request, me, token=token)


@config.post("/keys/{key}/revoke")
async def revoke_key(request: Request, me: Keyholder, key: int) -> Response:
    """Take a key out of force."""
    await ApiKeys(me.tenant(web_of(request))).revoke(key if 0 < key < 2**63 else 0)
    return RedirectResponse("/keys", 303)


@config.get("/audit")
async def audit(request: Request, me: CompanyPerson) -> Response:
    """Show who saw and did what, the newest first."""
    assert me.company is not None
    rows = await AuditLog(me.tenant(web_of(request))).audit_entries(me.company)
    return page(request, me, "audit.html", rows=rows)
