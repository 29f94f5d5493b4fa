"""`vfax route` and `vfax routes`: explain, compare, show what is in force."""

import random
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import lmdb
import typer
from rich import box
from rich.console import Console
from rich.table import Table

from kemi.routing import numbers
from kemi.routing.explain import explain
from kemi.tables import Tables
from spandsp_bridge.cli.output import Json, print_json
from spandsp_bridge.errors import SetupError, UserError
from spandsp_bridge.publisher.rpc import KamailioRpc, dispatcher_states
from spandsp_bridge.settings import Settings, load
from spandsp_bridge.store import route_difference

route = typer.Typer(no_args_is_help=True, help="Outgoing routes.")
routes = typer.Typer(no_args_is_help=True, help="The routing tables in force.")

SHOWN = 20  #: discarded routes, and changed destinations, in a terminal


def _tables(settings: Settings) -> Tables:
    try:
        return Tables(settings.routes_file, settings.routes_map_size)
    except lmdb.Error as error:
        raise SetupError(
            f"no routing tables at {settings.routes_file}: run `vfax serve publisher` first"
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
    """Say how a call would leave, before it happens; by the code that Kamailio runs."""
    settings = load()
    dice = random.Random(seed)  # noqa: S311
    moment = at.replace(tzinfo=UTC) if at else datetime.now(UTC)
    with _tables(settings).reading() as facts:
        owner = facts.company(company)
        if owner is None:
            raise UserError(f"there is no company {company} in the routing tables")
        tag, user = numbers.split_tag(to)
        number = facts.dialled(owner, user)
        if number is None:
            raise UserError(f"{to!r} is no telephone number; write it as +34911234567")
        plan = facts.outgoing(
            owner,
            number,
            fax=is_fax,
            random=dice.random,
            now=moment.timestamp(),
            tag=tag,
            caller=owner.caller,
            everything=True,
        )
        told = explain(plan, facts, owner.caller)
    if as_json:
        print_json(told)
    else:
        _print_plan(Console(highlight=False), told)


def _print_plan(console: Console, told: dict[str, Any]) -> None:
    console.print(f"[bold]to {told['number']}[/] from {told['caller'] or 'nobody known'}")
    if told["inside"]:
        goal = ", ".join(f"{k.replace('_', ' ')} {v}" for k, v in told["inside"].items())
        console.print(f"  stays inside: {goal}")
    table = Table(box=box.SIMPLE_HEAD)
    for column in ("try", "route", "priority", "weight", "first", "carrier", "servers", "sent as"):
        table.add_column(column, overflow="fold")
    candidates = {(c["route"], c["carrier"]): c for c in told["candidates"]}
    for position, key in enumerate(zip(told["order"], told["carriers"], strict=True), start=1):
        c = candidates[key]
        legs = [f"{leg['number']} from {leg['caller'] or '-'}" for leg in c["legs"]]
        table.add_row(
            str(position),
            f"{c['route']} {c['type']}" + (f" {c['mode']}" if c["mode"] != "static" else ""),
            str(c["priority"]) + (" stops" if c["stopper"] else ""),
            str(c["weight"]),
            f"{c['probability']:.0%}" if c["price"] is None else f"{c['price']:g}",
            c["carrier_name"],
            "\n".join(c["servers"]),
            "\n".join(dict.fromkeys(legs)),
        )
    if told["order"]:
        console.print(table)
        first = candidates[told["order"][0], told["carriers"][0]]
        console.print(f"  {first['carrier_name']} after a failure: " + ", ".join(
            f"{name} {action}" for name, action in first["failover"].items()))  # fmt: skip
    if told["reply"] is not None:
        console.print(f"[red]answered with {told['reply']['code']} {told['reply']['reason']}[/]")
    for d in told["discarded"][:SHOWN]:
        console.print(f"  route {d['route']} ({d['type']}) not used: {d['reason']}")
    if len(told["discarded"]) > SHOWN:
        console.print(f"  and {len(told['discarded']) - SHOWN} more: see --json")


@route.command(name="diff")
def route_diff(
    changes: Annotated[Path, typer.Argument(help="A file of SQL to try, without COMMIT.")],
    brand: Annotated[int | None, typer.Option(help="Act as the operator of this brand.")] = None,
    is_fax: Annotated[bool, typer.Option("--fax/--call", help="Faxes, or voice calls.")] = True,
    sample: Annotated[int, typer.Option(min=1, max=100_000, help="Destinations at most.")] = 1000,
    commit: Annotated[bool, typer.Option("--commit", help="Keep the changes.")] = False,
    as_json: Json = False,
) -> None:
    """Show which destinations would change route by some SQL, before it is committed.

    The destinations are last month's, and one number of each routing pattern.
    """
    settings = load()
    try:
        sql = changes.read_text()
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{changes}: {error}") from error
    found = route_difference.compare(
        settings.database_url, sql, brand=brand, fax=is_fax, sample=sample, commit=commit
    )
    if as_json:
        print_json(found)
        return
    console = Console(highlight=False)
    console.print(
        f"[bold]{found['changed']} of {found['destinations']}[/] destinations would change route"
        + ("; [green]committed[/]" if commit else "; nothing was kept")
    )
    table = Table(box=box.SIMPLE_HEAD)
    for column in ("destinations", "before", "after"):
        table.add_column(column, overflow="fold")
    for move in found["moves"][:SHOWN]:
        table.add_row(str(move["destinations"]), move["before"], f"[yellow]{move['after']}[/]")
    if found["moves"]:
        console.print(table)


@routes.command(name="status")
def routes_status(as_json: Json = False) -> None:
    """Show the version of the routing tables in force, and the state of every server."""
    settings = load()
    meta = _tables(settings).meta()
    rpc = KamailioRpc(settings.rpc_socket)
    servers = [{"set": s, "uri": uri, "flags": flags} for s, uri, flags in dispatcher_states(rpc)]
    try:
        told = rpc.table("house").get("version")
    except (OSError, RuntimeError):
        told = None
    if as_json:
        print_json({**meta, "kamailio_version": told, "servers": servers})
        return
    console = Console(highlight=False)
    console.print(
        f"version {meta.get('version')}, {meta.get('entries')} entries, {meta.get('ddis')} DDIs"
    )
    for reason in meta.get("refused", {}).values():
        console.print(f"[red]not in force: {reason}[/]")
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
    console.print(table if servers else "[yellow]Kamailio is away: no live states[/]")
