"""Copies of what other services own: exams, papers, people. Fed by events, read through by gRPC when a row is not there yet."""

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Coroutine, Hashable, Sequence
from typing import Any, TypeVar
from uuid import UUID

import grpc
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.copies import keep_newer, keep_newest
from chassis.errors import NotFound
from chassis.rpc import domain_error_of
from chassis.service import Runtime
from proto.examhall.exams.v1 import events_pb2, papers_pb2
from proto.examhall.exams.v1.exams_pb2 import GetExamRequest, GetVersionRequest
from proto.examhall.exams.v1.exams_pb2_grpc import ExamsStub
from proto.examhall.identity.v1 import people_pb2
from proto.examhall.identity.v1.identity_pb2 import GetPersonRequest
from proto.examhall.identity.v1.identity_pb2_grpc import IdentityStub
from services.attempts.papers import Paper
from services.attempts.tables import ExamCopy, PaperCopy, PersonCopy

T = TypeVar("T")

_PAPERS_IN_MEMORY = 200


class Copies:
    """Reads the copies of one process; papers are immutable and stay in memory, the least used dropped first.

    Those who want the same at the same time share one look: a class that starts in one second would ask for its paper once for each student.
    """

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._papers: OrderedDict[tuple[UUID, int], Paper] = OrderedDict()
        self._looking: dict[Hashable, asyncio.Task[Any]] = {}

    async def exam(self, exam_id: UUID) -> events_pb2.ExamState:
        """The exam's state. Raises NotFound for one that was never published, DependencyUnavailable when that can't be known."""
        return await self._shared(("exam", exam_id), lambda: self._exam(exam_id))

    async def person(self, person_id: UUID) -> people_pb2.PersonState:
        """The person's state. Raises NotFound for one who does not exist any more, DependencyUnavailable when that can't be known."""
        return await self._shared(("person", person_id), lambda: self._person(person_id))

    async def paper(self, exam_id: UUID, version: int) -> Paper:
        """The paper of a frozen version: from memory, the copy, or the exams service, in this order."""
        if paper := self.paper_in_memory(exam_id, version):
            return paper
        return await self._shared(("paper", exam_id, version), lambda: self._paper(exam_id, version))

    async def _shared(self, what: Hashable, look: Callable[[], Coroutine[Any, Any, T]]) -> T:
        looking: asyncio.Task[T] | None = self._looking.get(what)
        if looking is None:
            looking = self._looking[what] = asyncio.create_task(look())
            looking.add_done_callback(lambda done: self._looked(what, done))
        return await asyncio.shield(looking)

    def _looked(self, what: Hashable, done: "asyncio.Task[Any]") -> None:
        del self._looking[what]
        _ = done.cancelled() or done.exception()  # when all who asked have left, nobody overlooked it

    async def _exam(self, exam_id: UUID) -> events_pb2.ExamState:
        async with self._runtime.database.session() as tx:
            row = await tx.get(ExamCopy, exam_id)
        if row is not None:
            kept: events_pb2.ExamState = events_pb2.ExamState.FromString(row.state)
            return kept
        try:
            state: events_pb2.ExamState = await ExamsStub(self._runtime.channel("exams")).GetExam(
                GetExamRequest(exam_id=str(exam_id))
            )
        except grpc.aio.AioRpcError as error:
            raise domain_error_of(error, "exams") from error
        async with self._runtime.database.session() as tx:
            await keep_exam(tx, state)
        return state

    async def _person(self, person_id: UUID) -> people_pb2.PersonState:
        async with self._runtime.database.session() as tx:
            row = await tx.get(PersonCopy, person_id)
        if row is not None:
            return person_of(row.state)
        try:
            state: people_pb2.PersonState = await IdentityStub(self._runtime.channel("identity")).GetPerson(
                GetPersonRequest(person_id=str(person_id))
            )
        except grpc.aio.AioRpcError as error:
            raise domain_error_of(error, "identity") from error
        async with self._runtime.database.session() as tx:
            await keep_people(tx, [state])
        return state

    def paper_in_memory(self, exam_id: UUID, version: int) -> Paper | None:
        """The paper when this process has read it before."""
        paper = self._papers.get((exam_id, version))
        if paper is not None:
            self._papers.move_to_end((exam_id, version))
        return paper

    async def _paper(self, exam_id: UUID, version: int) -> Paper:
        async with self._runtime.database.session() as tx:
            row = await tx.get(PaperCopy, (exam_id, version))
        content = row.content if row is not None else await self._fetch_paper(exam_id, version)
        paper = self._papers[exam_id, version] = Paper(papers_pb2.Paper.FromString(content))
        if len(self._papers) > _PAPERS_IN_MEMORY:
            self._papers.popitem(last=False)
        return paper

    async def _fetch_paper(self, exam_id: UUID, version: int) -> bytes:
        try:
            message = await ExamsStub(self._runtime.channel("exams")).GetPaper(
                GetVersionRequest(exam_id=str(exam_id), version=version)
            )
        except grpc.aio.AioRpcError as error:
            raise domain_error_of(error, "exams") from error
        content: bytes = message.SerializeToString()
        async with self._runtime.database.session() as tx:
            row = {"exam_id": exam_id, "version": version, "content": content}
            await tx.execute(insert(PaperCopy).values(row).on_conflict_do_nothing())
        return content


def person_of(state: bytes | None) -> people_pb2.PersonState:
    """The state in a copy. Raises NotFound for a deleted person."""
    if state is None:
        raise NotFound("There is no such person.")
    person: people_pb2.PersonState = people_pb2.PersonState.FromString(state)
    return person


async def keep_exam(tx: AsyncSession, state: events_pb2.ExamState) -> None:
    """Stores an exam's state unless a newer one is there."""
    values = {
        "id": UUID(state.exam_id),
        "revision": state.revision,
        "instructor_id": UUID(state.instructor_id) if state.instructor_id else None,
        "proctor_ids": [UUID(proctor) for proctor in state.proctor_ids],
        "state": state.SerializeToString(),
    }
    await keep_newer(tx, ExamCopy, values, "revision")


async def keep_people(tx: AsyncSession, told: Sequence[people_pb2.PersonState | people_pb2.PersonDeleted]) -> None:
    """Stores people's states, of the deleted none, unless newer ones are there."""
    rows = [
        {
            "id": UUID(each.person_id),
            "version": each.version,
            "state": None if isinstance(each, people_pb2.PersonDeleted) else each.SerializeToString(),
        }
        for each in told
    ]
    await keep_newest(tx, PersonCopy, rows)
