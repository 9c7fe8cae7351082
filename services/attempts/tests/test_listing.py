"""Lists of attempts: newest first, found without reading those of everybody."""

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
from sqlalchemy.dialects.postgresql import asyncpg

from chassis.actors import Actor
from chassis.ids import new_id
from services.attempts.listing import Wanted, listed
from services.attempts.tests.builders import Hall, start

CROWD = """
INSERT INTO attempts (id, version, exam_id, exam_version, student_id, number, status, seed, question_count, answered_count,
    started_at, deadline_at, pause_reason, break_allowed_seconds, break_used_seconds, submitted_at, submit_reason, client_address)
SELECT gen_random_uuid(), 2, (SELECT id FROM exams OFFSET n % 20 LIMIT 1), 1, gen_random_uuid(), 1, 'submitted', '\\x00', 2, 0,
    now() - interval '1 day', now() - interval '23 hours', '', 0, 0, now() - interval '23 hours', 'student', '' FROM generate_series(1, 20000) n
"""
EXAMS = """
INSERT INTO exams (id, revision, instructor_id, proctor_ids, state)
SELECT gen_random_uuid(), 1, gen_random_uuid(), ARRAY[gen_random_uuid()], '' FROM generate_series(1, 20)
"""
COLUMN = {"instructor": "instructor_id", "proctor": "proctor_ids[1]"}


async def test_a_page_is_newest_first_and_says_how_many_there_are(hall: Hall) -> None:
    exam = hall.exam()
    started = [(await start(hall.student(), exam))["id"] for _ in range(3)]
    staff = hall.staff("instructor", exam.state.instructor_id)
    for client, query in ((staff, {}), (staff, {"exam_id": exam.id}), (hall.staff("admin"), {})):
        page = (await client.get("/api/v1/attempts", params={**query, "limit": 2})).json()
        assert [item["id"] for item in page["items"]] == [started[2], started[1]]
        assert (page["total"], page["pages"]) == (3, 2)


@pytest.mark.parametrize("role", ["instructor", "proctor"])
async def test_whose_exams_hardly_anybody_sat_is_not_looked_for_among_the_attempts_of_all(
    hall: Hall, role: str
) -> None:
    await hall.sql(EXAMS)
    await hall.sql(CROWD)
    [exam] = await hall.sql(f"SELECT id, {COLUMN[role]} AS person_id FROM exams LIMIT 1")
    await hall.sql("DELETE FROM attempts WHERE exam_id = $1", exam["id"])
    await hall.sql("VACUUM ANALYZE attempts")
    await hall.sql("VACUUM ANALYZE exams")
    actor = Actor(exam["person_id"], role, new_id())
    for one, wanted in ((actor, Wanted()), (Actor(new_id(), "admin", new_id()), Wanted(exam_id=exam["id"]))):
        assert await _rows_read(hall, one, wanted) < 2000


async def _rows_read(hall: Hall, actor: Actor, wanted: Wanted) -> int:
    """How many attempts PostgreSQL reads for a page."""
    compiled = listed(actor, wanted).limit(20).compile(dialect=asyncpg.dialect())
    values = [compiled.params[name] for name in compiled.positiontup or ()]
    [[plan]] = await hall.sql(f"EXPLAIN (ANALYZE, FORMAT JSON) {compiled}", *values)
    return sum(
        (node["Actual Rows"] + node.get("Rows Removed by Filter", 0)) * node["Actual Loops"]
        for node in _nodes(_parsed(plan))
        if node.get("Relation Name") == "attempts" or "attempts" in node.get("Index Name", "")
    )


def _parsed(plan: str) -> dict[str, Any]:
    [explained] = msgspec.json.decode(plan)
    found: dict[str, Any] = explained["Plan"]
    return found


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for each in plan.get("Plans", ()):
        yield from _nodes(each)
