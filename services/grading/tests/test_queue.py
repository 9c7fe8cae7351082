"""The queue of answers that wait for a human."""

import sqlalchemy as sa

from chassis.actors import Actor
from chassis.ids import new_id
from chassis.paging import PageRequest
from chassis.testing import eventually
from services.grading.queue import QueueFilter, waiting_answers
from services.grading.tests.builders import RUBRIC, SAMPLE, AnExam, Office, chose, typed

MANY_GRADES = """
INSERT INTO grades SELECT (jsonb_populate_record(grades, jsonb_build_object('attempt_id', copies.id))).*
FROM grades, (SELECT gen_random_uuid() AS id FROM generate_series(1, $2)) AS copies WHERE attempt_id = $1
"""
THEIR_MARKS = """
INSERT INTO question_marks SELECT (jsonb_populate_record(question_marks, jsonb_build_object('attempt_id', copies.attempt_id))).*
FROM question_marks JOIN grades USING (attempt_id) JOIN grades AS copies USING (status)
WHERE copies.attempt_id NOT IN (SELECT attempt_id FROM question_marks)
"""
ROWS_READ = """
SELECT sum(seq_tup_read + idx_tup_fetch)::int FROM pg_stat_xact_user_tables WHERE relname IN ('grades', 'question_marks')
"""


async def test_an_item_has_all_that_is_needed_to_mark_it(office: Office) -> None:
    exam = await office.knows(AnExam())
    attempt = await office.marked(exam, class_id=new_id(), answers={"choice": chose("a"), "essay": typed("Since …")})
    await office.knows_person(attempt.student_id, "Ada Okafor")
    client = office.instructor(exam)

    async def has_name() -> bool:
        return bool((await client.get("/api/v1/grading/queue")).json()["items"][0]["student_name"])

    await eventually(has_name)
    page = (await client.get("/api/v1/grading/queue")).json()
    assert page["total"] == 1
    assert page["items"] == [
        {
            "attempt_id": str(attempt.attempt_id), "revision": 1, "exam_id": str(exam.exam_id), "exam_title": exam.title,
            "student_id": str(attempt.student_id), "student_name": "Ada Okafor", "class_id": str(attempt.class_id), "attempt_number": 1,
            "submitted_at": "2026-03-02T10:30:00Z", "question_id": "essay", "question_text": "Question essay",
            "response": {"text": "Since …"}, "max_points": "6.00", "rubric": RUBRIC, "sample_answer": SAMPLE,
            "descriptive_count": 1, "waiting_count": 1, "automatic_score": "2.00", "pending_points": "6.00",
        }
    ]  # fmt: skip


async def test_the_queue_is_narrowed_by_exam_class_and_student_and_empties_as_marks_fall(office: Office) -> None:
    instructor_id = new_id()
    first, second = [await office.knows(AnExam(instructor_id=instructor_id)) for _ in range(2)]
    here = await office.marked(first, class_id=new_id())
    there = await office.marked(second, class_id=new_id())
    client = office.instructor(first)

    async def waiting(**narrowed: object) -> set[str]:
        page = await client.get("/api/v1/grading/queue", params={name: str(value) for name, value in narrowed.items()})
        return {item["attempt_id"] for item in page.json()["items"]}

    assert await waiting() == {str(here.attempt_id), str(there.attempt_id)}
    assert await waiting(exam_id=first.exam_id) == {str(here.attempt_id)}
    assert await waiting(class_id=there.class_id) == {str(there.attempt_id)}
    assert await waiting(student_id=here.student_id) == {str(here.attempt_id)}
    assert await waiting(student_id=here.student_id, exam_id=second.exam_id) == set()
    await office.give(first, here, "3")
    assert await waiting() == {str(there.attempt_id)}


async def test_the_queue_comes_in_pages(office: Office) -> None:
    exam = await office.knows(AnExam())
    attempts = [await office.marked(exam) for _ in range(3)]
    pages = [
        (await office.instructor(exam).get("/api/v1/grading/queue", params={"page": page, "limit": 2})).json()
        for page in (1, 2)
    ]
    assert [(len(page["items"]), page["total"], page["pages"]) for page in pages] == [(2, 3, 2), (1, 3, 2)]
    listed = [item["attempt_id"] for page in pages for item in page["items"]]
    assert listed == sorted(str(attempt.attempt_id) for attempt in attempts)


async def test_the_queue_of_all_is_found_without_reading_what_is_marked(office: Office) -> None:
    exam = await office.knows(AnExam())
    waiting = await office.marked(exam)
    marked = await office.marked(exam)
    await office.give(exam, marked, "3")
    pool = office.service.database.pool
    await pool.execute(MANY_GRADES, waiting.attempt_id, 999)
    await pool.execute(MANY_GRADES, marked.attempt_id, 8000)
    await pool.execute(THEIR_MARKS)
    for table in ("grades", "question_marks"):
        await pool.execute(f"VACUUM ANALYZE {table}")
    async with office.service.database.session() as tx:
        actor = Actor(new_id(), "admin", new_id())
        answers, total = await waiting_answers(tx, actor, QueueFilter(), PageRequest(1, 20))
        assert (len(answers), total) == (20, 1000)
        assert await tx.scalar(sa.text(ROWS_READ)) < 6000
