"""The demo's data: a brand with two companies, its routes, and a user of each role."""

import secrets
from pathlib import Path

from spandsp_bridge.store.companies import Companies
from spandsp_bridge.store.migrate import SQL, run_script
from spandsp_bridge.store.pool import Database
from spandsp_bridge.store.users import Users


async def seed(database_url: str, carrier: tuple[str, int]) -> None:
    """Write the demo's brand, companies, numbers and routes; what is there stays."""
    variables = {"demo.carrier_address": carrier[0], "demo.carrier_port": str(carrier[1])}
    await run_script(database_url, SQL / "demo.sql", variables)


async def seed_users(database_url: str, password: str) -> None:
    """Create a user of each role, with one password for all."""
    async with Database(database_url, size=1) as database:
        companies = {company.name: company for company in await Companies(database).companies()}
        acme, globex = companies["Acme"], companies["Globex"]
        brand = acme.brand_id
        users = Users(database)
        await users.set_up("platform@demo.example", password, "platform", None, None)
        await users.set_up("operator@demo.example", password, "brand", brand, None, "Olga")
        await users.set_up("ann@acme.example", password, "company", brand, acme.id, "Ann")
        await users.set_up("bob@globex.example", password, "company", brand, globex.id, "Bob")


def stored_password(file: Path) -> str:
    """Return the password in a file, which is created for its owner alone."""
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(12))
    return file.read_text().strip()
