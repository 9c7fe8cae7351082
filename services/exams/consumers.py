"""What the exams service takes in: people, for audiences and staff."""

from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from chassis.consuming import Delivery, Subscription
from proto.examhall.identity.v1.people_pb2 import PersonChanged, PersonDeleted, PersonRegistered
from services.exams.people import forget_person, remember_person


async def keep_person(tx: AsyncSession, event: PersonRegistered | PersonChanged, delivery: Delivery) -> None:
    """Stores the person as the event tells."""
    await remember_person(tx, event.person)


async def drop_person(tx: AsyncSession, event: PersonDeleted, delivery: Delivery) -> None:
    """Forgets the person."""
    await forget_person(tx, UUID(event.person_id), event.version)


SUBSCRIPTIONS = (
    Subscription(
        "identity.people.v1",
        {PersonRegistered: keep_person, PersonChanged: keep_person, PersonDeleted: drop_person},
    ),
)
