"""`vfax send`, `preview`, `broadcast`, `faxes`, `fax`: what users do with faxes."""

import asyncio
import getpass
from dataclasses import asdict
from datetime import UTC
from pathlib import Path
from typing import Annotated, Any

import typer
from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from spandsp_bridge.calls.stored_documents import pdf_of, receipt_of, tiff_of
from spandsp_bridge.cli.api_client import RemoteApi
from spandsp_bridge.cli.output import Json, print_json
from spandsp_bridge.demo import show
from spandsp_bridge.documents.job import PageOptions
from spandsp_bridge.documents.pdfa import to_pdf
from spandsp_bridge.documents.render import render
from spandsp_bridge.documents.tiff import call_seconds
from spandsp_bridge.errors import UserError
from spandsp_bridge.model import PAPERS, PICTURES, RESOLUTIONS, FaxStatus
from spandsp_bridge.outbound.submit import (
    checked,
    one_of,
    read_destinations,
    sender_of,
    time_of,
)
from spandsp_bridge.services import connection as app
from spandsp_bridge.settings import Settings, load
from spandsp_bridge.store.deliveries import DeliveryStore
from spandsp_bridge.store.documents import File
from spandsp_bridge.store.fax_rows import Fax
from spandsp_bridge.store.faxes import FaxStore
from spandsp_bridge.store.progress import Progress as LiveProgress
from spandsp_bridge.store.submissions import SendOptions

fax = typer.Typer(no_args_is_help=True, help="One fax.")
broadcast = typer.Typer(no_args_is_help=True, help="One document to many destinations.")

STATUS_COLOURS = {"completed": "green", "error": "red", "inprogress": "yellow", "pending": "dim"}

Files = Annotated[
    list[Path],
    typer.Argument(help="PDF, TIFF, PNG, JPEG, text or office documents, sent as one fax."),
]
From = Annotated[str, typer.Option("--from", help="Virtual fax: its id, or COMPANY/NAME.")]
Resolution = Annotated[
    str | None, typer.Option(help="normal, fine or superfine; default: the virtual fax's.")
]
Pictures = Annotated[
    str | None, typer.Option(help="text, photo or auto (by page); default: the virtual fax's.")
]
Priority = Annotated[int, typer.Option(min=0, max=9, help="0 urgent, at any hour, to 9.")]
SendAt = Annotated[str | None, typer.Option(help="Not before this time: 2026-11-24T08:00+01:00.")]
Subject = Annotated[str | None, typer.Option(help="Put a cover page first, with this subject.")]
Text = Annotated[str | None, typer.Option(help="Put a cover page first, with this text.")]
FaxId = Annotated[int, typer.Argument(metavar="ID")]


def _who() -> str:
    return f"cli:{getpass.getuser()}"


def _read(files: list[Path]) -> list[File]:
    documents = []
    for file in files:
        try:
            documents.append((str(file), file.read_bytes()))
        except OSError as error:
            raise UserError(f"{file}: {error.strerror}") from error
    return documents


def _write(path: Path, data: bytes) -> None:
    try:
        path.write_bytes(data)
    except OSError as error:
        raise UserError(f"{path}: {error.strerror}") from error


def _wishes(
    resolution: str | None, pictures: str | None, priority: int, send_at: str | None,
    subject: str | None, text: str | None, key: str | None = None,
) -> SendOptions:  # fmt: skip
    one_of("--resolution", resolution, RESOLUTIONS)
    one_of("--pictures", pictures, PICTURES)
    if key is not None and not 1 <= len(key) <= 255:
        raise UserError("the idempotency key has to have 1 to 255 characters")
    cover = None
    if subject is not None or text is not None:
        cover = {"subject": subject or "", "text": text or ""}
    return SendOptions(cover, resolution, pictures, priority, time_of(send_at), key)


def _summary(item: Fax) -> dict[str, Any]:
    facts = asdict(item)
    if not item.company_id:  # the API does not tell
        del facts["company_id"], facts["brand_id"]
    return facts


def _api(settings: Settings) -> RemoteApi | None:
    """Return the API to use; None: this installation's database."""
    if not settings.api_url:
        return None
    return RemoteApi(settings.api_url, settings.api_key.get_secret_value())


def _say(ended: Fax) -> None:
    colour = STATUS_COLOURS[ended.status]
    Console(highlight=False).print(
        f"fax {ended.id}: [{colour}]{ended.status}[/]"
        + (f" ({ended.reason})" if ended.status is FaxStatus.ERROR else "")
        + (f" {ended.explanation}" if ended.explanation else "")
    )


# ---- sending ---------------------------------------------------------------------------------


def send(
    files: Files,
    sender: From,
    to: Annotated[str, typer.Option("--to", help="Destination, such as +34911234567.")],
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the end, with a bar.")] = False,
    resolution: Resolution = None,
    pictures: Pictures = None,
    priority: Priority = 5,
    send_at: SendAt = None,
    subject: Subject = None,
    text: Text = None,
    idempotency_key: Annotated[
        str | None, typer.Option(help="The same key makes no second fax.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Send documents as one fax."""
    wishes = _wishes(resolution, pictures, priority, send_at, subject, text, idempotency_key)
    documents = _read(files)
    ended = asyncio.run(_send(documents, sender, to, wishes, wait=wait, quiet=as_json))
    if as_json:
        print_json(_summary(ended))
    else:
        _say(ended)
    if wait and ended.status is not FaxStatus.COMPLETED:
        raise typer.Exit(1)


async def _send(
    files: list[File], sender: str, to: str, wishes: SendOptions, *, wait: bool, quiet: bool
) -> Fax:
    settings = load()
    if (api := _api(settings)) is not None:
        async with api:
            made = await api.submit(sender, to, files, wishes)
            return await _watched(api, made, wait=wait, quiet=quiet)
    async with app.open_store(settings) as store:
        virtual_fax = await sender_of(store, sender)
        number = virtual_fax.destination(to)
        await checked(virtual_fax, files, wishes, settings.max_pages)
        fax_id = await store.submit(virtual_fax, number, files, wishes)
        return await _followed(store, settings, fax_id, wait=wait, quiet=quiet)


async def _watched(api: RemoteApi, made: Fax, *, wait: bool, quiet: bool) -> Fax:
    """Follow a fax by the API to its end."""
    if not wait:
        return made
    with show.page_bar(Console(stderr=True, quiet=quiet)) as bar:
        task = bar.add_task(f"fax {made.id}", total=1)
        while made.status in (FaxStatus.PENDING, FaxStatus.IN_PROGRESS):
            await asyncio.sleep(1)
            made = await api.fax(made.id)
            bar.update(
                task, total=made.pages or 1, completed=made.pages_confirmed,
                description=f"fax {made.id}: {made.status}",
            )  # fmt: skip
    return made


async def _followed(
    store: FaxStore, settings: Settings, fax_id: int, *, wait: bool, quiet: bool
) -> Fax:
    if wait:
        live = LiveProgress(settings.redis_url)
        with show.page_bar(Console(stderr=True, quiet=quiet)) as bar:
            task = bar.add_task(f"fax {fax_id}", total=1)
            limit = settings.max_call_seconds * 2
            await show.follow(store, live, fax_id, bar, task, limit=limit)
        await live.close()
    found = await store.fax(fax_id)
    assert found is not None
    return found


def preview(
    files: Files,
    out: Annotated[Path | None, typer.Option(help="Write the pages here, as PDF.")] = None,
    resolution: Annotated[str, typer.Option(help="normal, fine or superfine.")] = "fine",
    pictures: Annotated[str, typer.Option(help="text, photo or auto (by page).")] = "auto",
    paper: Annotated[str, typer.Option(help="a4 or letter.")] = "a4",
    as_json: Json = False,
) -> None:
    """Show what a document will look like as a fax, and how long its call takes."""
    one_of("--resolution", resolution, RESOLUTIONS)
    one_of("--pictures", pictures, PICTURES)
    one_of("--paper", paper, PAPERS)
    documents = _read(files)
    # Without settings of an installation: nothing is sent.
    made = asyncio.run(render(documents, PageOptions(paper, resolution, pictures), 1000, None))
    seconds = [call_seconds([size]) - call_seconds([]) for size in made.line_bytes]
    if out is not None:
        _write(out, to_pdf(made.tiff, title=", ".join(name for name, _ in documents)))
    if as_json:
        print_json({"pages": made.pages, "line_bytes": list(made.line_bytes),
                    "expected_seconds": call_seconds(made.line_bytes)})  # fmt: skip
        return
    table = Table(box=box.SIMPLE_HEAD)
    for column in ("page", "on the line", "takes"):
        table.add_column(column, justify="right")
    for number, (size, took) in enumerate(zip(made.line_bytes, seconds, strict=True), 1):
        table.add_row(str(number), f"{size / 1000:.1f} kB", f"{took} s")
    console = Console(highlight=False)
    console.print(table)
    console.print(f"The call takes about {call_seconds(made.line_bytes)} s at 14400 bit/s.")


@broadcast.command(name="send")
def broadcast_send(
    files: Files,
    sender: From,
    to: Annotated[Path, typer.Option("--to", help="CSV: number[,name] in each line.")],
    name: Annotated[str, typer.Option(help="What to call it.")] = "",
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the end, with a bar.")] = False,
    resolution: Resolution = None,
    pictures: Pictures = None,
    priority: Priority = 7,
    send_at: SendAt = None,
    subject: Subject = None,
    text: Text = None,
    as_json: Json = False,
) -> None:
    """Send one document to every number of a CSV file."""
    wishes = _wishes(resolution, pictures, priority, send_at, subject, text)
    documents = _read(files)
    table = _read([to])[0][1]

    async def run() -> dict[str, Any]:
        settings = load()
        async with app.open_store(settings) as store:
            virtual_fax = await sender_of(store, sender)
            destinations = read_destinations(table, str(to), virtual_fax)
            await checked(virtual_fax, documents, wishes, settings.max_pages)
            made = await store.submit_broadcast(
                virtual_fax, destinations, documents, wishes, name or files[0].name
            )
            return await _broadcast_followed(store, made, wait=wait, quiet=as_json)

    _show_broadcast(asyncio.run(run()), as_json)


@broadcast.command(name="show")
def broadcast_show(
    broadcast_id: Annotated[int, typer.Argument(metavar="ID")],
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the end, with a bar.")] = False,
    as_json: Json = False,
) -> None:
    """Show how far a broadcast is."""

    async def run() -> dict[str, Any]:
        async with app.open_store(load()) as store:
            return await _broadcast_followed(store, broadcast_id, wait=wait, quiet=as_json)

    _show_broadcast(asyncio.run(run()), as_json)


async def _broadcast_followed(
    store: FaxStore, broadcast_id: int, *, wait: bool, quiet: bool
) -> dict[str, Any]:
    over = TextColumn("{task.completed}/{task.total} faxes over")
    columns = (TextColumn("{task.description}"), BarColumn(), over, TimeElapsedColumn())
    with Progress(*columns, console=Console(stderr=True, quiet=quiet or not wait)) as bar:
        task = bar.add_task(f"broadcast {broadcast_id}", total=1)
        while True:
            row = await store.broadcast(broadcast_id)
            if row is None:
                raise UserError(f"there is no broadcast {broadcast_id}")
            bar.update(task, total=row["total"], completed=row["completed"] + row["error"])
            if not wait or row["completed"] + row["error"] >= row["total"]:
                return row
            await asyncio.sleep(0.5)


def _show_broadcast(row: dict[str, Any], as_json: bool) -> None:
    if as_json:
        print_json(row)
        return
    Console(highlight=False).print(
        f"broadcast {row['id']} {row['name']}: {row['total']} faxes, "
        f"[green]{row['completed']} completed[/], [red]{row['error']} error[/], "
        f"[yellow]{row['inprogress']} inprogress[/], {row['pending']} pending"
    )


# ---- looking ---------------------------------------------------------------------------------


def faxes(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Newest so many.")] = 20,
    company: Annotated[int | None, typer.Option(help="Only of this company (id).")] = None,
    as_json: Json = False,
) -> None:
    """List faxes, the newest first."""

    async def read() -> list[Fax]:
        settings = load()
        if (api := _api(settings)) is not None:
            async with api:
                return await api.faxes(limit)
        async with app.open_store(settings) as store:
            return await store.faxes(limit, company)

    found = asyncio.run(read())
    if as_json:
        print_json({"faxes": [_summary(f) for f in found]})
        return
    table = Table(box=box.SIMPLE_HEAD)
    for column in ("id", "time (UTC)", "ours", "", "theirs", "pages", "status"):
        table.add_column(column, no_wrap=True)
    table.add_column("reason", overflow="fold")
    for f in found:
        table.add_row(
            str(f.id),
            f"{f.created_at:%d %b %H:%M:%S}",
            f.local_number,
            "[magenta]→[/]" if f.direction == "out" else "[cyan]←[/]",
            f.remote_number,
            f"{f.pages_confirmed}/{f.pages or '?'}",
            f"[{STATUS_COLOURS[f.status]}]{f.status}[/]",
            f.reason or "" if f.status is FaxStatus.ERROR else "",
        )
    Console(highlight=False).print(table)


async def _found(store: FaxStore, fax_id: int) -> Fax:
    found = await store.fax(fax_id)
    if found is None:
        raise UserError(f"there is no fax {fax_id}; see `vfax faxes`")
    return found


@fax.command(name="show")
def fax_show(
    fax_id: FaxId,
    pdf: Annotated[Path | None, typer.Option(help="Also write the document here.")] = None,
    tiff: Annotated[Path | None, typer.Option(help="Also write its TIFF-F here.")] = None,
    as_json: Json = False,
) -> None:
    """Show one fax with its attempts and its T.30 trace."""

    async def read() -> tuple[Fax, dict[str, Any]]:
        settings = load()
        if (api := _api(settings)) is not None:
            async with api:
                for path, kind in ((pdf, "document.pdf"), (tiff, "document.tiff")):
                    if path is not None:
                        _write(path, await api.document(fax_id, kind))
                return await api.fax(fax_id), await api.more(fax_id)
        async with app.open_database(settings) as database:
            store = FaxStore(database)
            found = await _found(store, fax_id)
            for path, make in ((pdf, pdf_of), (tiff, tiff_of)):
                if path is not None:
                    data = await make(store, found)
                    await store.audit(found, _who(), "document_read", path.name)
                    _write(path, data)
            position = await store.queue_position(found) if found.status == "pending" else None
            return found, {
                "attempts": await store.attempts(found),
                "deliveries": await DeliveryStore(database).deliveries(fax_id),
                "queue": position,
            }

    found, more = asyncio.run(read())
    if as_json:
        print_json({**_summary(found), **more})
        return
    _show(found, more)


def _show(found: Fax, more: dict[str, Any]) -> None:
    console = Console(highlight=False)
    colour = STATUS_COLOURS[found.status]
    console.print(
        f"fax {found.id} {found.direction}: {found.local_number} "
        f"{'to' if found.direction == 'out' else 'from'} {found.remote_number}, "
        f"[{colour}]{found.status}[/], {found.pages_confirmed} of {found.pages or '?'} pages"
        + (f", about {found.expected_seconds} s of call" if found.expected_seconds else "")
    )
    if found.explanation:
        console.print(f"  {found.explanation}", markup=False)
    if more["queue"]:
        at = more["queue"]["expected_at"].astimezone(UTC)
        console.print(
            f"  {more['queue']['ahead']} before it, dialled about {at:%d %b %H:%M:%S} UTC"
        )
    for a in more["attempts"]:
        console.print(
            f"\nattempt {a['number']} by {a['bridge']}:"
            f" SIP {a['sip_status']} {a['sip_reason'] or ''},"
            f" T.30 {a['t30_code']} {a['t30_text'] or ''}, {a['bit_rate'] or '-'} bit/s,"
            f" ECM {'on' if a['ecm'] else 'off'}, {a['remote_station_id']}",
            markup=False,
        )
        for line in a.get("trace") or []:
            console.print(f"  {line}", markup=False)
    for d in more["deliveries"]:
        console.print(
            f"\ndelivery {d['id']} {d['event']} by {d['channel']} {d['url'] or ''}: "
            f"{d['state']} after {d['tries']} tries, {d['answer']}",
            markup=False,
        )


# ---- doing -----------------------------------------------------------------------------------


@fax.command(name="cancel")
def fax_cancel(fax_id: FaxId, as_json: Json = False) -> None:
    """End a fax, also in mid-call."""

    async def run() -> str:
        settings = load()
        if (api := _api(settings)) is not None:
            async with api:
                await api.act(fax_id, "cancel")
                return "cancelled"
        async with app.open_store(settings) as store:
            found = await _found(store, fax_id)
            if found.direction != "out":
                raise UserError(f"fax {fax_id} was received: there is nothing to cancel")
            return await store.cancel(found, _who())

    said = asyncio.run(run())
    if said != "cancelled":
        raise UserError(f"fax {fax_id} is over already: {said}")
    if as_json:
        print_json({"id": fax_id, "said": said})
    else:
        Console(highlight=False).print(f"fax {fax_id}: cancelled")


@fax.command(name="resend")
def fax_resend(
    fax_id: FaxId,
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the end, with a bar.")] = False,
    as_json: Json = False,
) -> None:
    """Send a fax that is over once more, as a new fax."""

    async def run() -> Fax:
        settings = load()
        if (api := _api(settings)) is not None:
            async with api:
                made = await api.act(fax_id, "resend")
                return await _watched(api, made, wait=wait, quiet=as_json)
        async with app.open_store(settings) as store:
            new = await store.resend(await _found(store, fax_id), _who())
            return await _followed(store, settings, new, wait=wait, quiet=as_json)

    ended = asyncio.run(run())
    if as_json:
        print_json(_summary(ended))
    else:
        _say(ended)


@fax.command(name="receipt")
def fax_receipt(
    fax_id: FaxId, out: Annotated[Path, typer.Option(help="Write the receipt here, as PDF.")]
) -> None:
    """Write the delivery receipt: page by page, what was confirmed."""

    async def run() -> bytes:
        settings = load()
        if (api := _api(settings)) is not None:
            async with api:
                return await api.document(fax_id, "receipt.pdf")
        async with app.open_store(settings) as store:
            return await receipt_of(store, await _found(store, fax_id))

    _write(out, asyncio.run(run()))


@fax.command(name="replay")
def fax_replay(
    delivery_id: Annotated[int, typer.Argument(metavar="DELIVERY")], as_json: Json = False
) -> None:
    """Make a mail or a webhook call of `vfax fax show` once more."""

    async def run() -> int:
        async with app.open_database(load()) as database:
            return await DeliveryStore(database).replay(delivery_id)

    new = asyncio.run(run())
    if as_json:
        print_json({"id": new, "replay_of": delivery_id})
    else:
        Console(highlight=False).print(f"delivery {new} repeats {delivery_id}")
