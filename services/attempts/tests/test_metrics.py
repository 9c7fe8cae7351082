"""What attempts tells at /metrics."""

from uuid import UUID

import pytest

from services.attempts.submitting import submit_at_limit, submit_due
from services.attempts.tests.builders import Hall, start
from services.attempts.tests.test_time import until_submitted

REASONS = ("student", "deadline", "violation_limit", "staff")


async def counted(hall: Hall, name: str, label: str, *values: str) -> list[float | None]:
    await hall.service.count_now()
    return [await hall.service.metric(name, **{label: value}) for value in values]


async def test_attempts_under_way_and_their_deadlines_are_told(hall: Hall) -> None:
    assert await counted(hall, "examhall_attempts", "status", "running", "paused") == [0, 0]
    assert await counted(hall, "examhall_deadlines_due", "within", "60", "300", "900") == [0, 0, 0]
    for seconds in (50, 250, 290, 800, 3600):
        await start(hall.student(), hall.exam(settings={"duration_seconds": seconds}))
    resting = hall.student(break_minutes=5)
    attempt = await start(resting, hall.exam(settings={"duration_seconds": 40}))
    await resting.post(f"/api/v1/attempts/{attempt['id']}/break")
    over = hall.student()
    await over.post(f"/api/v1/attempts/{(await start(over, hall.exam()))['id']}/submit")

    assert await counted(hall, "examhall_attempts", "status", "running", "paused") == [5, 1]
    assert await counted(hall, "examhall_deadlines_due", "within", "60", "300", "900") == [1, 3, 4]


async def test_each_submission_counts_once_under_its_reason(hall: Hall) -> None:
    async def submitted() -> dict[str, float]:
        told = [await hall.service.metric("examhall_attempts_submitted_total", reason=reason) for reason in REASONS]
        return dict(zip(REASONS, (value or 0 for value in told), strict=True))

    before, exam = await submitted(), hall.exam()
    students = [hall.student() for _ in range(4)]
    by_student, by_staff, at_limit, due = [await start(student, exam) for student in students]
    for _ in range(2):
        await students[0].post(f"/api/v1/attempts/{by_student['id']}/submit")
    staff = hall.staff("instructor", exam.state.instructor_id)
    await staff.post(f"/api/v1/attempts/{by_staff['id']}/submit")
    async with hall.service.database.session() as tx:
        await submit_at_limit(tx, UUID(at_limit["id"]), 3, 3)
    statement = "UPDATE attempts SET deadline_at = clock_timestamp() - interval '1 s' WHERE id = $1"
    await hall.sql(statement, UUID(due["id"]))
    async with hall.service.database.session() as tx:
        await submit_due(tx)
    await until_submitted(students[3], due)
    after = await submitted()
    assert {reason: after[reason] - before[reason] for reason in REASONS} == dict.fromkeys(REASONS, 1)


async def test_a_submission_that_is_rolled_back_does_not_count(hall: Hall) -> None:
    attempt = await start(hall.student(), hall.exam())
    before = await hall.service.metric("examhall_attempts_submitted_total", reason="violation_limit")

    async def submit_and_lose_the_connection() -> None:
        async with hall.service.database.session() as tx:
            await submit_at_limit(tx, UUID(attempt["id"]), 3, 3)
            raise ConnectionError

    with pytest.raises(ConnectionError):
        await submit_and_lose_the_connection()
    assert await hall.service.metric("examhall_attempts_submitted_total", reason="violation_limit") == before
