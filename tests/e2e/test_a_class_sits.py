"""A class in one room: an accommodation, a fire alarm, more time, and the end of the time."""

from datetime import UTC, datetime, timedelta
from typing import Any

from tests.e2e.exams import PRODUCT, QUESTIONS, RIVER, Sitting, publish, start
from tests.e2e.people import Person, School, eventually

HOUR = {"duration_seconds": 3600}


def test_a_class_with_an_accommodation_a_fire_alarm_and_more_time(school: School) -> None:
    teacher, proctor = school.staff("instructor"), school.staff("proctor")
    school_class = school.school_class(teacher)
    ada, ben, cem = (school.student(school_class) for _ in range(3))
    school.admin.put(f"/students/{ada.id}/accommodation", {"extra_time_percent": 25, "break_minutes": 10})
    room = {"audience": {"class_ids": [school_class]}, "proctor_ids": [proctor.id]}
    exam = publish(teacher, "Morning exam", settings=HOUR, **room)
    school.everybody_knows()
    class_sits = [start(student, exam) for student in (ada, ben, cem)]
    assert [_minutes(sitting.attempt) for sitting in class_sits] == [75, 60, 60]

    _an_alarm_stops_all_clocks(proctor, exam, class_sits)
    _some_get_more_time(proctor, exam, class_sits)
    _ada_takes_the_break_that_is_hers_alone(class_sits)
    for sitting in class_sits:
        sitting.answers(PRODUCT, "42")
        assert sitting.submits()["answered_count"] == 1


def test_when_the_time_is_up_the_exam_ends_by_itself_and_nothing_is_saved_any_more(school: School) -> None:
    teacher, student = school.staff("instructor"), school.student()
    closes_at = datetime.now(UTC) + timedelta(seconds=6)
    window = {"closes_at": closes_at.isoformat(), "audience": {"student_ids": [student.id]}}
    exam = publish(teacher, "Short window", QUESTIONS[4], settings=HOUR, **window)
    sitting = start(student, exam)
    assert _moment(sitting.attempt, "deadline_at") == closes_at
    sitting.answers(PRODUCT, "41")

    ended = eventually(lambda: _submitted(student.get(f"/attempts/{sitting.id}")))
    assert (ended["submit_reason"], ended["answered_count"]) == ("deadline", 1)
    assert timedelta() < _moment(ended, "submitted_at") - closes_at < timedelta(seconds=2)
    student.is_refused(409, "PUT", *sitting.save(PRODUCT, "42"))
    assert sitting.submits()["submitted_at"] == ended["submitted_at"]
    stored = teacher.get(f"/attempts/{sitting.id}/answers")["answers"]
    assert [answer["response"] for answer in stored] == [{"text": "41"}]


def _an_alarm_stops_all_clocks(proctor: Person, exam: str, sittings: list[Sitting]) -> None:
    assert proctor.post(f"/attempts/of-exam/{exam}/pause", {"reason": "Fire alarm"}) == {"attempts": 3}
    paused = [_now(sitting) for sitting in sittings]
    for sitting in sittings:
        problem = sitting.student.is_refused(409, "PUT", *sitting.save(RIVER, "The Danube"))
        assert problem["type"].endswith("/attempt-paused")
        sitting.student.is_refused(409, "GET", f"/attempts/{sitting.id}/paper")
        sitting.student.is_refused(403, "POST", f"/attempts/{sitting.id}/resume")
    assert [_now(sitting)["seconds_left"] for sitting in sittings] == [each["seconds_left"] for each in paused]
    assert proctor.post(f"/attempts/of-exam/{exam}/resume") == {"attempts": 3}
    assert all(_moved(before, _now(sitting)) > timedelta() for before, sitting in zip(paused, sittings, strict=True))


def _some_get_more_time(proctor: Person, exam: str, sittings: list[Sitting]) -> None:
    before = [_now(sitting) for sitting in sittings]
    more = {"seconds": 300, "reason": "The alarm took time"}
    assert proctor.post(f"/attempts/of-exam/{exam}/extend", more) == {"attempts": 3}
    proctor.post(f"/attempts/{sittings[1].id}/extend", {"seconds": 600, "reason": "A broken keyboard"})
    moved = [_moved(old, _now(sitting)).total_seconds() for old, sitting in zip(before, sittings, strict=True)]
    assert moved == [300, 900, 300]


def _ada_takes_the_break_that_is_hers_alone(sittings: list[Sitting]) -> None:
    hers, his, _ = sittings
    assert hers.student.post(f"/attempts/{hers.id}/break")["status"] == "paused"
    his.student.is_refused(409, "POST", f"/attempts/{his.id}/break")
    assert hers.student.delete(f"/attempts/{hers.id}/break")["status"] == "in_progress"


def _now(sitting: Sitting) -> dict[str, Any]:
    attempt: dict[str, Any] = sitting.student.get(f"/attempts/{sitting.id}")
    return attempt


def _submitted(attempt: dict[str, Any]) -> dict[str, Any] | None:
    return attempt if attempt["status"] == "submitted" else None


def _moment(attempt: dict[str, Any], name: str) -> datetime:
    return datetime.fromisoformat(attempt[name])


def _minutes(attempt: dict[str, Any]) -> float:
    return (_moment(attempt, "deadline_at") - _moment(attempt, "started_at")).total_seconds() / 60


def _moved(before: dict[str, Any], after: dict[str, Any]) -> timedelta:
    return _moment(after, "deadline_at") - _moment(before, "deadline_at")
