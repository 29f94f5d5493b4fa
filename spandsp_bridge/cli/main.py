"""`vfax`: the command of operators and of the demo.

Exit codes: 0 success; 1 a fax or a check failed; 2 the request was wrong; 3 the
installation is. Every failure is one line on standard error.
"""

import sys
from typing import NoReturn

import typer

from spandsp_bridge.cli import broadcasts, faxes, operators, retry, routes, system, users
from spandsp_bridge.cli.preview import preview
from spandsp_bridge.errors import DocumentError, VfaxError
from spandsp_bridge.i18n import environment_language, error_text

cli = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Virtual faxes: PDF in, through Kamailio and T.38, PDF out.",
)
for command in (
    system.demo,
    system.serve,
    system.migrate,
    system.doctor,
    faxes.send,
    preview,
    faxes.faxes,
):
    cli.command()(command)
for name, group in (
    ("config", system.config),
    ("fax", faxes.fax),
    ("broadcast", broadcasts.broadcast),
    ("route", routes.route),
    ("routes", routes.routes),
    ("retry", retry.retry),
    ("user", users.user),
    ("operator", operators.operator),
):
    cli.add_typer(group, name=name)


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
