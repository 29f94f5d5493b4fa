"""A closed list stands in one place in Python, and PostgreSQL has the same words."""

import re
from typing import get_args

import pytest

from spandsp_bridge.api import shapes
from spandsp_bridge.i18n.labels import LABELS
from spandsp_bridge.model import PAPERS, PICTURES, RESOLUTIONS, AudioFax, FaxStatus
from spandsp_bridge.store.config_tables import AUDIO, RESOURCES, Field, Resource
from spandsp_bridge.store.pool import Database
from spandsp_bridge.store.tenant import Role

#: Whose words are a pattern or a range in SQL.
PATTERNS = {"language", "weekday"}
CHOICES = [
    (resource, field)
    for resource in RESOURCES.values()
    for field in resource.fields
    if field.choices and field.name not in PATTERNS and field.choices != ("true", "false")
]


async def words_of(database: Database, table: str, column: str) -> set[str]:
    """Return what a column may hold: the labels of its enum, or the words of its check."""
    async with database.transaction() as c:
        cursor = await c.execute(
            """
            select enumlabel::text as word from pg_attribute
            join pg_enum on enumtypid = atttypid
            where attrelid = %(table)s::regclass and attname = %(column)s
            """,
            {"table": table, "column": column},
        )
        labels = {row["word"] for row in await cursor.fetchall()}
        cursor = await c.execute(
            """
            select pg_get_constraintdef(k.oid) as definition from pg_constraint k
            join pg_attribute a on a.attrelid = k.conrelid and k.conkey = array[a.attnum]
            where k.conrelid = %(table)s::regclass and k.contype = 'c' and a.attname = %(column)s
            """,
            {"table": table, "column": column},
        )
        for row in await cursor.fetchall():
            for listed in re.findall(r"ARRAY\[(.*?)\]", row["definition"]):
                labels |= {word.partition("::")[0].strip("'") for word in listed.split(", ")}
    return labels


@pytest.mark.parametrize(
    ("resource", "field"), CHOICES, ids=[f"{r.key}-{f.name}" for r, f in CHOICES]
)
async def test_a_form_offers_what_its_column_takes(
    database: Database, resource: Resource, field: Field
) -> None:
    words = await words_of(database, resource.table, field.name)
    if field.name == "role":  # people of companies and operators are both users
        assert set(field.choices) < words
    else:
        assert set(field.choices) == words


async def test_statuses_and_states_are_those_of_sql(database: Database) -> None:
    assert await words_of(database, "faxes", "status") == set(FaxStatus)
    assert await words_of(database, "deliveries", "state") == set(LABELS["delivery"])
    assert await words_of(database, "users", "role") == set(get_args(Role))
    assert set(FaxStatus) <= set(LABELS["status"])


@pytest.mark.parametrize(
    ("table", "column", "words"),
    [
        ("faxes", "resolution", RESOLUTIONS),
        ("faxes", "pictures", PICTURES),
        ("virtual_faxes", "resolution", RESOLUTIONS),
        ("virtual_faxes", "pictures", PICTURES),
        ("peer_profiles", "resolution", RESOLUTIONS),
        ("companies", "paper", PAPERS),
        ("virtual_faxes", "audio_fax", tuple(AudioFax)),
        ("peer_profiles", "audio_fax", tuple(AudioFax)),
    ],
)
async def test_the_words_of_pages_and_media_are_those_of_sql(
    database: Database, table: str, column: str, words: tuple[str, ...]
) -> None:
    assert await words_of(database, table, column) == set(words)


def test_the_api_and_the_forms_have_the_same_words() -> None:
    assert get_args(shapes.Resolution) == RESOLUTIONS
    assert get_args(shapes.Pictures) == PICTURES
    assert set(get_args(shapes.FaxShape.model_fields["status"].annotation)) == set(FaxStatus)
    assert tuple(AudioFax) == AUDIO
    assert set(LABELS["pictures"]) == set(PICTURES)
