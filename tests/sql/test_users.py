"""Passwords of users on a real PostgreSQL."""

import pytest

from spandsp_bridge.errors import UserError
from spandsp_bridge.store import users
from spandsp_bridge.store.pool import Database
from spandsp_bridge.store.users import Users, hashed

OLD, NEW = "the old password", "the new password"


async def test_a_change_of_the_password_ends_the_sessions(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    people = Users(database)
    user = await people.set_up("paula@vfax.example", OLD, "platform", None, None)
    assert await people.log_in("paula@vfax.example", NEW, "192.0.2.1", "") is None
    token = await people.log_in("paula@vfax.example", OLD, "192.0.2.1", "")
    assert token is not None
    assert await people.session(token) is not None
    with pytest.raises(UserError, match="the old password is wrong"):
        await people.change_password(user, NEW, NEW)
    await people.change_password(user, OLD, NEW)
    assert await people.session(token) is None
    assert await people.log_in("paula@vfax.example", NEW, "192.0.2.1", "") is not None

    async def overtaken(password: str) -> str:
        await _set_hash(database, user, hashed(OLD))
        return hashed(password)

    monkeypatch.setattr(users, "hashed_aside", overtaken)
    with pytest.raises(UserError, match="the old password is wrong"):
        await people.change_password(user, NEW, "another password")
    assert await people.log_in("paula@vfax.example", OLD, "192.0.2.1", "") is not None


async def _set_hash(database: Database, user: int, password_hash: str) -> None:
    async with database.transaction() as c:
        await c.execute(
            "update users set password_hash = %(hash)s where id = %(user)s",
            {"hash": password_hash, "user": user},
        )
