"""One student's way: signing up, sitting an exam, being marked, seeing the result."""

import csv
import io
from typing import Any

import openpyxl

from tests.e2e.exams import ALL_RIGHT, ESSAY, RIVER, Sitting, publish, start
from tests.e2e.people import PASSWORD, Person, School, eventually

NOTHING_RELEASED = {"status": "received", "score": None, "max_score": None, "percentage": None, "has_passed": None}


def test_a_student_goes_from_sign_up_to_a_released_grade(school: School) -> None:
    otto = school.staff("instructor")
    school_class = school.school_class(otto)
    lena = _lena_signs_up(school)
    school.admin.post(f"/classes/{school_class}/students", {"student_ids": [lena.id]})

    rules = {"show_answers_after_submit": True, "passing_percentage": "50"}
    exam = publish(otto, "Rivers and bridges", settings=rules, audience={"class_ids": [school_class]})
    eventually(lambda: [shown for shown in lena.get("/exams")["items"] if shown["id"] == exam])

    sitting = start(lena, exam).answer_all({**ALL_RIGHT, RIVER: "The Rhine", ESSAY: "The wind pushes them."})
    sitting.answers(RIVER, "The Danube")
    sitting.submits()
    received = eventually(lambda: lena.get("/results")["items"])
    assert received == [received[0] | NOTHING_RELEASED | {"attempt_id": sitting.id, "exam_title": "Rivers and bridges"}]

    _otto_marks_the_essay(otto, exam, sitting)
    assert lena.get(f"/results/{sitting.id}")["score"] is None
    assert otto.post(f"/grading/exams/{exam}/finalize") == {"count": 1}
    assert otto.post(f"/grading/exams/{exam}/release") == {"count": 1}

    _lena_reads_her_result(lena, sitting)
    _otto_takes_the_results_home(otto, exam, lena)


def _lena_signs_up(school: School) -> Person:
    form = {"name": "Lena Marquardt", "email": "lena@school.example", "password": PASSWORD}
    reply = school.http.post("/api/v1/auth/register", json={**form, "specialization_id": school.specialization})
    assert reply.status_code == 201, reply.text
    assert reply.json()["role"] == "student"
    return school.log_in("Lena@School.example")


def _otto_marks_the_essay(otto: Person, exam: str, sitting: Sitting) -> None:
    queue = eventually(lambda: otto.get("/grading/queue", exam_id=exam)["items"])
    assert [(item["attempt_id"], item["question_text"], item["response"]) for item in queue] == [
        (sitting.id, ESSAY, {"text": "The wind pushes them."})
    ]
    assert queue[0]["rubric"] == "One point for each good reason."
    assert queue[0]["automatic_score"] == "7.00"
    problem = otto.is_refused(409, "POST", f"/grading/exams/{exam}/finalize")
    assert problem["type"].endswith("/not-all-marked")
    mark = {"question_id": queue[0]["question_id"], "points": "1.5", "feedback": "And what of resonance?"}
    grade = otto.post(f"/grading/attempts/{sitting.id}/marks", {"marks": [mark]})
    assert (grade["status"], grade["score"], grade["is_released"]) == ("marked", "8.50", False)


def _lena_reads_her_result(lena: Person, sitting: Sitting) -> None:
    result = lena.get(f"/results/{sitting.id}")
    summary = {name: result[name] for name in NOTHING_RELEASED}
    assert summary == {
        "status": "released",
        "score": "8.50",
        "max_score": "10.00",
        "percentage": "85.00",
        "has_passed": True,
    }
    by_text: dict[str, Any] = {question["text"]: question for question in result["questions"]}
    river, essay = by_text[RIVER], by_text[ESSAY]
    options = {option["id"]: option["text"] for option in river["options"]}
    assert options[river["right_answer"]["option_id"]] == "The Danube"
    assert (river["outcome"], river["points_awarded"]) == ("correct", "2.00")
    assert river["explanation"] == "It does since ever."
    assert (essay["points_awarded"], essay["feedback"]) == ("1.50", "And what of resonance?")


def _otto_takes_the_results_home(otto: Person, exam: str, lena: Person) -> None:
    text = otto.download(f"/grading/exams/{exam}/results", format="csv").decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [(row["student"], row["score"], row["has_passed"]) for row in rows] == [("Lena Marquardt", "8.50", "yes")]
    workbook = openpyxl.load_workbook(io.BytesIO(otto.download(f"/grading/exams/{exam}/results", format="xlsx")))
    header, *lines = workbook.worksheets[0].iter_rows(values_only=True)
    assert [dict(zip(header, line, strict=True))["student_id"] for line in lines] == [lena.id]
