"""Lists are found without reading what others have."""

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.actors import Actor
from chassis.ids import new_id
from chassis.paging import PageRequest
from services.exams.finding import ExamFilter, find_shown
from services.exams.questions import QuestionFilter, find_questions
from services.exams.tests.builders import Office

QUESTIONS = """
INSERT INTO questions (id, revision, owner_id, content, created_at)
SELECT gen_random_uuid(), 1, owners.id, content, created_at
FROM (SELECT gen_random_uuid() AS id FROM generate_series(1, 10)) owners, questions, generate_series(1, 1000)
"""
EXAMS = """
INSERT INTO exams SELECT (jsonb_populate_record(exams, jsonb_build_object('id', gen_random_uuid(), 'audience_keys', ARRAY['class:' || n]))).*
FROM exams, generate_series(1, 2000) n
"""
VERSIONS = """
INSERT INTO exam_versions SELECT (jsonb_populate_record(exam_versions, jsonb_build_object('exam_id', exams.id))).*
FROM exam_versions, exams WHERE exams.id <> exam_versions.exam_id
"""
PEOPLE = """
INSERT INTO people (id, version, role, centre_id, audience_keys, is_deleted)
SELECT gen_random_uuid(), 1, 'student', $1, ARRAY['class:' || n], false FROM generate_series(1, 100) n
"""


async def _read(tx: AsyncSession, table: str) -> int:
    """How many rows of a table this transaction has read, and looks into an index of it."""
    query = "SELECT seq_tup_read + idx_tup_fetch + idx_scan FROM pg_stat_xact_user_tables WHERE relname = :table"
    return int((await tx.execute(sa.text(query), {"table": table})).scalar_one())


async def _fill(office: Office, *statements: str) -> None:
    for statement in statements:
        await office.service.database.pool.execute(statement)


async def test_few_questions_of_ones_own_are_not_looked_for_among_those_of_all(office: Office) -> None:
    await office.published()
    await _fill(office, QUESTIONS, "VACUUM ANALYZE questions")
    async with office.service.database.session() as tx:
        actor = Actor(new_id(), "instructor", new_id())
        assert await find_questions(tx, actor, QuestionFilter(), PageRequest(1, 20)) == ([], 0)
        assert await _read(tx, "questions") < 100


async def test_exams_that_reach_a_centre_are_not_asked_one_by_one_for_its_students(office: Office) -> None:
    await office.published(schedule={"audience": {"class_ids": [str(new_id())]}})
    centre_id = new_id()
    await office.service.database.pool.execute(PEOPLE, centre_id)
    await _fill(office, EXAMS, VERSIONS, *(f"VACUUM ANALYZE {table}" for table in ("exams", "exam_versions", "people")))
    async with office.service.database.session() as tx:
        actor = Actor(new_id(), "centre_admin", new_id(), centre_id)
        exams, total = await find_shown(tx, actor, ExamFilter(), PageRequest(1, 20))
        assert (len(exams), total) == (20, 100)
        assert await _read(tx, "people") < 1000
