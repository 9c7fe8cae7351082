"""Dashboards: whose figures they are made of, and that students see released results alone."""

from datetime import timedelta
from typing import Any

import sqlalchemy as sa

from chassis.ids import new_id
from proto.examhall.grading.v1.events_pb2 import GradeHidden, GradeReleased
from services.analytics.figures import figures_of
from services.analytics.rights import Scope
from services.analytics.snapshot import in_one_snapshot
from services.analytics.tests.builders import NINE, AnAttempt, AnExam, School

FULL, HALF, NONE = {"q1": "1", "q2": "1"}, {"q1": "1", "q2": "0"}, {"q1": "0", "q2": "0"}


def brief(figures: dict[str, Any]) -> tuple[int, int, int, str | None]:
    """What most tests look at."""
    return figures["started"], figures["marked"], figures["passed"], figures["average_percentage"]


async def test_a_student_sees_released_results_alone(school: School) -> None:
    student_id = await school.person("student", "Ada")
    exam, later = await school.exam(), await school.exam(title="Optics", subject="Optics")
    await school.graded(exam, HALF, student_id=student_id, is_released=True)
    hidden = await school.graded(later, NONE, student_id=student_id, is_released=False)
    report = await school.get(school.service.as_("student", student_id), f"students/{student_id}")
    assert brief(report["figures"]) == (2, 1, 1, "50.00")
    assert report["figures"]["waiting"] == 0
    assert [result["title"] for result in report["recent_results"]] == ["Circuits I"]
    assert [result["title"] for result in report["trend"]] == ["Circuits I"]
    assert [(row["subject"], row["figures"]["marked"]) for row in report["by_subject"]] == [
        ("Optics", 0),
        ("Physics", 1),
    ]
    assert str(hidden.attempt_id) not in str(report["recent_results"])


async def test_a_result_that_is_hidden_again_is_gone_for_the_student(school: School) -> None:
    exam = await school.exam()
    attempt = await school.graded(exam, FULL, is_released=True)
    student = school.service.as_("student", attempt.student_id)
    assert (await school.get(student, f"students/{attempt.student_id}"))["recent_results"]
    hidden = GradeHidden(grade=attempt.grade(FULL, revision=2))
    await school.tell("grading.grades.v1", attempt.attempt_id, hidden)
    report = await school.get(student, f"students/{attempt.student_id}")
    assert (report["recent_results"], report["figures"]["average_percentage"]) == ([], None)


async def test_a_late_release_does_not_bring_back_what_was_hidden_after_it(school: School) -> None:
    attempt = await school.graded(await school.exam(), FULL)
    hidden = GradeHidden(grade=attempt.grade(FULL, revision=3))
    released = GradeReleased(grade=attempt.grade(FULL, revision=2, is_released=True))
    await school.tell("grading.grades.v1", attempt.attempt_id, hidden)
    await school.tell("grading.grades.v1", attempt.attempt_id, released)
    student = school.service.as_("student", attempt.student_id)
    assert (await school.get(student, f"students/{attempt.student_id}"))["recent_results"] == []


async def test_a_student_who_is_not_known_yet_has_an_empty_report(school: School) -> None:
    student_id = new_id()
    report = await school.get(school.service.as_("student", student_id), f"students/{student_id}")
    assert report["student"] == {"id": str(student_id), "name": None, "registration_number": None}
    assert brief(report["figures"]) == (0, 0, 0, None)


async def test_the_trend_runs_from_old_to_new(school: School) -> None:
    student_id, exam = await school.person("student"), await school.exam()
    for day, points in enumerate((NONE, HALF, FULL)):
        await school.graded(
            exam, points, student_id=student_id, started_at=NINE + timedelta(days=day), is_released=True
        )
    report = await school.get(school.service.as_("student", student_id), f"students/{student_id}")
    assert [result["percentage"] for result in report["trend"]] == ["0.00", "50.00", "100.00"]
    assert [result["percentage"] for result in report["recent_results"]] == ["100.00", "50.00", "0.00"]


async def test_an_instructor_sees_of_a_student_what_happened_at_own_exams(school: School) -> None:
    own, foreign = await school.exam(), await school.exam()
    student_id = await school.person("student")
    await school.graded(own, FULL, student_id=student_id)
    await school.graded(foreign, NONE, student_id=student_id, is_released=True)
    report = await school.get(school.instructor(own), f"students/{student_id}")
    assert brief(report["figures"]) == (1, 1, 1, "100.00")


async def test_an_instructors_dashboard_tells_exams_classes_students_and_what_waits(school: School) -> None:
    instructor_id = await school.person("instructor", "Blaise")
    class_id = await school.school_class(instructor_id)
    student_id = await school.person("student", class_id=class_id)
    exam = await school.exam(instructor_id=instructor_id)
    await school.exam(instructor_id=instructor_id, closes_at=NINE, published_at=NINE - timedelta(days=1))
    await school.exam()
    await school.graded(exam, {"q1": "1", "q2": None}, student_id=student_id, class_id=class_id)
    await school.graded(exam, HALF)
    report = await school.get(school.instructor(exam), f"instructors/{instructor_id}")
    assert report["instructor"]["name"] == "Blaise"
    assert [report[name] for name in ("exams", "active_exams", "classes", "students")] == [2, 1, 1, 1]
    assert (report["figures"]["waiting"], report["figures"]["average_percentage"]) == (1, "50.00")
    newest = report["by_exam"][0]
    assert (newest["exam"]["id"], newest["figures"]["started"]) == (str(exam.exam_id), 2)
    assert len(report["by_exam"]) == 2
    assert {one["student"]["id"] for one in report["recent_attempts"]} >= {str(student_id)}


async def test_a_class_is_told_by_student_subject_and_exam(school: School) -> None:
    instructor_id = new_id()
    class_id = await school.school_class(instructor_id)
    own, foreign = await school.exam(instructor_id=instructor_id), await school.exam(subject="Art")
    good, better = [await school.person("student", name, class_id=class_id) for name in ("Ada", "Čeda")]
    await school.graded(own, HALF, student_id=good, class_id=class_id)
    await school.graded(own, FULL, student_id=better, class_id=class_id)
    await school.graded(foreign, NONE, student_id=better, class_id=class_id)
    teacher = await school.get(school.instructor(own), f"classes/{class_id}")
    assert teacher["students"] == 2
    assert brief(teacher["figures"]) == (2, 2, 2, "75.00")
    assert [row["person"]["name"] for row in teacher["by_student"]] == ["Čeda", "Ada"]
    assert [row["subject"] for row in teacher["by_subject"]] == ["Physics"]
    assert [row["exam"]["id"] for row in teacher["by_exam"]] == [str(own.exam_id)]
    admin = await school.get(school.admin, f"classes/{class_id}")
    assert brief(admin["figures"]) == (3, 3, 2, "50.00")
    assert [row["subject"] for row in admin["by_subject"]] == ["Art", "Physics"]


async def test_a_centre_is_told_by_people_class_and_exam_and_without_other_centres(school: School) -> None:
    here, there = await school.centre("North"), await school.centre("South")
    class_id = await school.school_class(centre_id=here)
    exam = await school.exam()
    await school.person("student", centre_id=here, class_id=class_id)
    await school.person("proctor", centre_id=here)
    await school.person("student", centre_id=there)
    await school.graded(exam, FULL, centre_id=here, class_id=class_id)
    await school.graded(exam, NONE, centre_id=there)
    await school.graded(await school.exam(), NONE, centre_id=there)
    report = await school.get(school.service.as_("centre_admin", centre_id=here), f"centres/{here}")
    assert report["centre"]["name"] == "North"
    assert report["people"] == {"proctor": 1, "student": 1}
    assert report["classes"] == 1
    assert brief(report["figures"]) == (1, 1, 1, "100.00")
    assert [row["figures"]["started"] for row in report["by_class"]] == [1]
    assert [(row["exam"]["id"], row["figures"]["started"]) for row in report["by_exam"]] == [(str(exam.exam_id), 1)]


async def test_the_installation_is_told_by_roles_exams_best_students_and_instructors(school: School) -> None:
    instructor_id = await school.person("instructor", "Blaise")
    ada, bea = await school.person("student", "Ada"), await school.person("student", "Bea")
    exam = await school.exam(instructor_id=instructor_id)
    await school.exam(status="archived")
    await school.graded(exam, HALF, student_id=ada)
    await school.graded(exam, FULL, student_id=bea)
    await school.started(exam)
    report = await school.get(school.admin, "admin")
    assert report["users"] == {"instructor": 1, "student": 2}
    assert (report["exams"], report["active_exams"]) == (2, 1)
    assert brief(report["figures"]) == (3, 2, 2, "75.00")
    assert report["figures"]["completion_rate"] == "66.67"
    assert [row["person"]["name"] for row in report["top_students"]] == ["Bea", "Ada"]
    assert [(row["person"]["name"], row["figures"]["started"]) for row in report["by_instructor"]] == [("Blaise", 3)]
    assert report["recent_activity"][0]["kind"] == "attempt_started"
    assert len(report["recent_activity"]) == 10


async def test_one_answer_shows_one_state_whatever_is_taken_in_meanwhile(school: School) -> None:
    exam = await school.exam()
    await school.started(exam)
    everything = Scope(sa.true(), sa.true())
    async with school.service.database.session() as tx:
        await in_one_snapshot(tx)
        before = await figures_of(tx, everything)
        await school.started(exam)
        assert await figures_of(tx, everything) == before
    async with school.service.database.session() as tx:
        assert (await figures_of(tx, everything)).started == 2


async def test_a_grade_counts_before_anything_is_known_of_its_exam_or_student(school: School) -> None:
    attempt = AnAttempt(AnExam())
    released = GradeReleased(grade=attempt.grade(FULL, is_released=True))
    await school.tell("grading.grades.v1", attempt.attempt_id, released)
    report = await school.get(school.admin, "admin")
    assert brief(report["figures"]) == (0, 1, 1, "100.00")
    assert report["top_students"][0]["person"] == {
        "id": str(attempt.student_id),
        "name": None,
        "registration_number": None,
    }
