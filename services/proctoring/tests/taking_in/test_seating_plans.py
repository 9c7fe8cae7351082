"""Seating plans are taken in whole, shown on the board, and told to the stream of an exam that is watched, whatever comes first."""

from typing import Any
from uuid import UUID

from chassis.ids import new_id
from proto.examhall.exams.v1 import events_pb2 as exams
from services.proctoring.tests.taking_in.builders import API, Exam, Hall

EXAMS = "proctoring.exams.v1"
Plan = dict[str, list[UUID]]


async def planned(hall: Hall, exam: Exam, revision: int, plan: Plan) -> None:
    rooms = [exams.Room(name=name, student_ids=map(str, ids)) for name, ids in plan.items()]
    event = exams.ExamSeatingChanged(exam_id=exam.id, revision=revision, rooms=rooms)
    await hall.taken(await hall.service.publish("exams.exams.v1", exam.id, event))


async def told(hall: Hall) -> list[str]:
    """What the stream was told of exams, by kind."""
    return [name for name, _ in await hall.service.recorded(EXAMS)]


def as_told(event: Any) -> tuple[int, Plan]:
    return event.revision, {room.name: [UUID(each) for each in room.student_ids] for room in event.rooms}


async def board(hall: Hall, exam: Exam) -> dict[UUID, str | None]:
    """The rooms on the board, by student."""
    reply = await hall.service.as_("instructor", UUID(exam.state.instructor_id)).get(f"{API}/exams/{exam.id}/board")
    assert reply.status_code == 200, reply.text
    return {UUID(row["student_id"]): row["room"] for row in reply.json()["attempts"]}


async def test_a_plan_of_a_watched_exam_is_told_to_the_stream_and_to_who_watches_it(hall: Hall) -> None:
    ann, bob, cat = sorted(new_id() for _ in range(3))
    exam = await hall.published()
    await planned(hall, exam, 5, {"Hall B": [cat], "Hall A": [bob, ann]})
    (event,) = await hall.events(EXAMS, "SeatsPlanned")
    assert (event.exam_id, as_told(event)) == (exam.id, (5, {"Hall A": [ann, bob], "Hall B": [cat]}))
    (body,) = await hall.told_of(exam, "seating_changed")
    assert (body["exam_id"], body["rooms"], body["students"]) == (exam.id, 2, 3)


async def test_a_newer_plan_replaces_the_whole_an_older_one_nothing_and_an_empty_one_takes_it_away(hall: Hall) -> None:
    ann, bob = sorted(new_id() for _ in range(2))
    exam = await hall.published()
    await planned(hall, exam, 5, {"Hall A": [ann, bob]})
    await planned(hall, exam, 9, {"Hall B": [bob]})
    await planned(hall, exam, 7, {"Hall A": [ann, bob]})
    assert [tuple(row) for row in await hall.sql("SELECT student_id, room FROM seats")] == [(bob, "Hall B")]
    await planned(hall, exam, 12, {})
    assert await hall.sql("SELECT * FROM seats") == []
    events = await hall.events(EXAMS, "SeatsPlanned")
    assert [as_told(event) for event in events] == [
        (5, {"Hall A": [ann, bob]}), (9, {"Hall B": [bob]}), (12, {})
    ]  # fmt: skip
    assert len(await hall.told_of(exam, "seating_changed")) == 3


async def test_a_plan_that_comes_before_anything_else_of_the_exam_is_told_once_it_is_watched(hall: Hall) -> None:
    ann = new_id()
    exam = hall.exam()
    await planned(hall, exam, 5, {"Hall A": [ann]})
    assert await told(hall) == []
    await hall.started(exam, ann)
    assert await told(hall) == ["ExamWatched", "SeatsPlanned"]
    assert as_told((await hall.events(EXAMS, "SeatsPlanned"))[0]) == (5, {"Hall A": [ann]})
    assert await board(hall, exam) == {ann: "Hall A"}


async def test_a_plan_of_an_exam_without_proctoring_is_told_when_a_later_version_is_proctored(hall: Hall) -> None:
    ann = new_id()
    exam = await hall.published(settings={"proctoring": False})
    await planned(hall, exam, 5, {"Hall A": [ann]})
    assert await told(hall) == []
    await hall.published(version=2, exam_id=exam.id)
    assert await told(hall) == ["ExamWatched", "SeatsPlanned"]
    await hall.published(version=3, exam_id=exam.id)
    assert await told(hall) == ["ExamWatched", "SeatsPlanned", "ExamWatched"]


async def test_the_board_shows_the_room_whether_the_plan_came_before_the_start_or_after_it(hall: Hall) -> None:
    ann, bob, cat = [new_id() for _ in range(3)]
    exam, other = await hall.published(), await hall.published()
    await hall.started(exam, ann)
    await hall.started(other, ann)
    assert await board(hall, exam) == {ann: None}
    await planned(hall, exam, 5, {"Hall A": [ann], "Hall B": [bob]})
    await hall.started(exam, bob)
    await hall.started(exam, cat)
    assert await board(hall, exam) == {ann: "Hall A", bob: "Hall B", cat: None}
    assert await board(hall, other) == {ann: None}
