"""An exam that was analysed for good and is open again, across the running service and a worker of the stream: broker, database and changelogs are real."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from random import Random
from typing import Any
from uuid import UUID

from chassis.clock import now
from chassis.outbox import timestamp
from proto.examhall.attempts.v1 import events_pb2 as attempts
from proto.examhall.exams.v1 import events_pb2 as exams
from services.proctoring.stream.tests.workers import a_worker, soon
from services.proctoring.tests.taking_in.builders import Attempt, Exam, Hall, a_question, open_hall

BEGUN = now() - timedelta(minutes=30)
ITEMS = 30
# An item says what is usual among its answers from fifty on.
CLASSMATES = 70
HERS, HIS = (
    [place % 2 * (1 + place % 3) for place in range(ITEMS)],
    [(place + 1) % 2 * (1 + place % 3) for place in range(ITEMS)],
)


async def test_an_exam_that_is_open_again_is_analysed_for_good_anew_and_the_second_analysis_replaces_the_first(
    postgres_url: str, kafka: str, tmp_path: Path
) -> None:
    async with open_hall(postgres_url, kafka) as hall:
        exam = await hall.published(*(a_question() for _ in range(ITEMS)), closes_at=now() + timedelta(days=1))
        with a_worker(kafka, tmp_path) as worker:
            await worker.ready()
            classmates = await begun(hall, exam, CLASSMATES)
            chance, seconds = Random(2), (BEGUN + timedelta(seconds=second) for second in count(1))
            for each in classmates:
                await saves(hall, exam, each, own_answers(chance), next(seconds))
            ada, bo, cy = await begun(hall, exam, 3)
            for number in range(ITEMS):
                await saves(hall, exam, ada, HERS, next(seconds), [number])
                await saves(hall, exam, bo, HERS, next(seconds), [number])
            await saves(hall, exam, cy, HIS, next(seconds))
            for each in (*classmates, ada, bo, cy):
                await hall.submitted(each)
            await closes(hall, exam, now() - timedelta(seconds=1))
            first = await soon(lambda: final_of(hall, exam, candidates=CLASSMATES + 3))
            assert pairs(first) == {(bo.id, ada.id)}

            await closes(hall, exam, now() + timedelta(days=1))
            open_again = await soon(lambda: running_of(hall, exam))
            assert pairs(open_again) == {(bo.id, ada.id)}
            worker.kill()
        with a_worker(kafka, tmp_path) as worker:
            await worker.ready()
            (dee,) = await begun(hall, exam, 1)
            for number in range(ITEMS):
                await saves(hall, exam, dee, HIS, next(seconds), [number])
            await hall.submitted(dee)
            await closes(hall, exam, now() - timedelta(seconds=1))
            second = await soon(lambda: final_of(hall, exam, candidates=CLASSMATES + 4))
            assert not worker.said("state_lost")

        assert pairs(second) == {(bo.id, ada.id), (dee.id, cy.id)}
        before, after = first["progress"], second["progress"]
        assert (before["answers"], before["pairs_flagged"]) == (ITEMS * (CLASSMATES + 3), 1)
        assert (after["answers"], after["pairs_flagged"]) == (ITEMS * (CLASSMATES + 4), 2)
        assert min(pair["revision"] for pair in second["pairs"]) > max(pair["revision"] for pair in first["pairs"])
        assert {frozenset(each["attempt_id"] for each in group["members"]) for group in second["groups"]} == {
            frozenset((ada.id, bo.id)),
            frozenset((cy.id, dee.id)),
        }
        rows = await hall.sql("SELECT revision, is_final FROM collusion_states WHERE exam_id = $1", exam.uuid)
        assert [tuple(row) for row in rows] == [(after["revision"], True)]
        ends = [
            body["progress"]
            for body in await hall.told_of(exam, "collusion")
            if body.get("progress", {}).get("is_final")
        ]
        assert [ends[0], ends[-1]] == [before, after]
        counted = await hall.sql("SELECT DISTINCT answers FROM item_calibrations WHERE exam_id = $1", exam.uuid)
        assert [row["answers"] for row in counted] == [CLASSMATES + 4]


async def begun(hall: Hall, exam: Exam, number: int) -> list[Attempt]:
    """So many attempts that began together."""
    found = [hall.attempt(exam, question_count=ITEMS, started_at=timestamp(BEGUN)) for _ in range(number)]
    for each in found:
        await hall.tell_attempt(attempts.AttemptStarted(attempt=each.state, client_address="10.0.0.1"))
    ids = [each.uuid for each in found]
    await hall.one("SELECT 1 FROM attempts WHERE id = ANY($1) HAVING count(*) = $2", ids, number)
    return found


async def saves(
    hall: Hall, exam: Exam, attempt: Attempt, options: Sequence[int], at: datetime, places: Iterable[int] = range(ITEMS)
) -> None:
    """One commit of an attempt's answers to the questions at these places."""
    questions = [slot.questions[0] for slot in exam.paper.slots]
    answers = [
        attempts.SavedAnswer(
            question_id=questions[place].question_id,
            revision=1,
            response=attempts.Response(
                choice=attempts.Choice(option_ids=[questions[place].options[options[place]].option_id])
            ),
        )
        for place in places
    ]
    part = attempts.AttemptAnswers(attempt_id=attempt.id, student_id=attempt.state.student_id, answers=answers)
    event = attempts.AnswersSaved(exam_id=exam.id, attempts=[part])
    await hall.service.publish("attempts.answers.v1", exam.id, event, occurred_at=at)


async def closes(hall: Hall, exam: Exam, at: datetime) -> None:
    """The exam's window ends at another time."""
    exam.state.revision += 1
    exam.state.schedule.closes_at.FromDatetime(at)
    await hall.taken(await hall.tell_exam(exams.ExamScheduleChanged(exam=exam.state)))


async def shown(hall: Hall, exam: Exam) -> dict[str, Any]:
    """What the instructor reads."""
    reader = hall.service.as_("instructor", UUID(exam.state.instructor_id))
    found: dict[str, Any] = (await reader.get(f"/api/v1/proctoring/exams/{exam.id}/collusion")).json()
    return found


async def final_of(hall: Hall, exam: Exam, *, candidates: int) -> dict[str, Any] | None:
    """What is shown, once it is the last analysis of so many candidates and all their answers."""
    found = await shown(hall, exam)
    progress = found["progress"]
    is_whole = (progress["candidates"], progress["answers"]) == (candidates, candidates * ITEMS)
    return found if progress["is_final"] and is_whole and len(found["pairs"]) == progress["pairs_flagged"] else None


async def running_of(hall: Hall, exam: Exam) -> dict[str, Any] | None:
    """What is shown, once the exam runs."""
    found = await shown(hall, exam)
    return None if found["progress"]["is_final"] else found


def own_answers(chance: Random) -> list[int]:
    """What somebody answers who knows some and guesses the rest, alone: the first option is right."""
    ability = chance.uniform(0.6, 0.9)
    return [0 if chance.random() < ability else chance.randint(1, 3) for _ in range(ITEMS)]


def pairs(found: dict[str, Any]) -> set[tuple[str, str]]:
    """Who is flagged: the later and the earlier of the two."""
    return {(pair["later"]["attempt_id"], pair["earlier"]["attempt_id"]) for pair in found["pairs"]}
