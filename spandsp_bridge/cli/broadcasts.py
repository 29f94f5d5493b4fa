"""`vfax broadcast`: one document to many destinations."""

import asyncio
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from spandsp_bridge.cli.client import Broadcast, FaxClient
from spandsp_bridge.cli.faxes import with_client
from spandsp_bridge.cli.options import (
    Files,
    From,
    Pictures,
    Priority,
    Resolution,
    SendAt,
    Subject,
    Text,
    Wait,
    read_files,
    send_options,
)
from spandsp_bridge.cli.output import Json, console, print_json, to_json
from spandsp_bridge.outbound.submit import parse_destinations

broadcast = typer.Typer(no_args_is_help=True, help="One document to many destinations.")

POLL_SECONDS = 0.5


@broadcast.command(name="send")
def broadcast_send(
    files: Files,
    sender: From,
    to: Annotated[Path, typer.Option("--to", help="CSV: number[,name] in each line.")],
    name: Annotated[str, typer.Option(help="Its name; default: the first file's.")] = "",
    wait: Wait = False,
    resolution: Resolution = None,
    pictures: Pictures = None,
    priority: Priority = 7,
    send_at: SendAt = None,
    subject: Subject = None,
    text: Text = None,
    as_json: Json = False,
) -> None:
    """Send one document to every number of a CSV file."""
    options = send_options(
        resolution=resolution,
        pictures=pictures,
        priority=priority,
        send_at=send_at,
        subject=subject,
        text=text,
    )
    documents = read_files(files)
    [(table, content)] = read_files([to])
    destinations = parse_destinations(content, table)

    async def run(client: FaxClient) -> Broadcast:
        sent = await client.send_broadcast(
            sender, destinations, documents, options, name or files[0].name
        )
        return await _watched(client, sent, wait=wait, quiet=as_json)

    _print(with_client(run), as_json)


@broadcast.command(name="show")
def broadcast_show(
    broadcast_id: Annotated[int, typer.Argument(metavar="ID")],
    wait: Wait = False,
    as_json: Json = False,
) -> None:
    """Show how many faxes of a broadcast are in which state."""

    async def run(client: FaxClient) -> Broadcast:
        found = await client.broadcast(broadcast_id)
        return await _watched(client, found, wait=wait, quiet=as_json)

    _print(with_client(run), as_json)


async def _watched(client: FaxClient, current: Broadcast, *, wait: bool, quiet: bool) -> Broadcast:
    """Return a broadcast at once, or at its end with a progress bar until then."""
    if not wait:
        return current
    count = TextColumn("{task.completed}/{task.total} faxes finished")
    columns = (TextColumn("{task.description}"), BarColumn(), count, TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True, quiet=quiet)) as bar:
        task = bar.add_task(f"broadcast {current.id}", total=current.total)
        while True:
            bar.update(task, completed=current.finished)
            if current.finished >= current.total:
                return current
            await asyncio.sleep(POLL_SECONDS)
            current = await client.broadcast(current.id)


def _print(found: Broadcast, as_json: bool) -> None:
    if as_json:
        print_json(to_json(found))
        return
    console().print(
        f"broadcast {found.id} {found.name}: {found.total} faxes, "
        f"[green]{found.completed} completed[/], [red]{found.error} error[/], "
        f"[yellow]{found.inprogress} inprogress[/], {found.pending} pending"
    )
