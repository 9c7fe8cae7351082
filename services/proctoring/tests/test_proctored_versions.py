"""An exam of which not every version is proctored: who sits another one is compared with nobody, whenever that is heard of."""

import pytest

from proto.examhall.proctoring.v1 import events_pb2 as told
from services.proctoring.evidence import moment
from services.proctoring.tests.builders import START_MS
from services.proctoring.tests.sittings import Event, a_sitting, attempt, pairs, played, requested

SITTING = a_sitting()


def with_versions(proctored: list[int], sat: dict[str, int]) -> tuple[Event, list[Event]]:
    """The sitting's exam with these versions proctored, and its seats; version 1 is sat where nothing else is said."""
    watched = type(SITTING.watched)()
    watched.CopyFrom(SITTING.watched)
    watched.versions.extend(proctored)
    seats = []
    for event, at in SITTING.seats:
        seat = type(event)()
        seat.CopyFrom(event)
        seat.exam_version = sat.get(seat.attempt_id, 1)
        seats.append((seat, at))
    return (watched, moment(START_MS)), seats


async def test_who_sits_a_version_that_is_not_proctored_is_compared_with_nobody() -> None:
    watched, seats = with_versions([1], {attempt(0): 2})
    driver = await played([watched, *seats, *SITTING.answers])
    assert pairs(driver.flagged) == {(attempt(12), attempt(10))}
    progress = driver.progress
    assert (progress.candidates, progress.pairs_tested, progress.answers) == (39, 39 * 38 // 2, 39 * 30)


@pytest.mark.parametrize("heard", range(0, 1200, 400))
async def test_which_version_is_sat_may_be_heard_after_answers_were_taken(heard: int) -> None:
    watched, seats = with_versions([1], {attempt(0): 2})
    undisturbed = await played([watched, *seats, *SITTING.answers])
    driver = await played([watched, *seats[1:], *SITTING.answers[:heard], seats[0], *SITTING.answers[heard:]])
    late = await played([watched, *seats[1:], *SITTING.answers])
    revision = late.progress.revision
    late.put([seats[0]])
    await late.settle()
    assert driver.outcome == late.outcome == undisturbed.outcome
    assert late.progress.revision > revision
    (taken_back,) = [each for each in late.last(told.PairAssessed) if each not in late.flagged]
    assert (taken_back.verdict, list(taken_back.statistics), taken_back.items_compared) == ("nothing", [], 0)
    students = {taken_back.copier_student_id, taken_back.source_student_id}
    assert students == {f"student of {attempt(0)}", f"student of {attempt(1)}"}
    driver.restart()
    driver.watch.put(*watched)
    await driver.settle()
    assert driver.outcome == undisturbed.outcome


async def test_who_turns_out_to_sit_another_version_after_the_close_is_taken_back_when_it_is_opened_again() -> None:
    watched, seats = with_versions([1], {attempt(0): 2})
    driver = await played([watched, *seats[1:], *SITTING.answers, requested("close", is_final=True)])
    assert pairs(driver.flagged) == set(SITTING.copied)
    again = type(watched[0])()
    again.CopyFrom(watched[0])
    again.revision = 2
    driver.put([(again, moment(START_MS)), seats[0]])
    await driver.settle()
    assert pairs(driver.flagged) == {(attempt(12), attempt(10))}


async def test_a_version_that_turns_out_to_be_proctored_takes_part_with_all_its_answers() -> None:
    watched, seats = with_versions([1], {attempt(0): 2})
    driver = await played([watched, *seats, *SITTING.answers])
    revision = driver.progress.revision
    both, _ = with_versions([1, 2], {})
    both[0].revision = 2
    driver.put([both])
    await driver.settle()
    assert pairs(driver.flagged) == set(SITTING.copied)
    assert (driver.progress.candidates, driver.progress.answers) == (40, 1200)
    assert driver.progress.revision > revision


async def test_exams_and_seats_told_before_an_upgrade_name_no_version_and_all_take_part() -> None:
    undisturbed = await played(SITTING.events)
    watched, _ = with_versions([2], {})
    driver = await played([watched, *SITTING.seats, *SITTING.answers])
    assert pairs(driver.flagged) == pairs(undisturbed.flagged)
    _, seats = with_versions([], {attempt(0): 2})
    driver = await played([(SITTING.watched, moment(START_MS)), *seats, *SITTING.answers])
    assert driver.outcome == undisturbed.outcome
