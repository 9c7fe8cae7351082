"""What grading tells of its tables at /metrics."""

from chassis.testing import eventually
from services.grading.tables import Attempt
from services.grading.tests.builders import AnAttempt, AnExam, Office


async def test_what_waits_to_be_marked_is_told_with_its_age(office: Office) -> None:
    exam = await office.knows(AnExam())
    await office.service.count_now()
    assert await office.service.metric("examhall_grading_waiting") == 0
    assert await office.service.metric("examhall_grading_oldest_seconds") == 0

    office.peers.are_away = True
    attempts = [await office.submitted(AnAttempt(exam)) for _ in range(2)]
    await eventually(lambda: office.row(Attempt, attempts[0].attempt_id))
    await eventually(lambda: office.row(Attempt, attempts[1].attempt_id))
    for attempt, minutes in zip(attempts, (60, 1), strict=True):
        await office.service.database.pool.execute(
            "UPDATE attempts SET submitted_at = clock_timestamp() - make_interval(mins => $2) WHERE id = $1",
            attempt.attempt_id,
            minutes,
        )
    await office.service.count_now()
    assert await office.service.metric("examhall_grading_waiting") == 2
    assert 3600 <= (await office.service.metric("examhall_grading_oldest_seconds") or 0) < 3700

    office.peers.are_away = False
    for attempt in attempts:
        await office.grade(attempt)
    await office.service.count_now()
    assert await office.service.metric("examhall_grading_waiting") == 0
    assert await office.service.metric("examhall_grading_oldest_seconds") == 0
