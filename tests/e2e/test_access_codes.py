"""An exam behind a code: guessing ends soon, and harms nobody else."""

from tests.e2e.exams import publish, start
from tests.e2e.people import School


def test_who_guesses_the_access_code_is_stopped_and_the_others_are_not(school: School) -> None:
    teacher = school.staff("instructor")
    school_class = school.school_class(teacher)
    guesser, honest = school.student(school_class), school.student(school_class)
    exam = publish(teacher, "Behind a code", access_code="PELICAN-7", audience={"class_ids": [school_class]})
    school.everybody_knows()

    shown = guesser.get(f"/exams/{exam}")
    assert shown["needs_access_code"]
    assert "PELICAN" not in str(shown)
    for guess in ["", *(f"PELICAN-{number}" for number in (0, 1, 2, 3, 4, 5, 6, 8, 9))]:
        problem = guesser.is_refused(403, "POST", "/attempts", {"exam_id": exam, "access_code": guess})
        assert problem["type"].endswith("/wrong-access-code")
    guesser.is_refused(429, "POST", "/attempts", {"exam_id": exam, "access_code": "PELICAN-7"})

    assert start(honest, exam, "pelican-7").attempt["status"] == "in_progress"
    assert guesser.get("/attempts", exam_id=exam)["total"] == 0


def test_a_code_that_the_teacher_changes_holds_at_once_and_the_old_one_does_not(school: School) -> None:
    teacher, student = school.staff("instructor"), school.student()
    audience = {"student_ids": [student.id]}
    exam = publish(teacher, "A new code", access_code="OLD-CODE", audience=audience)
    schedule = teacher.put(f"/exams/{exam}/schedule", {"generate_access_code": True, "audience": audience})["schedule"]
    school.everybody_knows()
    student.is_refused(403, "POST", "/attempts", {"exam_id": exam, "access_code": "OLD-CODE"})
    assert start(student, exam, schedule["access_code"]).attempt["number"] == 1
