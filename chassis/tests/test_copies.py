"""Copies keep the newest state, whatever order states come in."""

from collections.abc import AsyncIterator

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

from chassis.copies import keep_newer
from chassis.database import Database
from chassis.tables import table_base

Table = table_base()


class Copied(Table, table=True):
    __tablename__ = "copied"
    id: int = Field(primary_key=True)
    revision: int
    tags: list[str] = Field(sa_type=ARRAY(sa.Text))
    own: str = Field(default="", sa_column_kwargs={"server_default": "untouched"})


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    async with database.engine.begin() as connection:
        await connection.run_sync(Table.metadata.tables["copied"].create)
    yield database
    await database.close()


async def keep(database: Database, revision: int, *tags: str) -> bool:
    async with database.session() as tx:
        return await keep_newer(tx, Copied, {"id": 1, "revision": revision, "tags": list(tags)}, "revision")


async def stored(database: Database) -> Copied:
    async with database.session() as tx:
        row = await tx.get(Copied, 1)
        assert row is not None
        return row


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(revisions=st.lists(st.integers(1, 9), min_size=1, max_size=8))
async def test_the_highest_revision_stays_and_only_a_higher_one_is_said_to_be_stored(
    database: Database, revisions: list[int]
) -> None:
    async with database.session() as tx:
        await tx.execute(sa.text("TRUNCATE copied"))
    highest = 0
    for revision in revisions:
        assert await keep(database, revision, f"r{revision}") is (revision > highest)
        highest = max(highest, revision)
    assert (await stored(database)).tags == [f"r{highest}"]


async def test_columns_that_are_not_given_keep_what_they_hold(database: Database) -> None:
    await keep(database, 1, "a")
    assert (await stored(database)).own == "untouched"
    async with database.session() as tx:
        await tx.execute(sa.text("UPDATE copied SET own = 'ours'"))
    await keep(database, 2, "b")
    assert ((await stored(database)).own, (await stored(database)).tags) == ("ours", ["b"])
