"""`vfax serve`, `demo`, `migrate`, `config`, `doctor`: run and check an installation."""

import asyncio
from collections.abc import Coroutine
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer
import uvloop
from rich.table import Table

from spandsp_bridge import log
from spandsp_bridge.cli.output import Json, console, print_json
from spandsp_bridge.demo import show
from spandsp_bridge.errors import UserError
from spandsp_bridge.publisher.kamailio import ensure_files
from spandsp_bridge.services import doctor as checks
from spandsp_bridge.services import kamailio_config, run
from spandsp_bridge.settings import load
from spandsp_bridge.store.migrate import migrate as migrate_database

config = typer.Typer(no_args_is_help=True, help="Kamailio's configuration.")


def _run(main: Coroutine[Any, Any, Any]) -> Any:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


def demo() -> None:
    """Start the whole system on loopback, send a fax through it, print the proof."""
    settings = load()
    _run(show.demo(settings.var, settings.port_base))


def serve(
    service: Annotated[str, typer.Argument(help=f"One of: {', '.join(run.SERVICES)}.")],
) -> None:
    """Run a service in the foreground until SIGTERM."""
    run.check_service(service)
    settings = load()
    log.configure(settings.log_level)
    _run(run.serve(settings, service))


def migrate(
    to: Annotated[
        str | None,
        typer.Option(help="Stop behind this migration, such as 0008: old processes still run."),
    ] = None,
) -> None:
    """Bring the database's schema up to date."""
    names = _run(migrate_database(load().database_url, to))
    for name in names:
        typer.echo(name)
    typer.echo(f"{len(names)} files applied" if names else "the schema is up to date")


@config.command()
def render(out: Annotated[Path, typer.Option(help="Folder for kamailio.cfg.")]) -> None:
    """Write Kamailio's configuration, and print the command that starts it."""
    settings = load()
    runtime = settings.rpc_socket.parent
    try:
        path = kamailio_config.write(settings, out)
        runtime.mkdir(parents=True, exist_ok=True)
        ensure_files(settings)
    except OSError as error:
        raise UserError(
            "{file}: {error}; choose a writable folder", file=out, error=error.strerror
        ) from error
    environment = " ".join(f"{k}={v}" for k, v in kamailio_config.environment(settings).items())
    typer.echo(f"wrote {path}; start it with:")
    typer.echo(f"  {environment} {' '.join(kamailio_config.command(path, runtime))}")


def doctor(as_json: Json = False) -> None:
    """Check every dependency, and print how to repair each."""
    results = _run(checks.examine(load()))
    ok = all(check.ok for check in results)
    if as_json:
        print_json({"ok": ok, "checks": [asdict(check) for check in results]})
    else:
        table = Table(title="vfax doctor", title_justify="left")
        for column in ("", "check", "found", "remedy"):
            table.add_column(column)
        for check in results:
            mark = "[green]ok[/]" if check.ok else "[red]BAD[/]"
            table.add_row(mark, check.name, check.found, "" if check.ok else check.remedy)
        console().print(table)
    if not ok:
        raise typer.Exit(1)
