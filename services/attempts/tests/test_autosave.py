"""Saving: the highest revision wins, acknowledged means committed, and nothing is taken after the end."""

import asyncio
import gc
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import AsyncMock
from uuid import UUID

import asyncpg
import grpc
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.errors import DependencyUnavailable
from chassis.ids import new_id
from chassis.testing import eventually
from proto.examhall.attempts.v1.attempts_pb2 import GetSubmissionRequest
from proto.examhall.attempts.v1.attempts_pb2_grpc import AttemptsStub
from proto.examhall.attempts.v1.events_pb2 import AnswersSaved
from proto.examhall.exams.v1.papers_pb2 import Slot
from services.attempts.autosave import Autosave, GivenAnswer, Save, Sitting, _event_ids, _winners, read_save
from services.attempts.responses import Answerable, Kind
from services.attempts.tests.builders import Exam, Hall, a_question, open_hall, problem, save, start


def choice(question: Any, place: int = 0) -> dict[str, str]:
    return {"option_id": question.options[place].option_id}


async def stored(hall: Hall, attempt: dict[str, Any]) -> dict[str, tuple[int, Any]]:
    rows = await hall.sql(
        "SELECT question_id, revision, response::text FROM answers WHERE attempt_id = $1", UUID(attempt["id"])
    )
    return {str(row["question_id"]): (row["revision"], row["response"]) for row in rows}


async def test_a_save_is_stored_and_told_of(hall: Hall) -> None:
    exam, student = hall.exam(), hall.student()
    attempt, question = await start(student, exam), exam.questions[0]
    reply = await save(student, attempt, question, choice(question), revision=7, is_flagged=True)
    body = reply.json()
    assert reply.status_code == 200
    assert (body["question_id"], body["revision"], body["saved"]) == (question.question_id, 7, True)
    assert 3590 <= body["seconds_left"] <= 3600
    assert body["server_time"].endswith("Z")
    assert set(body) == {"question_id", "revision", "saved", "server_time", "seconds_left"}
    ((kind, event),) = await hall.service.recorded("attempts.answers.v1")
    assert kind == "AnswersSaved"
    assert event.exam_id == exam.id
    (part,) = event.attempts
    assert (part.attempt_id, part.student_id) == (attempt["id"], str(student.person_id))  # type: ignore[attr-defined]
    (answer,) = part.answers
    assert (answer.question_id, answer.revision, answer.is_flagged) == (question.question_id, 7, True)
    assert list(answer.response.choice.option_ids) == [question.options[0].option_id]


async def test_an_equal_or_lower_revision_is_acknowledged_and_changes_nothing(hall: Hall) -> None:
    exam, student = hall.exam(), hall.student()
    attempt, question = await start(student, exam), exam.questions[0]
    await save(student, attempt, question, choice(question, 0), revision=5)
    for late in (5, 4, 1):
        body = (await save(student, attempt, question, choice(question, 1), revision=late)).json()
        assert (body["revision"], body["saved"]) == (5, False)
    revision, response = (await stored(hall, attempt))[question.question_id]
    assert revision == 5
    assert question.options[0].option_id in response
    assert len(await hall.service.recorded("attempts.answers.v1")) == 1


async def test_an_answer_can_be_cleared_and_flagged_alone(hall: Hall) -> None:
    exam, student = hall.exam(), hall.student()
    attempt, question = await start(student, exam), exam.questions[0]
    await save(student, attempt, question, choice(question), revision=1)
    await save(student, attempt, question, None, revision=2, is_flagged=True)
    paper = (await student.get(f"/api/v1/attempts/{attempt['id']}/paper")).json()
    answer = next(item["answer"] for item in paper["questions"] if item["id"] == question.question_id)
    assert (answer["revision"], answer["response"], answer["is_flagged"]) == (2, None, True)
    event = (await hall.service.recorded("attempts.answers.v1"))[-1][1]
    assert not event.attempts[0].answers[0].HasField("response")


async def test_a_batch_is_stored_as_a_whole(hall: Hall) -> None:
    exam, student = hall.exam([a_question(kind) for kind in ("single_choice", "true_false", "essay")]), hall.student()
    attempt = await start(student, exam)
    one, two, three = exam.questions
    answers = [
        {"question_id": one.question_id, "revision": 1, "response": choice(one)},
        {"question_id": two.question_id, "revision": 1, "response": {"value": True}},
        {"question_id": three.question_id, "revision": 1, "response": {"text": "Because 🌍 of “x” \\ \n ."}},
        {"question_id": one.question_id, "revision": 2, "response": choice(one, 2)},
    ]
    body = (await student.put(f"/api/v1/attempts/{attempt['id']}/answers", json={"answers": answers})).json()
    assert [(item["revision"], item["saved"]) for item in body["answers"]] == [
        (2, False),
        (1, True),
        (1, True),
        (2, True),
    ]
    assert {key: revision for key, (revision, _) in (await stored(hall, attempt)).items()} == {
        one.question_id: 2,
        two.question_id: 1,
        three.question_id: 1,
    }


async def test_a_batch_with_one_fault_names_it_and_stores_nothing(hall: Hall) -> None:
    exam, student = hall.exam(), hall.student()
    attempt = await start(student, exam)
    one, two = exam.questions
    answers = [
        {"question_id": one.question_id, "revision": 1, "response": choice(one)},
        {"question_id": two.question_id, "revision": 1, "response": {"text": 5}},
    ]
    reply = await student.put(f"/api/v1/attempts/{attempt['id']}/answers", json={"answers": answers})
    assert problem(reply) == (422, "invalid-input")
    assert reply.json()["errors"][0]["field"] == "answers.1.response.text"
    assert await stored(hall, attempt) == {}


@pytest.mark.parametrize(
    ("body", "field"),
    [
        (b"{", ""),
        (b"[]", ""),
        (b'{"response":null}', ""),
        (b'{"revision":"1","response":null}', "revision"),
        (b'{"revision":1.5,"response":null}', "revision"),
        (b'{"revision":0,"response":null}', "revision"),
        (b'{"revision":9007199254740992,"response":null}', "revision"),
        (b'{"revision":1,"response":null,"score":"100"}', ""),
        (b'{"revision":1,"response":{"option_id":"x"}}', "response.option_id"),
        (b'{"revision":1,"response":{"option_id":"\\ud800"}}', ""),
        (b'{"revision":1,"response":null,"is_flagged":"yes"}', "is_flagged"),
        (b'{"revision":1,"response":' + b"[" * 100_000 + b"]" * 100_000 + b"}", ""),
    ],
)
async def test_a_malformed_save_is_refused_by_field(hall: Hall, body: bytes, field: str) -> None:
    exam, student = hall.exam(), hall.student()
    attempt = await start(student, exam)
    reply = await student.put(f"/api/v1/attempts/{attempt['id']}/answers/{exam.questions[0].question_id}", content=body)
    assert problem(reply) == (422, "invalid-input")
    assert reply.json()["errors"][0]["field"] == field
    assert await stored(hall, attempt) == {}


async def test_a_save_says_nothing_about_another_student_or_question(hall: Hall) -> None:
    exam, student, other = hall.exam(), hall.student(), hall.student()
    attempt, question = await start(student, exam), exam.questions[0]
    assert problem(await save(other, attempt, question, choice(question))) == (404, "not-found")
    await save(student, attempt, question, choice(question))
    assert problem(await save(other, attempt, question, choice(question), revision=9)) == (404, "not-found")
    assert problem(await save(student, attempt, a_question(), None)) == (404, "not-found")
    assert problem(await save(student, {"id": str(new_id())}, question, None)) == (404, "not-found")
    assert problem(await save(student, {"id": "not-an-id"}, question, None)) == (404, "not-found")
    for role in ("instructor", "admin"):
        reply = await save(hall.staff(role, exam.state.instructor_id), attempt, question, choice(question), revision=9)
        assert problem(reply) == (403, "forbidden")
    assert (await stored(hall, attempt))[question.question_id][0] == 1


async def test_a_question_that_the_draw_left_out_can_not_be_answered(hall: Hall) -> None:
    pool = [a_question("true_false") for _ in range(6)]
    exam, student = hall.exam(slots=[Slot(draw=2, questions=pool)]), hall.student()
    attempt = await start(student, exam)
    paper = (await student.get(f"/api/v1/attempts/{attempt['id']}/paper")).json()
    given_ids = {question["id"] for question in paper["questions"]}
    assert len(given_ids) == 2
    codes = {
        question.question_id: (await save(student, attempt, question, {"value": True})).status_code for question in pool
    }
    assert {key for key, code in codes.items() if code == 200} == given_ids
    assert set(codes.values()) == {200, 404}


async def _end(hall: Hall, attempt: dict[str, Any], seconds: float) -> None:
    await hall.sql(
        "UPDATE attempts SET deadline_at = clock_timestamp() + make_interval(secs => $2) WHERE id = $1",
        UUID(attempt["id"]),
        seconds,
    )


async def test_a_save_after_the_deadline_is_refused_and_changes_nothing(postgres_url: str, kafka: str) -> None:
    async with open_hall(postgres_url, kafka, settings={"timekeeper_milliseconds": 900}) as hall:
        exam, student = hall.exam(), hall.student()
        attempt, question = await start(student, exam), exam.questions[0]
        await save(student, attempt, question, choice(question), revision=3)
        holder = await asyncpg.connect(hall.service.database.url)
        async with holder.transaction():  # the timekeeper skips what is held: the deadline alone must refuse
            await _end(hall, attempt, -1)
            await holder.execute("SELECT 1 FROM attempts FOR KEY SHARE")
            reply = await save(student, attempt, question, choice(question, 1), revision=4)
        await holder.close()
        assert problem(reply) in ((409, "deadline-passed"), (409, "attempt-closed"))
        assert reply.json()["stored_revision"] == 3
        assert (await stored(hall, attempt))[question.question_id][0] == 3


async def test_a_save_to_a_submitted_or_paused_attempt_is_refused(hall: Hall) -> None:
    exam, student = hall.exam(), hall.student()
    attempt, question = await start(student, exam), exam.questions[0]
    proctor = hall.staff("instructor", exam.state.instructor_id)
    await proctor.post(f"/api/v1/attempts/{attempt['id']}/pause", json={"reason": "fire alarm"})
    assert problem(await save(student, attempt, question, choice(question))) == (409, "attempt-paused")
    await student.post(f"/api/v1/attempts/{attempt['id']}/submit")
    reply = await save(student, attempt, question, choice(question))
    assert problem(reply) == (409, "attempt-closed")
    assert await stored(hall, attempt) == {}


async def test_many_students_saving_at_once_share_commits(hall: Hall) -> None:
    exam = hall.exam()
    students = [hall.student() for _ in range(40)]
    attempts = await asyncio.gather(*(start(student, exam) for student in students))
    question = exam.questions[0]
    replies = await asyncio.gather(
        *(
            save(student, attempt, question, choice(question, revision % 4), revision=revision)
            for student, attempt in zip(students, attempts, strict=True)
            for revision in (3, 1, 2)
        )
    )
    assert {reply.status_code for reply in replies} == {200}
    for attempt in attempts:
        assert (await stored(hall, attempt))[question.question_id][0] == 3
    events = [event for _, event in await hall.service.recorded("attempts.answers.v1")]
    latest: dict[str, int] = {}
    for event in events:
        for part in event.attempts:
            latest[part.attempt_id] = max(latest.get(part.attempt_id, 0), part.answers[0].revision)
    assert latest == {attempt["id"]: 3 for attempt in attempts}
    assert len(events) < 120


async def test_the_database_away_is_said_and_the_answer_is_taken_when_it_is_back(hall: Hall) -> None:
    exam, student = hall.exam(), hall.student()
    attempt, question = await start(student, exam), exam.questions[0]
    await save(student, attempt, question, choice(question), revision=1)
    admin = await asyncpg.connect(hall.service.database.url)
    await admin.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"
    )
    await admin.close()

    async def taken() -> bool:
        beat = await student.post(f"/api/v1/attempts/{attempt['id']}/heartbeat")
        reply = await save(student, attempt, question, choice(question, 1), revision=2)
        assert {beat.status_code, reply.status_code} <= {200, 503}
        return reply.status_code == 200

    await eventually(taken)
    assert (await stored(hall, attempt))[question.question_id][0] == 2


async def test_whatever_was_acknowledged_before_the_submission_is_in_it(hall: Hall) -> None:
    """Students hammer saves while submission, deadline and a second timekeeper race them."""
    exam = hall.exam([a_question("essay")])
    (question,) = exam.questions
    students = [hall.student() for _ in range(12)]
    attempts = await asyncio.gather(*(start(student, exam) for student in students))
    acknowledged: dict[str, int] = {}

    async def hammer(student: Any, attempt: dict[str, Any]) -> None:
        for revision in range(1, 200):
            reply = await save(student, attempt, question, {"text": f"text {revision}"}, revision=revision)
            if reply.status_code != 200:
                assert problem(reply) in ((409, "attempt-closed"), (409, "deadline-passed"))
                return
            acknowledged[attempt["id"]] = reply.json()["revision"]
            if revision == 20:
                ending.set()

    ending = asyncio.Event()

    async def finish(index: int, student: Any, attempt: dict[str, Any]) -> None:
        await ending.wait()
        if index % 2:
            await student.post(f"/api/v1/attempts/{attempt['id']}/submit")
        else:
            await _end(hall, attempt, 0.05)

    async with open_hall("", hall.service.kafka, database_url=hall.service.database.url, peers=hall.peers):
        await asyncio.gather(
            *(hammer(student, attempt) for student, attempt in zip(students, attempts, strict=True)),
            *(finish(index, *pair) for index, pair in enumerate(zip(students, attempts, strict=True))),
        )
    stub = AttemptsStub(hall.service.channel())
    for attempt in attempts:
        submission = await stub.GetSubmission(GetSubmissionRequest(attempt_id=attempt["id"]))
        (answer,) = submission.answers
        assert answer.revision == acknowledged[attempt["id"]]
        assert answer.response.text == f"text {answer.revision}"
        assert submission.attempt.answered_count == 1
    submitted = [
        event for kind, event in await hall.service.recorded("attempts.lifecycle.v1") if kind == "AttemptSubmitted"
    ]
    assert sorted(event.attempt.attempt_id for event in submitted) == sorted(attempt["id"] for attempt in attempts)


async def test_an_open_attempt_has_no_submission(hall: Hall) -> None:
    exam, student = hall.exam(), hall.student()
    attempt = await start(student, exam)
    stub = AttemptsStub(hall.service.channel())
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stub.GetSubmission(GetSubmissionRequest(attempt_id=attempt["id"]))
    assert refused.value.code() is grpc.StatusCode.FAILED_PRECONDITION
    with pytest.raises(grpc.aio.AioRpcError) as refused:
        await stub.GetSubmission(GetSubmissionRequest(attempt_id=str(new_id())))
    assert refused.value.code() is grpc.StatusCode.NOT_FOUND


SITTING = Sitting.of(
    str(new_id()), str(new_id()), str(new_id()), {str(new_id()): Answerable(Kind.ESSAY) for _ in range(3)}
)
saves = st.lists(st.tuples(st.sampled_from(list(SITTING.questions)), st.integers(1, 5)), max_size=30)


@given(saves)
def test_of_the_saves_in_one_batch_the_highest_revision_wins_and_the_first_of_equals(
    given: list[tuple[str, int]],
) -> None:
    batch = [read_save(SITTING, question, GivenAnswer(revision, None)) for question, revision in given]
    winners = _winners(batch)
    for given_save in batch:
        winner = winners[given_save.attempt_id, given_save.question_id]
        same = [other for other in batch if other.question_id == given_save.question_id]
        assert winner is max(same, key=lambda other: other.revision)


@given(st.lists(st.integers(0, 100_000), max_size=40))
def test_events_stay_small_and_together_hold_every_save(lengths: list[int]) -> None:
    question = next(iter(SITTING.questions))
    batch: list[Save] = [
        read_save(SITTING, question, GivenAnswer(1, {"text": "x" * min(length, 50_000)})) for length in lengths
    ]
    sizes: dict[UUID, int] = {}
    for one, event_id in zip(batch, _event_ids(batch), strict=True):
        sizes[event_id] = sizes.get(event_id, 0) + len(one.fragment)
    assert all(size < 900_000 for size in sizes.values())
    assert sum(sizes.values()) == sum(len(one.fragment) for one in batch)


async def test_a_batch_goes_with_one_statement_however_many_wait_and_its_error_is_overlooked_by_nobody() -> None:
    overlooked: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: overlooked.append(context))
    closed: Any = SimpleNamespace(pool=SimpleNamespace(fetch=AsyncMock(side_effect=ConnectionRefusedError)))
    autosave = Autosave(closed, cast(Any, None), lanes=1, batch=2)
    saves = [read_save(SITTING, question, GivenAnswer(1, None)) for question in SITTING.questions]
    before = autosave.save(saves[0])
    with pytest.raises(DependencyUnavailable):
        await autosave.save_all(saves)
    with pytest.raises(DependencyUnavailable):
        await before
    assert closed.pool.fetch.await_count == 1
    await asyncio.sleep(0)
    gc.collect()
    assert overlooked == []


def test_fragments_joined_are_one_message() -> None:
    first, second = (
        read_save(SITTING, question, GivenAnswer(revision, {"text": "x"}))
        for revision, question in enumerate(SITTING.questions, 1)
        if revision < 3
    )
    head = AnswersSaved(exam_id=SITTING.exam_id).SerializeToString()
    joined = AnswersSaved.FromString(head + first.fragment + second.fragment)
    assert joined.exam_id == SITTING.exam_id
    assert [part.answers[0].revision for part in joined.attempts] == [1, 2]


async def test_essays_that_fill_a_message_become_several_events(hall: Hall) -> None:
    exam: Exam = hall.exam([a_question("essay", max_characters=100_000) for _ in range(4)])
    student = hall.student()
    attempt = await start(student, exam)
    text = "🌍" * 100_000
    answers = [
        {"question_id": question.question_id, "revision": 1, "response": {"text": text}} for question in exam.questions
    ]
    body = {"answers": answers}
    reply = await student.put(f"/api/v1/attempts/{attempt['id']}/answers", json=body)
    assert reply.status_code == 413
    replies = await asyncio.gather(*(save(student, attempt, question, {"text": text}) for question in exam.questions))
    assert {reply.status_code for reply in replies} == {200}
    events = await hall.service.recorded("attempts.answers.v1")
    assert sum(len(part.answers) for _, event in events for part in event.attempts) == 4
    assert all(event.ByteSize() < 900_000 for _, event in events)
