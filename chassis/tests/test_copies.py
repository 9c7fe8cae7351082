"""Copies keep the newest state, whatever order states come in."""

from collections.abc import AsyncIterator, Sequence
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.dialects.postgresql import ARRAY, BYTEA, JSONB
from sqlmodel import Field

from chassis.copies import keep_newer, keep_newest, keep_once, newest_of
from chassis.database import Database
from chassis.tables import table_base

Table = table_base()


class Copied(Table, table=True):
    __tablename__ = "copied"
    id: int = Field(primary_key=True)
    revision: int
    tags: list[str] = Field(sa_type=ARRAY(sa.Text))
    own: str = Field(default="", sa_column_kwargs={"server_default": "untouched"})


class Manifold(Table, table=True):
    """A column of every type that copies have; its key has two columns."""

    __tablename__ = "manifold"
    id: UUID = Field(primary_key=True)
    part: str = Field(primary_key=True)
    version: int = Field(sa_type=sa.BigInteger)
    text: str
    is_true: bool
    at: datetime | None
    number: Decimal | None = Field(sa_type=sa.Numeric(12, 2))
    ids: list[UUID] = Field(sa_type=ARRAY(sa.Uuid))
    content: bytes | None = Field(sa_type=BYTEA)
    values: dict[str, object] | None = Field(sa_type=JSONB)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    async with database.engine.begin() as connection:
        await connection.run_sync(Table.metadata.create_all)
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


def a_copy(thing: int, revision: int, tag: str = "") -> dict[str, object]:
    return {"id": thing, "revision": revision, "tags": [tag]}


STATES = st.lists(st.builds(a_copy, st.integers(1, 4), st.integers(1, 5), st.sampled_from("abc")), max_size=12)


@given(states=STATES)
def test_of_each_thing_the_first_of_its_highest_revision_is_the_newest(states: Sequence[dict[str, object]]) -> None:
    newest = newest_of(states, ["id"], "revision")
    assert newest.keys() == {(state["id"],) for state in states}
    for (thing,), found in newest.items():
        highest = max(state["revision"] for state in states if state["id"] == thing)
        assert found is next(state for state in states if (state["id"], state["revision"]) == (thing, highest))


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(before=STATES, states=STATES, parts=st.integers(1, 4))
async def test_states_kept_together_leave_what_they_leave_one_after_the_other(
    database: Database, before: Sequence[dict[str, object]], states: Sequence[dict[str, object]], parts: int
) -> None:
    left = []
    for together in (True, False):
        async with database.session() as tx:
            await tx.execute(sa.text("TRUNCATE copied"))
            for state in before:
                await keep_newer(tx, Copied, state, "revision")
            stored: set[tuple[int]] = set()
            for part in range(parts):
                group = states[part * len(states) // parts : (part + 1) * len(states) // parts]
                if together:
                    stored |= await keep_newest(tx, Copied, group, "revision")
                else:
                    stored |= {(state["id"],) for state in group if await keep_newer(tx, Copied, state, "revision")}
            rows = await tx.execute(sa.text("SELECT id, revision, tags FROM copied ORDER BY id"))
            left.append((stored, [(row.id, row.revision, row.tags) for row in rows]))
    assert left[0] == left[1]


async def test_many_rows_keep_columns_that_are_not_given_too(database: Database) -> None:
    async with database.session() as tx:
        await keep_newest(tx, Copied, [a_copy(1, 1), a_copy(2, 1)], "revision")
        await tx.execute(sa.text("UPDATE copied SET own = 'ours' WHERE id = 1"))
        assert await keep_newest(tx, Copied, [a_copy(1, 2), a_copy(2, 1)], "revision") == {(1,)}
        rows = await tx.execute(sa.text("SELECT own FROM copied ORDER BY id"))
        assert list(rows.scalars()) == ["ours", "untouched"]


async def test_nothing_to_keep_asks_nothing_of_the_database(database: Database) -> None:
    async with database.session() as tx:
        assert await keep_newest(tx, Copied, [], "revision") == set()
        await keep_once(tx, Copied, [])
        assert database.engine.pool.checkedout() == 0


TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"))
MANIFOLD = st.fixed_dictionaries(
    {
        "id": st.uuids(),
        "part": TEXTS,
        "version": st.integers(-(2**63), 2**63 - 1),
        "text": TEXTS,
        "is_true": st.booleans(),
        "at": st.none() | st.datetimes(datetime(1900, 1, 1), datetime(2200, 1, 1), timezones=st.just(UTC)),
        "number": st.none() | st.decimals(-(10**9), 10**9, places=2),
        "ids": st.lists(st.uuids(), max_size=3),
        "content": st.none() | st.binary(max_size=20),
        "values": st.none() | st.dictionaries(TEXTS, TEXTS | st.integers(-(2**53), 2**53) | st.none(), max_size=3),
    }
)


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(MANIFOLD, min_size=1, max_size=4, unique_by=lambda row: (row["id"], row["part"])))
async def test_every_type_of_column_comes_back_as_it_was_given(
    database: Database, rows: Sequence[dict[str, object]]
) -> None:
    async with database.session() as tx:
        await tx.execute(sa.text("TRUNCATE manifold"))
        assert await keep_newest(tx, Manifold, rows) == {(row["id"], row["part"]) for row in rows}
        found = (await tx.execute(sa.select(Manifold))).scalars()
        assert {(row.id, row.part): row.model_dump() for row in found} == {
            (row["id"], row["part"]): row for row in rows
        }


async def test_what_is_kept_once_stays_as_it_came_first(database: Database) -> None:
    async with database.session() as tx:
        await keep_once(tx, Copied, [a_copy(1, 1, "first"), a_copy(2, 1, "first"), a_copy(1, 9, "again")])
        await keep_once(tx, Copied, [a_copy(2, 9, "again"), a_copy(3, 1, "first")])
        rows = await tx.execute(sa.text("SELECT id, tags FROM copied ORDER BY id"))
        assert [tuple(row) for row in rows] == [(1, ["first"]), (2, ["first"]), (3, ["first"])]
