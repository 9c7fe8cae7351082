"""Identity's gRPC service."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

from chassis.errors import NotFound
from chassis.service import Runtime
from proto.examhall.identity.v1.identity_pb2 import GetPersonRequest, SecurityAck, SecurityState
from proto.examhall.identity.v1.identity_pb2_grpc import IdentityServicer
from proto.examhall.identity.v1.people_pb2 import PersonState
from services.identity.app_state import parts_of
from services.identity.events import person_state
from services.identity.tables import Person


class IdentityRpc(IdentityServicer):  # type: ignore[misc]
    """What other services ask of identity."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def WatchSecurity(
        self, request_iterator: AsyncIterator[SecurityAck], context: Any
    ) -> AsyncIterator[SecurityState]:
        """Keys and ended sessions, pushed."""
        async for state in parts_of(self._runtime).ended_sessions.watch(request_iterator):
            yield state

    async def GetPerson(self, request: GetPersonRequest, context: Any) -> PersonState:
        """One person's whole state. NOT_FOUND for one who does not exist or is deleted."""
        async with self._runtime.database.session() as tx:
            person = await tx.get(Person, UUID(request.person_id))
        if person is None or person.deleted_at is not None:
            raise NotFound("There is no such person.")
        return person_state(person)
