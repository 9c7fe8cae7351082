"""What a student gets to know, and when."""

import itertools
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chassis.clock import now
from chassis.ids import new_id
from chassis.testing import eventually
from services.grading.reviewing import sight_of
from services.grading.tests.builders import (
    EXPLANATION,
    RIGHT_TEXT,
    RUBRIC,
    SAMPLE,
    AnAttempt,
    AnExam,
    Office,
    chose,
    typed,
)

ANSWERS = {"choice": chose("b"), "short": typed("own-short-answer"), "essay": typed("own-essay")}
BEFORE = {
    "score": None,
    "max_score": None,
    "percentage": None,
    "has_passed": None,
    "released_at": None,
    "status": "received",
}


async def read(office: Office, attempt: AnAttempt) -> tuple[dict[str, Any], dict[str, Any]]:
    """The attempt in the student's list, and alone."""
    client = office.student(attempt)
    listed = (await client.get("/api/v1/results")).json()["items"]
    alone = await client.get(f"/api/v1/results/{attempt.attempt_id}")
    assert alone.headers["Cache-Control"] == "no-store"
    return next(item for item in listed if item["attempt_id"] == str(attempt.attempt_id)), alone.json()


async def test_before_release_a_student_learns_only_that_the_attempt_was_received(office: Office) -> None:
    exam = await office.knows(AnExam(allow_review=True, show_answers=True))
    attempt = await office.marked(exam, answers=ANSWERS)
    steps = [
        lambda: office.give(exam, attempt, "4.31", feedback="canary-feedback"),
        lambda: office.lead(exam, "finalize"),
        lambda: office.lead(exam, "release"),
        lambda: office.lead(exam, "hide"),
    ]
    seen = []
    for step in [None, *steps]:
        if step is not None:
            assert (await step()).status_code == 200
        seen.append(await read(office, attempt))
    for listed, alone in (*seen[:3], seen[4]):
        assert listed | BEFORE == listed
        assert alone == {**listed, "questions": None}
        for canary in (EXPLANATION, RUBRIC, SAMPLE, RIGHT_TEXT, "canary-feedback", "4.31", "correct", "wrong", "own-"):
            assert canary not in str(listed) + str(alone), canary
    assert seen[3][0]["score"] == "4.31"


async def test_what_was_received_is_listed_before_it_is_marked(office: Office) -> None:
    exam = await office.knows(AnExam())
    office.peers.are_away = True
    attempt = AnAttempt(exam)
    await office.started(attempt)
    assert (await office.student(attempt).get("/api/v1/results")).json()["total"] == 0
    await office.submitted(attempt)

    async def is_listed() -> bool:
        return bool((await office.student(attempt).get("/api/v1/results")).json()["total"])

    await eventually(is_listed)
    listed, alone = await read(office, attempt)
    assert (listed["status"], listed["exam_title"], alone["questions"]) == ("received", exam.title, None)


@pytest.mark.parametrize(("allow_review", "show_answers"), list(itertools.product([False, True], repeat=2)))
async def test_after_release_a_student_sees_what_the_settings_allow_and_no_more(
    office: Office, allow_review: bool, show_answers: bool
) -> None:
    exam = await office.knows(AnExam(allow_review=allow_review, show_answers=show_answers))
    attempt = await office.marked(exam, answers=ANSWERS)
    await office.give(exam, attempt, "4.31", feedback="canary-feedback")
    await office.lead(exam, "finalize")
    await office.lead(exam, "release")
    listed, alone = await read(office, attempt)
    assert {name: listed[name] for name in ("status", "score", "max_score", "percentage", "has_passed")} == {
        "status": "released", "score": "4.31", "max_score": "10.00", "percentage": "43.10", "has_passed": False,
    }  # fmt: skip
    questions = alone.pop("questions")
    assert alone == listed
    assert (questions is not None) == (allow_review or show_answers)
    told = str(questions)
    for canary in ("own-short-answer", "own-essay", "canary-feedback", "wrong", "partial"):
        assert (canary in told) == allow_review, canary
    for canary in (EXPLANATION, RIGHT_TEXT):
        assert (canary in told) == show_answers, canary
    assert RUBRIC not in told
    assert SAMPLE not in told


async def test_a_review_shows_the_own_answer_beside_the_right_one(office: Office) -> None:
    exam = await office.knows(AnExam(allow_review=True, show_answers=True, release_automatically=True))
    attempt = await office.marked(exam, answers={"choice": chose("b")})
    _, alone = await read(office, attempt)
    assert alone["questions"][0] == {
        "question_id": "choice", "type": "single_choice", "text": "Question choice", "image_url": "", "max_points": "2.00",
        "options": [{"id": "a", "text": "A", "image_url": ""}, {"id": "b", "text": "B", "image_url": ""}],
        "response": {"option_id": "b"}, "points_awarded": "0.00", "outcome": "wrong", "feedback": "",
        "right_answer": {"option_id": "a"}, "explanation": EXPLANATION,
    }  # fmt: skip
    assert [question["outcome"] for question in alone["questions"]] == ["wrong", "unanswered", "unanswered"]


async def test_while_the_window_is_open_nobody_sees_questions_whose_answers_could_travel(office: Office) -> None:
    exam = await office.knows(
        AnExam(
            allow_review=True,
            show_answers=True,
            release_automatically=True,
            has_essay=False,
            closes_at=now() + timedelta(hours=1),
        )
    )
    attempt = await office.marked(exam, answers={"choice": chose("a")})
    _, alone = await read(office, attempt)
    assert (alone["status"], alone["score"], alone["questions"]) == ("released", "2.00", None)
    await office.knows(replace(exam, revision=2, closes_at=now() - timedelta(seconds=1)))
    assert (await read(office, attempt))[1]["questions"] is not None


async def test_while_somebody_with_extra_time_still_sits_nobody_sees_questions_though_the_window_is_over(
    office: Office,
) -> None:
    over = AnExam(
        show_answers=True, release_automatically=True, has_essay=False, closes_at=now() - timedelta(seconds=1)
    )
    exam = await office.knows(over)
    slow = await office.started(AnAttempt(exam))
    attempt = await office.marked(exam)
    listed, alone = await read(office, attempt)
    assert (listed["status"], listed["score"], alone["questions"]) == ("released", "4.00", None)
    await office.submitted(slow)
    await office.grade(slow)
    assert RIGHT_TEXT in str((await read(office, attempt))[1]["questions"])


async def test_settings_changed_after_the_release_count_at_once(office: Office) -> None:
    exam = await office.knows(AnExam(allow_review=True, release_automatically=True))
    attempt = await office.marked(exam, answers={"choice": chose("a")})
    assert (await read(office, attempt))[1]["questions"] is not None
    await office.knows(replace(exam, revision=2, allow_review=False))
    assert (await read(office, attempt))[1]["questions"] is None


async def test_results_are_ones_own_and_newest_first(office: Office) -> None:
    exam = await office.knows(AnExam())
    student_id = new_id()
    own = [await office.marked(exam, student_id=student_id, number=number) for number in (1, 2)]
    foreign = await office.marked(exam)
    client = office.student(own[0])
    page = (await client.get("/api/v1/results")).json()
    assert {item["attempt_id"] for item in page["items"]} == {str(attempt.attempt_id) for attempt in own}
    assert {item["attempt_number"] for item in page["items"]} == {1, 2}
    for attempt_id in (foreign.attempt_id, new_id()):
        assert (await client.get(f"/api/v1/results/{attempt_id}")).status_code == 404


def test_nothing_is_in_sight_before_release_whatever_the_settings() -> None:
    for allow_review, show_answers in itertools.product([False, True], repeat=2):
        hidden = sight_of(is_released=False, is_open=False, allow_review=allow_review, show_answers=show_answers)
        assert [hidden.score, hidden.own_answers, hidden.right_answers, hidden.questions] == [False] * 4
