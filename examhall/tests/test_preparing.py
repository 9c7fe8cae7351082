"""Databases are made and brought up to date, and a service that is new to an installation hears what happened before it came."""

from collections.abc import Iterator
from pathlib import Path

import asyncpg
import pytest

from chassis.ids import new_id
from examhall.places import database_of
from examhall.preparing import databases_on, migrate_all, topics_of
from examhall.servers import HOST, free_port, start_postgres


@pytest.fixture(scope="module")
def server(folder_of_the_module: Path) -> Iterator[str]:
    """A PostgreSQL of this module's own: the databases have the names that they have in an installation."""
    port = free_port()
    running = start_postgres(folder_of_the_module / "postgres", port)
    yield f"postgresql://postgres@{HOST}:{port}/postgres"
    running.stop()


@pytest.fixture
async def empty(server: str) -> str:
    """The server without databases of ours."""
    connection = await asyncpg.connect(server)
    for name in await databases_on(server):
        if name.startswith("examhall_"):
            await connection.execute(f'DROP DATABASE "{name}"')
    await connection.close()
    return server


async def test_a_newcomer_hears_what_it_takes_in_from_the_beginning_and_nothing_else_is_told_again(empty: str) -> None:
    await migrate_all(empty, ["identity", "exams"])
    published = ("identity.people.v1", "audit.entries.v1")
    await record(empty, "identity", *published)
    await record(empty, "exams", "exams.exams.v1", "audit.entries.v1")

    await migrate_all(empty, ["identity", "exams", "grading"])
    assert await waiting(empty, "identity") == ["identity.people.v1"]
    assert await waiting(empty, "exams") == ["exams.exams.v1"]


async def test_an_installation_that_has_everything_tells_nothing_again(empty: str) -> None:
    await migrate_all(empty, ["identity", "exams"])
    await record(empty, "identity", "identity.people.v1")
    await migrate_all(empty, ["identity", "exams"])
    assert await waiting(empty, "identity") == []


async def test_a_first_start_that_was_cut_off_before_the_tables_were_made_is_made_good(empty: str) -> None:
    connection = await asyncpg.connect(empty)
    await connection.execute("CREATE DATABASE examhall_identity")
    await connection.close()
    await migrate_all(empty, ["identity", "exams"])
    assert {"examhall_identity", "examhall_exams"} <= await databases_on(empty)
    assert await waiting(empty, "exams") == []


def test_what_a_service_records_for_others_is_by_the_catalogue() -> None:
    assert topics_of("attempts", ["grading"]) == ["attempts.lifecycle.v1"]
    assert topics_of("identity", []) == []


async def record(server: str, service: str, *topics: str) -> None:
    """An event of each topic that was published."""
    connection = await asyncpg.connect(database_of(server, service))
    for topic in topics:
        await connection.execute(
            "INSERT INTO outbox (event_id, topic, key, type, subject, payload, published_at)"
            " VALUES ($1, $2, 'key', 'type', 'key', '', now())",
            new_id(),
            topic,
        )
    await connection.close()


async def waiting(server: str, service: str) -> list[str]:
    """The topics of the events that are still to be published."""
    connection = await asyncpg.connect(database_of(server, service))
    rows = await connection.fetch("SELECT topic FROM outbox WHERE published_at IS NULL ORDER BY id")
    await connection.close()
    return [row["topic"] for row in rows]
