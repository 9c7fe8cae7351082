"""Two centres that share an installation know nothing of each other."""

from dataclasses import dataclass

import pytest

from tests.e2e.exams import ALL_RIGHT, Sitting, publish, start
from tests.e2e.people import Person, School


@dataclass
class Centre:
    """A centre at work: an exam sat and marked."""

    id: str
    head: Person
    teacher: Person
    student: Person
    class_id: str
    exam: str
    sitting: Sitting


@pytest.fixture(scope="module")
def centres(school: School) -> tuple[Centre, Centre]:
    """Two centres, both with an exam that one student has sat."""
    return _at_work(school), _at_work(school)


def _at_work(school: School) -> Centre:
    centre_id = school.centre()
    head, teacher = school.staff("centre_admin", centre_id), school.staff("instructor", centre_id)
    class_id = school.school_class(teacher, centre_id)
    student = school.student(class_id, centre_id)
    exam = publish(teacher, f"Exam of {centre_id}", audience={"class_ids": [class_id]})
    school.everybody_knows()
    sitting = start(student, exam).answer_all(ALL_RIGHT)
    sitting.submits()
    school.everybody_knows()
    return Centre(centre_id, head, teacher, student, class_id, exam, sitting)


def test_a_student_sees_nothing_of_the_other_centre(centres: tuple[Centre, Centre]) -> None:
    here, there = centres
    for path in (
        f"/exams/{there.exam}",
        f"/attempts/{there.sitting.id}",
        f"/attempts/{there.sitting.id}/paper",
        f"/results/{there.sitting.id}",
        f"/students/{there.student.id}",
        f"/analytics/students/{there.student.id}",
        f"/proctoring/students/{there.student.id}/baseline",
        f"/proctoring/attempts/{there.sitting.id}/feed",
        f"/proctoring/attempts/{there.sitting.id}/review",
    ):
        here.student.is_refused(404, "GET", path)
    here.student.is_refused(404, "POST", "/attempts", {"exam_id": there.exam})
    question = there.sitting.questions[0]["id"]
    body = {"revision": 99, "response": None}
    here.student.is_refused(404, "PUT", f"/attempts/{there.sitting.id}/answers/{question}", body)
    for path in ("/exams", "/attempts", "/results", "/analytics/recent-activity"):
        _knows_only(here.student, path, there)


def test_an_instructor_sees_nothing_of_the_other_instructors_exams_and_students(
    centres: tuple[Centre, Centre],
) -> None:
    here, there = centres
    for path in (
        f"/exams/{there.exam}",
        f"/exams/{there.exam}/versions/1",
        f"/exams/{there.exam}/seating",
        f"/attempts/{there.sitting.id}",
        f"/attempts/{there.sitting.id}/answers",
        f"/grading/attempts/{there.sitting.id}",
        f"/grading/exams/{there.exam}/grades",
        f"/grading/exams/{there.exam}/results",
        f"/classes/{there.class_id}",
        f"/students/{there.student.id}",
        f"/analytics/exams/{there.exam}",
        f"/analytics/students/{there.student.id}",
        f"/analytics/classes/{there.class_id}",
        f"/analytics/attempts/{there.sitting.id}/timeline",
        f"/proctoring/exams/{there.exam}/board",
        f"/proctoring/exams/{there.exam}/report",
        f"/proctoring/attempts/{there.sitting.id}",
    ):
        here.teacher.is_refused(404, "GET", path)
    here.teacher.is_refused(404, "POST", f"/grading/exams/{there.exam}/release")
    here.teacher.is_refused(404, "POST", f"/attempts/{there.sitting.id}/extend", {"seconds": 60, "reason": "No"})
    here.teacher.is_refused(404, "POST", f"/attempts/of-exam/{there.exam}/pause", {"reason": "No"})
    for path in ("/exams", "/attempts", "/students", "/classes", "/questions", "/grading/queue"):
        _knows_only(here.teacher, path, there)


def test_a_centres_administrator_sees_nothing_of_the_other_centre(centres: tuple[Centre, Centre]) -> None:
    here, there = centres
    for path in (
        f"/exams/{there.exam}",
        f"/attempts/{there.sitting.id}",
        f"/grading/exams/{there.exam}/grades",
        f"/classes/{there.class_id}",
        f"/centres/{there.id}",
        f"/users/{there.student.id}",
        f"/students/{there.student.id}",
        f"/analytics/exams/{there.exam}",
        f"/analytics/centres/{there.id}",
        f"/proctoring/exams/{there.exam}/board",
        f"/proctoring/attempts/{there.sitting.id}",
    ):
        here.head.is_refused(404, "GET", path)
    here.head.is_refused(404, "POST", f"/users/{there.student.id}/force-logout")
    for path in ("/users", "/students", "/teachers", "/classes", "/centres", "/attempts", "/exams", "/login-attempts"):
        _knows_only(here.head, path, there)


def test_a_centre_sees_its_own(centres: tuple[Centre, Centre]) -> None:
    for centre in centres:
        assert centre.student.get("/results")["items"][0]["attempt_id"] == centre.sitting.id
        assert [exam["id"] for exam in centre.teacher.get("/exams")["items"]] == [centre.exam]
        assert centre.head.get("/attempts")["items"][0]["id"] == centre.sitting.id
        assert centre.head.get(f"/analytics/centres/{centre.id}")["figures"]["submitted"] == 1


def _knows_only(person: Person, path: str, there: Centre) -> None:
    """Nothing of the other centre stands in the list, neither its things nor its people."""
    told = person.ask("GET", path, limit=100)
    assert told.status_code == 200, told.text
    for theirs in (there.id, there.exam, there.sitting.id, there.class_id, there.student.id, there.teacher.id):
        assert theirs not in told.text, f"{path} tells of {theirs}"
