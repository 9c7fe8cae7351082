"""Final, released, hidden."""

import pytest

from chassis.actors import Actor
from chassis.ids import new_id
from chassis.outbox import PENDING
from chassis.testing import eventually
from services.grading import releasing
from services.grading.tables import Attempt
from services.grading.tests.builders import AnAttempt, AnExam, Office, chose, typed

BLANK_ESSAY = {"choice": chose("a")}


async def test_grades_become_final_then_released_then_hidden_and_released_again(office: Office) -> None:
    exam = await office.knows(AnExam())
    attempt = await office.marked(exam)
    await office.give(exam, attempt, "3")
    replies = [
        await office.lead(exam, step) for step in ("finalize", "finalize", "release", "release", "hide", "release")
    ]
    assert [(reply.status_code, reply.json()["count"]) for reply in replies] == [
        (200, 1), (200, 0), (200, 1), (200, 0), (200, 1), (200, 1),
    ]  # fmt: skip
    told = [(kind, state.revision, state.status, state.is_released) for kind, state in await office.events()]
    assert told == [
        ("AttemptMarked", 1, "waiting", False),
        ("AttemptMarked", 2, "marked", False),
        ("GradeFinalized", 3, "finalized", False),
        ("GradeReleased", 4, "finalized", True),
        ("GradeHidden", 5, "finalized", False),
        ("GradeReleased", 6, "finalized", True),
    ]
    audit = [(entry.action, entry.entity_id) for _, entry in await office.service.recorded("audit.entries.v1")]
    assert audit[1:] == [
        (action, str(exam.exam_id))
        for action in ("grades_finalized", "grades_finalized", "grades_released", "grades_released", "grades_hidden", "grades_released")
    ]  # fmt: skip


async def test_of_a_large_exam_only_a_chunk_of_events_waits_for_the_commit(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(releasing, "_CHUNK", 2)
    exam = await office.knows(AnExam(has_essay=False))
    attempts = [await office.marked(exam) for _ in range(5)]
    told = len(await office.events())
    async with office.service.database.session() as tx:
        count = await releasing.finalize_grades(tx, Actor(exam.instructor_id, "instructor", new_id()), exam.exam_id)
        assert (count, len(tx.info[PENDING])) == (5, 1), "of the audit log"
    events = (await office.events())[told:]
    assert [(kind, state.attempt_id, state.revision) for kind, state in events] == [
        ("GradeFinalized", str(attempt_id), 2) for attempt_id in sorted(each.attempt_id for each in attempts)
    ]


async def test_finalizing_is_refused_with_the_list_of_what_is_open_unmarked_or_waiting(office: Office) -> None:
    exam = await office.knows(AnExam())
    waiting = await office.marked(exam)
    await office.marked(exam, answers=BLANK_ESSAY)
    unmarked = AnAttempt(exam)
    office.peers.open_attempts.add(str(unmarked.attempt_id))
    await office.started(unmarked)
    await office.submitted(unmarked)
    still_open = await office.started(AnAttempt(exam))

    async def is_taken_in() -> bool:
        return bool((await office.row(Attempt, unmarked.attempt_id)).status == "submitted")

    await eventually(is_taken_in)
    reply = await office.lead(exam, "finalize")
    assert reply.status_code == 409
    problem = reply.json()
    assert problem["type"].endswith("/not-all-marked")
    assert problem["counts"] == {"open": 1, "unmarked": 1, "waiting": 1}
    assert problem["attempts"] == {
        "open": [str(still_open.attempt_id)],
        "unmarked": [str(unmarked.attempt_id)],
        "waiting": [str(waiting.attempt_id)],
    }
    assert {state.status for _, state in await office.events()} == {"waiting", "marked"}


async def test_nothing_is_released_before_it_is_final(office: Office) -> None:
    exam = await office.knows(AnExam())
    await office.marked(exam, answers=BLANK_ESSAY)
    reply = await office.lead(exam, "release")
    assert (reply.status_code, reply.json()["type"].rpartition("/")[2]) == (409, "nothing-finalized")


async def test_a_grade_that_came_after_the_release_waits_for_its_own_finalization(office: Office) -> None:
    exam = await office.knows(AnExam())
    await office.marked(exam, answers=BLANK_ESSAY)
    await office.lead(exam, "finalize")
    await office.lead(exam, "release")
    late = await office.marked(exam, answers=BLANK_ESSAY)
    assert (await office.lead(exam, "release")).json() == {"count": 0}
    assert not (await office.grade(late)).is_released
    assert (await office.lead(exam, "finalize")).json() == {"count": 1}
    assert (await office.lead(exam, "release")).json() == {"count": 1}


async def test_other_exams_stay_as_they_are(office: Office) -> None:
    exam, other = [await office.knows(AnExam()) for _ in range(2)]
    for one in (exam, other):
        await office.marked(one, answers=BLANK_ESSAY)
    await office.lead(exam, "finalize")
    assert (await office.lead(other, "release")).status_code == 409


async def test_a_released_mark_cannot_change_until_it_is_hidden_and_is_then_final_anew(office: Office) -> None:
    exam = await office.knows(AnExam())
    attempt = await office.marked(exam)
    await office.give(exam, attempt, "3")
    await office.lead(exam, "finalize")
    await office.lead(exam, "release")
    refused = await office.give(exam, attempt, "4", 4)
    assert (refused.status_code, refused.json()["type"].rpartition("/")[2]) == (409, "grade-is-released")
    await office.lead(exam, "hide")
    changed = await office.give(exam, attempt, "4", 5)
    assert (changed.status_code, changed.json()["status"], changed.json()["is_released"]) == (200, "marked", False)
    assert (await office.lead(exam, "release")).status_code == 409


async def test_automatic_release_comes_with_the_last_mark(office: Office) -> None:
    exam = await office.knows(AnExam(release_automatically=True))
    attempt = await office.marked(exam)
    assert not (await office.grade(attempt)).is_released
    assert (await office.give(exam, attempt, "3")).json()["is_released"]
    without_essay = await office.marked(exam, answers=BLANK_ESSAY, student_id=new_id())
    grade = await office.grade(without_essay)
    assert (grade.is_released, grade.status, grade.revision) == (True, "finalized", 2)
    assert [kind for kind, _ in await office.events()] == [
        "AttemptMarked", "AttemptMarked", "GradeReleased", "AttemptMarked", "GradeReleased",
    ]  # fmt: skip


async def test_a_correction_of_a_hidden_grade_is_not_released_by_itself(office: Office) -> None:
    exam = await office.knows(AnExam(release_automatically=True, has_essay=True))
    attempt = await office.marked(exam, answers={"essay": typed("x")})
    await office.give(exam, attempt, "3")
    await office.lead(exam, "hide")
    revision = (await office.grade(attempt)).revision
    assert not (await office.give(exam, attempt, "4", revision)).json()["is_released"]
