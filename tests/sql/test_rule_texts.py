"""The explanations of the default rules are messages of the catalogues."""

from spandsp_bridge.i18n.rule_texts import RULE_TEXTS
from spandsp_bridge.store.pool import Database


async def test_every_default_rule_s_explanation_is_a_message(database: Database) -> None:
    async with database.transaction() as c:
        cursor = await c.execute(
            "select why from retry_defaults union select why from failover_defaults"
        )
        texts = {row["why"] for row in await cursor.fetchall()}
    assert len(texts) > 30
    assert texts - {phrase.message for phrase in RULE_TEXTS} == set()
