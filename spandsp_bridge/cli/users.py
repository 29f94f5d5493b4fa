"""`vfax user`: who may log in to the portal."""

import asyncio
import secrets
from typing import Annotated, get_args

import typer

from spandsp_bridge.cli.output import Json, print_json
from spandsp_bridge.errors import NotFoundError, UserError
from spandsp_bridge.services.connection import open_database
from spandsp_bridge.settings import load
from spandsp_bridge.store.companies import Companies
from spandsp_bridge.store.tenant import Role
from spandsp_bridge.store.users import Users

user = typer.Typer(no_args_is_help=True, help="Users of the portal.")
ROLES: dict[str, Role] = {role: role for role in get_args(Role)}
PASSWORD_BYTES = 12


@user.command(name="add")
def add(
    email: Annotated[str, typer.Argument(help="Address to log in with.")],
    role: Annotated[str, typer.Option(help="platform, brand, company or user.")],
    brand: Annotated[int | None, typer.Option(help="Brand id, for the role brand.")] = None,
    company: Annotated[
        int | None, typer.Option(help="Company id, for the roles company and user.")
    ] = None,
    password: Annotated[
        str | None, typer.Option(help="Default: generated, and printed.", envvar="VFAX_PASSWORD")
    ] = None,
    as_json: Json = False,
) -> None:
    """Create a user, or give one a new password and role."""
    if role not in ROLES:
        raise UserError("unknown role {role!r}: choose {roles}", role=role, roles=", ".join(ROLES))
    if (role == "brand") != (brand is not None) or (role in ("company", "user")) != (
        company is not None
    ):
        raise UserError(
            "the role brand requires --brand, company and user require --company, and platform "
            "takes neither"
        )
    secret = password or secrets.token_urlsafe(PASSWORD_BYTES)
    user_id = asyncio.run(_set_up(email, secret, ROLES[role], brand, company))
    if as_json:
        print_json({"id": user_id, "email": email.lower(), "role": role, "password": secret})
    elif password:
        typer.echo(f"user {user_id}: {email.lower()}, {role}")
    else:
        typer.echo(f"user {user_id}: {email.lower()}, {role}, password {secret}")


async def _set_up(
    email: str, password: str, role: Role, brand: int | None, company: int | None
) -> int:
    async with open_database(load()) as database:
        companies = Companies(database)
        if company is not None:
            owner = await companies.company(company)
            if owner is None:
                raise NotFoundError(
                    "there is no company {company}; see the table companies", company=company
                )
            brand = owner.brand_id
        elif brand is not None and not await companies.brand_exists(brand):
            raise NotFoundError("there is no brand {brand}; see the table brands", brand=brand)
        return await Users(database).set_up(email, password, role, brand, company)
