"""sql/schema.sql is what the migrations make."""

from tests.support.postgres import TestServer
from tests.support.schema import SCHEMA, dumped


async def test_the_schema_file_is_what_the_migrations_make(postgres: TestServer) -> None:
    made = await dumped(postgres.cluster.url("postgres"))
    assert SCHEMA.read_text() == made, "run `make schema`"
