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

import typer
import uvloop
from rich.console import Console
from rich.table import Table

from spandsp_bridge import log
from spandsp_bridge.cli import faxes, retry, routes, users
from spandsp_bridge.cli.output import Json, print_json
from spandsp_bridge.demo import show
from spandsp_bridge.errors import DocumentError, UserError, VfaxError
from spandsp_bridge.i18n import environment_language, error_text
from spandsp_bridge.publisher.kamailio import ensure_files
from spandsp_bridge.services import doctor, kamailio_config, run
from spandsp_bridge.settings import load
from spandsp_bridge.store.migrate import migrate as migrate_database

cli = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Virtual faxes: PDF in, through Kamailio and T.38, PDF out.",
)
config = typer.Typer(no_args_is_help=True, help="Kamailio's configuration.")
cli.add_typer(config, name="config")
cli.add_typer(faxes.fax, name="fax")
cli.add_typer(faxes.broadcast, name="broadcast")
cli.command()(faxes.send)
cli.command()(faxes.preview)
cli.command()(faxes.faxes)
cli.add_typer(routes.route, name="route")
cli.add_typer(routes.routes, name="routes")
cli.add_typer(retry.retry, name="retry")
cli.add_typer(users.user, name="user")


def _run(main: Coroutine[Any, Any, Any]) -> Any:
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(main)


# ---- running the system ------------------------------------------------------


@cli.command()
def demo() -> None:
    """Start the whole system on loopback, send a fax through it, print the proof."""
    settings = load()
    _run(show.demo(settings.var, settings.port_base))


@cli.command()
def serve(
    service: Annotated[str, typer.Argument(help=f"One of: {', '.join(run.SERVICES)}.")],
) -> None:
    """Run a service in the foreground until SIGTERM."""
    run.check_service(service)
    settings = load()
    log.configure(settings.log_level)
    _run(run.serve(settings, service))


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


# ---- errors ----------------------------------------------------------------------


def _fail(error: VfaxError) -> NoReturn:
    reason = f" [{error.reason}]" if isinstance(error, DocumentError) else ""
    sys.stderr.write(f"vfax: {error_text(error, environment_language())}{reason}\n")
    sys.exit(error.exit_code)


def main() -> None:
    """Run the command; every expected failure becomes one line and an exit code."""
    try:
        cli()
    except VfaxError as error:
        _fail(error)
    except KeyboardInterrupt:
        sys.stderr.write("vfax: interrupted\n")
        sys.exit(130)
