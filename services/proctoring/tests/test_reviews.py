"""Reviews: what people judge of an attempt, step by step; everything can be undone, and the student can be told and can answer."""

import asyncio
from typing import Any

import httpx
import pytest

from proto.examhall.proctoring.v1.events_pb2 import AttemptReviewed
from services.proctoring.feeds import attempt_feed
from services.proctoring.tables import Attempt, Baseline, Exam, Review
from services.proctoring.tests.desk import API, Desk


async def judge(desk: Desk, exam: Exam, attempt: Attempt, step: str, **body: Any) -> httpx.Response:
    """The exam's instructor takes a step."""
    return await desk.instructor(exam).post(f"{API}/attempts/{attempt.id}/{step}", json=body)


async def own_review(desk: Desk, attempt: Attempt) -> httpx.Response:
    return await desk.student(attempt).get(f"{API}/attempts/{attempt.id}/review")


async def answer(desk: Desk, attempt: Attempt, text: str) -> httpx.Response:
    return await desk.student(attempt).post(f"{API}/attempts/{attempt.id}/review/reply", json={"text": text})


async def test_a_review_is_kept_step_by_step_and_told_to_who_needs_it(desk: Desk) -> None:
    exam = await desk.exam()
    attempt = await desk.attempt(exam)
    flagged = await judge(desk, exam, attempt, "review", needs_manual_review=True, reason="two voices")
    assert (flagged.status_code, flagged.headers["ETag"]) == (200, '"v1"')
    done = await judge(desk, exam, attempt, "review", is_reviewed=True, action_taken="called", reason="a radio")
    shown = done.json()
    assert (shown["is_reviewed"], shown["needs_manual_review"], shown["action_taken"]) == (True, True, "called")
    assert (shown["reason"], shown["version"], shown["by_person_id"]) == ("a radio", 2, str(exam.instructor_id))

    steps = (await desk.instructor(exam).get(f"{API}/attempts/{attempt.id}/review/steps")).json()["items"]
    assert [(step["version"], step["step"], step["reason"]) for step in steps] == [
        (1, "flagged", "two voices"),
        (2, "reviewed", "a radio"),
    ]
    events = await desk.events("proctoring.reviews.v1")
    assert [(event.revision, event.is_reviewed, event.needs_manual_review) for event in events] == [
        (1, False, True),
        (2, True, True),
    ]
    assert isinstance(events[1], AttemptReviewed)
    assert (events[1].action_taken, events[1].reason) == ("called", "a radio")
    told = await desk.told_of(exam, "reviewed")
    assert [(body["step"], body["student_name"]) for body in told] == [("flagged", "Ada Lovelace"), ("reviewed", "Ada Lovelace")]  # fmt: skip
    assert told[1]["review"] == shown
    assert await desk.audited() == ["attempt_flagged", "attempt_reviewed"]


async def test_invalidating_is_undone_by_reinstating(desk: Desk) -> None:
    exam = await desk.exam()
    attempt = await desk.attempt(exam)
    early = await judge(desk, exam, attempt, "reinstate", reason="r")
    assert early.status_code == 409
    gone = await judge(desk, exam, attempt, "invalidate", reason="somebody else sat it")
    assert (gone.status_code, gone.json()["is_invalidated"]) == (200, True)
    assert (await judge(desk, exam, attempt, "invalidate", reason="r")).status_code == 409
    back = await judge(desk, exam, attempt, "reinstate", reason="it was her twin's account")
    assert (back.json()["is_invalidated"], back.json()["reason"]) == (False, "it was her twin's account")
    events = await desk.events("proctoring.reviews.v1")
    assert [(event.revision, event.is_invalidated, event.reason) for event in events] == [
        (1, True, "somebody else sat it"),
        (2, False, "it was her twin's account"),
    ]
    assert await desk.audited() == ["attempt_invalidated", "attempt_reinstated"]


@pytest.mark.parametrize("step", ["review", "invalidate", "reinstate"])
async def test_every_judgement_needs_a_reason(desk: Desk, step: str) -> None:
    exam = await desk.exam()
    attempt = await desk.attempt(exam)
    for wrong in ({}, {"reason": " "}, {"reason": "x" * 2001}, {"reason": "r", "score": 0}):
        assert (await judge(desk, exam, attempt, step, **wrong)).status_code == 422, wrong
    assert await desk.row(Review, attempt.id) is None


async def test_of_many_who_invalidate_at_once_one_does(desk: Desk) -> None:
    exam = await desk.exam()
    attempt = await desk.attempt(exam)
    replies = await asyncio.gather(*(judge(desk, exam, attempt, "invalidate", reason=f"{n}") for n in range(6)))
    assert sorted(reply.status_code for reply in replies) == [200] + [409] * 5
    assert (await desk.row(Review, attempt.id)).version == 1
    assert len(await desk.events("proctoring.reviews.v1")) == 1


async def test_simultaneous_steps_have_versions_without_gaps(desk: Desk) -> None:
    exam = await desk.exam()
    attempt = await desk.attempt(exam)
    replies = await asyncio.gather(*(judge(desk, exam, attempt, "review", reason=f"note {n}") for n in range(6)))
    assert sorted(reply.json()["version"] for reply in replies) == [1, 2, 3, 4, 5, 6]
    events = await desk.events("proctoring.reviews.v1")
    assert [event.revision for event in events] == [1, 2, 3, 4, 5, 6]


async def test_a_judgement_on_a_stale_version_is_refused_and_changes_nothing(desk: Desk) -> None:
    exam = await desk.exam()
    attempt = await desk.attempt(exam)
    client, path = desk.instructor(exam), f"{API}/attempts/{attempt.id}"
    assert (await client.get(path)).headers["ETag"] == '"v0"'
    await client.post(f"{path}/review", json={"reason": "first"}, headers={"If-Match": '"v0"'})
    stale = await client.post(f"{path}/invalidate", json={"reason": "second"}, headers={"If-Match": '"v0"'})
    assert stale.status_code == 412
    assert (await desk.row(Review, attempt.id)).is_invalidated is False
    assert (await client.get(path)).headers["ETag"] == '"v1"'


async def test_a_student_reads_what_was_told_and_nothing_before(desk: Desk) -> None:
    exam = await desk.exam()
    attempt = await desk.attempt(exam)
    await judge(desk, exam, attempt, "invalidate", reason="somebody else sat it")
    await judge(desk, exam, attempt, "review", action_taken="a secret plan", reason="for staff alone")
    assert (await own_review(desk, attempt)).status_code == 404
    assert (await answer(desk, attempt, "hello?")).status_code == 404

    told = await judge(desk, exam, attempt, "tell-student", text="Please come by on Monday.")
    assert (told.status_code, told.json()["is_student_told"]) == (200, True)
    shown = await own_review(desk, attempt)
    assert shown.json() == {
        "attempt_id": str(attempt.id), "text": "Please come by on Monday.", "told_at": shown.json()["told_at"], "is_invalidated": True,
        "invalidation_reason": "somebody else sat it", "reply": "", "replied_at": None, "may_reply": True,
    }  # fmt: skip
    assert "secret" not in shown.text
    assert "for staff" not in shown.text
    feed = await desk.told(attempt_feed(attempt.id))
    assert [(entry["type"], entry["text"]) for entry in feed] == [("review", "Please come by on Monday.")]


async def test_a_student_answers_and_may_answer_otherwise_until_the_attempt_is_reviewed(desk: Desk) -> None:
    exam = await desk.exam()
    attempt = await desk.attempt(exam)
    await judge(desk, exam, attempt, "review", is_reviewed=True, reason="looked at")
    await judge(desk, exam, attempt, "tell-student", text="What was that?")
    assert (await answer(desk, attempt, "My brother.")).json()["reply"] == "My brother."
    assert (await answer(desk, attempt, "My sister, I mean.")).json()["reply"] == "My sister, I mean."
    await judge(desk, exam, attempt, "review", is_reviewed=True, action_taken="believed", reason="plausible")
    late = await answer(desk, attempt, "And my aunt.")
    assert late.status_code == 409
    closed = (await own_review(desk, attempt)).json()
    assert (closed["reply"], closed["may_reply"]) == ("My sister, I mean.", False)

    await judge(desk, exam, attempt, "tell-student", text="One more question.")
    assert (await own_review(desk, attempt)).json()["may_reply"] is True
    assert (await answer(desk, attempt, "Yes?")).status_code == 200
    steps = (await desk.instructor(exam).get(f"{API}/attempts/{attempt.id}/review/steps")).json()["items"]
    assert [step["step"] for step in steps] == [
        "reviewed", "told", "replied", "replied", "reviewed", "told", "replied",
    ]  # fmt: skip
    assert steps[2]["reason"] == "My brother."
    seen = await desk.told_of(exam, "reviewed")
    assert seen[-1]["review"]["reply"] == "Yes?"
    judgements = [event for event in await desk.events("proctoring.reviews.v1") if isinstance(event, AttemptReviewed)]
    assert [event.revision for event in judgements] == [1, 5]


async def test_answers_are_bounded_in_length_and_number(desk: Desk) -> None:
    exam = await desk.exam()
    attempt = await desk.attempt(exam)
    await judge(desk, exam, attempt, "tell-student", text="What was that?")
    for wrong in ("", " ", "x" * 2001, "nul\x00"):
        assert (await answer(desk, attempt, wrong)).status_code == 422
    replies = [(await answer(desk, attempt, f"number {number}")).status_code for number in range(12)]
    assert replies == [200] * 10 + [409] * 2
    assert (await desk.row(Review, attempt.id)).reply == "number 9"


async def test_a_student_is_told_once_for_one_key(desk: Desk) -> None:
    exam = await desk.exam()
    attempt = await desk.attempt(exam)
    client, path = desk.instructor(exam), f"{API}/attempts/{attempt.id}/tell-student"
    for _ in range(2):
        reply = await client.post(path, json={"text": "Hello"}, headers={"Idempotency-Key": "k"})
        assert reply.json()["version"] == 1
    assert len(await desk.told(attempt_feed(attempt.id))) == 1


async def test_an_invalidated_attempt_is_no_measure_of_its_student_until_it_is_reinstated(desk: Desk) -> None:
    exam = await desk.exam()
    attempt = await desk.over(exam)
    await judge(desk, exam, attempt, "invalidate", reason="somebody else sat it")
    await judge(desk, exam, attempt, "reinstate", reason="nobody else did")
    client, path = desk.student(attempt), f"{API}/students/{attempt.student_id}/baseline"
    kept = (await client.get(path)).json()
    assert [sample["attempt_id"] for sample in kept["samples"]] == [str(attempt.id)]
    assert kept["samples"][0]["figures"] == {"typing_wpm": "40", "seconds_per_question": "31.5"}
    assert (kept["samples_needed"], kept["norms"]) == (5, {})
    await judge(desk, exam, attempt, "invalidate", reason="he did")
    gone = (await client.get(path)).json()
    assert gone["samples"] == []
    assert gone["version"] > kept["version"]
    assert (await desk.row(Baseline, attempt.student_id)).version == gone["version"]


async def test_a_baseline_shows_usual_values_once_there_are_samples_enough(desk: Desk) -> None:
    exam = await desk.exam()
    first = await desk.over(exam)
    for number in range(4):
        other = await desk.over(exam, student_id=first.student_id, number=number + 2)
        await judge(desk, exam, other, "invalidate", reason="a test")
        await judge(desk, exam, other, "reinstate", reason="a test")
    shown = (await desk.student(first).get(f"{API}/students/{first.student_id}/baseline")).json()
    assert (len(shown["samples"]), shown["norms"]) == (4, {})
    await judge(desk, exam, first, "invalidate", reason="a test")
    await judge(desk, exam, first, "reinstate", reason="a test")
    client = desk.service.as_("admin")
    shown = (await client.get(f"{API}/students/{first.student_id}/baseline")).json()
    assert shown["norms"]["typing_wpm"] == {"median": "40.00", "mad": "0.00", "samples": 5}
