"""Statistics of a brand's calls: each query counts its own brand's calls alone."""

from datetime import UTC, datetime

import pytest
from psycopg.types.json import Jsonb

from spandsp_bridge.store.pool import Database
from spandsp_bridge.store.usage import (
    DAYS,
    CallCounts,
    DayCounts,
    FailureCounts,
    QueueCounts,
    Usage,
)
from tests.support.factory import Factory

BUSY = {"sip": 486}


@pytest.fixture(scope="module")
async def usage(database: Database) -> Usage:
    """Two completed calls over a carrier and one refused, a waiting fax; and another brand."""
    async with database.transaction() as connection:
        make = Factory(connection)
        brands = [await make.brand(), await make.brand()]
        for brand in brands:
            company = await make.company(brand)
            virtual_fax = await make.virtual_fax(brand, company)
            carrier = await make.insert("carriers", brand_id=brand, name="Northline")
            route = await make.fax_route(brand, carrier)
            owner = {"brand_id": brand, "company_id": company}
            numbers = {"local_number": "+34911000001", "remote_number": "+34922000002"}
            fax = await make.insert(
                "faxes", **owner, **numbers, virtual_fax_id=virtual_fax, direction="out",
                pages=1, prepared_at=datetime.now(UTC),
            )  # fmt: skip
            way = {"carrier": str(carrier), "route": str(route)}
            for number, reason in enumerate(("completed", "user_busy", "completed"), start=1):
                await make.insert(
                    "attempts", **owner, fax_id=fax, number=number, bridge="b", reason=reason,
                    detail=Jsonb(BUSY if reason == "user_busy" else {}), route=Jsonb(way),
                    finished_at=datetime.now(UTC),
                )  # fmt: skip
    return Usage(database.tenant("brand", brands[0]))


async def test_calls_by_day(usage: Usage) -> None:
    days = await usage.days()
    assert len(days) == DAYS
    assert (days[-1].completed, days[-1].failed) == (2, 1)
    assert {(day.completed, day.failed) for day in days[:-1]} == {(0, 0)}
    assert all(isinstance(day, DayCounts) and len(day.day) == 6 for day in days)


async def test_calls_by_carrier_route_and_destination(usage: Usage) -> None:
    assert await usage.carriers() == [CallCounts("Northline", 3, 2)]
    [route] = await usage.routes()
    assert route.name is not None
    assert route.name.startswith("#")
    assert route.name.endswith(" fax")
    assert (route.calls, route.completed) == (3, 2)
    assert await usage.destinations() == [CallCounts("+34", 3, 2)]


async def test_reasons_of_failed_calls(usage: Usage) -> None:
    assert await usage.causes() == [FailureCounts("user_busy", 1, BUSY)]


async def test_faxes_in_the_queues(usage: Usage) -> None:
    assert await usage.waiting() == QueueCounts(waiting=1, running=0)
