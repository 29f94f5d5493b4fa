"""Rows of configuration by their keys: one column, two columns, a mail address."""

import pytest

from spandsp_bridge.errors import NotFoundError
from spandsp_bridge.store.config import ConfigStore, Scope
from spandsp_bridge.store.config_tables import RESOURCES
from spandsp_bridge.store.pool import Database
from spandsp_bridge.store.transactions import Transactions
from tests.support.factory import Factory

ADDRESS = "50%s.off%(x)s@acme.example"  # % is legal in a mail address (RFC 5322 §3.2.3)


@pytest.fixture(scope="module")
async def brand(database: Database) -> int:
    """A brand of its own."""
    async with database.transaction() as connection:
        return await Factory(connection).brand()


def as_operator(database: Database, brand: int) -> ConfigStore:
    tenant: Transactions = database.tenant("brand", brand)
    return ConfigStore(tenant, Scope("brand", brand, None))


async def test_a_row_is_added_changed_and_removed(database: Database, brand: int) -> None:
    store, carriers = as_operator(database, brand), RESOURCES["carriers"]
    row = await store.add(carriers, {"name": "50 %s"})
    assert (row["name"], row["enabled"]) == ("50 %s", True)
    changed = await store.change(carriers, row["id"], {"enabled": False, "name": "%(name)s"})
    assert (changed["name"], changed["enabled"]) == ("%(name)s", False)
    await store.remove(carriers, row["id"])
    with pytest.raises(NotFoundError):
        await store.row(carriers, row["id"])
    for key in (row["id"], "0x1", "", "1~2"):
        with pytest.raises(NotFoundError):
            await store.change(carriers, key, {"enabled": True})
        with pytest.raises(NotFoundError):
            await store.remove(carriers, key)


async def test_a_key_of_two_columns(database: Database, brand: int) -> None:
    store, members = as_operator(database, brand), RESOURCES["group-members"]
    group = await store.add(RESOURCES["groups"], {"name": "Europe"})
    pattern = await store.add(RESOURCES["patterns"], {"name": "Spain", "prefix": "+34"})
    row = await store.add(members, {"pattern_id": pattern["id"]}, parent=int(group["id"]))
    assert row["id"] == f"{group['id']}~{pattern['id']}"
    assert row["pattern_id_label"] == "Spain"
    with pytest.raises(NotFoundError):
        await store.row(members, str(group["id"]))
    await store.remove(members, row["id"])
    assert await store.rows(members, int(group["id"])) == []


async def test_a_percent_sign_in_a_key_is_text(database: Database, brand: int) -> None:
    async with database.transaction() as connection:
        make = Factory(connection)
        company = await make.company(brand)
        virtual_fax = await make.virtual_fax(brand, company)
    store = ConfigStore(
        database.tenant("company", brand, company), Scope("company", brand, company)
    )
    senders = RESOURCES["senders"]
    row = await store.add(senders, {"email": ADDRESS}, parent=virtual_fax)
    assert row["id"] == ADDRESS
    changed = await store.change(senders, ADDRESS, {"email": "ann@acme.example"})
    assert changed["id"] == "ann@acme.example"
