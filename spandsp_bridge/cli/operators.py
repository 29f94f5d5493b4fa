"""`vfax operator`: SQL logins of brand operators."""

import asyncio
import secrets
import sys
from dataclasses import asdict
from typing import Annotated

import typer

from spandsp_bridge.cli.output import Json, print_json
from spandsp_bridge.settings import load
from spandsp_bridge.store.operators import OperatorLogins

operator = typer.Typer(no_args_is_help=True, help="SQL logins of brand operators.")
PASSWORD_BYTES = 18
FROM_INPUT = "-"
Login = Annotated[str, typer.Argument(help="Name of the login role.")]


def _logins() -> OperatorLogins:
    return OperatorLogins(load().database_url)


@operator.command(name="add")
def add(
    login: Login,
    brand: Annotated[str, typer.Option(help="Brand: its id or name.")],
    password: Annotated[
        str | None,
        typer.Option(
            help="`-`: read from standard input; default: generated, and printed.",
            envvar="VFAX_PASSWORD",
        ),
    ] = None,
    as_json: Json = False,
) -> None:
    """Create a login role that acts for one brand in SQL."""
    if password == FROM_INPUT:
        password = sys.stdin.readline().rstrip("\r\n")
    secret = password or secrets.token_urlsafe(PASSWORD_BYTES)
    added = asyncio.run(_logins().add(login, secret, brand))
    if as_json:
        print_json({**asdict(added), "password": secret})
    elif password:
        typer.echo(f"operator {added.login}: brand {added.brand}")
    else:
        typer.echo(f"operator {added.login}: brand {added.brand}, password {secret}")


@operator.command(name="list")
def list_logins(as_json: Json = False) -> None:
    """List the login roles and their brands."""
    logins = asyncio.run(_logins().logins())
    if as_json:
        print_json([asdict(each) for each in logins])
        return
    for each in logins:
        typer.echo(f"{each.login}\t{each.brand_id}\t{each.brand}\t{each.created_at:%Y-%m-%d}")


@operator.command(name="remove")
def remove(login: Login) -> None:
    """Drop a login role; its open sessions see nothing from now on."""
    asyncio.run(_logins().remove(login))
    typer.echo(f"operator {login} removed")
