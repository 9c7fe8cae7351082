"""An exam that is watched: from the notice before the start to the board, alerts, the limit, reviews, and who sees none of it."""

from datetime import datetime
from typing import Any

import pytest

from tests.e2e.exams import ALL_RIGHT, QUESTIONS, RIVER, SUN, Sitting, publish, start
from tests.e2e.people import Person, School, eventually
from tests.e2e.watching import PROCTORED, batch, monitor, seat, send, signals_of

OBJECTIVE = QUESTIONS[:5]


class Room:
    """A teacher, the proctor that the exam names, and the class."""

    def __init__(self, school: School, students: int = 1, **settings: Any) -> None:
        self.school = school
        self.teacher, self.proctor = school.staff("instructor"), school.staff("proctor")
        school_class = school.school_class(self.teacher)
        self.students = [school.student(school_class) for _ in range(students)]
        watched = {**PROCTORED, **settings}
        people = {"audience": {"class_ids": [school_class]}, "proctor_ids": [self.proctor.id]}
        self.exam = publish(self.teacher, "A watched exam", *OBJECTIVE, settings=watched, **people)
        school.everybody_knows()

    def begins(self, student: Person) -> Sitting:
        """A student starts, and proctoring knows."""
        sitting = start(student, self.exam)
        eventually(lambda: [row for row in self.board()["attempts"] if row["attempt_id"] == sitting.id])
        return sitting

    def board(self) -> dict[str, Any]:
        """The board as the proctor reads it."""
        board: dict[str, Any] = self.proctor.get(f"/proctoring/exams/{self.exam}/board")
        return board

    def row(self, sitting: Sitting) -> dict[str, Any]:
        """An attempt's row on the board."""
        (row,) = [row for row in self.board()["attempts"] if row["attempt_id"] == sitting.id]
        return row


@pytest.fixture(scope="module")
def quiet(school: School) -> Room:
    """A room in which nobody is stopped."""
    return Room(school, students=4, violation_limit=0)


def test_a_student_reads_what_is_collected_sits_and_is_seen_on_the_board(school: School, quiet: Room) -> None:
    student = quiet.students[0]
    notice = student.get(f"/proctoring/notice/{quiet.exam}")
    kinds = {collected["kind"] for collected in notice["collected"]}
    assert (notice["is_proctored"], notice["uses_camera"]) == (True, False)
    assert "tab_switch" in kinds
    assert not kinds & {"face_absent", "multiple_faces", "camera_blocked"}
    assert any("which keys you press" in text for text in notice["never_collected"])

    with monitor(quiet.proctor, quiet.exam) as told:
        sitting = start(student, quiet.exam)
        assert told.hears("attempt_started", attempt_id=sitting.id)["student_name"] == student.name
        send(sitting, "question_shown", position=2)
        sitting.answers(SUN, True)
        seen = eventually(lambda: _at(quiet.row(sitting), position=2, answered_count=1))
        assert (seen["status"], seen["level"], seen["question_count"], seen["progress"]) == (
            "in_progress",
            "low",
            5,
            20,
        )
        assert (seen["is_proctored"], seen["violations"]) == (True, 0)
        status = told.hears("quiz_status")
        assert [each["attempt_id"] for each in status["students"]] == [sitting.id]
        sitting.submits()
        told.hears("attempt_submitted", attempt_id=sitting.id, submit_reason="student")
        assert told.numbers == list(range(1, len(told.numbers) + 1))
    over = eventually(lambda: _at(quiet.row(sitting), status="submitted"))
    assert over["submit_reason"] == "student"
    assert quiet.board()["cursor"] >= max(told.numbers)
    integrity = eventually(lambda: quiet.teacher.get(f"/grading/attempts/{sitting.id}")["integrity"])
    assert integrity == {"score": "100.00", "level": "low"}
    assert "integrity" not in str(student.get(f"/results/{sitting.id}"))


def test_a_distracted_student_is_told_of_at_once_looked_at_and_let_be(quiet: Room) -> None:
    sitting = quiet.begins(quiet.students[1])
    with monitor(quiet.proctor, quiet.exam) as told, seat(sitting) as at_the_desk:
        at_the_desk.says(type="signals", **batch("tab_switch", "tab_switch", "tab_switch"))
        assert at_the_desk.hears("signals_taken")["accepted"] == 3
        alert = told.hears("alert")["alert"]
        assert (alert["attempt_id"], alert["kind"], alert["severity"]) == (sitting.id, "tab_switch", "medium")
        assert (alert["status"], alert["count"], len(alert["evidence"])) == ("open", 3, 3)
        told.hears("violation", attempt_id=sitting.id)
        at_the_desk.hears("violation")

        path = f"/proctoring/alerts/{alert['alert_id']}"
        taken_up = quiet.proctor.post(f"{path}/acknowledge")
        assert (taken_up["status"], taken_up["settled_by"]) == ("acknowledged", quiet.proctor.id)
        quiet.proctor.is_refused(422, "POST", f"{path}/resolve", {})
        settled = quiet.proctor.post(f"{path}/resolve", {"reason": "Looked for a pen."})
        assert (settled["status"], settled["reason"]) == ("resolved", "Looked for a pen.")

    with monitor(quiet.proctor, quiet.exam, after=told.numbers[-1]) as again:
        quiet.proctor.post(f"/proctoring/attempts/{sitting.id}/message", {"text": "Ten minutes left."})
        sitting.submits()
        again.hears("attempt_submitted", attempt_id=sitting.id)
        assert again.numbers[0] == told.numbers[-1] + 1
    listed = quiet.proctor.get(f"/proctoring/exams/{quiet.exam}/alerts", status="resolved")
    assert [each["alert_id"] for each in listed["items"]] == [alert["alert_id"]]
    signals = quiet.proctor.get(f"/proctoring/attempts/{sitting.id}/signals", kind="tab_switch")
    assert {each["reference"] for each in signals["items"]} == {each["reference"] for each in alert["evidence"]}
    feed = sitting.student.get(f"/proctoring/attempts/{sitting.id}/feed")
    assert [entry["type"] for entry in feed["entries"]] == ["violation", "message", "submitted"]


def test_at_the_third_violation_the_attempt_is_submitted_and_the_student_is_told_why(school: School) -> None:
    room = Room(school)
    sitting = room.begins(room.students[0])
    sitting.answers(RIVER, "The Danube")
    with monitor(room.proctor, room.exam) as told, seat(sitting) as at_the_desk:
        eventually(lambda: _age(sitting) > 5)  # acts within two seconds are one
        send(sitting, "tab_switch", "paste_attempt", ago=2.5, apart=2.5)
        assert at_the_desk.hears("violation", count=2)["limit"] == 3
        assert sitting.student.get(f"/attempts/{sitting.id}")["status"] == "in_progress"
        send(sitting, "tab_switch")
        assert at_the_desk.hears("submitted")["reason"] == "violation_limit"
        told.hears("attempt_submitted", attempt_id=sitting.id, submit_reason="violation_limit")
    attempt = sitting.student.get(f"/attempts/{sitting.id}")
    assert (attempt["status"], attempt["submit_reason"], attempt["answered_count"]) == (
        "submitted",
        "violation_limit",
        1,
    )
    assert "limit of violations" in attempt["submit_text"]
    refused = sitting.student.is_refused(409, "PUT", *sitting.save(SUN, True))
    assert refused["submit_reason"] == "violation_limit"
    assert sitting.submits()["submit_reason"] == "violation_limit"
    room.school.everybody_knows()
    assert room.row(sitting)["violations"] == 3
    timeline = room.teacher.get(f"/analytics/attempts/{sitting.id}/timeline")["items"]
    assert [each["details"]["reason"] for each in timeline if each["kind"] == "submitted"] == ["violation_limit"]


def test_an_invalidated_result_is_hidden_and_an_undo_brings_it_back(school: School) -> None:
    room = Room(school, students=2, release_automatically=True, show_answers_after_submit=True)
    mia, noa = (room.begins(student).answer_all(ALL_RIGHT) for student in room.students)
    noa.answers(RIVER, "The Rhine")
    for sitting in (mia, noa):
        sitting.submits()
    room.school.everybody_knows()
    before, figures = mia.student.get(f"/results/{mia.id}"), _figures(room)
    assert (before["status"], before["score"], figures["marked"]) == ("released", "7.00", 2)

    path, reason = f"/proctoring/attempts/{mia.id}", "Somebody else sat at the desk."
    room.proctor.is_refused(403, "POST", f"{path}/invalidate", {"reason": reason})
    room.proctor.post(f"{path}/review", {"needs_manual_review": True, "reason": "Was it her?"})
    assert room.teacher.post(f"{path}/invalidate", {"reason": reason})["is_invalidated"]
    hidden = eventually(lambda: _at(mia.student.get(f"/results/{mia.id}"), status="invalidated"))
    assert (hidden["invalidation_reason"], hidden["score"], hidden["questions"]) == (reason, None, None)
    grade = room.teacher.get(f"/grading/attempts/{mia.id}")
    assert (grade["is_invalidated"], grade["score"]) == (True, "7.00")
    without = eventually(lambda: _at(_figures(room), marked=1))
    assert (without["invalidated"], without["submitted"]) == (1, 2)
    assert noa.student.get(f"/results/{noa.id}")["status"] == "released"

    room.teacher.post(f"{path}/tell-student", {"text": "We think that somebody else sat here."})
    assert mia.student.get(f"{path}/review")["text"] == "We think that somebody else sat here."
    mia.student.post(f"{path}/review/reply", {"text": "It was me, with new glasses."})
    room.teacher.post(f"{path}/reinstate", {"reason": "It was her."})
    eventually(lambda: _at(mia.student.get(f"/results/{mia.id}"), status="released"))
    room.school.everybody_knows()
    assert mia.student.get(f"/results/{mia.id}") == before
    assert _figures(room) == figures
    steps = room.teacher.get(f"{path}/review/steps")["items"]
    assert [step["step"] for step in steps] == ["flagged", "invalidated", "told", "replied", "reinstated"]


def test_signals_are_ones_own_of_now_and_of_a_running_attempt(school: School) -> None:
    room = Room(school, students=2, violation_limit=0)
    hers, his = (room.begins(student) for student in room.students)
    hers.student.is_refused(404, "POST", signals_of(his), batch("tab_switch"))
    room.proctor.is_refused(403, "POST", signals_of(his), batch("tab_switch"))
    future = hers.student.is_refused(422, "POST", signals_of(hers), batch("tab_switch", ago=-120))
    assert future["errors"][0]["field"] == "signals.0.at"
    claimed = hers.student.is_refused(422, "POST", signals_of(hers), batch("ip_change"))
    assert claimed["errors"][0]["rule"] == "derived"
    hers.student.is_refused(422, "POST", signals_of(hers), batch("camera_blocked"))
    once = batch("right_click")
    first = hers.student.post(signals_of(hers), once)
    again = hers.student.post(signals_of(hers), once)
    assert (first["number"], first["accepted"]) == (again["number"], again["accepted"]) == (1, 1)
    hers.submits()
    eventually(lambda: _at(room.row(hers), status="submitted"))
    hers.student.is_refused(409, "POST", signals_of(hers), batch("tab_switch"))
    assert room.proctor.get(f"/proctoring/attempts/{hers.id}/signals")["total"] == 1
    assert room.proctor.get(f"/proctoring/attempts/{his.id}/signals")["total"] == 0


def test_a_batch_whose_answer_was_lost_with_the_socket_is_sent_again_and_kept_once(quiet: Room) -> None:
    sitting = quiet.begins(quiet.students[2])
    lost = batch("tab_switch", "right_click")
    with seat(sitting) as first:
        first.says(type="signals", **lost)
    with seat(sitting) as second:
        second.says(type="signals", **lost)
        again = second.hears("signals_taken", batch_id=lost["batch_id"])
        second.says(type="signals", **batch("tab_switch"))
        assert (again["number"], second.hears("signals_taken", number=2)["accepted"]) == (1, 1)
    assert sitting.student.post(signals_of(sitting), lost)["number"] == 1
    stored = quiet.proctor.get(f"/proctoring/attempts/{sitting.id}/signals")["items"]
    assert sorted(each["reference"] for each in stored) == ["1.1", "1.2", "2.1"]


def test_a_socket_refuses_what_a_request_refuses_and_says_the_same(quiet: Room) -> None:
    sitting = quiet.begins(quiet.students[3])
    wrong = [
        batch("telepathy"),
        batch("multiple_logins"),
        batch("face_absent"),
        batch("tab_switch", ago=700),
        batch(*["tab_switch"] * 101),
        {**batch("tab_switch"), "batch_id": "12"},
    ]
    with seat(sitting) as at_the_desk:
        for each in wrong:
            response = sitting.student.ask("POST", signals_of(sitting), each)
            at_the_desk.says(type="signals", **each)
            refused = at_the_desk.hears("refused", batch_id=each["batch_id"])
            assert refused["status"] == response.status_code >= 400
            assert _without_trace(refused["problem"]) == _without_trace(response.json())
        for each in (batch("right_click") for _ in range(40)):
            at_the_desk.says(type="signals", **each)
            answer = at_the_desk.answers(each["batch_id"])
            if answer["type"] == "refused":
                break
        assert (answer["status"], answer["problem"]["retry_after_seconds"]) == (429, 1)
        sitting.submits()
        eventually(lambda: _at(quiet.row(sitting), status="submitted"))
        at_the_desk.says(type="signals", **batch("tab_switch"))
        assert at_the_desk.hears("refused", status=409)["problem"]["type"].endswith("/attempt-closed")


def test_an_exam_that_is_not_watched_collects_nothing(school: School) -> None:
    teacher, student = school.staff("instructor"), school.student()
    people = {"audience": {"student_ids": [student.id]}}
    exam = publish(teacher, "Nobody watches", *OBJECTIVE, settings={"duration_seconds": 3600}, **people)
    school.everybody_knows()
    notice = student.get(f"/proctoring/notice/{exam}")
    assert (notice["is_proctored"], notice["collected"]) == (False, [])
    sitting = start(student, exam)
    eventually(lambda: teacher.get(f"/proctoring/exams/{exam}/board")["attempts"])
    student.is_refused(409, "POST", signals_of(sitting), batch("tab_switch"))


def test_a_proctor_of_another_exam_sees_nothing(school: School, quiet: Room) -> None:
    room = Room(school)
    sitting = room.begins(room.students[0])
    send(sitting, "devtools_open")
    path = f"/proctoring/exams/{room.exam}/alerts"
    (alert,) = eventually(lambda: room.proctor.get(path)["items"])
    for stranger in (quiet.proctor, quiet.teacher):
        for place in (
            f"/proctoring/exams/{room.exam}/board",
            f"/proctoring/exams/{room.exam}/feed",
            f"/proctoring/exams/{room.exam}/collusion",
            f"/proctoring/exams/{room.exam}/report",
            f"/proctoring/attempts/{sitting.id}",
            f"/proctoring/attempts/{sitting.id}/signals",
            f"/proctoring/alerts/{alert['alert_id']}",
            path,
        ):
            stranger.is_refused(404, "GET", place)
        stranger.is_refused(404, "POST", f"/proctoring/alerts/{alert['alert_id']}/acknowledge")
        stranger.is_refused(404, "POST", f"/proctoring/attempts/{sitting.id}/message", {"text": "Hello?"})
    other = quiet.students[0]
    for place in (f"/proctoring/attempts/{sitting.id}/feed", f"/proctoring/attempts/{sitting.id}/review"):
        other.is_refused(404, "GET", place)
    other.is_refused(403, "GET", f"/proctoring/exams/{room.exam}/board")


def test_the_security_report_of_the_room_adds_up(quiet: Room) -> None:
    report = quiet.teacher.get(f"/proctoring/exams/{quiet.exam}/report")
    assert "tab_switch" in str(report)
    sheet = quiet.teacher.download(f"/proctoring/exams/{quiet.exam}/report", format="csv").decode()
    assert "tab_switch" in sheet


def _age(sitting: Sitting) -> float:
    """Seconds since the start, by the server's clock."""
    beat = sitting.student.post(f"/attempts/{sitting.id}/heartbeat")
    began = datetime.fromisoformat(sitting.attempt["started_at"])
    return (datetime.fromisoformat(beat["server_time"]) - began).total_seconds()


def _at(seen: dict[str, Any], **members: Any) -> dict[str, Any] | None:
    """What is seen, once it has these members."""
    return seen if seen.items() >= members.items() else None


def _without_trace(problem: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in problem.items() if name != "trace_id"}


def _figures(room: Room) -> dict[str, Any]:
    figures: dict[str, Any] = room.teacher.get(f"/analytics/exams/{room.exam}")["figures"]
    return figures
