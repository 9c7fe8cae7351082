"""What attempts keeps of people is the same, however their events come."""

from hypothesis import HealthCheck, given, settings

from chassis.inbox import Event
from chassis.tests.aftermath import left_by, one_by_one, people_told
from services.attempts.consumers import SUBSCRIPTIONS
from services.attempts.tests.builders import Hall


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(told=people_told())
async def test_people_leave_the_same_taken_in_together_or_one_by_one(hall: Hall, told: list[Event]) -> None:
    singly = await left_by(hall.service, SUBSCRIPTIONS, one_by_one(told), "people")
    assert await left_by(hall.service, SUBSCRIPTIONS, [told], "people") == singly
