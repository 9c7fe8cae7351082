"""What is told of attempts and people leaves the same rows, feeds and events, whether it is taken in together or one by one."""

from collections import defaultdict
from datetime import timedelta
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chassis.clock import now
from chassis.ids import new_id
from chassis.inbox import Event
from chassis.outbox import PENDING, timestamp
from chassis.tests.aftermath import an_event, left_by, one_by_one, people_told
from proto.examhall.attempts.v1 import events_pb2 as attempts
from services.proctoring.consumers import SUBSCRIPTIONS
from services.proctoring.feeds import Entry, tell, tell_all
from services.proctoring.tests.taking_in.builders import Exam, Hall

LIFE = [
    attempts.AttemptStarted,
    attempts.AttemptPaused,
    attempts.AttemptResumed,
    attempts.AttemptExtended,
    attempts.AttemptSubmitted,
]
TABLES = ("attempts", "people", "feeds", "feed_entries")


def a_life(hall: Hall, exam: Exam, student_id: UUID) -> list[Event]:
    """Every step of an attempt, one after the other."""
    state = hall.attempt(exam, student_id).state
    events = []
    for version, step in enumerate(LIFE, 1):
        state.version = version
        if step is attempts.AttemptSubmitted:
            state.status, state.submit_reason = "submitted", "student"
            state.submitted_at.CopyFrom(timestamp(now() + timedelta(minutes=5)))
        events.append(an_event("attempts.lifecycle.v1", state.attempt_id, step(attempt=state)))
    return events


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_steps_of_attempts_leave_the_same_taken_in_together_or_one_by_one_in_any_order(
    hall: Hall, data: st.DataObject
) -> None:
    if not hall.known:
        hall.known += [await hall.published(), await hall.published(settings={"proctoring": False})]
    known = new_id()
    await hall.tell_person(known)
    lives = [a_life(hall, exam, student) for exam in hall.known for student in (known, new_id())]
    events = [event for life in lives for event in life]
    repeated = data.draw(st.lists(st.sampled_from(events), max_size=4))
    told = data.draw(st.permutations(events + repeated))
    at = data.draw(st.integers(0, len(told)))
    singly = await left_by(hall.service, SUBSCRIPTIONS, one_by_one(told), *TABLES)
    assert await left_by(hall.service, SUBSCRIPTIONS, [told[:at], told[at:]], *TABLES) == singly
    assert len(singly.rows["attempts"]) == len(lives)
    assert sum(topic == "proctoring.signals.v1" for topic, _ in singly.events) == 2  # of the exam that is watched


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=people_told())
async def test_people_leave_the_same_taken_in_together_or_one_by_one(hall: Hall, told: list[Event]) -> None:
    singly = await left_by(hall.service, SUBSCRIPTIONS, one_by_one(told), "people")
    assert await left_by(hall.service, SUBSCRIPTIONS, [told], "people") == singly


FEEDS = ["exam:a", "exam:b", "attempt:a", "attempt:b"]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(groups=st.lists(st.lists(st.sampled_from(FEEDS), max_size=8), max_size=3))
async def test_entries_told_together_are_numbered_in_their_order_and_without_gaps(
    hall: Hall, groups: list[list[str]]
) -> None:
    given: defaultdict[str, list[int]] = defaultdict(list)
    async with hall.service.database.session() as tx:
        await tell(tx, "exam:a", "first", now(), {})
        for group in groups:
            entries = [Entry(feed, "told", now(), {"place": place}) for place, feed in enumerate(group)]
            for entry, number in zip(entries, await tell_all(tx, entries), strict=True):
                given[entry.feed].append(number)
        kept = await tx.execute(
            sa.text("SELECT feed, number, CAST(body AS json) AS body FROM feed_entries ORDER BY feed, number")
        )
        told: defaultdict[str, list[dict[str, Any]]] = defaultdict(list)
        for row in kept:
            assert row.body["number"] == row.number
            told[row.feed].append(row.body)
        pushed = [row.payload for row in tx.info.pop(PENDING)]
        await tx.rollback()
    for feed in FEEDS:
        begins = 2 if feed == "exam:a" else 1
        assert given[feed] == list(range(begins, begins + len(given[feed])))
        places = [place for group in groups for place, other in enumerate(group) if other == feed]
        assert [body["place"] for body in told[feed][begins - 1 :]] == places
    assert len(pushed) == 1 + sum(map(len, groups))
