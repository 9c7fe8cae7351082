"""Recorded tapes: what happens at an exam as the stream hears it, made from a seed."""

import random
from datetime import UTC, datetime, timedelta
from typing import NamedTuple
from uuid import UUID, uuid5

from google.protobuf.message import Message

from chassis.outbox import timestamp
from proto.examhall.attempts.v1 import events_pb2 as attempts
from proto.examhall.proctoring.v1 import exams_pb2 as exams
from proto.examhall.proctoring.v1 import signals_pb2 as signals

BEGIN = datetime(2026, 6, 1, 9, 0, tzinfo=UTC)
_NAMES = UUID("9e5a6f0e-2f1d-5c63-8f3a-0d4f6f7b1c55")
_QUICK = (
    "tab_switch",
    "focus_lost",
    "fullscreen_exit",
    "copy_attempt",
    "paste_attempt",
    "right_click",
    "devtools_open",
)


class Event(NamedTuple):
    """One event of the tape: where, under which key, when, and its id."""

    topic: str
    key: str
    message: Message
    at: datetime
    event_id: UUID


def name(what: str) -> str:
    """A fixed id."""
    return str(uuid5(_NAMES, what))


def at(seconds: float) -> datetime:
    """So many seconds into the exam."""
    return BEGIN + timedelta(seconds=seconds)


def event(topic: str, key: str, message: Message, seconds: float, number: int = 0) -> Event:
    """An event with an id that is fixed by what it is."""
    what = (
        f"{topic} {key} {message.DESCRIPTOR.name} {seconds} {number} {message.SerializeToString(deterministic=True)!r}"
    )
    return Event(topic, key, message, at(seconds), uuid5(_NAMES, what))


def exam_watched(exam_id: str, questions: int = 10, revision: int = 1) -> Event:
    """The exam is proctored; every question has four options."""
    items = [
        exams.WatchedItem(question_id=question, option_ids=[f"{question}-{option}" for option in "abcd"])
        for question in questions_of(exam_id, questions)
    ]
    message = exams.ExamWatched(
        exam_id=exam_id, revision=revision, rules=rules(), items=items, opened_at=timestamp(BEGIN)
    )
    return event("proctoring.exams.v1", exam_id, message, -60)


def seats_planned(exam_id: str, revision: int, **rooms: list[str]) -> Event:
    """The exam's seating plan: rooms by name, with the attempts whose students sit there."""
    planned = [
        exams.PlannedRoom(name=room, student_ids=[name(f"student of {attempt_id}") for attempt_id in attempt_ids])
        for room, attempt_ids in rooms.items()
    ]
    message = exams.SeatsPlanned(exam_id=exam_id, revision=revision, rooms=planned)
    return event("proctoring.exams.v1", exam_id, message, revision)


def questions_of(exam_id: str, count: int) -> list[str]:
    return [name(f"{exam_id} question {number}") for number in range(count)]


def rules(limit: int = 3) -> signals.ExamRules:
    return signals.ExamRules(proctoring=True, camera=True, sensitivity="medium", violation_limit=limit)


def watch_began(exam_id: str, attempt_id: str, seconds: float = 0.1, limit: int = 3) -> Event:
    message = signals.WatchBegan(
        attempt_id=attempt_id,
        exam_id=exam_id,
        student_id=name(f"student of {attempt_id}"),
        revision=1,
        rules=rules(limit),
        comparison=signals.Comparison(
            norms=[
                signals.Norm(figure="typing_wpm", median="40", mad="5", samples=9, source="population"),
                signals.Norm(figure="seconds_per_question", median="30", mad="8", samples=9, source="population"),
            ],
            samples_source="nothing",
        ),
    )
    return event("proctoring.signals.v1", attempt_id, message, seconds)


def lifecycle(exam_id: str, attempt_id: str, seconds: float, *, version: int = 1, status: str = "in_progress") -> Event:
    """A step in the attempt's life: its start, unless it is submitted."""
    state = attempts.AttemptState(
        attempt_id=attempt_id,
        version=version,
        exam_id=exam_id,
        student_id=name(f"student of {attempt_id}"),
        number=1,
        status=status,
        started_at=timestamp(BEGIN),
        deadline_at=timestamp(at(3600)),
        centre_id=name("centre"),
        question_count=10,
    )
    if status == "submitted":
        state.submitted_at.CopyFrom(timestamp(at(seconds)))
        return event("attempts.lifecycle.v1", attempt_id, attempts.AttemptSubmitted(attempt=state), seconds)
    return event(
        "attempts.lifecycle.v1",
        attempt_id,
        attempts.AttemptStarted(attempt=state, client_address="10.0.0.7"),
        seconds,
    )


def batch(exam_id: str, attempt_id: str, number: int, seconds: float, *kinds: str) -> Event:
    """A batch of signals, a tenth of a second apart."""
    sent = []
    for place, kind in enumerate(kinds):
        signal = signals.Signal(at=timestamp(at(seconds + 3 * place)))
        getattr(signal, kind).SetInParent()
        if kind == "keystrokes":
            signal.keystrokes.CopyFrom(
                signals.Keystrokes(window_milliseconds=60_000, strokes=100, typing_milliseconds=30_000)
            )
        sent.append(signal)
    message = signals.SignalsReceived(
        attempt_id=attempt_id,
        exam_id=exam_id,
        student_id=name(f"student of {attempt_id}"),
        number=number,
        received_at=timestamp(at(seconds + 3 * len(kinds))),
        session_id=name(f"log-in of {attempt_id}"),
        network="10.0.0.7",
        signals=sent,
    )
    return event("proctoring.signals.v1", attempt_id, message, seconds, number)


def shown(exam_id: str, attempt_id: str, number: int, seconds: float, *, position: int) -> Event:
    """A batch that says which question is shown."""
    told = batch(exam_id, attempt_id, number, seconds, "question_shown")
    told.message.signals[0].question_shown.position = position
    return told


def saved(exam_id: str, seconds: float, *answers: tuple[str, str, int, str]) -> Event:
    """Answers of an exam that one commit saved, as (attempt, question, revision, option)."""
    parts = [
        attempts.AttemptAnswers(
            attempt_id=attempt_id,
            student_id=name(f"student of {attempt_id}"),
            answers=[
                attempts.SavedAnswer(
                    question_id=question,
                    revision=revision,
                    response=attempts.Response(choice=attempts.Choice(option_ids=[option])),
                )
            ],
        )
        for attempt_id, question, revision, option in answers
    ]
    return event("attempts.answers.v1", exam_id, attempts.AnswersSaved(exam_id=exam_id, attempts=parts), seconds)


def tape(seed: int, *, exam_count: int = 2, students: int = 6, questions: int = 10) -> list[Event]:
    """Exams with students who answer, slip and submit, in the order it happens. The first exam's last student leaves the page again and again.

    Each exam has a seating plan, and another one in its midst.
    """
    dice, found = random.Random(seed), []
    for exam_number in range(exam_count):
        exam_id = name(f"exam {seed} {exam_number}")
        found.append(exam_watched(exam_id, questions))
        seated = [name(f"attempt {exam_id} {student}") for student in range(students)]
        found += [seats_planned(exam_id, 1, hall=seated), seats_planned(exam_id, 200, hall=seated[1:], aula=seated[:1])]
        for student in range(students):
            attempt_id = name(f"attempt {exam_id} {student}")
            found += [lifecycle(exam_id, attempt_id, 0), watch_began(exam_id, attempt_id)]
            for number, question in enumerate(questions_of(exam_id, questions)):
                when = 20.0 * (number + 1) + dice.random() * 10
                found.append(saved(exam_id, when, (attempt_id, question, 1, f"{question}-{dice.choice('abcd')}")))
            slips = 8 if student == students - 1 and exam_number == 0 else dice.randrange(3)
            for number in range(1, slips + 3):
                kinds = [dice.choice(_QUICK)] if number <= slips else ["keystrokes", "question_shown"]
                found.append(batch(exam_id, attempt_id, number, 15.0 * number + dice.random() * 5, *kinds))
            found.append(lifecycle(exam_id, attempt_id, 400 + student, version=2, status="submitted"))
    return sorted(found, key=lambda each: (each.at, each.event_id))
