"""`vfax route` and `vfax routes`: explain, compare, show what is in force."""

import random
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import lmdb
import typer
from rich import box
from rich.console import Console
from rich.table import Table

from kemi.routing import numbers, outbound
from kemi.routing.explain import explain
from kemi.tables import Tables
from spandsp_bridge.cli.output import Json, console, print_json
from spandsp_bridge.errors import NotFoundError, SetupError, UserError
from spandsp_bridge.publisher.kamailio import STATUS_TABLE
from spandsp_bridge.publisher.rpc import KamailioRpc, dispatcher_states
from spandsp_bridge.settings import Settings, load
from spandsp_bridge.store import route_difference

route = typer.Typer(no_args_is_help=True, help="Outgoing routes.")
routes = typer.Typer(no_args_is_help=True, help="The routing tables in force.")

PLAN_COLUMNS = (
    "attempt",
    "route",
    "priority",
    "weight",
    "probability or price",
    "carrier",
    "servers",
    "numbers",
)
MAX_ROWS = 20  #: of discarded routes or changed destinations in a terminal


def _tables(settings: Settings) -> Tables:
    try:
        return Tables(settings.routes_file, settings.routes_map_size)
    except lmdb.Error as error:
        raise SetupError(
            "no routing tables at {file}: run `vfax serve publisher` first",
            file=settings.routes_file,
        ) from error


@route.command(name="explain")
def route_explain(
    company: Annotated[int, typer.Option(help="Company id.")],
    to: Annotated[str, typer.Option(help="Called number as dialled: +34..., or 12#+34... .")],
    is_fax: Annotated[bool, typer.Option("--fax/--call", help="A fax, or a voice call.")] = True,
    at: Annotated[datetime | None, typer.Option(help="Moment in UTC: for hours and rates.")] = None,
    seed: Annotated[int | None, typer.Option(help="Make the weighted order repeatable.")] = None,
    as_json: Json = False,
) -> None:
    """Explain how a call would be routed, by the code that Kamailio runs."""
    settings = load()
    generator = random.Random(seed)  # noqa: S311 - weights, not secrets
    moment = at.replace(tzinfo=UTC) if at else datetime.now(UTC)
    with _tables(settings).reading() as facts:
        owner = facts.company(company)
        if owner is None:
            raise NotFoundError(
                "there is no company {company} in the routing tables", company=company
            )
        tag, user = numbers.split_tag(to)
        number = outbound.dialled(facts, owner, user)
        if number is None:
            raise UserError(
                "invalid phone number {number!r}: use E.164, e.g. +34911234567", number=to
            )
        plan = outbound.decide(
            facts,
            owner,
            number,
            fax=is_fax,
            random=generator.random,
            now=moment.timestamp(),
            tag=tag,
            caller=owner.caller,
            all_routes=True,
        )
        explanation = explain(plan, facts, owner.caller)
    if as_json:
        print_json(explanation)
    else:
        _print_plan(console(), explanation)


def _print_plan(out: Console, plan: dict[str, Any]) -> None:
    out.print(f"[bold]to {plan['number']}[/] from {plan['caller'] or 'an unknown caller'}")
    if plan["inside"]:
        destination = ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in plan["inside"].items())
        out.print(f"  local destination: {destination}")
    table = Table(box=box.SIMPLE_HEAD)
    for column in PLAN_COLUMNS:
        table.add_column(column, overflow="fold")
    candidates = {(c["route"], c["carrier"]): c for c in plan["candidates"]}
    for position, key in enumerate(zip(plan["order"], plan["carriers"], strict=True), start=1):
        c = candidates[key]
        legs = [f"{leg['number']} from {leg['caller'] or '-'}" for leg in c["legs"]]
        table.add_row(
            str(position),
            f"{c['route']} {c['type']}" + (f" {c['mode']}" if c["mode"] != "static" else ""),
            str(c["priority"]) + (" stopper" if c["stopper"] else ""),
            str(c["weight"]),
            f"{c['probability']:.0%}" if c["price"] is None else f"{c['price']:g}",
            c["carrier_name"],
            "\n".join(c["servers"]),
            "\n".join(dict.fromkeys(legs)),
        )
    if plan["order"]:
        out.print(table)
        first = candidates[plan["order"][0], plan["carriers"][0]]
        failover = ", ".join(f"{name} {action}" for name, action in first["failover"].items())
        out.print(f"  {first['carrier_name']} after a failure: {failover}")
    if plan["reply"] is not None:
        out.print(f"[red]rejected with {plan['reply']['code']} {plan['reply']['reason']}[/]")
    for route in plan["discarded"][:MAX_ROWS]:
        out.print(f"  route {route['route']} ({route['type']}) not used: {route['reason']}")
    if len(plan["discarded"]) > MAX_ROWS:
        out.print(f"  and {len(plan['discarded']) - MAX_ROWS} more: see --json")


@route.command(name="diff")
def route_diff(
    changes: Annotated[Path, typer.Argument(help="A file of SQL to try, without COMMIT.")],
    brand: Annotated[int | None, typer.Option(help="Act as the operator of this brand.")] = None,
    is_fax: Annotated[bool, typer.Option("--fax/--call", help="Faxes, or voice calls.")] = True,
    sample: Annotated[int, typer.Option(min=1, max=100_000, help="Destinations at most.")] = 1000,
    commit: Annotated[bool, typer.Option("--commit", help="Keep the changes.")] = False,
    as_json: Json = False,
) -> None:
    """Show which destinations would change route by SQL, before it is committed.

    Compared are the destinations of the last month, and one number of each routing pattern.
    """
    settings = load()
    try:
        sql = changes.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError("{file}: {error}", file=changes, error=error) from error
    found = route_difference.compare(
        settings.database_url, sql, brand=brand, fax=is_fax, sample=sample, commit=commit
    )
    if as_json:
        print_json(asdict(found))
        return
    out = console()
    out.print(
        f"[bold]{found.changed} of {found.destinations}[/] destinations would change route"
        + ("; [green]committed[/]" if commit else "; nothing was committed")
    )
    table = Table(box=box.SIMPLE_HEAD)
    for column in ("destinations", "before", "after"):
        table.add_column(column, overflow="fold")
    for move in found.moves[:MAX_ROWS]:
        table.add_row(str(move.destinations), move.before, f"[yellow]{move.after}[/]")
    if found.moves:
        out.print(table)


@routes.command(name="status")
def routes_status(as_json: Json = False) -> None:
    """Show the version of the routing tables in force, and the state of every server."""
    settings = load()
    meta = _tables(settings).meta()
    rpc = KamailioRpc(settings.rpc_socket)
    servers = [{"set": s, "uri": uri, "flags": flags} for s, uri, flags in dispatcher_states(rpc)]
    try:
        loaded = rpc.table(STATUS_TABLE).get("version")
    except (OSError, RuntimeError):
        loaded = None
    if as_json:
        print_json({**meta, "kamailio_version": loaded, "servers": servers})
        return
    out = console()
    out.print(
        f"version {meta.get('version')}, {meta.get('entries')} entries, {meta.get('ddis')} DDIs"
    )
    for reason in meta.get("refused", {}).values():
        out.print(f"[red]rejected: {reason}[/]")
    table = Table(box=box.SIMPLE_HEAD)
    for column in ("set", "server", "state"):
        table.add_column(column)
    for server in servers:
        active = str(server["flags"]).startswith("A")
        table.add_row(
            str(server["set"]),
            str(server["uri"]),
            f"[green]{server['flags']}[/]" if active else f"[red]{server['flags']}[/]",
        )
    out.print(table if servers else "[yellow]Kamailio unavailable: no live states[/]")
