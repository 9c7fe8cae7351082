"""The clock: submission at the deadline by whoever holds the timer, extension, pause, breaks."""

import asyncio
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects import postgresql

from chassis.actors import Actor
from chassis.ids import new_id
from chassis.testing import eventually
from services.attempts.metrics import COUNTS
from services.attempts.pausing import pause_all
from services.attempts.submitting import DUE, submit_due
from services.attempts.tables import Attempt
from services.attempts.tests.builders import Exam, Hall, open_hall, problem, save, start
from services.attempts.timekeeping import IS_DUE

ADMIN = Actor(new_id(), "admin", new_id())


async def until_submitted(client: Any, attempt: dict[str, Any]) -> dict[str, Any]:
    """Waits for the submission and gives the attempt."""

    async def submitted() -> dict[str, Any] | None:
        body = (await client.get(f"/api/v1/attempts/{attempt['id']}")).json()
        return body if body["status"] == "submitted" else None

    found: dict[str, Any] = await eventually(submitted)
    return found


def moments(attempt: dict[str, Any], *names: str) -> list[datetime]:
    return [datetime.fromisoformat(attempt[name]) for name in names]


def instructor(hall: Hall, exam: Exam) -> Any:
    return hall.staff("instructor", exam.state.instructor_id)


async def test_at_the_deadline_the_attempt_is_submitted_within_a_second_with_what_is_saved(hall: Hall) -> None:
    exam, student = hall.exam(settings={"duration_seconds": 1}), hall.student()
    attempt, question = await start(student, exam), exam.questions[1]
    await save(student, attempt, question, {"text": "in time"})
    ended = await until_submitted(student, attempt)
    deadline, submitted = moments(ended, "deadline_at", "submitted_at")
    assert timedelta(0) <= submitted - deadline < timedelta(seconds=1)
    assert (ended["submit_reason"], ended["answered_count"], ended["seconds_left"]) == ("deadline", 1, 0)
    kinds = [kind for kind, _ in await hall.service.recorded("attempts.lifecycle.v1")]
    assert kinds == ["AttemptStarted", "AttemptSubmitted"]


async def test_a_deadline_that_passed_while_the_service_was_down_is_kept_at_its_return(
    postgres_url: str, kafka: str
) -> None:
    async with open_hall(postgres_url, kafka) as hall:
        url, peers = hall.service.database.url, hall.peers
        exam, student = hall.exam(), hall.student()
        attempt = await start(student, exam)
        person_id = student.person_id  # type: ignore[attr-defined]
    async with open_hall(postgres_url, kafka, database_url=url, peers=peers) as hall:
        await hall.sql("UPDATE attempts SET deadline_at = clock_timestamp() - interval '1 hour'")
        ended = await until_submitted(hall.service.as_("student", person_id), attempt)
        assert ended["submit_reason"] == "deadline"


async def test_two_replicas_submit_two_thousand_due_attempts_once_each_and_within_a_second(
    postgres_url: str, kafka: str
) -> None:
    async with (
        open_hall(postgres_url, kafka) as hall,
        open_hall(postgres_url, kafka, database_url=hall.service.database.url, peers=hall.peers),
    ):
        await hall.sql(
            """
            INSERT INTO attempts (id, version, exam_id, exam_version, student_id, number, status, seed, question_count, answered_count,
                started_at, deadline_at, pause_reason, break_allowed_seconds, break_used_seconds, submit_reason, client_address)
            SELECT gen_random_uuid(), 1, $1, 1, gen_random_uuid(), 1, 'in_progress', '\\x00', 2, 0,
                now() - interval '1 hour', clock_timestamp() + interval '1 second', '', 0, 0, '', '' FROM generate_series(1, 2000)
            """,
            new_id(),
        )

        async def all_done() -> bool:
            return not await hall.sql("SELECT 1 FROM attempts WHERE status <> 'submitted' LIMIT 1")

        await eventually(all_done)
        events = await hall.service.recorded("attempts.lifecycle.v1")
        assert len({event.attempt.attempt_id for _, event in events}) == len(events) == 2000
        assert all(event.attempt.version == 2 for _, event in events)


async def test_keeping_the_time_reads_no_attempt_that_is_over(hall: Hall) -> None:
    """With a million of them it would take the time of those who sit."""
    await hall.sql(
        """
        INSERT INTO attempts (id, version, exam_id, exam_version, student_id, number, status, seed, question_count, answered_count,
            started_at, deadline_at, pause_reason, break_allowed_seconds, break_used_seconds, submitted_at, submit_reason, client_address)
        SELECT gen_random_uuid(), 2, gen_random_uuid(), 1, gen_random_uuid(), 1, 'submitted', '\\x00', 2, 0, now() - interval '1 day',
            now() - interval '23 hours', '', 0, 0, now() - interval '23 hours', 'student', '' FROM generate_series(1, 5000)
        """
    )
    await hall.sql("VACUUM ANALYZE attempts")

    due = str(DUE.compile(dialect=postgresql.dialect(), compile_kwargs={"literal_binds": True}))
    statements = {IS_DUE: (), due: (), **{count.query: count.arguments for count in COUNTS}}
    for statement, arguments in statements.items():
        plan = "\n".join(row[0] for row in await hall.sql(f"EXPLAIN {statement}", *arguments))
        assert "on attempts" in plan
        assert "Seq Scan" not in plan


async def test_submissions_at_once_have_one_result(hall: Hall) -> None:
    exam, student = hall.exam(), hall.student()
    attempt = await start(student, exam)

    async def by_deadline() -> None:
        await hall.sql("UPDATE attempts SET deadline_at = clock_timestamp() WHERE id = $1", UUID(attempt["id"]))
        async with hall.service.database.session() as tx:
            await submit_due(tx)

    replies = await asyncio.gather(
        *(student.post(f"/api/v1/attempts/{attempt['id']}/submit") for _ in range(8)), by_deadline()
    )
    results = {(reply.json()["submitted_at"], reply.json()["submit_reason"]) for reply in replies if reply is not None}
    assert len(results) == 1
    submitted = [kind for kind, _ in await hall.service.recorded("attempts.lifecycle.v1") if kind == "AttemptSubmitted"]
    assert submitted == ["AttemptSubmitted"]


async def test_a_submission_counts_only_answers_that_stand(hall: Hall) -> None:
    exam, student = hall.exam(), hall.student()
    attempt = await start(student, exam)
    await save(student, attempt, exam.questions[0], None, is_flagged=True)
    await save(student, attempt, exam.questions[1], {"text": "x"})
    ended = (await student.post(f"/api/v1/attempts/{attempt['id']}/submit")).json()
    assert (ended["status"], ended["submit_reason"], ended["answered_count"]) == ("submitted", "student", 1)


async def test_staff_submit_for_a_student_and_it_is_audited(hall: Hall) -> None:
    exam, student = hall.exam(), hall.student()
    attempt = await start(student, exam)
    ended = (await instructor(hall, exam).post(f"/api/v1/attempts/{attempt['id']}/submit")).json()
    assert ended["submit_reason"] == "proctor"
    ((_, entry),) = await hall.service.recorded("audit.entries.v1")
    assert (entry.action, entry.entity_id, entry.actor_id) == (
        "attempt_submitted",
        attempt["id"],
        exam.state.instructor_id,
    )


async def test_an_extension_moves_the_deadline_of_one_or_of_all(hall: Hall) -> None:
    exam, one, two = hall.exam(), hall.student(), hall.student()
    first, second = await start(one, exam), await start(two, exam)
    staff = instructor(hall, exam)
    reply = await staff.post(f"/api/v1/attempts/{first['id']}/extend", json={"seconds": 300, "reason": "late start"})
    assert moments(reply.json(), "deadline_at")[0] - moments(first, "deadline_at")[0] == timedelta(seconds=300)
    reply = await staff.post(f"/api/v1/attempts/of-exam/{exam.id}/extend", json={"seconds": 60, "reason": "noise"})
    assert reply.json() == {"attempts": 2}
    beat = (await two.post(f"/api/v1/attempts/{second['id']}/heartbeat")).json()
    assert 3650 <= beat["seconds_left"] <= 3660
    extended = [
        event for kind, event in await hall.service.recorded("attempts.lifecycle.v1") if kind == "AttemptExtended"
    ]
    assert sorted((event.added_seconds, event.reason) for event in extended) == [
        (60, "noise"), (60, "noise"), (300, "late start"),
    ]  # fmt: skip
    assert len(await hall.service.recorded("audit.entries.v1")) == 3


async def test_an_extension_of_nothing_or_for_ever_is_refused(hall: Hall) -> None:
    exam, student = hall.exam(), hall.student()
    attempt, staff = await start(student, exam), instructor(hall, exam)
    for body in ({"seconds": 0, "reason": "x"}, {"seconds": 86_401, "reason": "x"}, {"seconds": 60, "reason": " "}):
        reply = await staff.post(f"/api/v1/attempts/{attempt['id']}/extend", json=body)
        assert problem(reply) == (422, "invalid-input")
    await student.post(f"/api/v1/attempts/{attempt['id']}/submit")
    reply = await staff.post(f"/api/v1/attempts/{attempt['id']}/extend", json={"seconds": 60, "reason": "x"})
    assert problem(reply) == (409, "attempt-closed")


async def test_a_pause_stops_the_clock_and_hides_the_paper(hall: Hall) -> None:
    exam, student = hall.exam(settings={"duration_seconds": 2}), hall.student()
    attempt, staff = await start(student, exam), instructor(hall, exam)
    paused = (await staff.post(f"/api/v1/attempts/{attempt['id']}/pause", json={"reason": "fire alarm"})).json()
    assert (paused["status"], paused["pause_reason"]) == ("paused", "fire alarm")
    assert problem(await student.get(f"/api/v1/attempts/{attempt['id']}/paper")) == (409, "attempt-paused")
    (deadline,) = moments(paused, "deadline_at")
    await eventually(lambda: datetime.now(UTC) > deadline)
    beat = (await student.post(f"/api/v1/attempts/{attempt['id']}/heartbeat")).json()
    assert (beat["status"], beat["seconds_left"]) == ("paused", paused["seconds_left"])
    resumed = (await staff.post(f"/api/v1/attempts/{attempt['id']}/resume")).json()
    assert resumed["status"] == "in_progress"
    paused_at, moved = *moments(paused, "paused_at"), *moments(resumed, "deadline_at")
    assert moved - deadline > datetime.now(UTC) - paused_at - timedelta(seconds=2)
    ended = await until_submitted(student, attempt)
    assert ended["submit_reason"] == "deadline"
    kinds = [kind for kind, _ in await hall.service.recorded("attempts.lifecycle.v1")]
    assert kinds == ["AttemptStarted", "AttemptPaused", "AttemptResumed", "AttemptSubmitted"]


async def test_a_fire_alarm_pauses_everybody_and_a_student_on_a_break_too(hall: Hall) -> None:
    exam, one, two = hall.exam(), hall.student(), hall.student(break_minutes=10)
    first, second = await start(one, exam), await start(two, exam)
    staff = instructor(hall, exam)
    broken = (await two.post(f"/api/v1/attempts/{second['id']}/break")).json()
    assert broken["break_ends_at"] is not None
    of_exam = f"/api/v1/attempts/of-exam/{exam.id}"
    assert (await staff.post(f"{of_exam}/pause", json={"reason": "fire"})).json() == {"attempts": 2}
    assert (await staff.post(f"{of_exam}/pause", json={"reason": "fire"})).json() == {"attempts": 0}
    out = (await two.get(f"/api/v1/attempts/{second['id']}")).json()
    assert (out["status"], out["pause_reason"], out["break_ends_at"]) == ("paused", "fire", None)
    assert problem(await two.delete(f"/api/v1/attempts/{second['id']}/break")) == (409, "conflict")
    assert (await staff.post(f"{of_exam}/resume")).json() == {"attempts": 2}
    back = [
        (await client.get(f"/api/v1/attempts/{attempt['id']}")).json()
        for client, attempt in ((one, first), (two, second))
    ]
    assert [attempt["status"] for attempt in back] == ["in_progress", "in_progress"]
    assert 595 <= back[1]["break_seconds_left"] <= 600


async def test_a_break_that_staff_s_pause_finds_over_gave_no_more_than_it_had(hall: Hall) -> None:
    exam, student = hall.exam(), hall.student(break_minutes=1)
    attempt = await start(student, exam)
    await student.post(f"/api/v1/attempts/{attempt['id']}/break")
    # As after an outage: the break was over long before anybody could end it. Held, so that the timekeeper is not first.
    async with hall.service.database.session() as tx:
        held = await tx.scalar(select(Attempt).with_for_update())
        held.paused_at, held.break_ends_at = (
            held.paused_at - timedelta(hours=1),
            held.break_ends_at - timedelta(hours=1),
        )
        await tx.flush()
        await pause_all(tx, ADMIN, UUID(exam.id), "power cut")
    paused = (await student.get(f"/api/v1/attempts/{attempt['id']}")).json()
    assert moments(paused, "deadline_at")[0] - moments(attempt, "deadline_at")[0] == timedelta(minutes=1)
    assert paused["break_seconds_left"] == 0


async def test_a_break_uses_up_what_the_accommodation_grants(hall: Hall) -> None:
    exam, student, plain = hall.exam(), hall.student(break_minutes=1), hall.student()
    attempt, other = await start(student, exam), await start(plain, exam)
    assert problem(await plain.post(f"/api/v1/attempts/{other['id']}/break")) == (409, "conflict")
    path = f"/api/v1/attempts/{attempt['id']}/break"
    taken = (await student.post(path)).json()
    assert (taken["status"], taken["break_seconds_left"]) == ("paused", 60)
    assert moments(taken, "break_ends_at")[0] - moments(taken, "paused_at")[0] == timedelta(seconds=60)
    await hall.sql(
        "UPDATE attempts SET paused_at = paused_at - interval '40 s', break_ends_at = break_ends_at - interval '40 s' WHERE id = $1",
        UUID(attempt["id"]),
    )
    back = (await student.delete(path)).json()
    assert (back["status"], back["break_seconds_left"]) == ("in_progress", 20)
    assert timedelta(seconds=40) <= moments(back, "deadline_at")[0] - moments(attempt, "deadline_at")[0]
    await student.post(path)
    await hall.sql(
        "UPDATE attempts SET paused_at = paused_at - interval '20 s', break_ends_at = break_ends_at - interval '20 s' WHERE id = $1",
        UUID(attempt["id"]),
    )

    async def goes_on() -> dict[str, Any] | None:
        body = (await student.get(f"/api/v1/attempts/{attempt['id']}")).json()
        return body if body["status"] == "in_progress" else None

    ended = await eventually(goes_on)
    assert ended["break_seconds_left"] == 0
    assert problem(await student.post(path)) == (409, "conflict")


async def test_a_student_can_not_end_a_pause_that_staff_ordered(hall: Hall) -> None:
    exam, student = hall.exam(), hall.student(break_minutes=10)
    attempt, staff = await start(student, exam), instructor(hall, exam)
    path = f"/api/v1/attempts/{attempt['id']}"
    await student.post(f"{path}/break")
    paused = (await staff.post(f"{path}/pause", json={"reason": "identity check"})).json()
    assert (paused["pause_reason"], paused["break_ends_at"]) == ("identity check", None)
    assert problem(await student.delete(f"{path}/break")) == (409, "conflict")
    assert (await student.get(path)).json()["status"] == "paused"
