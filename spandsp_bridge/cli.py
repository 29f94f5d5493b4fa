"""`vfax`: the command of operators and of the demo.

Exit codes: 0 done; 1 a fax or a check failed; 2 the request was wrong; 3 the
installation is. Every failure is one line on standard error.
"""

import asyncio
import sys
from collections.abc import Coroutine
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any, NoReturn

import phonenumbers
import typer
import uvloop
from rich import box
from rich.console import Console
from rich.table import Table

from spandsp_bridge import app, cli_retry, cli_routes, doctor, kamailio_config, log
from spandsp_bridge.cli_output import Json, print_json
from spandsp_bridge.demo import show
from spandsp_bridge.documents.render import join
from spandsp_bridge.errors import DocumentError, SetupError, UserError, VfaxError
from spandsp_bridge.model import FaxStatus
from spandsp_bridge.publisher.kamailio import ensure_files
from spandsp_bridge.settings import Settings, load
from spandsp_bridge.store.database import migrate as migrate_database
from spandsp_bridge.store.faxes import Fax
from spandsp_bridge.store.progress import Progress

cli = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Virtual faxes: PDF in, through Kamailio and T.38, PDF out.",
)
config = typer.Typer(no_args_is_help=True, help="Kamailio's configuration.")
fax = typer.Typer(no_args_is_help=True, help="One fax.")
cli.add_typer(config, name="config")
cli.add_typer(fax, name="fax")
cli.add_typer(cli_routes.route, name="route")
cli.add_typer(cli_routes.routes, name="routes")
cli.add_typer(cli_retry.retry, name="retry")

STATUS_COLOURS = {"completed": "green", "error": "red", "inprogress": "yellow", "pending": "dim"}


def _run(main: Coroutine[Any, Any, Any]) -> Any:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


def _e164(text: str, country: str) -> str:
    """Return a destination as E.164. Raises UserError."""
    if any(c.isalpha() for c in text):
        raise UserError(f"{text!r} is no telephone number: digits only, such as +34911234567")
    try:
        number = phonenumbers.parse(text, country)
    except phonenumbers.NumberParseException:
        raise UserError(f"{text!r} is no telephone number: write it as +34911234567") from None
    if not phonenumbers.is_possible_number(number):
        raise UserError(f"{text!r} has too few or too many digits for a telephone number")
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


# ---- running the system ------------------------------------------------------


@cli.command()
def demo() -> None:
    """Start the whole system on loopback, send a fax through it, print the proof."""
    settings = load()
    _run(show.demo(settings.var, settings.port_base))


@cli.command()
def serve(service: Annotated[str, typer.Argument(help="bridge, worker, publisher or all")]) -> None:
    """Run a service in the foreground until SIGTERM."""
    if service not in app.SERVICES:
        raise UserError(f"there is no service {service!r}: choose {', '.join(app.SERVICES)}")
    settings = load()
    log.configure(settings.log_level)
    _run(app.serve(settings, service))


@cli.command()
def migrate() -> None:
    """Bring the database's schema up to date."""
    names = _run(migrate_database(load().database_url))
    for name in names:
        print(name)
    print(f"{len(names)} files applied" if names else "the schema is up to date")


@config.command()
def render(out: Annotated[Path, typer.Option(help="Folder for kamailio.cfg.")]) -> None:
    """Write Kamailio's configuration, and print how to start it."""
    settings = load()
    try:
        path = kamailio_config.write(settings, out)
        settings.rpc_socket.parent.mkdir(parents=True, exist_ok=True)
        ensure_files(settings)
    except OSError as error:
        raise UserError(f"{out}: {error.strerror}; choose a folder that you may write") from error
    environment = " ".join(f"{k}={v}" for k, v in kamailio_config.environment(settings).items())
    runtime = settings.rpc_socket.parent
    print(f"wrote {path}; start it with:")
    print(f"  {environment} {' '.join(kamailio_config.command(path, runtime))}")


@cli.command(name="doctor")
def doctor_command(as_json: Json = False) -> None:
    """Check every dependency, and say how to repair each."""
    checks = _run(doctor.examine(load()))
    if as_json:
        print_json({"ok": all(c.ok for c in checks), "checks": [asdict(c) for c in checks]})
    else:
        table = Table(title="vfax doctor", title_justify="left")
        for column in ("", "check", "found", "remedy"):
            table.add_column(column)
        for check in checks:
            mark = "[green]ok[/]" if check.ok else "[red]BAD[/]"
            table.add_row(mark, check.name, check.found, "" if check.ok else check.remedy)
        Console().print(table)
    if not all(check.ok for check in checks):
        raise typer.Exit(1)


# ---- faxes --------------------------------------------------------------------


def _read(files: list[Path], settings: Settings) -> bytes:
    """Return the document to fax. Raises UserError and DocumentError."""
    documents = []
    for file in files:
        try:
            documents.append((str(file), file.read_bytes()))
        except OSError as error:
            raise UserError(f"{file}: {error.strerror}") from error
    return join(documents, settings.max_pages)


def _summary(item: Fax) -> dict[str, Any]:
    return asdict(item)


@cli.command()
def send(
    files: Annotated[list[Path], typer.Argument(help="The PDFs to send, as one fax.")],
    sender: Annotated[str, typer.Option("--from", help="Virtual fax: its id, or COMPANY/NAME.")],
    to: Annotated[str, typer.Option("--to", help="Destination, such as +34911234567.")],
    wait: Annotated[bool, typer.Option("--wait", help="Wait for the end, with a bar.")] = False,
    as_json: Json = False,
) -> None:
    """Send PDFs as one fax."""
    settings = load()
    data = _read(files, settings)
    ended = _run(_send(settings, data, sender, to, wait=wait, quiet=as_json))
    if as_json:
        print_json(_summary(ended))
    else:
        colour = STATUS_COLOURS[ended.status]
        Console(highlight=False).print(
            f"fax {ended.id}: [{colour}]{ended.status}[/]"
            + (f" ({ended.reason})" if ended.status is FaxStatus.ERROR else "")
            + (f" {ended.explanation}" if ended.explanation else "")
        )
    if wait and ended.status is not FaxStatus.COMPLETED:
        raise typer.Exit(1)


async def _send(
    settings: Settings, data: bytes, sender: str, to: str, *, wait: bool, quiet: bool
) -> Fax:
    async with app.open_store(settings) as store:
        virtual_fax = await store.find_virtual_fax(sender)
        number = _e164(to, virtual_fax.country)
        if virtual_fax.outgoing_number is None:
            raise UserError(
                f"virtual fax {virtual_fax.company}/{virtual_fax.name} has no outgoing DDI: "
                "set virtual_faxes.outgoing_ddi_id or companies.outgoing_ddi_id"
            )
        fax_id = await store.submit(virtual_fax, number, data)
        if wait:
            live = Progress(settings.redis_url)
            console = Console(stderr=True, quiet=quiet)
            with show.page_bar(console) as bar:
                task = bar.add_task(f"fax {fax_id}", total=1)
                await show.follow(
                    store, live, fax_id, bar, task, limit=settings.max_call_seconds * 2
                )
            await live.close()
        found = await store.fax(fax_id)
        assert found is not None
        return found


@cli.command()
def faxes(
    limit: Annotated[int, typer.Option(min=1, max=1000, help="Newest so many.")] = 20,
    company: Annotated[int | None, typer.Option(help="Only of this company (id).")] = None,
    as_json: Json = False,
) -> None:
    """List faxes, the newest first."""

    async def read() -> list[Fax]:
        async with app.open_store(load()) as store:
            return await store.faxes(limit, company)

    found = _run(read())
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


@fax.command(name="show")
def fax_show(
    fax_id: Annotated[int, typer.Argument(metavar="ID")],
    pdf: Annotated[Path | None, typer.Option(help="Also write the document here.")] = None,
    as_json: Json = False,
) -> None:
    """Show one fax with its attempts and its T.30 trace."""

    async def read() -> tuple[Fax, list[dict[str, Any]], bytes | None]:
        async with app.open_store(load()) as store:
            found = await store.fax(fax_id)
            if found is None:
                raise UserError(f"there is no fax {fax_id}; see `vfax faxes`")
            return found, await store.attempts(found), await store.document(found, "pdf")

    found, attempts, document = _run(read())
    if pdf is not None:
        if not document:
            raise UserError(f"fax {fax_id} has no PDF yet")
        try:
            pdf.write_bytes(document)
        except OSError as error:
            raise UserError(f"{pdf}: {error.strerror}") from error
    if as_json:
        print_json({**_summary(found), "attempts": attempts})
        return
    console = Console(highlight=False)
    colour = STATUS_COLOURS[found.status]
    console.print(
        f"fax {found.id} {found.direction}: {found.local_number} "
        f"{'to' if found.direction == 'out' else 'from'} {found.remote_number}, "
        f"[{colour}]{found.status}[/], {found.pages_confirmed} of {found.pages or '?'} pages"
    )
    if found.explanation:
        console.print(f"  {found.explanation}")
    for a in attempts:
        console.print(
            f"\nattempt {a['number']} by {a['bridge']}:"
            f" SIP {a['sip_status']} {a['sip_reason'] or ''},"
            f" T.30 {a['t30_code']} {a['t30_text'] or ''}, {a['bit_rate'] or '-'} bit/s,"
            f" ECM {'on' if a['ecm'] else 'off'}, {a['remote_station_id']}",
            markup=False,
        )
        for line in a["trace"] or []:
            console.print(f"  {line}", markup=False)


# ---- errors ----------------------------------------------------------------------


def _fail(error: VfaxError, code: int) -> NoReturn:
    reason = f" [{error.reason}]" if isinstance(error, DocumentError) else ""
    sys.stderr.write(f"vfax: {error}{reason}\n")
    sys.exit(code)


def main() -> None:
    """Run the command; every expected failure becomes one line and an exit code."""
    try:
        cli()
    except UserError as error:
        _fail(error, 2)
    except SetupError as error:
        _fail(error, 3)
    except VfaxError as error:
        _fail(error, 1)
    except KeyboardInterrupt:
        sys.stderr.write("vfax: interrupted\n")
        sys.exit(130)
