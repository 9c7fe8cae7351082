"""An attempt that was declared invalid counts in no figure until that is undone."""

from typing import Any

from proto.examhall.grading.v1.events_pb2 import GradeInvalidated, GradeReinstated, GradeReleased
from services.analytics.tests.builders import AnAttempt, School

RIGHT, WRONG = {"q1": "1", "q2": "1"}, {"q1": "0", "q2": "0"}
GRADES = "grading.grades.v1"


async def judge(school: School, attempt: AnAttempt, kind: type[Any], revision: int, **values: Any) -> None:
    grade = attempt.grade(RIGHT, revision=revision, **values)
    grade.is_invalidated = kind is GradeInvalidated
    await school.tell(GRADES, attempt.attempt_id, kind(grade=grade))


async def test_it_leaves_figures_questions_and_results_and_is_back_when_that_is_undone(school: School) -> None:
    exam = await school.exam()
    await school.graded(exam, WRONG)
    caught = await school.graded(exam, RIGHT)
    reader = school.instructor(exam)
    before = await school.get(reader, f"exams/{exam.exam_id}")
    assert before["figures"]["average_percentage"] == "50.00"

    await judge(school, caught, GradeInvalidated, 2)
    report = await school.get(reader, f"exams/{exam.exam_id}")
    counted = ("started", "submitted", "invalidated", "marked", "passed", "average_percentage")
    assert [report["figures"][name] for name in counted] == [2, 2, 1, 1, 0, "0.00"]
    assert (report["scores"]["count"], [one["attempts"] for one in report["questions"]]) == (1, [1, 1])
    assert sum(one["count"] for one in report["distribution"]) == 1

    await judge(school, caught, GradeReinstated, 3)
    assert await school.get(reader, f"exams/{exam.exam_id}") == before


async def test_its_student_sees_neither_the_result_nor_that_there_was_a_release(school: School) -> None:
    student_id = await school.person("student")
    exam = await school.exam()
    attempt = await school.graded(exam, RIGHT, student_id=student_id, is_released=True)
    student = school.service.as_("student", student_id)
    before = await school.get(student, f"students/{student_id}")
    assert before["figures"]["marked"] == 1
    await judge(school, attempt, GradeInvalidated, 2, is_released=True)
    report = await school.get(student, f"students/{student_id}")
    assert (report["figures"]["marked"], report["figures"]["average_percentage"]) == (0, None)
    assert "grade_released" not in await kinds(school, student)
    await judge(school, attempt, GradeReinstated, 3, is_released=True)
    assert await school.get(student, f"students/{student_id}") == before
    assert "grade_released" in await kinds(school, student)


async def test_a_release_of_an_invalidated_grade_is_no_news(school: School) -> None:
    exam = await school.exam()
    attempt = await school.graded(exam, RIGHT)
    grade = attempt.grade(RIGHT, revision=2, is_released=True)
    grade.is_invalidated = True
    await school.tell(GRADES, attempt.attempt_id, GradeReleased(grade=grade))
    assert "grade_released" not in await kinds(school, school.instructor(exam))
    await judge(school, attempt, GradeReinstated, 3, is_released=True)
    assert (await kinds(school, school.instructor(exam))).count("grade_released") == 1


async def test_the_course_of_the_attempt_tells_of_both(school: School) -> None:
    exam = await school.exam()
    attempt = await school.graded(exam, RIGHT)
    await judge(school, attempt, GradeInvalidated, 2)
    await judge(school, attempt, GradeReinstated, 3)
    timeline = await school.get(school.instructor(exam), f"attempts/{attempt.attempt_id}/timeline")
    assert [one["kind"] for one in timeline["items"]][-3:] == ["marked", "invalidated", "reinstated"]


async def kinds(school: School, client: Any) -> list[str]:
    return [one["kind"] for one in (await school.get(client, "recent-activity"))["items"]]
