"""`vfax user`: who may log in to the portal."""

import asyncio
import secrets
from typing import Annotated, get_args

import typer

from spandsp_bridge.cli.output import Json, print_json
from spandsp_bridge.errors import UserError
from spandsp_bridge.services import connection as app
from spandsp_bridge.settings import load
from spandsp_bridge.store.people import People
from spandsp_bridge.store.tenant import Role

user = typer.Typer(no_args_is_help=True, help="People of the portal.")
ROLES: dict[str, Role] = {r: r for r in get_args(Role)}


@user.command(name="add")
def add(
    email: Annotated[str, typer.Argument(help="Address to log in with.")],
    role: Annotated[str, typer.Option(help="platform, brand, company or user.")],
    brand: Annotated[int | None, typer.Option(help="Brand id: of an operator.")] = None,
    company: Annotated[int | None, typer.Option(help="Company id: of its people.")] = None,
    password: Annotated[
        str | None, typer.Option(help="Default: one is made, and printed.", envvar="VFAX_PASSWORD")
    ] = None,
    as_json: Json = False,
) -> None:
    """Make a user, or give one a new password and role."""
    if role not in ROLES:
        raise UserError(f"--role {role!r} is not known: choose {', '.join(ROLES)}")
    if (role == "brand") != (brand is not None) or (role in ("company", "user")) != (
        company is not None
    ):
        raise UserError("role brand needs --brand; company and user need --company; platform none")
    secret = password or secrets.token_urlsafe(12)

    async def make() -> int:
        async with app.open_database(load()) as database:
            owner = brand
            if company is not None:
                async with database.transaction() as c:
                    row = await (
                        await c.execute("select brand_id from companies where id = %s", [company])
                    ).fetchone()
                if row is None:
                    raise UserError(f"there is no company {company}; see the table companies")
                owner = int(row["brand_id"])
            elif brand is not None:
                async with database.transaction() as c:
                    cursor = await c.execute("select from brands where id = %s", [brand])
                    if await cursor.fetchone() is None:
                        raise UserError(f"there is no brand {brand}; see the table brands")
            return await People(database).set_up(email, secret, ROLES[role], owner, company)

    made = asyncio.run(make())
    if as_json:
        print_json({"id": made, "email": email.lower(), "role": role, "password": secret})
    elif password:
        typer.echo(f"user {made}: {email.lower()}, {role}")
    else:
        typer.echo(f"user {made}: {email.lower()}, {role}, password {secret}")
