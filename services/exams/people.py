"""The local copy of identity's people: fed by events, read through by gRPC for somebody whose event has not come yet."""

import asyncio
from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import grpc
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chassis.copies import keep_newest
from chassis.errors import NotFound
from chassis.rpc import domain_error_of
from proto.examhall.identity.v1.identity_pb2 import GetPersonRequest
from proto.examhall.identity.v1.identity_pb2_grpc import IdentityStub
from proto.examhall.identity.v1.people_pb2 import PersonDeleted, PersonState
from services.exams.audience import student_keys
from services.exams.problems import RulesBroken
from services.exams.readiness import Fault
from services.exams.tables import Person

_AT_ONCE = 50  # questions to identity in flight


async def remember_people(tx: AsyncSession, told: Sequence[PersonState | PersonDeleted]) -> None:
    """Stores people's states unless newer ones are stored already; of somebody who was deleted nothing but that."""
    await keep_newest(tx, Person, [_gone(each) if isinstance(each, PersonDeleted) else _row(each) for each in told])


def _row(state: PersonState) -> dict[str, Any]:
    is_student = state.role == "student"
    keys = student_keys(state.person_id, state.class_id, state.specialization_id, state.centre_id, state.level)
    return {
        "id": UUID(state.person_id),
        "version": state.version,
        "role": state.role,
        "centre_id": UUID(state.centre_id) if state.centre_id else None,
        "audience_keys": sorted(keys) if is_student else [],
        "is_deleted": False,
    }


def _gone(deleted: PersonDeleted) -> dict[str, Any]:
    return {
        "id": UUID(deleted.person_id),
        "version": deleted.version,
        "role": "",
        "centre_id": None,
        "audience_keys": [],
        "is_deleted": True,
    }


async def ensure_known(tx: AsyncSession, identity: grpc.aio.Channel, person_ids: Collection[UUID]) -> None:
    """Fetches those of `person_ids` who are not stored. Whoever identity does not know stays unknown.

    Raises DependencyUnavailable when identity has to be asked and does not answer.
    """
    known = set((await tx.execute(sa.select(col(Person.id)).where(col(Person.id).in_(list(person_ids))))).scalars())
    if missing := sorted(set(person_ids) - known):
        stub = IdentityStub(identity)
        for start in range(0, len(missing), _AT_ONCE):
            chunk = missing[start : start + _AT_ONCE]
            states = await asyncio.gather(*(_fetch(stub, person_id) for person_id in chunk))
            await remember_people(tx, [state for state in states if state is not None])


async def _fetch(stub: IdentityStub, person_id: UUID) -> PersonState | None:
    try:
        state: PersonState = await stub.GetPerson(GetPersonRequest(person_id=str(person_id)))
    except grpc.aio.AioRpcError as error:
        failure = domain_error_of(error, "identity")
        if isinstance(failure, NotFound):
            return None
        raise failure from error
    return state


async def check_role(tx: AsyncSession, field: str, role: str, person_ids: Collection[UUID]) -> None:
    """Raises RulesBroken naming everyone in `person_ids` who is not, or no more, somebody of the role."""
    wanted = sa.select(col(Person.id)).where(
        col(Person.id).in_(list(person_ids)), col(Person.role) == role, ~col(Person.is_deleted)
    )
    found = set((await tx.execute(wanted)).scalars())
    if strangers := sorted(set(person_ids) - found):
        raise RulesBroken([Fault(field, "unknown", f"There is no {role} with the id {one}.") for one in strangers])
