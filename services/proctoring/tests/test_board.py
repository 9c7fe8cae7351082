"""The board: how attempts stand by the server's clock, with a cursor that a socket can go on from, and the state that is pushed."""

import asyncio
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel
from sqlmodel import col

from chassis.clock import now
from chassis.ids import new_id
from services.proctoring import board
from services.proctoring.feeds import attempt_feed, exam_feed, tell
from services.proctoring.long_lists import ROWS_AT_ONCE
from services.proctoring.signals import ExamRules
from services.proctoring.tables import LEVELS, Attempt, Exam, ExamVersion, FeedEntry, Person, Review
from services.proctoring.tests.desk import API, START, Desk, minutes
from services.proctoring.views import BoardOut, BoardRow, board_row


def a_standing(**values: object) -> board.Standing:
    return board.Standing(
        **{
            "id": new_id(), "exam_id": new_id(), "exam_version": 1, "student_id": new_id(), "number": 1, "status": "in_progress",
            "started_at": START, "deadline_at": minutes(60), "paused_at": None, "last_pause_ended_at": None, "submitted_at": None, "submit_reason": "",
            "centre_id": None, "class_id": None, "question_count": 40, "is_proctored": True, "last_signal_at": None, "level": "low",
            "behaviour_score": 0, "risk_score": Decimal(0), "integrity_score": None, "violations": 0, "answered_count": 0, "position": 0,
            "assessed_at": None, "student_name": "Ada", "registration_number": "R-1", "room": "Hall A", "is_reviewed": False, "needs_manual_review": False,
            "is_invalidated": False, **values,
        }
    )  # fmt: skip


def test_time_left_stands_still_while_paused_and_is_none_after_submission() -> None:
    running = a_standing()
    assert board.seconds_left(running, minutes(10)) == 50 * 60
    assert board.seconds_left(running, minutes(70)) == 0
    paused = a_standing(status="paused", paused_at=minutes(10))
    assert board.seconds_left(paused, minutes(30)) == 50 * 60
    assert board.seconds_left(a_standing(status="submitted"), minutes(10)) == 0


def test_silence_counts_from_the_start_when_nothing_was_ever_told_and_not_where_nothing_is_awaited() -> None:
    assert board.silent_seconds(a_standing(), minutes(2)) == 120
    assert board.silent_seconds(a_standing(last_signal_at=minutes(1)), minutes(2)) == 60
    assert board.silent_seconds(a_standing(is_proctored=False), minutes(2)) is None
    assert board.silent_seconds(a_standing(status="submitted"), minutes(2)) is None


def test_a_browser_that_was_not_heard_in_a_pause_was_not_silent() -> None:
    values = {"last_signal_at": minutes(5), "paused_at": minutes(6)}
    assert board.silent_seconds(a_standing(status="paused", **values), minutes(20)) is None
    resumed = a_standing(last_signal_at=minutes(5), last_pause_ended_at=minutes(20))
    assert board.silent_seconds(resumed, minutes(21)) == 60


@given(st.integers(0, 500), st.integers(0, 400))
def test_progress_is_a_share_in_whole_per_cent(answered: int, questions: int) -> None:
    shown = board.progress(a_standing(answered_count=answered, question_count=questions))
    assert 0 <= shown <= 100
    if 0 <= answered <= questions and questions:
        assert shown == answered * 100 // questions


def test_the_pushed_state_has_the_known_shape() -> None:
    exam_id, at = new_id(), minutes(12)
    quiet = a_standing(answered_count=20, position=5, violations=1, started_at=minutes(0.5))
    done = a_standing(status="submitted", submitted_at=minutes(10), level="critical")
    levels = {"low": 1, "medium": 0, "high": 0, "critical": 1}
    state = board.quiz_status(exam_id, board.State(1, 1, levels, [quiet, done]), at)
    assert (state["exam_id"], state["active_attempts"], state["completed_attempts"]) == (str(exam_id), 1, 1)
    assert state["levels"] == levels
    assert state["students"][0] == {
        "attempt_id": str(quiet.id), "student_id": str(quiet.student_id), "student_name": "Ada", "room": "Hall A",
        "status": "in_progress", "current_question": 5, "total_questions": 40, "answered": 20, "progress": 50, "violations": 1, "level": "low",
        "time_elapsed_minutes": 11, "seconds_left": 48 * 60, "silent_seconds": 690,
    }  # fmt: skip
    assert state["students"][1]["time_elapsed_minutes"] == 10


async def test_of_each_exam_under_way_all_attempts_are_counted_and_only_the_gravest_are_read(desk: Desk) -> None:
    busy, other, over = [await desk.exam() for _ in range(3)]
    await desk.attempt(over, status="submitted", submitted_at=minutes(9))
    alone = await desk.attempt(other)
    done = await desk.attempt(busy, status="submitted", submitted_at=minutes(10), level="critical")
    quiet = await desk.attempt(busy)
    uneasy = await desk.attempt(busy, violations=1)
    critical, high = await desk.attempt(busy, level="critical"), await desk.attempt(busy, level="high", violations=9)
    plain = await desk.attempt(busy, is_proctored=False, started_at=minutes(-1))
    async with desk.service.database.session() as tx:
        states = await board.states_under_way(tx, most=10)
        shortened = await board.states_under_way(tx, most=2)
    assert states.keys() == {busy.id, other.id}
    counts = (5, 1, {"low": 2, "medium": 0, "high": 1, "critical": 2})
    assert states[busy.id][:3] == counts
    assert [row.id for row in states[busy.id].gravest] == [
        each.id for each in (critical, high, uneasy, plain, quiet, done)
    ]
    assert shortened[busy.id][:3] == counts
    assert [row.id for row in shortened[busy.id].gravest] == [critical.id, high.id]
    assert [row.id for row in shortened[other.id].gravest] == [alone.id]


async def test_the_board_shows_where_every_attempt_stands(desk: Desk) -> None:
    exam = await desk.exam(ExamRules(violation_limit=2))
    ada = await desk.attempt(
        exam, level="critical", behaviour_score=90, risk_score=Decimal("0.7300"), integrity_score=Decimal("27.00"), violations=2,
        answered_count=10, position=11, last_signal_at=minutes(15), assessed_at=minutes(15),
    )  # fmt: skip
    done = await desk.attempt(
        exam, "Bo", status="submitted", submitted_at=minutes(9), submit_reason="student", started_at=minutes(1)
    )
    for severity, status in (("high", "open"), ("high", "open"), ("low", "open"), ("medium", "resolved")):
        await desk.alert(ada, severity=severity, status=status)
    await desk.keep(
        Review(attempt_id=ada.id, exam_id=exam.id, student_id=ada.student_id, needs_manual_review=True, is_invalidated=True)
    )  # fmt: skip
    await desk.tell(exam_feed(exam.id), "one", "two")

    reply = await desk.proctor(exam).get(f"{API}/exams/{exam.id}/board")
    shown = reply.json()
    assert reply.headers["Cache-Control"] == "no-store"
    assert (shown["title"], shown["cursor"]) == ("Circuits I", 2)
    first, second = shown["attempts"]
    assert (first["attempt_id"], second["attempt_id"]) == (str(ada.id), str(done.id))
    assert first["student_name"] == "Ada Lovelace"
    assert first["registration_number"] == f"R-{ada.student_id.hex[-4:]}"
    assert (first["position"], first["answered_count"], first["progress"], first["question_count"]) == (11, 10, 25, 40)
    scores = (first["level"], first["behaviour_score"], first["risk_score"], first["integrity_score"])
    assert scores == ("critical", 90, "0.7300", "27.0000")
    assert (first["violations"], first["violation_limit"]) == (2, 2)
    assert first["open_alerts"] == {"low": 1, "medium": 0, "high": 2, "critical": 0}
    assert 0 < first["seconds_left"] <= 40 * 60
    assert first["silent_seconds"] >= 5 * 60
    assert (first["needs_manual_review"], first["is_invalidated"], first["is_reviewed"]) == (True, True, False)
    assert (second["status"], second["seconds_left"], second["silent_seconds"]) == ("submitted", 0, None)
    assert shown["totals"] == {
        "attempts": 2, "in_progress": 1, "paused": 0, "submitted": 1, "levels": {"low": 1, "medium": 0, "high": 0, "critical": 1},
        "open_alerts": {"low": 1, "medium": 0, "high": 2, "critical": 0}, "over_the_limit": 1, "to_review": 1, "invalidated": 1,
    }  # fmt: skip


async def test_each_attempt_has_the_limit_of_the_version_it_sits(desk: Desk) -> None:
    exam = await desk.exam(ExamRules(violation_limit=3))
    rules = {**exam.rules, "violation_limit": 5}
    await desk.keep(ExamVersion(exam_id=exam.id, version=2, rules=rules, is_order_shuffled=False, items=[]))
    await desk.attempt(exam)
    await desk.attempt(exam, exam_version=2, started_at=minutes(1))
    shown = (await desk.instructor(exam).get(f"{API}/exams/{exam.id}/board")).json()
    assert [row["violation_limit"] for row in shown["attempts"]] == [3, 5]


async def test_a_deleted_person_has_no_name_on_the_board(desk: Desk) -> None:
    exam = await desk.exam()
    attempt = await desk.attempt(exam)
    async with desk.service.database.session() as tx:
        person = await tx.get(Person, attempt.student_id)
        person.is_deleted, person.name, person.registration_number = True, "", ""
    (row,) = (await desk.proctor(exam).get(f"{API}/exams/{exam.id}/board")).json()["attempts"]
    assert (row["student_name"], row["registration_number"]) == (None, None)


async def test_the_cursor_and_the_rows_are_of_one_instant(desk: Desk) -> None:
    """While violations are told, one after the other, every board holds exactly those that its cursor counts."""
    exam = await desk.exam()
    attempt = await desk.attempt(exam)
    client, path = desk.proctor(exam), f"{API}/exams/{exam.id}/board"

    async def go_on() -> None:
        for count in range(1, 41):
            async with desk.service.database.session() as tx:
                row = await tx.get(Attempt, attempt.id, with_for_update=True)
                row.violations = count
                await tx.flush()
                await tell(tx, exam_feed(exam.id), "violation", START, {"count": count})

    telling, seen = asyncio.create_task(go_on()), []
    while not telling.done():
        shown = (await client.get(path)).json()
        seen.append((shown["cursor"], shown["attempts"][0]["violations"]))
    await telling
    assert len(set(seen)) > 1
    assert all(cursor == violations for cursor, violations in seen)


async def test_a_feed_is_followed_by_cursor_without_loss_or_repetition(desk: Desk) -> None:
    exam = await desk.exam()
    await desk.tell(exam_feed(exam.id), *(f"message {number}" for number in range(1, 8)))
    client, after, got = desk.proctor(exam), 0, []
    while True:
        page = (await client.get(f"{API}/exams/{exam.id}/feed", params={"after": after, "limit": 3})).json()
        assert (page["last"], page["is_complete"]) == (7, True)
        got += page["entries"]
        if page["next"] == after:
            break
        after = page["next"]
    assert [(entry["number"], entry["type"], entry["text"]) for entry in got] == [
        (number, "message", f"message {number}") for number in range(1, 8)
    ]


async def test_a_feed_says_when_what_followed_the_cursor_is_no_more_kept(desk: Desk) -> None:
    exam = await desk.exam()
    feed, client, path = exam_feed(exam.id), desk.proctor(exam), f"{API}/exams/{exam.id}/feed"
    await desk.tell(feed, "one", "two", "three")
    async with desk.service.database.session() as tx:
        for number in (1, 2):
            await tx.delete(await tx.get(FeedEntry, (feed, number)))
    assert [(await client.get(path, params={"after": after})).json()["is_complete"] for after in (0, 2)] == [
        False,
        True,
    ]
    async with desk.service.database.session() as tx:
        await tx.delete(await tx.get(FeedEntry, (feed, 3)))
    gone = (await client.get(path, params={"after": 1})).json()
    assert gone == {"entries": [], "next": 3, "last": 3, "is_complete": False}


@pytest.mark.parametrize("wrong", [{"after": -1}, {"limit": 0}, {"limit": 501}, {"after": "x"}])
async def test_a_feed_refuses_what_is_no_cursor(desk: Desk, wrong: dict[str, object]) -> None:
    exam = await desk.exam()
    assert (await desk.proctor(exam).get(f"{API}/exams/{exam.id}/feed", params=wrong)).status_code == 422


async def test_a_student_follows_the_own_attempt_and_gets_messages_by_it(desk: Desk) -> None:
    exam = await desk.exam()
    attempt, other = await desk.attempt(exam), await desk.attempt(exam)
    await desk.tell(attempt_feed(other.id), "not for you")
    sent = await desk.proctor(exam).post(
        f"{API}/attempts/{attempt.id}/message", json={"text": "  Five minutes left.  "}
    )
    assert (sent.status_code, sent.json()) == (201, {"number": 1})
    page = (await desk.student(attempt).get(f"{API}/attempts/{attempt.id}/feed")).json()
    assert [(entry["type"], entry["text"]) for entry in page["entries"]] == [("message", "Five minutes left.")]
    assert await desk.audited() == ["attempt_message"]


async def test_a_message_is_sent_once_for_one_key_and_not_after_the_submission(desk: Desk) -> None:
    exam = await desk.exam()
    attempt = await desk.attempt(exam)
    client, path = desk.proctor(exam), f"{API}/attempts/{attempt.id}/message"
    for _ in range(2):
        sent = await client.post(path, json={"text": "Hello"}, headers={"Idempotency-Key": "k"})
        assert sent.json() == {"number": 1}
    assert len(await desk.told(attempt_feed(attempt.id))) == 1
    over = await desk.attempt(exam, status="submitted", submitted_at=START + timedelta(minutes=2))
    refused = await client.post(f"{API}/attempts/{over.id}/message", json={"text": "Hello"})
    assert (refused.status_code, refused.json()["type"].rsplit("/", 1)[1]) == (409, "attempt-closed")
    assert await desk.told(attempt_feed(over.id)) == []
    for wrong in ("", "x" * 2001, "nul\x00"):
        assert (await client.post(path, json={"text": wrong})).status_code == 422


def test_levels_are_counted_over_proctored_attempts() -> None:
    rows = [a_standing(level=level) for level in (*LEVELS, "high")] + [a_standing(is_proctored=False)]
    assert board.counts_by_level(rows) == {"low": 1, "medium": 1, "high": 2, "critical": 1}


async def test_standings_need_no_assessment_to_be_read(desk: Desk) -> None:
    exam = await desk.exam()
    attempt = await desk.attempt(exam, assessment=b"x" * 10)
    async with desk.service.database.session() as tx:
        (row,) = await board.standings(tx, col(Attempt.exam_id) == exam.id)
    assert row.id == attempt.id
    assert "assessment" not in row._fields


def made_before(age: timedelta) -> UUID:
    """An id as it was made so long ago: a UUIDv7 begins with the time in milliseconds."""
    made_ms = int((now() - age).timestamp() * 1000)
    return UUID(int=made_ms << 80 | new_id().int & (1 << 80) - 1)


@pytest.mark.parametrize(
    ("attempt_id", "status"),
    [
        (new_id, 503),
        (lambda: made_before(timedelta(hours=23)), 503),
        (lambda: made_before(timedelta(hours=25)), 404),
        (uuid4, 404),
    ],
)
async def test_the_feed_of_an_attempt_that_may_be_on_its_way_here_is_not_said_to_be_missing(
    desk: Desk, attempt_id: Callable[[], UUID], status: int
) -> None:
    reply = await desk.service.as_("student", new_id()).get(f"{API}/attempts/{attempt_id()}/feed")
    assert reply.status_code == status


async def test_the_feed_of_anothers_attempt_is_missing_however_young_that_is(desk: Desk) -> None:
    attempt = await desk.attempt(await desk.exam(), attempt_id=new_id())
    reply = await desk.service.as_("student", new_id()).get(f"{API}/attempts/{attempt.id}/feed")
    assert reply.status_code == 404


async def test_a_board_is_read_page_by_page_with_totals_of_all(desk: Desk) -> None:
    exam, other = await desk.exam(ExamRules(violation_limit=2)), await desk.exam()
    rows = [await desk.attempt(exam, f"Student {n}", started_at=minutes(n // 2), violations=n % 3) for n in range(7)]
    await desk.alert(rows[0], severity="high")
    await desk.alert(rows[6], severity="low")
    stranger = await desk.attempt(other)
    client, path = desk.proctor(exam), f"{API}/exams/{exam.id}/board"
    whole = (await client.get(path)).json()
    assert whole["next_after"] is None
    pages, after = [], None
    while True:
        params = {"limit": 3, **({"after": after} if after else {})}
        pages.append((await client.get(path, params=params)).json())
        after = pages[-1]["next_after"]
        if after is None:
            break
    assert [len(page["attempts"]) for page in pages] == [3, 3, 1]
    as_listed = [row["attempt_id"] for page in pages for row in page["attempts"]]
    assert as_listed == [row["attempt_id"] for row in whole["attempts"]]
    assert set(as_listed) == {str(row.id) for row in rows}
    alerts = {row["attempt_id"]: row["open_alerts"] for page in pages for row in page["attempts"]}
    assert alerts == {row["attempt_id"]: row["open_alerts"] for row in whole["attempts"]}
    assert all(page["totals"] == whole["totals"] for page in pages)
    assert (whole["totals"]["attempts"], whole["totals"]["over_the_limit"]) == (7, 2)
    assert whole["totals"]["open_alerts"] == {"low": 1, "medium": 0, "high": 1, "critical": 0}
    missing = await client.get(path, params={"after": str(stranger.id)})
    assert missing.status_code == 404
    assert (await client.get(path, params={"limit": 0})).status_code == 422


async def test_a_page_that_ends_with_the_last_attempt_says_that_there_is_no_more(desk: Desk) -> None:
    exam = await desk.exam()
    await desk.attempt(exam)
    await desk.attempt(exam)
    shown = (await desk.proctor(exam).get(f"{API}/exams/{exam.id}/board", params={"limit": 2})).json()
    assert (len(shown["attempts"]), shown["next_after"]) == (2, None)


async def test_a_board_is_given_as_it_is_described(desk: Desk) -> None:
    exam = await desk.exam(ExamRules(violation_limit=2))
    await desk.attempt(exam, last_signal_at=minutes(3), assessed_at=minutes(4), integrity_score=Decimal(30))
    await desk.attempt(exam, status="submitted", submitted_at=minutes(9), submit_reason="student")
    reply = await desk.proctor(exam).get(f"{API}/exams/{exam.id}/board", params={"limit": 1})
    exactly(BoardOut, reply.json())
    exactly(BoardRow, *reply.json()["attempts"])
    assert BoardOut.model_validate_json(reply.content).model_dump(mode="json") == reply.json()


def exactly(model: type[BaseModel], shown: dict[str, object]) -> None:
    assert shown.keys() == model.model_fields.keys()


async def test_a_board_is_made_a_few_rows_at_a_time_so_that_signals_are_taken_meanwhile(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    exam = await desk.exam()
    await desk.keep(*(a_row(exam) for _ in range(80)))
    turns, rows_in_turn = 0, Counter[int]()

    def counted(*given: Any) -> dict[str, Any]:
        rows_in_turn[turns] += 1
        return board_row(*given)

    monkeypatch.setattr("services.proctoring.board_reply.board_row", counted)
    reading = asyncio.create_task(desk.instructor(exam).get(f"{API}/exams/{exam.id}/board"))
    while not reading.done():
        await asyncio.sleep(0)
        turns += 1
    assert len((await reading).json()["attempts"]) == rows_in_turn.total() == 80
    assert max(rows_in_turn.values()) <= ROWS_AT_ONCE


def a_row(exam: Exam) -> Attempt:
    return Attempt(
        id=new_id(), version=1, exam_id=exam.id, exam_version=1, student_id=new_id(), number=1, status="in_progress", started_at=START,
        deadline_at=minutes(60), question_count=40, is_proctored=True,
    )  # fmt: skip
