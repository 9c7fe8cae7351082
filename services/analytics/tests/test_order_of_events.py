"""The same events give the same tables, in whatever order they come and however often."""

from collections.abc import Sequence

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chassis.consuming import Consumer
from chassis.ids import new_id
from chassis.inbox import Event
from chassis.testing import RunningService
from proto.examhall.identity.v1.people_pb2 import PersonDeleted, PersonRegistered, PersonState
from services.analytics.consumers import SUBSCRIPTIONS
from services.analytics.tests.dumps import Dump, dump
from services.analytics.tests.tapes import Tape, shuffled_with_repeats, tapes


async def read_models_after(service: RunningService, *runs: Sequence[Event]) -> Dump:
    """The read models that events, come in these runs, make out of nothing, with no inbox to drop what comes again; undone afterwards."""
    consumer = Consumer(service.runtime, "test", SUBSCRIPTIONS)
    async with service.database.session() as tx:
        for run in runs:
            await consumer.apply(tx, run)
        found = await dump(tx)
        await tx.rollback()
    return found


@settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
async def test_any_order_repetition_and_grouping_of_events_give_the_same_read_models(
    service: RunningService, data: st.DataObject
) -> None:
    tape = data.draw(tapes())
    told = data.draw(shuffled_with_repeats(tape))
    assert await read_models_after(service, told) == await read_models_after(service, *([event] for event in tape))


async def test_a_deleted_person_is_forgotten_even_when_an_older_event_comes_late(service: RunningService) -> None:
    tape = _one_person_deleted()
    for order in (tape, tape[::-1]):
        [person] = (await read_models_after(service, order))["people"]
        assert "Ada" not in person
        assert True in person


def _one_person_deleted() -> list[Event]:
    person_id = str(new_id())
    tape = Tape(lambda _: None, [])
    state = PersonState(person_id=person_id, version=1, role="student", name="Ada")
    tape.record("identity.people.v1", person_id, PersonRegistered(person=state))
    tape.record("identity.people.v1", person_id, PersonDeleted(person_id=person_id, version=2))
    return tape.events
