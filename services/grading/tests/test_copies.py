"""Copies of what other services tell."""

from dataclasses import replace
from datetime import datetime
from uuid import UUID

from google.protobuf.message import Message
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chassis.clock import now
from chassis.ids import new_id
from chassis.inbox import Event
from chassis.testing import eventually
from chassis.tests.aftermath import an_event, left_by, one_by_one, people_told
from proto.examhall.attempts.v1 import events_pb2 as attempts
from proto.examhall.identity.v1.people_pb2 import (
    CentreChanged,
    CentreState,
    ClassChanged,
    ClassState,
    PersonChanged,
    PersonState,
)
from services.grading.consumers import SUBSCRIPTIONS
from services.grading.copies import keep_attempts, keep_exam, keep_people
from services.grading.tables import Attempt, Centre, Exam, Person, SchoolClass
from services.grading.tests.builders import AnAttempt, AnExam, Office


async def test_a_state_that_is_not_newer_changes_nothing(office: Office) -> None:
    exam = AnExam(revision=5, title="New")
    attempt = AnAttempt(exam)
    person = PersonState(person_id=str(new_id()), version=5, name="New")
    old_person = PersonState(person_id=person.person_id, version=4, name="Old")
    async with office.service.database.session() as tx:
        for state in (exam, replace(exam, revision=4, title="Old"), replace(exam, title="Repeated")):
            await keep_exam(tx, state.state())
        for each in (person, old_person):
            await keep_people(tx, [each])
        for attempt_state in (attempt.state("in_progress", version=3), attempt.state("paused", version=2)):
            await keep_attempts(tx, [attempt_state], now())
    assert (await office.row(Exam, exam.exam_id)).title == "New"
    assert (await office.row(Person, UUID(person.person_id))).name == "New"
    assert (await office.row(Attempt, attempt.attempt_id)).status == "in_progress"


async def test_names_of_people_classes_and_centres_are_kept(office: Office) -> None:
    person_id, class_id, centre_id = new_id(), new_id(), new_id()
    person = PersonState(person_id=str(person_id), version=2, name="Ada", registration_number="R-1")
    school_class = ClassState(class_id=str(class_id), version=1, name="10", section="B", academic_year="2026")
    centre = CentreState(centre_id=str(centre_id), version=1, name="Northgate")
    publish = office.service.publish
    await publish("identity.people.v1", person_id, PersonChanged(person=person))
    await publish("identity.people.v1", class_id, ClassChanged(class_state=school_class))
    await publish("identity.people.v1", centre_id, CentreChanged(centre=centre))
    kept = [
        await eventually(lambda table=table, identifier=identifier: office.row(table, identifier))
        for table, identifier in ((Person, person_id), (SchoolClass, class_id), (Centre, centre_id))
    ]
    assert [row.name for row in kept] == ["Ada", "10", "Northgate"]
    assert (kept[0].registration_number, kept[1].section) == ("R-1", "B")


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=people_told())
async def test_people_leave_the_same_taken_in_together_or_one_by_one(office: Office, told: list[Event]) -> None:
    singly = await left_by(office.service, SUBSCRIPTIONS, one_by_one(told), "people")
    assert await left_by(office.service, SUBSCRIPTIONS, [told], "people") == singly


STEPS = {
    attempts.AttemptStarted: "in_progress",
    attempts.AttemptPaused: "paused",
    attempts.AttemptSubmitted: "submitted",
}


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_attempts_and_classes_leave_the_same_taken_in_together_or_one_by_one(
    office: Office, data: st.DataObject
) -> None:
    """The moment at which marking is due is that of taking in: only whether there is one is compared."""
    sat, class_id = [AnAttempt(AnExam()) for _ in range(3)], str(new_id())
    steps = st.tuples(st.sampled_from(list(STEPS)), st.sampled_from(sat), st.integers(1, 4))
    drawn = data.draw(st.lists(steps | st.integers(1, 4), min_size=1, max_size=12))
    told = [
        an_event("identity.people.v1", class_id, ClassChanged(class_state=ClassState(class_id=class_id, version=each, name=f"{each}")))
        if isinstance(each, int)
        else _a_step(*each)
        for each in drawn
    ]  # fmt: skip
    left = []
    for groups in ([told], one_by_one(told)):
        found = await left_by(office.service, SUBSCRIPTIONS, groups, "attempts", "classes")
        kept = [tuple(isinstance(value, datetime) or value for value in row) for row in found.rows["attempts"]]
        left.append((kept, found.rows["classes"]))
    assert left[0] == left[1]


def _a_step(kind: type[Message], attempt: AnAttempt, version: int) -> Event:
    message = kind(attempt=attempt.state(STEPS[kind], version=version))
    return an_event("attempts.lifecycle.v1", str(attempt.attempt_id), message)
