"""Practising: again and again, up to the limit."""

from tests.e2e.exams import CAPITAL, PRODUCT, publish, start
from tests.e2e.people import School, eventually


def test_a_student_takes_an_exam_again_up_to_the_limit(school: School) -> None:
    teacher, student = school.staff("instructor"), school.student()
    rules = {"randomize_questions": True, "release_automatically": True}
    audience = {"student_ids": [student.id]}
    exam = publish(teacher, "Two tries", settings=rules, max_attempts=2, audience=audience)

    first = start(student, exam)
    first.answers(PRODUCT, "41")
    assert start(student, exam).id == first.id, "while it is open, starting again goes on with it"
    first.submits()
    second = start(student, exam)
    assert (second.id != first.id, second.attempt["number"]) == (True, 2)
    assert all(question["answer"] is None for question in second.questions)
    second.answers(PRODUCT, "42")
    second.answers(CAPITAL, "OSLO")
    second.submits()
    problem = student.is_refused(409, "POST", "/attempts", {"exam_id": exam})
    assert problem["type"].endswith("/no-attempts-left")
    assert problem["max_attempts"] == 2

    results = eventually(lambda: _released(student.get("/results")["items"], count=2))
    assert {(result["attempt_number"], result["score"]) for result in results} == {(1, "0.00"), (2, "2.00")}

    teacher.put(f"/exams/{exam}/schedule", {"max_attempts": 3, "audience": audience})
    school.everybody_knows()
    assert start(student, exam).attempt["number"] == 3


def _released(results: list[dict[str, object]], count: int) -> list[dict[str, object]]:
    return results if [result["status"] for result in results] == ["released"] * count else []
