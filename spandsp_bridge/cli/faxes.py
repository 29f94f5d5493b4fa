"""`vfax send`, `vfax faxes`, `vfax fax`: send faxes, look at them, cancel and repeat them."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC
from pathlib import Path
from typing import Annotated, Any, TypeVar

import typer
from rich import box
from rich.console import Console
from rich.table import Table

from spandsp_bridge.cli.client import DocumentKind, FaxClient, FaxDetails
from spandsp_bridge.cli.connect import connect
from spandsp_bridge.cli.options import (
    FaxId,
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
    write_file,
)
from spandsp_bridge.cli.output import (
    STATUS_COLOURS,
    Json,
    console,
    print_fax,
    print_json,
    to_json,
)
from spandsp_bridge.demo.progress import follow
from spandsp_bridge.i18n import environment_language, explained, sentence
from spandsp_bridge.model import FaxStatus
from spandsp_bridge.store.fax_rows import Fax

fax = typer.Typer(no_args_is_help=True, help="One fax.")

Result = TypeVar("Result")


def with_client(use: Callable[[FaxClient], Awaitable[Result]]) -> Result:
    """Run a command's request and return its result."""

    async def run() -> Result:
        async with connect() as client:
            return await use(client)

    return asyncio.run(run())


async def _watched(client: FaxClient, fax: Fax, *, wait: bool, quiet: bool) -> Fax:
    """Return a fax at once, or at its end with a progress bar until then."""
    return await follow(client, fax.id, Console(stderr=True, quiet=quiet)) if wait else fax


def send(
    files: Files,
    sender: From,
    to: Annotated[str, typer.Option("--to", help="Destination, such as +34911234567.")],
    wait: Wait = False,
    resolution: Resolution = None,
    pictures: Pictures = None,
    priority: Priority = 5,
    send_at: SendAt = None,
    subject: Subject = None,
    text: Text = None,
    idempotency_key: Annotated[
        str | None, typer.Option(help="A request repeated with the same key sends nothing.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Send documents as one fax."""
    options = send_options(
        resolution=resolution,
        pictures=pictures,
        priority=priority,
        send_at=send_at,
        subject=subject,
        text=text,
        idempotency_key=idempotency_key,
    )
    documents = read_files(files)

    async def run(client: FaxClient) -> Fax:
        sent = await client.send(sender, to, documents, options)
        return await _watched(client, sent, wait=wait, quiet=as_json)

    result = with_client(run)
    print_fax(result, as_json)
    if wait and result.status is not FaxStatus.COMPLETED:
        raise typer.Exit(1)


def faxes(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="How many.")] = 20,
    company: Annotated[int | None, typer.Option(help="Only of this company (id).")] = None,
    as_json: Json = False,
) -> None:
    """List faxes, the newest first."""
    found = with_client(lambda client: client.faxes(limit, company))
    if as_json:
        print_json({"faxes": [to_json(item) for item in found]})
        return
    table = Table(box=box.SIMPLE_HEAD)
    for column in ("id", "time (UTC)", "local", "", "remote", "pages", "status"):
        table.add_column(column, no_wrap=True)
    table.add_column("reason", overflow="fold")
    for item in found:
        table.add_row(
            str(item.id),
            f"{item.created_at.astimezone(UTC):%d %b %H:%M:%S}",
            item.local_number,
            "[magenta]→[/]" if item.direction == "out" else "[cyan]←[/]",
            item.remote_number,
            f"{item.pages_confirmed}/{item.pages or '?'}",
            f"[{STATUS_COLOURS[item.status]}]{item.status}[/]",
            item.reason or "" if item.status is FaxStatus.ERROR else "",
        )
    console().print(table)


@fax.command(name="show")
def fax_show(
    fax_id: FaxId,
    pdf: Annotated[Path | None, typer.Option(help="Also write the document here.")] = None,
    tiff: Annotated[Path | None, typer.Option(help="Also write its TIFF-F here.")] = None,
    as_json: Json = False,
) -> None:
    """Show one fax with its attempts and its T.30 trace."""
    files: list[tuple[Path | None, DocumentKind]] = [(pdf, "pdf"), (tiff, "tiff")]

    async def run(client: FaxClient) -> tuple[Fax, FaxDetails]:
        found = await client.fax(fax_id)
        for path, kind in files:
            if path is not None:
                write_file(path, await client.document(fax_id, kind))
        return found, await client.details(fax_id)

    found, details = with_client(run)
    if as_json:
        print_json(
            {
                **to_json(found),
                "attempts": [explained(row, environment_language()) for row in details.attempts],
                "deliveries": [_delivery(row) for row in details.deliveries],
                "queue": details.queue,
            }
        )
    else:
        _print_details(console(), found, details)


def _print_details(out: Console, found: Fax, details: FaxDetails) -> None:
    outgoing = found.direction == "out"
    duration = f", about {found.expected_seconds} s of call" if found.expected_seconds else ""
    out.print(
        f"fax {found.id} {found.direction}: {found.local_number} "
        f"{'to' if outgoing else 'from'} {found.remote_number}, "
        f"[{STATUS_COLOURS[found.status]}]{found.status}[/], "
        f"{found.pages_confirmed} of {found.pages or '?'} pages{duration}"
    )
    language = environment_language()
    if explanation := sentence(found.reason, found.detail, language):
        out.print(f"  {explanation}", markup=False)
    if details.queue:
        at = details.queue["expected_at"].astimezone(UTC)
        out.print(
            f"  {details.queue['ahead']} faxes ahead in the queue, "
            f"call expected about {at:%d %b %H:%M:%S} UTC"
        )
    for row in details.attempts:
        out.print(
            f"\nattempt {row['number']} by {row['bridge']}:"
            f" SIP {row['sip_status']} {row['sip_reason'] or ''},"
            f" T.30 {row['t30_code']} {row['t30_text'] or ''}, {row['bit_rate'] or '-'} bit/s,"
            f" ECM {'on' if row['ecm'] else 'off'}, {row['remote_station_id']}",
            markup=False,
        )
        for line in row["trace"] or []:
            out.print(f"  {line}", markup=False)
    for row in details.deliveries:
        out.print(
            f"\ndelivery {row['id']} {row['event']} by {row['channel']} {row['url'] or ''}: "
            f"{row['state']} after {row['tries']} tries. {_delivery(row)['answer']}",
            markup=False,
        )


def _delivery(row: dict[str, Any]) -> dict[str, Any]:
    """Return a delivery with its explanation and the other side's answer."""
    found = explained(row, environment_language())
    return {**found, "answer": row["detail"].get("answer") or found["explanation"] or ""}


@fax.command(name="cancel")
def fax_cancel(fax_id: FaxId, as_json: Json = False) -> None:
    """Cancel a fax, also in mid-call."""
    with_client(lambda client: client.cancel(fax_id))
    if as_json:
        print_json({"id": fax_id, "status": "cancelled"})
    else:
        console().print(f"fax {fax_id}: cancelled")


@fax.command(name="resend")
def fax_resend(fax_id: FaxId, wait: Wait = False, as_json: Json = False) -> None:
    """Send a fax that has ended again, as a new fax."""

    async def run(client: FaxClient) -> Fax:
        return await _watched(client, await client.resend(fax_id), wait=wait, quiet=as_json)

    print_fax(with_client(run), as_json)


@fax.command(name="receipt")
def fax_receipt(
    fax_id: FaxId, out: Annotated[Path, typer.Option(help="Write the receipt here, as PDF.")]
) -> None:
    """Write the delivery receipt: page by page, what was confirmed."""
    write_file(out, with_client(lambda client: client.document(fax_id, "receipt")))


@fax.command(name="replay")
def fax_replay(
    delivery_id: Annotated[int, typer.Argument(metavar="DELIVERY")], as_json: Json = False
) -> None:
    """Repeat a mail or a webhook call that `vfax fax show` lists."""
    new = with_client(lambda client: client.replay(delivery_id))
    if as_json:
        print_json({"id": new, "replay_of": delivery_id})
    else:
        console().print(f"delivery {new} repeats {delivery_id}")
