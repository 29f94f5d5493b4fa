"""`/v1/virtual-faxes`, `/v1/ddis` and the other tables, all with the same methods."""

from collections.abc import Callable
from datetime import datetime, time
from decimal import Decimal
from typing import Annotated, Any, Literal

from annotated_types import MinLen
from fastapi import APIRouter, Body, Depends, Path, Request
from pydantic import ConfigDict, StrictBool, StrictFloat, StrictInt, create_model

from spandsp_bridge.api.shapes import Explain, Many, Moment, One
from spandsp_bridge.i18n import ENGLISH, word
from spandsp_bridge.store.config_tables import RESOURCES, Field, Resource
from spandsp_bridge.store.deliveries import DeliveryStore
from spandsp_bridge.store.explain import explained
from spandsp_bridge.web.access import BRAND, CONFIG, FAXES, Principal, allow
from spandsp_bridge.web.state import web_of

#: The tables of configuration that the API offers; the others are edited in the portal alone.
OFFERED = (
    "virtual-faxes",
    "ddis",
    "webhooks",
    "cover-pages",
    "companies",
    "carriers",
    "routes",
    "patterns",
    "peer-profiles",
)
Json = dict[str, Any]
Id = Annotated[int, Path(ge=1, lt=2**63)]

_TYPES: dict[str, Any] = {
    "int": StrictInt,
    "ref": StrictInt,
    "number": StrictFloat | StrictInt,
    "bool": StrictBool,
    "many": list[str],
    "lines": list[str],
    "moment": Moment,
}


def _type(field: Field) -> Any:
    if field.kind == "choice":
        return Literal[field.choices]
    return _TYPES.get(field.kind, str)


def _model(resource: Resource, *, new: bool) -> Any:
    """Return the model of a request that creates or changes a row."""
    fields: dict[str, Any] = {}
    for f in resource.fields:
        if f.writers is not None and not f.writers:
            continue
        if f.needed and f.name != "company_id":
            kind = Annotated[str, MinLen(1)] if _type(f) is str else _type(f)
            fields[f.name] = (kind, ...) if new else (kind, None)
        else:
            fields[f.name] = (_type(f) | None, None)
    name = word("kind", resource.key, ENGLISH).title().replace(" ", "")
    config = ConfigDict(extra="forbid")
    return create_model(f"New{name}" if new else f"Changed{name}", __config__=config, **fields)


def _json(row: Json) -> Json:
    """Return a row in JSON's types, without the labels of references."""
    made: Json = {}
    for name, value in row.items():
        if name.endswith("_label"):
            continue
        made[name] = (
            value.isoformat()
            if isinstance(value, datetime | time)
            else float(value)
            if isinstance(value, Decimal)
            else value
            if isinstance(value, str | int | float | bool | list | None)
            else str(value)
        )
    return made


def router(resource: Resource) -> APIRouter:
    """Return the routes of one table."""
    made = APIRouter(prefix=f"/{resource.key}", tags=[resource.key])
    roles = tuple(role for role in CONFIG if role in resource.readers)
    reading = Annotated[Principal, Depends(allow(roles, "config:read", keys=True))]
    writers = tuple(role for role in CONFIG if role in resource.writers)
    writing = Annotated[Principal, Depends(allow(writers, "config:write", keys=True))]
    makers = tuple(role for role in CONFIG if resource.made_by(role))
    making = Annotated[Principal, Depends(allow(makers, "config:write", keys=True))]
    new, changed = _model(resource, new=True), _model(resource, new=False)

    async def listing(request: Request, principal: reading) -> Many[Json]:
        rows = await principal.config(web_of(request)).rows(resource)
        return Many(data=[_json(row) for row in rows])

    async def show(request: Request, principal: reading, key: Id) -> One[Json]:
        row = await principal.config(web_of(request)).row(resource, str(key))
        return One(data=_json(row))

    async def add(request: Request, principal: making, body: new) -> One[Json]:  # type: ignore[valid-type]
        values = body.model_dump(exclude_unset=True)  # type: ignore[attr-defined]
        row = await principal.config(web_of(request)).add(resource, values)
        return One(data=_json(row))

    async def change(request: Request, principal: writing, key: Id, body: changed) -> One[Json]:  # type: ignore[valid-type]
        values = body.model_dump(exclude_unset=True)  # type: ignore[attr-defined]
        row = await principal.config(web_of(request)).change(resource, str(key), values)
        return One(data=_json(row))

    async def remove(request: Request, principal: making, key: Id) -> None:
        await principal.config(web_of(request)).remove(resource, str(key))

    verbs: list[tuple[str, str, Callable[..., Any], int]] = [
        ("GET", "", listing, 200),
        ("GET", "/{key:int}", show, 200),
        ("PATCH", "/{key:int}", change, 200),
    ]
    if makers:
        verbs += [("POST", "", add, 201), ("DELETE", "/{key:int}", remove, 204)]
    for method, path, endpoint, status in verbs:
        made.add_api_route(
            path,
            endpoint,
            methods=[method],
            status_code=status,
            name=f"{endpoint.__name__} {resource.key}",
            summary=f"{_VERBS[endpoint.__name__]} {word('kind', resource.key, ENGLISH)}",
            operation_id=f"{endpoint.__name__}_{resource.key.replace('-', '_')}",
        )
    return made


_VERBS = {
    "listing": "List every",
    "show": "Show one",
    "add": "Create a",
    "change": "Change a",
    "remove": "Delete a",
}

routing = APIRouter(prefix="/routes", tags=["routes"])


@routing.post("/explain")
async def explain(
    request: Request,
    principal: Annotated[Principal, Depends(allow((BRAND,), "config:read", keys=True))],
    call: Annotated[Explain, Body()],
) -> One[Json]:
    """Explain how a call would be routed, by the code that Kamailio runs."""
    result = await explained(
        principal.tenant(web_of(request)),
        call.company_id,
        call.to,
        fax=call.fax,
        at=call.at,
        seed=call.seed,
    )
    return One(data=result)


replays = APIRouter(prefix="/deliveries", tags=["webhooks"])


@replays.post("/{delivery_id:int}/actions/replay", status_code=202)
async def replay(
    request: Request,
    principal: Annotated[Principal, Depends(allow(FAXES, "faxes:write", keys=True))],
    delivery_id: Id,
) -> One[Json]:
    """Retry an email or a webhook call."""
    store = DeliveryStore(principal.tenant(web_of(request)))
    new = await store.replay(delivery_id)
    return One(data={"id": new, "replay_of": delivery_id})


def routers() -> list[APIRouter]:
    """Return the routers of configuration."""
    return [routing, *(router(RESOURCES[key]) for key in OFFERED), replays]
