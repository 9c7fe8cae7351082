"""What one replica does by itself: pushing states, asking for the last analysis, replaying what was lost, forgetting what is old."""

from collections import Counter
from datetime import timedelta
from typing import Any
from uuid import UUID

import pytest
import structlog
from structlog.testing import capture_logs

from chassis.clock import now
from chassis.outbox import timestamp
from chassis.testing import eventually
from proto.examhall.exams.v1 import events_pb2 as exams
from proto.examhall.identity.v1 import people_pb2 as people
from proto.examhall.proctoring.v1 import events_pb2 as told
from proto.examhall.proctoring.v1 import stream_pb2 as stream
from proto.examhall.proctoring.v1.exams_pb2 import ExamWatched
from proto.examhall.proctoring.v1.signals_pb2 import SignalsReceived
from services.proctoring.keeping import kept_days
from services.proctoring.leading import CHORES_LOCK
from services.proctoring.retention import purge
from services.proctoring.settings import Settings
from services.proctoring.signals import SignalKind
from services.proctoring.tests.taking_in.builders import Exam, Hall, a_batch, a_question, open_hall

LIVE, EXAMS, SIGNALS = "proctoring.live.v1", "proctoring.exams.v1", "proctoring.signals.v1"


async def passing(hall: Hall) -> list[Any]:
    return [event for event in await hall.events(LIVE, "LiveEvent") if event.type == "quiz_status"]


async def asked(hall: Hall, exam: Exam) -> list[Any]:
    return [event for event in await hall.events(EXAMS, "CollusionRequested") if event.exam_id == exam.id]


async def test_the_state_of_each_exam_under_way_is_pushed_in_passing(postgres_url: str, kafka: str) -> None:
    async with open_hall(postgres_url, kafka, settings={"status_milliseconds": 100, "status_students": 1}) as hall:
        busy, idle = await hall.published(), await hall.published()
        done = await hall.started(busy)
        await hall.submitted(done)
        several = [await hall.started(busy) for _ in range(2)]
        await hall.assessed(several[1], 1, level="high", violations=2, answered_count=1, position=2)
        await hall.submitted(await hall.started(idle))

        seen = len(await passing(hall))
        await eventually(lambda: _more_than(hall, seen))
        event = (await passing(hall))[-1]
        body = structlog.processors.json.loads(event.body)
        assert (event.feed, event.number, body["number"], body["type"]) == (f"exam:{busy.id}", 0, 0, "quiz_status")
        assert (body["exam_id"], body["active_attempts"], body["completed_attempts"]) == (busy.id, 2, 1)
        (student,) = body["students"]  # the gravest first, and no more than the settings say
        assert (student["attempt_id"], student["violations"], student["progress"]) == (several[1].id, 2, 33)
        assert await hall.told_of(busy, "quiz_status") == []  # kept nowhere
        assert not await hall.sql("SELECT 1 FROM feed_entries WHERE type = 'quiz_status'")


async def _more_than(hall: Hall, count: int) -> bool:
    return len(await passing(hall)) > count + 1


async def test_one_replica_pushes_and_another_goes_on_when_it_stops(postgres_url: str, kafka: str) -> None:
    quick = {"status_milliseconds": 100}
    async with open_hall(postgres_url, kafka, settings=quick) as hall:
        url = hall.service.runtime.settings.database_url
        await hall.started(await hall.published())
        async with open_hall(postgres_url, kafka, hall.peers, quick, database_url=url) as other:
            await eventually(lambda: _more_than(hall, 3))
            leaders = await _leaders(hall)
            assert len(leaders) == 1
            await hall.service.database.pool.execute("SELECT pg_terminate_backend($1)", min(leaders))
            await eventually(lambda: _another_leads(other, leaders))
            seen = len(await passing(hall))
            await eventually(lambda: _more_than(hall, seen))
        await eventually(lambda: _leaders(hall))  # the first one again
        seen = len(await passing(hall))
        await eventually(lambda: _more_than(hall, seen))


async def _another_leads(hall: Hall, before: set[int]) -> bool:
    return bool(await _leaders(hall) - before)


async def _leaders(hall: Hall) -> set[int]:
    """The backends that hold the lock of the chores: one connection of one replica."""
    rows = await hall.sql(
        "SELECT pid FROM pg_locks WHERE locktype = 'advisory' AND granted AND classid = 0 AND objid = $1::bigint::oid"
        " AND database = (SELECT oid FROM pg_database WHERE datname = current_database())",
        CHORES_LOCK,
    )
    return {row["pid"] for row in rows}


async def test_the_last_analysis_is_asked_for_once_when_everybody_has_submitted(hall: Hall) -> None:
    closes_at = now() + timedelta(seconds=0.5)
    exam = await hall.published(closes_at=closes_at)
    open_exam = await hall.published(closes_at=now() + timedelta(days=1))
    plain = await hall.published(closes_at=closes_at, settings={"proctoring": False})
    nobodys = await hall.published(closes_at=closes_at)
    first, second = await hall.started(exam), await hall.started(exam)
    for other in (first, await hall.started(open_exam), await hall.started(plain)):
        await hall.submitted(other)
    later = await hall.published(closes_at=closes_at)  # a second exam that closes: proof that the first was looked at
    await hall.submitted(await hall.started(later))
    await eventually(lambda: asked(hall, later))
    assert await asked(hall, exam) == []

    await hall.submitted(second)
    await eventually(lambda: asked(hall, exam))
    (event,) = await asked(hall, exam)
    assert (event.is_final, UUID(event.request_id).version) == (True, 7)
    for unasked in (open_exam, plain, nobodys):
        assert await asked(hall, unasked) == []


async def test_an_exam_that_is_open_again_is_analysed_again_when_it_closes(hall: Hall) -> None:
    exam = await hall.published(closes_at=now() - timedelta(seconds=1))
    await hall.submitted(await hall.started(exam))
    await eventually(lambda: asked(hall, exam))
    exam.state.revision += 1
    exam.state.schedule.closes_at.FromDatetime(now() + timedelta(days=1))
    await hall.tell_exam(exams.ExamScheduleChanged(exam=exam.state))
    await hall.one("SELECT 1 FROM exams WHERE NOT is_collusion_final")
    exam.state.revision += 1
    exam.state.status = "archived"
    await hall.tell_exam(exams.ExamArchived(exam=exam.state))
    await eventually(lambda: _count(hall, exam, 2))
    await hall.submitted(await hall.started(exam))  # its start was on its way when the exam was archived
    await eventually(lambda: _count(hall, exam, 3))
    questions = [slot.questions[0] for slot in exam.paper.slots]
    await hall.published(*questions, a_question(), exam_id=exam.id, version=9, closes_at=now() - timedelta(hours=1))
    await eventually(lambda: _count(hall, exam, 4))

    told = [event for _, event in await hall.service.recorded(EXAMS)]
    watched = [event for event in told if isinstance(event, ExamWatched)]
    assert [event.revision for event in watched] == [1, 2, 3, 4]
    assert [len(event.items) for event in watched] == [2, 2, 2, 3]
    assert [event.exam_revision for event in await asked(hall, exam)] == [1, 2, 3, 4]
    assert [isinstance(event, ExamWatched) for event in told] == [
        True,
        False,
    ] * 4  # each closes what was told before it


async def test_an_attempt_at_a_version_that_nobody_told_of_opens_a_closed_exam_once(hall: Hall) -> None:
    exam = await hall.published(closes_at=now() - timedelta(hours=1))
    await hall.submitted(await hall.started(exam))
    await eventually(lambda: asked(hall, exam))
    newer = hall.exam(*(slot.questions[0] for slot in exam.paper.slots), a_question(), exam_id=exam.id, version=2)
    await hall.submitted(await hall.started(newer))
    await eventually(lambda: _count(hall, exam, 2))
    watched = await hall.events(EXAMS, "ExamWatched")
    assert [(event.revision, len(event.items)) for event in watched] == [(1, 2), (2, 3)]
    assert [event.exam_revision for event in await asked(hall, exam)] == [1, 2]


async def test_a_change_that_leaves_an_exam_closed_opens_nothing(hall: Hall) -> None:
    exam = await hall.published(closes_at=now() - timedelta(hours=1))
    await hall.submitted(await hall.started(exam))
    await eventually(lambda: asked(hall, exam))
    exam.state.revision += 1
    exam.state.schedule.closes_at.FromDatetime(now() - timedelta(minutes=1))
    await hall.taken(await hall.tell_exam(exams.ExamScheduleChanged(exam=exam.state)))
    older = exams.ExamState()
    older.CopyFrom(exam.state)
    older.revision -= 1
    older.schedule.closes_at.FromDatetime(now() + timedelta(days=1))
    await hall.taken(await hall.tell_exam(exams.ExamScheduleChanged(exam=older)))
    assert len(await asked(hall, exam)) == len(await hall.events(EXAMS, "ExamWatched")) == 1
    assert await hall.sql("SELECT 1 FROM exams WHERE is_collusion_final")


async def _count(hall: Hall, exam: Exam, count: int) -> bool:
    return len(await asked(hall, exam)) == count


async def lose_state(hall: Hall, *workers: str) -> None:
    for worker in workers:
        event = stream.StateLost(worker=worker, partitions=[0, 1], at=timestamp(now()))
        await hall.taken(await hall.service.publish("proctoring.worker.v1", worker, event))


async def test_workers_that_lose_their_state_get_the_events_of_exams_that_are_not_over(hall: Hall) -> None:
    running, over, final, to_come = [await hall.published() for _ in range(4)]
    again = await hall.published(closes_at=now() + timedelta(days=1))
    plain = await hall.published(settings={"proctoring": False})
    first, second = await hall.started(running), await hall.started(running)
    done, old, settled = await hall.started(over), await hall.started(over), await hall.started(final)
    earlier = await hall.started(again)
    await hall.started(plain)
    for attempt, hours in ((second, 30), (done, 2), (old, 30), (settled, 1), (earlier, 90)):
        await hall.submitted(attempt, at=now() - timedelta(hours=hours))
    for exam in (final, again):
        progress = told.CollusionProgress(exam_id=exam.id, revision=1, is_final=True)
        await hall.taken(await hall.tell_collusion(progress))
    await first.client.post(first.path, json=a_batch())
    await hall.one("SELECT 1 FROM outbox HAVING count(*) FILTER (WHERE published_at IS NULL) = 0")
    await hall.sql("UPDATE outbox SET occurred_at = '2000-01-01', published_at = '2000-01-01'")

    with capture_logs() as logs:
        await lose_state(hall, "worker 1", "worker 2", "worker 1")
        await eventually(lambda: hall.peers.replays and _no_wishes(hall))
    (request,) = hall.peers.replays  # one for all three
    assert list(request.topics) == ["attempts.lifecycle.v1", "attempts.answers.v1"]
    of_running = {first.id, second.id, done.id, old.id, earlier.id}
    assert sorted(request.keys) == sorted({running.id, over.id, again.id} | of_running)
    assert [log["events"] for log in logs if log["event"] == "events_published_again"] == [len(request.keys) + 11]
    rows = await hall.one(
        "SELECT 1 FROM outbox HAVING count(*) FILTER (WHERE published_at IS NULL) = 0"
    ) and await hall.sql("SELECT topic, key, type FROM outbox WHERE published_at > '2000-01-02'")
    published = Counter((row["topic"], row["key"]) for row in rows)
    expected = Counter({(EXAMS, exam.id): 1 for exam in (running, over, final, to_come, again)})
    expected.update({(SIGNALS, attempt): 1 for attempt in of_running})
    expected[(SIGNALS, first.id)] += 1  # the beginning of the watch and a batch
    assert published == expected


@pytest.mark.parametrize("is_of_a_new_version", [False, True])
async def test_an_exam_that_closed_a_second_time_gets_its_events_again_until_its_second_end_is_told(
    hall: Hall, is_of_a_new_version: bool
) -> None:
    exam = await hall.published(closes_at=now() - timedelta(hours=1))
    await hall.submitted(await hall.started(exam))
    await eventually(lambda: asked(hall, exam))
    end = told.CollusionProgress(exam_id=exam.id, revision=1, is_final=True)
    await hall.taken(await hall.tell_collusion(end))
    late = hall.exam(exam_id=exam.id, version=2) if is_of_a_new_version else exam
    await hall.submitted(await hall.started(late))
    await eventually(lambda: _count(hall, exam, 2))

    await lose_state(hall, "worker 1")
    await eventually(lambda: hall.peers.replays and _no_wishes(hall))
    assert exam.id in hall.peers.replays[-1].keys
    hall.peers.replays.clear()
    await hall.taken(await hall.tell_collusion(told.CollusionProgress(exam_id=exam.id, revision=2, is_final=True)))
    await lose_state(hall, "worker 2")
    await eventually(lambda: _no_wishes(hall))
    assert hall.peers.replays == []


async def _no_wishes(hall: Hall) -> bool:
    return not await hall.sql("SELECT 1 FROM replay_wishes")


async def test_a_replay_waits_for_attempts(hall: Hall) -> None:
    attempt = await hall.started(await hall.published())
    hall.peers.is_away = True
    with capture_logs() as logs:
        await lose_state(hall, "worker 1")
        await eventually(lambda: any(log["event"] == "replay_waits" for log in logs))
    assert not await _no_wishes(hall)
    hall.peers.is_away = False
    await eventually(lambda: _no_wishes(hall))
    assert attempt.id in hall.peers.replays[-1].keys


async def test_signals_are_kept_as_long_as_their_kind_may_be(hall: Hall) -> None:
    attempt = await hall.started(await hall.published(settings={"camera": True}))
    strokes = dict.fromkeys(
        ("window_milliseconds", "strokes", "typing_milliseconds", "dwell_milliseconds", "flight_milliseconds"), 9
    )
    signals = {"kind": "tab_switch"}, {"kind": "keystrokes", **strokes}, {"kind": "camera_blocked"}
    await attempt.client.post(attempt.path, json=a_batch(*signals))
    await attempt.client.post(attempt.path, json=a_batch({"kind": "tab_switch"}))
    arrived = now()
    settings = Settings()

    async def kinds_after(days: int) -> list[list[str | None]]:
        await purge(hall.service.runtime, arrived + timedelta(days=days))
        rows = await hall.sql("SELECT signals FROM signal_batches ORDER BY number")
        events = [SignalsReceived.FromString(row["signals"]) for row in rows]
        return [[signal.WhichOneof("kind") for signal in event.signals] for event in events]

    assert await kinds_after(settings.camera_signals_kept_days - 1) == [
        ["tab_switch", "keystrokes", "camera_blocked"],
        ["tab_switch"],
    ]
    assert await kinds_after(settings.camera_signals_kept_days + 1) == [
        ["tab_switch", "keystrokes", None],
        ["tab_switch"],
    ]
    assert await kinds_after(settings.movement_signals_kept_days - 1) == [
        ["tab_switch", "keystrokes", None],
        ["tab_switch"],
    ]
    assert await kinds_after(settings.movement_signals_kept_days + 1) == [["tab_switch", None, None], ["tab_switch"]]
    assert await kinds_after(settings.signals_kept_days - 1) == [["tab_switch", None, None], ["tab_switch"]]
    assert await kinds_after(settings.signals_kept_days + 1) == []


def test_no_kind_is_kept_longer_than_signals_in_general() -> None:
    settings = Settings(signals_kept_days=20, movement_signals_kept_days=50, camera_signals_kept_days=10)
    days = {kind: kept_days(kind, settings) for kind in SignalKind}
    assert (days[SignalKind.TAB_SWITCH], days[SignalKind.MOUSE], days[SignalKind.MULTIPLE_FACES]) == (20, 20, 10)


async def test_live_events_and_copies_in_the_outbox_go_and_numbers_go_on(postgres_url: str, kafka: str) -> None:
    async with open_hall(postgres_url, kafka, settings={"purge_batch": 2}) as hall:
        exam = await hall.published()
        for _ in range(5):
            attempt = await hall.started(exam)
            await attempt.client.post(attempt.path, json=a_batch())
        await hall.assessed(attempt, 1, is_over=True)
        await hall.one("SELECT 1 FROM outbox HAVING count(*) FILTER (WHERE published_at IS NULL) = 0")
        await purge(hall.service.runtime, now() + timedelta(days=29))
        assert (len(await hall.feed(f"exam:{exam.id}")), len(await hall.events(SIGNALS, "SignalsReceived"))) == (5, 5)
        await purge(hall.service.runtime, now() + timedelta(days=31))
        assert await hall.feed(f"exam:{exam.id}") == []
        assert await hall.service.recorded(SIGNALS) == []
        assert len(await hall.events(EXAMS, "ExamWatched")) == 1
        assert len(await hall.events("proctoring.reviews.v1", "IntegrityAssessed")) == 1
        await hall.started(exam)
        assert [body["number"] for body in await hall.feed(f"exam:{exam.id}")] == [6]


async def test_signals_of_a_deleted_person_go_from_the_outbox_too(hall: Hall) -> None:
    exam = await hall.published()
    attempt, other = await hall.started(exam), await hall.started(exam)
    for who in (attempt, other):
        await who.client.post(who.path, json=a_batch())
    student = attempt.state.student_id
    deleted = people.PersonDeleted(person_id=student, version=2)
    await hall.taken(await hall.service.publish("identity.people.v1", student, deleted))
    await hall.one("SELECT 1 FROM outbox HAVING count(*) FILTER (WHERE published_at IS NULL) = 0")
    await purge(hall.service.runtime, now())
    assert {event.attempt_id for _, event in await hall.service.recorded(SIGNALS)} == {other.id}


async def test_what_was_pushed_is_not_pushed_again_when_the_broker_loses_its_log(postgres_url: str, kafka: str) -> None:
    async with open_hall(postgres_url, kafka) as hall:
        url = hall.service.runtime.settings.database_url
        exam = await hall.published()
        await hall.started(exam)
        await hall.one("SELECT 1 FROM outbox HAVING count(*) FILTER (WHERE published_at IS NULL) = 0")
        await hall.sql("UPDATE outbox SET published_at = published_at - interval '2 minutes'")
        await hall.started(exam)
    async with open_hall(postgres_url, kafka, hall.peers, database_url=url) as again:  # sweeps when it starts
        await eventually(lambda: _live_numbers(again, [2]))
        assert [body["number"] for body in await again.feed(f"exam:{exam.id}")] == [1, 2]


async def _live_numbers(hall: Hall, numbers: list[int]) -> bool:
    return [event.number for event in await hall.events(LIVE, "LiveEvent")] == numbers
