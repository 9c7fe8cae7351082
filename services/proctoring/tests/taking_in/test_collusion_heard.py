"""What the stream tells of answers in common is kept in its newest state, and news of it is pushed."""

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chassis.clock import now
from chassis.consuming import Delivery
from chassis.ids import new_id
from chassis.outbox import timestamp
from proto.examhall.proctoring.v1 import events_pb2 as told
from services.proctoring.collusion_heard import is_news, take_in_pair
from services.proctoring.metrics import PAIRS
from services.proctoring.tests.taking_in.builders import Attempt, Exam, Hall


def a_pair(exam: Exam, copier: Attempt, source: Attempt, revision: int, log10: str, verdict: str = "flagged") -> Any:
    statistics = [
        told.Statistic(method="answers", kind="e_value", log10_value="99"),
        told.Statistic(method="e_process", kind="e_value", log10_value=log10),
    ]
    return told.PairAssessed(
        exam_id=exam.id, copier_attempt_id=copier.id, source_attempt_id=source.id, revision=revision, family="plausible", verdict=verdict,
        statistics=statistics, as_of=timestamp(now()),
    )  # fmt: skip


async def test_a_pair_stands_once_whichever_way_round_it_is_told(hall: Hall) -> None:
    exam = await hall.published()
    one, other = await hall.started(exam), await hall.started(exam)
    await hall.taken(await hall.tell_collusion(a_pair(exam, one, other, 4, "3.5")))
    await hall.taken(await hall.tell_collusion(a_pair(exam, other, one, 5, "4.1")))
    await hall.taken(await hall.tell_collusion(a_pair(exam, one, other, 3, "9")))
    (row,) = await hall.sql("SELECT * FROM pairs")
    assert (row["first_attempt_id"], row["second_attempt_id"]) == tuple(sorted((one.uuid, other.uuid)))
    assert (row["copier_attempt_id"], row["source_attempt_id"], row["revision"]) == (other.uuid, one.uuid, 5)
    assert (row["verdict"], row["log10_e_value"]) == ("flagged", Decimal("4.1"))


async def test_proctors_hear_of_a_pair_that_is_flagged_or_no_more_and_of_tenfold_evidence(hall: Hall) -> None:
    exam = await hall.published()
    pair = await hall.started(exam), await hall.started(exam)
    steps = [
        ("0.5", "not_enough_yet"), ("1.5", "nothing"), ("3.0", "flagged"), ("3.6", "flagged"), ("4.1", "flagged"), ("4.9", "flagged"),
        ("2.0", "nothing"), ("0.1", "nothing"),
    ]  # fmt: skip
    for revision, (log10, verdict) in enumerate(steps, start=1):
        await hall.taken(await hall.tell_collusion(a_pair(exam, *pair, revision, log10, verdict)))
    shown = [body["pair"] for body in await hall.told_of(exam, "collusion")]
    assert [(Decimal(one["log10_e_value"]), one["verdict"]) for one in shown] == [
        (Decimal(3), "flagged"),
        (Decimal("4.1"), "flagged"),
        (Decimal(2), "nothing"),
    ]
    assert {body["exam_id"] for body in await hall.told_of(exam, "collusion")} == {exam.id}


async def test_a_pair_whose_transaction_is_rolled_back_is_not_counted_as_flagged(hall: Hall) -> None:
    exam = await hall.published()
    pair = await hall.started(exam), await hall.started(exam)
    event = a_pair(exam, *pair, 1, "4")
    delivery = Delivery(
        new_id(), "proctoring.collusion.v1", exam.id, event.DESCRIPTOR.full_name, now(), hall.service.runtime
    )
    flagged = PAIRS.labels("flagged")
    before = flagged._value.get()

    async def take_in(*then: Exception) -> None:
        async with hall.service.database.session() as tx:
            await take_in_pair(tx, event, delivery)
            for error in then:
                raise error

    with pytest.raises(ValueError, match="beside it"):
        await take_in(ValueError("an event beside it"))
    assert flagged._value.get() == before
    await take_in()
    assert flagged._value.get() == before + 1


@given(st.lists(st.decimals(0, 20, places=2), min_size=1, max_size=40))
def test_what_proctors_last_heard_of_a_flagged_pair_is_never_off_by_a_factor_of_ten(evidence: list[Decimal]) -> None:
    heard = evidence[0]
    for value in evidence:
        heard = value if is_news("flagged", heard, "flagged", value) else heard
        assert abs(value - heard) < 1


async def test_a_group_is_told_when_its_members_change(hall: Hall) -> None:
    exam = await hall.published()
    several = [await hall.started(exam) for _ in range(3)]
    memberships = [(1, several[:2]), (2, list(reversed(several[:2]))), (3, several), (4, []), (2, several[1:])]
    for revision, members in memberships:
        group = told.GroupFound(
            exam_id=exam.id, group_id="g", revision=revision, attempt_ids=[attempt.id for attempt in members],
            likely_source_attempt_id=several[0].id if members else "",
        )  # fmt: skip
        await hall.taken(await hall.tell_collusion(group))
    shown = [body["group"]["members"] for body in await hall.told_of(exam, "collusion")]
    assert [len(members) for members in shown] == [2, 3, 0]
    (row,) = await hall.sql("SELECT revision, attempt_ids, likely_source_attempt_id FROM collusion_groups")
    assert tuple(row) == (4, [], None)


async def test_progress_is_pushed_in_passing_and_its_end_is_kept(hall: Hall) -> None:
    exam = await hall.published()
    request = str(new_id())
    for revision, more in (
        (1, {}),
        (3, {"request_id": request, "request_ids": [request]}),
        (2, {}),
        (4, {"is_final": True, "request_ids": [request]}),
    ):
        progress = told.CollusionProgress(
            exam_id=exam.id,
            revision=revision,
            candidates=revision,
            as_of=timestamp(now()),
            percent=revision * 25,
            **more,
        )
        await hall.taken(await hall.tell_collusion(progress))
    kept = [body["progress"] for body in await hall.told_of(exam, "collusion")]
    assert [(one["request_id"], one["request_ids"], one["is_final"], one["percent"]) for one in kept] == [
        (request, [request], False, 75),
        ("", [request], True, 100),
    ]
    live = [event.number for event in await hall.events("proctoring.live.v1", "LiveEvent") if event.type == "collusion"]
    assert live == [0, 1, 2]
    (row,) = await hall.sql("SELECT revision, is_final FROM collusion_states")
    assert tuple(row) == (4, True)


async def test_what_can_not_be_read_is_parked_and_the_next_exams_findings_are_kept(hall: Hall) -> None:
    exam, other = await hall.published(), await hall.published()
    pair = await hall.started(exam), await hall.started(exam)
    broken = a_pair(other, *pair, 1, "3")
    broken.source_attempt_id = "nobody"
    await hall.taken(await hall.tell_collusion(broken))
    await hall.taken(await hall.tell_collusion(a_pair(exam, *pair, 1, "3")))
    assert [row["key"] for row in await hall.sql("SELECT key FROM dead_letters")] == [other.id]
    assert [str(row["exam_id"]) for row in await hall.sql("SELECT exam_id FROM pairs")] == [exam.id]
