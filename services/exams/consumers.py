"""What the exams service takes in: people, for audiences and staff."""

from collections.abc import Sequence

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.consuming import Delivery, Subscription, Together
from proto.examhall.identity.v1.people_pb2 import PersonChanged, PersonDeleted, PersonRegistered
from services.exams.people import remember_people

PersonEvent = PersonRegistered | PersonChanged | PersonDeleted


async def take_in_people(tx: AsyncSession, heard: Sequence[tuple[PersonEvent, Delivery]]) -> None:
    """Stores people as the events tell, and forgets those who are gone."""
    await remember_people(tx, [event if isinstance(event, PersonDeleted) else event.person for event, _ in heard])


SUBSCRIPTIONS = (
    Subscription(
        "identity.people.v1",
        dict.fromkeys((PersonRegistered, PersonChanged, PersonDeleted), Together(take_in_people)),
    ),
)
