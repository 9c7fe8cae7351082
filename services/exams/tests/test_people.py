"""The local copy of people follows identity's events, and asks where an event is missing."""

from uuid import UUID

from hypothesis import HealthCheck, given, settings

from chassis.ids import new_id
from chassis.inbox import Event
from chassis.testing import eventually
from chassis.tests.aftermath import left_by, one_by_one, people_told
from proto.examhall.identity.v1.people_pb2 import PersonChanged, PersonDeleted, PersonRegistered, PersonState
from services.exams.consumers import SUBSCRIPTIONS
from services.exams.tests.builders import Office, done

PEOPLE = "identity.people.v1"


def a_student(person_id: UUID, version: int, class_id: UUID) -> PersonState:
    return PersonState(person_id=str(person_id), version=version, role="student", class_id=str(class_id))


async def classes_of(office: Office, person_id: UUID) -> tuple[int, list[str]]:
    """Version and classes that are remembered of somebody."""
    [row] = await office.sql("SELECT version, audience_keys FROM people WHERE id = $1", person_id)
    return row["version"], [key for key in row["audience_keys"] if key.startswith("class:")]


async def test_the_newest_state_wins_in_whatever_order_events_come(office: Office) -> None:
    person_id, (old, new) = new_id(), (new_id(), new_id())
    marker = new_id()
    await office.service.publish(PEOPLE, person_id, PersonChanged(person=a_student(person_id, 3, new)))
    await office.service.publish(PEOPLE, person_id, PersonRegistered(person=a_student(person_id, 1, old)))
    await office.service.publish(PEOPLE, person_id, PersonChanged(person=a_student(person_id, 2, old)))
    await office.service.publish(PEOPLE, person_id, PersonRegistered(person=a_student(marker, 1, old)))
    await eventually(lambda: office.sql("SELECT 1 FROM people WHERE id = $1", marker))
    assert await classes_of(office, person_id) == (3, [f"class:{new}"])


async def test_a_deleted_person_is_forgotten_and_not_brought_back_by_a_late_event(office: Office) -> None:
    person_id, marker = new_id(), new_id()
    registered = PersonRegistered(person=a_student(person_id, 1, new_id()))
    await office.service.publish(PEOPLE, person_id, PersonDeleted(person_id=str(person_id), version=5))
    await office.service.publish(PEOPLE, person_id, registered)
    await office.service.publish(PEOPLE, person_id, PersonRegistered(person=a_student(marker, 1, new_id())))
    await eventually(lambda: office.sql("SELECT 1 FROM people WHERE id = $1", marker))
    [row] = await office.sql("SELECT role, audience_keys, is_deleted FROM people WHERE id = $1", person_id)
    assert tuple(row) == ("", [], True)


async def test_somebody_deleted_can_not_be_named_as_staff(office: Office) -> None:
    proctor = office.person("proctor")
    exam = await office.draft()
    path, body = f"/api/v1/exams/{exam['id']}/schedule", {"proctor_ids": [str(proctor)]}
    await done(office.author.put(path, json=body))
    await office.service.publish(PEOPLE, proctor, PersonDeleted(person_id=str(proctor), version=2))
    await eventually(lambda: office.sql("SELECT 1 FROM people WHERE id = $1 AND is_deleted", proctor))
    assert (await office.author.put(path, json=body)).status_code == 422


async def test_identity_is_asked_once_for_somebody_whose_event_has_not_come(office: Office) -> None:
    student = office.student()
    for _ in range(3):
        await done(student.get("/api/v1/exams"))
    assert len(office.registry.asked) == 1


async def test_who_moves_to_another_class_sees_other_exams(office: Office) -> None:
    old, new = new_id(), new_id()
    person_id = office.person("student", class_id=old)
    exam = await office.published(schedule={"audience": {"class_ids": [str(new)]}})
    student, path = office.service.as_("student", person_id), f"/api/v1/exams/{exam['id']}"
    assert (await student.get(path)).status_code == 404
    await office.service.publish(PEOPLE, person_id, PersonChanged(person=a_student(person_id, 2, new)))

    async def sees_it() -> bool:
        return (await student.get(path)).status_code == 200

    await eventually(sees_it)


async def test_naming_somebody_unknown_while_identity_is_away_is_answered_with_try_again(office: Office) -> None:
    exam = await office.draft()
    known, unknown = office.person("proctor"), new_id()
    path = f"/api/v1/exams/{exam['id']}/schedule"
    await done(office.author.put(path, json={"proctor_ids": [str(known)]}))

    await office.stop_registry()
    assert (await office.author.put(path, json={"proctor_ids": [str(unknown)]})).status_code == 503
    await done(office.author.put(path, json={"proctor_ids": [str(known)]}))


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=people_told())
async def test_people_leave_the_same_taken_in_together_or_one_by_one(office: Office, told: list[Event]) -> None:
    singly = await left_by(office.service, SUBSCRIPTIONS, one_by_one(told), "people")
    assert await left_by(office.service, SUBSCRIPTIONS, [told], "people") == singly
