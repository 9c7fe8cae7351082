"""Leaving: whoever is logged out is out everywhere, at once."""

import httpx
import pytest

from examhall.places import SERVICES, kept
from tests.e2e.exams import PRODUCT, publish, start
from tests.e2e.people import School

ONE_PATH_OF_EACH = {
    "identity": "/auth/me",
    "exams": "/exams",
    "attempts": "/attempts",
    "proctoring": "/proctoring/students/{student_id}/baseline",
    "grading": "/results",
    "analytics": "/analytics/recent-activity",
}


def test_a_student_who_logs_out_is_refused_at_once_everywhere(school: School) -> None:
    teacher, student = school.staff("instructor"), school.student()
    exam = publish(teacher, "Left early", audience={"student_ids": [student.id]})
    sitting = start(student, exam)
    sitting.answers(PRODUCT, "42")
    for path in ONE_PATH_OF_EACH.values():
        student.get(path.format(student_id=student.id))

    student.log_out()

    for path in ONE_PATH_OF_EACH.values():
        student.is_refused(401, "GET", path.format(student_id=student.id))
    student.is_refused(401, "PUT", *sitting.save(PRODUCT, "43"))
    student.is_refused(401, "POST", f"/attempts/{sitting.id}/heartbeat")
    student.is_refused(401, "POST", f"/attempts/{sitting.id}/submit")
    refresh = {"refresh_token": student.tokens["refresh_token"]}
    assert school.http.post("/api/v1/auth/refresh", json=refresh).status_code == 401


@pytest.mark.parametrize("service", SERVICES)
def test_the_services_themselves_refuse_who_is_logged_out(school: School, service: str) -> None:
    student = school.student()
    path = ONE_PATH_OF_EACH[service].format(student_id=student.id)
    address = f"http://127.0.0.1:{kept(school.folder, 0).ports[f'{service}_http']}/api/v1{path}"
    headers = {"Authorization": f"Bearer {student.tokens['access_token']}"}
    assert httpx.get(address, headers=headers).status_code == 200
    student.log_out()
    assert httpx.get(address, headers=headers).status_code == 401


def test_an_administrator_signs_somebody_out_and_a_new_log_in_goes_on_where_they_were(school: School) -> None:
    teacher, student = school.staff("instructor"), school.student()
    exam = publish(teacher, "Changed seats", audience={"student_ids": [student.id]})
    sitting = start(student, exam)
    sitting.answers(PRODUCT, "42")

    school.admin.post(f"/users/{student.id}/force-logout")
    student.is_refused(401, "PUT", *sitting.save(PRODUCT, "43"))

    again = school.log_in(school.admin.get(f"/users/{student.id}")["registration_number"])
    resumed = start(again, exam)
    assert resumed.id == sitting.id
    kept_answers = {question["text"]: question["answer"] for question in resumed.questions}
    assert kept_answers[PRODUCT]["response"] == {"text": "42"}
