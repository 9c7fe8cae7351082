"""The demonstration goes in once, and whole."""

from typing import Any

import asyncpg
import pytest

from chassis.testing import fresh_database
from examhall.demo.content import DEMO_PASSWORD, STUDENTS
from examhall.demo.exams import EXAMS
from examhall.demo.loading import load
from services.identity.passwords import is_password


@pytest.fixture
async def databases(postgres_url: str) -> dict[str, str]:
    """Empty databases of the two services that the demonstration goes into."""
    return {service: await fresh_database(postgres_url, service) for service in ("identity", "exams")}


async def test_people_and_published_exams_are_there_after_loading(databases: dict[str, str]):
    await load(databases)
    roles = {
        row["role"]: row["count"]
        for row in await _rows(databases, "identity", "SELECT role, count(*) FROM people GROUP BY 1")
    }
    assert roles == {"student": 120, "instructor": 5, "centre_admin": 2, "admin": 1, "proctor": 1, "evaluator": 1}
    exams = await _rows(databases, "exams", "SELECT title, status, version FROM exams ORDER BY title")
    assert [tuple(row) for row in exams] == sorted((exam.body["title"], "published", 1) for exam in EXAMS)


async def test_loading_again_changes_nothing(databases: dict[str, str]):
    await load(databases)
    before = await _everything(databases)
    await load(databases)
    assert await _everything(databases) == before


async def test_a_start_that_was_cut_off_before_the_exams_is_made_good(databases: dict[str, str]):
    await load({"identity": databases["identity"]})
    people = await _rows(databases, "identity", "SELECT id FROM people ORDER BY id")
    await load(databases)
    assert await _rows(databases, "identity", "SELECT id FROM people ORDER BY id") == people
    instructors = await _rows(databases, "exams", "SELECT DISTINCT instructor_id AS id FROM exams")
    assert {row["id"] for row in instructors} <= {row["id"] for row in people}
    assert len(await _rows(databases, "exams", "SELECT id FROM exams")) == len(EXAMS)


async def test_audience_staff_and_draws_are_those_of_the_written_exams(databases: dict[str, str]):
    await load(databases)
    people = {row["id"]: row["email"] for row in await _rows(databases, "identity", "SELECT id, email FROM people")}
    drawn = "(SELECT coalesce(sum(draw), 0) FROM exam_slots WHERE exam_id = exams.id AND bank_id IS NOT NULL) AS drawn"
    rows = await _rows(databases, "exams", f"SELECT *, {drawn} FROM exams")
    found = {row["title"]: row for row in rows}
    for exam in EXAMS:
        row = found[str(exam.body["title"])]
        assert people[row["instructor_id"]] == exam.instructor
        assert [people[person] for person in row["proctor_ids"]] == list(exam.proctors)
        assert [people[person] for person in row["evaluator_ids"]] == list(exam.evaluators)
        assert len(row["audience_keys"]) == max(len(exam.classes), 1)
        assert row["drawn"] == sum(draw.count for draw in exam.draws)


async def test_everybody_has_the_printed_password(databases: dict[str, str]):
    await load(databases)
    hashes = await _rows(databases, "identity", "SELECT DISTINCT password_hash FROM people")
    assert [await is_password(DEMO_PASSWORD, row["password_hash"]) for row in hashes] == [True]


async def test_other_services_hear_of_the_people_and_exams_as_of_any(databases: dict[str, str]):
    await load(databases)
    told = await _rows(databases, "identity", "SELECT topic, count(*) FROM outbox GROUP BY 1")
    assert {row["topic"]: row["count"] for row in told}["identity.people.v1"] >= len(STUDENTS)
    told = await _rows(databases, "exams", "SELECT DISTINCT key FROM outbox WHERE topic = 'exams.exams.v1'")
    assert len(told) == len(EXAMS)


async def _rows(databases: dict[str, str], service: str, query: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(databases[service])
    try:
        found: list[Any] = await connection.fetch(query)
        return found
    finally:
        await connection.close()


async def _everything(databases: dict[str, str]) -> list[Any]:
    queries = {
        "identity": ("people", "classes", "centres", "outbox"),
        "exams": ("exams", "questions", "question_banks", "outbox"),
    }
    return [
        await _rows(databases, service, f"SELECT * FROM {table} ORDER BY id")
        for service, tables in queries.items()
        for table in tables
    ]
