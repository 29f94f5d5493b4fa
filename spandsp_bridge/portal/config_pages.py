"""Configuration: every table as a list and a form."""

import asyncio
from functools import partial
from itertools import groupby
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Query, Request, Response
from fastapi.responses import RedirectResponse

from spandsp_bridge.documents import cover
from spandsp_bridge.documents.job import PageOptions
from spandsp_bridge.documents.pdfa import to_pdf
from spandsp_bridge.documents.render import render
from spandsp_bridge.errors import ForbiddenError, NotFoundError, UserError
from spandsp_bridge.i18n import help_text, rule_text, translate, word
from spandsp_bridge.numbers import zone_of
from spandsp_bridge.portal.form_values import choice_text, default_value, posted, shown
from spandsp_bridge.portal.page import page
from spandsp_bridge.publisher.rpc import KamailioRpc, dispatcher_states
from spandsp_bridge.store.carriers import Carriers
from spandsp_bridge.store.config import ConfigStore
from spandsp_bridge.store.config_tables import RESOURCES, Field, Resource
from spandsp_bridge.store.config_values import parsed
from spandsp_bridge.store.retry_rules import DefaultRules, RetryRules
from spandsp_bridge.store.users import hashed_aside
from spandsp_bridge.web.access import BRAND, COMPANY, PLATFORM, Principal, allow
from spandsp_bridge.web.state import Web, web_of

config = APIRouter()
Admin = Annotated[Principal, Depends(allow((PLATFORM, BRAND, COMPANY)))]

#: Tables of rules that have defaults.
WITH_DEFAULTS = ("retry-rules", "failover-rules")
#: Not for company administrators of faxes alone.
SENSITIVE = ("users", "webhooks", "sending-hours", "companies")
USERS = ("users", "operators")


def _resource(me: Principal, key: str) -> Resource:
    found = RESOURCES.get(key)
    if found is None or me.role not in found.readers:
        raise NotFoundError("there is no page {name!r}", name=key[:40])
    if me.fax_only and key in SENSITIVE:
        raise ForbiddenError("administrators of faxes only may not do this")
    return found


def _single(me: Principal, key: str) -> bool:
    """Tell whether a user has only one row of a table, which needs no list."""
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
async def table(request: Request, me: Admin, key: str, done: str = "") -> Response:
    """Show the rows of a table."""
    resource = _resource(me, key)
    store = me.config(web_of(request))
    if resource.parent:
        raise NotFoundError("there is no page {name!r}", name=key[:40])
    rows = await store.rows(resource)
    if _single(me, key) and rows:
        return RedirectResponse(f"/config/{key}/{rows[0]['id']}", 303)
    defaults = (
        await RetryRules(me.tenant(web_of(request))).defaults(key) if key in WITH_DEFAULTS else None
    )
    if defaults is not None:
        why = [(*row, rule_text(row[0], me.language)) for row in defaults.rows]
        defaults = DefaultRules((*defaults.columns, "why"), tuple(why))
    return page(
        request,
        me,
        "table.html",
        resource=resource,
        title=word("table", key, me.language),
        rows=rows,
        columns=_visible(resource, me),
        defaults=defaults,
        zip=zip,
        shown=partial(shown, language=me.language, zone=zone_of(me.time_zone)),
        can_add=resource.made_by(me.role),
        notice=_notice(done, me.language),
        about=help_text(await store.about(resource), me.language),
    )


def _notice(done: str, language: str) -> str:
    """Return what a page says after an action, by `done` in its address."""
    match done:
        case "saved":
            return translate("Saved.", language)
        case "deleted":
            return translate("Deleted.", language)
        case _:
            return ""


async def _options(
    store: ConfigStore, fields: list[Field], language: str
) -> dict[str, list[tuple[Any, str]]]:
    found: dict[str, list[tuple[Any, str]]] = {}
    for field in fields:
        if field.kind == "choice":
            found[field.name] = [(c, choice_text(field, c, language)) for c in field.choices]
        elif field.kind == "ref":
            found[field.name] = [*await store.labels(field.ref)]
    return found


async def _form(
    request: Request,
    me: Principal,
    resource: Resource,
    values: dict[str, Any],
    *,
    new: bool,
    parent: str = "",
    error: UserError | None = None,
    notice: str = "",
    status: int = 200,
) -> Response:
    web = web_of(request)
    store = me.config(web)
    fields = store.writable(resource)
    if me.role == COMPANY:
        fields = [f for f in fields if f.name != "company_id"]
    helps = {n: help_text(h, me.language) for n, h in (await store.helps(resource)).items()}
    children: list[dict[str, Any]] = []
    key = str(values.get("id", ""))
    if not new:
        for child in RESOURCES.values():
            if child.parent != resource.key or me.role not in child.readers:
                continue
            if me.fax_only and child.key == "fax-users":
                continue
            states = await _states(web, me, key) if child.key == "carrier-servers" else {}
            children.append(
                {
                    "resource": child,
                    "rows": await store.rows(child, int(key)),
                    "columns": _visible(child, me),
                    "title": word("table", child.key, me.language),
                    "can_add": child.made_by(me.role),
                    "states": states,
                }
            )
    back = f"/config/{resource.key}"
    if resource.parent:
        back = f"/config/{resource.parent}/{parent or values.get(resource.parent_column, '')}"
    elif _single(me, resource.key):
        back = "/"
    return page(
        request,
        me,
        "form.html",
        status,
        resource=resource,
        fields=fields,
        values=values,
        helps=helps,
        options=await _options(store, fields, me.language),
        new=new,
        shown=partial(shown, language=me.language, zone=zone_of(me.time_zone)),
        sections=[(name, list(of)) for name, of in groupby(fields, lambda f: f.section)],
        name=_name(resource, values, me.language),
        action=f"/config/{resource.key}{f'?parent={parent}' if new and parent else ''}"
        if new
        else f"/config/{resource.key}/{key}",
        back=back,
        error=error,
        notice=notice,
        children=children,
        asks_password=bool(resource.digest_column),
        user=resource.key in USERS,
        needs_password=new and resource.key != "carrier-servers",
        can_delete=not new and resource.made_by(me.role),
    )


def _name(resource: Resource, values: dict[str, Any], language: str) -> str:
    """Return the heading of a row: its label, else what it is."""
    if any(field.name == resource.label for field in resource.fields):
        return shown(values, resource.field(resource.label), language)
    return word("kind", resource.key, language)


async def _secret(
    request: Request,
    store: ConfigStore,
    resource: Resource,
    values: dict[str, Any],
    held: dict[str, Any],
) -> dict[str, str | None]:
    """Return the column that keeps the password of the form, where there is one."""
    if not resource.digest_column:
        return {}
    password = str((await request.form()).get("password") or "")
    if resource.key not in USERS:
        return await store.digest(resource, values, held, password)
    if not password and held:
        return {}
    return {resource.digest_column: await hashed_aside(password)}


Parent = Annotated[str, Query(pattern=r"^[0-9]{0,18}$")]


@config.get("/config/{key}/new")
async def new(request: Request, me: Admin, key: str, parent: Parent = "") -> Response:
    """Show an empty form."""
    resource = _resource(me, key)
    expressions = await me.config(web_of(request)).column_defaults(resource)
    defaults = {name: default_value(expression) for name, expression in expressions.items()}
    return await _form(request, me, resource, {**defaults, "id": ""}, new=True, parent=parent)


@config.post("/config/{key}")
async def add(request: Request, me: Admin, key: str, parent: Parent = "") -> Response:
    """Create a row."""
    resource = _resource(me, key)
    store = me.config(web_of(request))
    fields = store.writable(resource)
    values = await posted(request, fields)
    if me.role == COMPANY:
        values.pop("company_id", None)
    try:
        more = await _secret(request, store, resource, values, {})
        given = {n: v for n, v in values.items() if v not in ("", []) or _is(fields, n, "bool")}
        row = await store.add(resource, given, int(parent) if parent else None, **more)
    except NotFoundError:
        raise
    except UserError as refused:
        return await _form(
            request,
            me,
            resource,
            {**values, "id": ""},
            new=True,
            parent=parent,
            error=refused,
            status=422,
        )
    if resource.parent:
        return RedirectResponse(f"/config/{resource.parent}/{parent}", 303)
    if "secret" in row:
        notice = translate(
            "The secret of its signatures, shown only once: {secret}",
            me.language,
            secret=row["secret"],
        )
        return await _form(request, me, resource, row, new=False, notice=notice)
    return RedirectResponse(f"/config/{key}/{row['id']}?done=saved", 303)


def _is(fields: list[Field], name: str, kind: str) -> bool:
    return any(f.name == name and f.kind == kind for f in fields)


@config.get("/config/{key}/{row}")
async def edit(request: Request, me: Admin, key: str, row: str, done: str = "") -> Response:
    """Show a row in a form."""
    resource = _resource(me, key)
    values = await me.config(web_of(request)).row(resource, row)
    return await _form(
        request,
        me,
        resource,
        values,
        new=False,
        notice=_notice(done, me.language),
    )


@config.post("/config/{key}/{row}")
async def change(request: Request, me: Admin, key: str, row: str) -> Response:
    """Change a row."""
    resource = _resource(me, key)
    store = me.config(web_of(request))
    fields = store.writable(resource)
    if me.role == COMPANY:
        fields = [f for f in fields if f.name != "company_id"]
    held = await store.row(resource, row)  # a missing row is reported before a wrong value
    values = await posted(request, fields)
    try:
        more = await _secret(request, store, resource, values, held)
        written = {f.name: parsed(f, values[f.name]) for f in fields}
        await store.change(resource, row, written, **more)
    except NotFoundError:
        raise
    except UserError as refused:
        return await _form(
            request,
            me,
            resource,
            {**held, **values, "id": row},
            new=False,
            error=refused,
            status=422,
        )
    # What the sessions of a user may do has changed.
    if resource.key in USERS and int(row) != me.user:
        await web_of(request).users.end_session(int(row), "")
    return RedirectResponse(f"/config/{key}/{row}?done=saved", 303)


@config.post("/config/{key}/{row}/delete")
async def remove(request: Request, me: Admin, key: str, row: str) -> Response:
    """Delete a row."""
    resource = _resource(me, key)
    store = me.config(web_of(request))
    if key in USERS and row == str(me.user):
        raise UserError("you cannot delete yourself")
    where = key
    if resource.parent:
        above = (await store.row(resource, row))[resource.parent_column]
        where = f"{resource.parent}/{above}"
    await store.remove(resource, row)
    return RedirectResponse(f"/config/{where}?done=deleted", 303)


@config.get("/config/cover-pages/{row}/preview.pdf")
async def cover_preview(request: Request, me: Admin, row: str) -> Response:
    """Return a cover page as PDF, filled with example values."""
    web = web_of(request)
    values = await me.config(web).row(_resource(me, "cover-pages"), row)
    example = cover.Cover(
        "+34911000002",
        "+34911000001",
        "Ann Example",
        "Bob Example",
        "An order",
        "Dear Ann,\n\nhere is what you asked for.",
        "2026-01-31 12:00",
    )
    rendered = await render(
        [], PageOptions(), 1, web.scratch, cover=cover.page(example, values["html"])
    )
    return Response(to_pdf(rendered.tiff, title="cover page"), media_type="application/pdf")
