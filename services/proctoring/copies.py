"""Copies of what other services own: people, exams, papers. Fed by events; exams are asked by gRPC for what is not here yet."""

from collections import OrderedDict
from collections.abc import Collection, Sequence
from typing import Any
from uuid import UUID

import grpc
import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chassis.clock import now
from chassis.copies import keep_newer, keep_newest
from chassis.errors import NotFound
from chassis.outbox import moment_of
from chassis.rpc import domain_error_of
from chassis.service import Runtime
from proto.examhall.exams.v1.events_pb2 import ExamState
from proto.examhall.exams.v1.exams_pb2 import GetExamRequest, GetVersionRequest
from proto.examhall.exams.v1.exams_pb2_grpc import ExamsStub
from proto.examhall.identity.v1.people_pb2 import PersonState
from services.proctoring.papers import Paper, read_paper
from services.proctoring.reopening import open_again
from services.proctoring.tables import Baseline, Exam, ExamVersion, Person

_PAPERS_IN_MEMORY = 500

_FORGET_SIGNALS = sa.text(
    "DELETE FROM signal_batches WHERE attempt_id IN (SELECT id FROM attempts WHERE student_id = :person_id)"
)


class Papers:
    """The papers of one process, for the hot route. They are immutable and stay in memory, the least used dropped first."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime
        self._memory: OrderedDict[tuple[UUID, int], Paper] = OrderedDict()

    async def paper(self, exam_id: UUID, version: int) -> Paper:
        """The paper of a version that is stored. Raises NotFound."""
        key = exam_id, version
        if key not in self._memory:
            async with (
                self._runtime.database.session() as tx
            ):  # of its own, so that it sees what is committed and no more
                paper = await stored_paper(tx, exam_id, version)
            if paper is None:
                raise NotFound("This version of the exam is not known.")
            self._memory[key] = paper
            if len(self._memory) > _PAPERS_IN_MEMORY:
                self._memory.popitem(last=False)
        self._memory.move_to_end(key)
        return self._memory[key]


async def stored_paper(tx: AsyncSession, exam_id: UUID, version: int) -> Paper | None:
    """The paper of a frozen version, when it is stored."""
    row = await tx.get(ExamVersion, (exam_id, version))
    if row is None:
        return None
    return msgspec.convert({"rules": row.rules, "is_order_shuffled": row.is_order_shuffled, "items": row.items}, Paper)


async def fetch_paper(tx: AsyncSession, runtime: Runtime, exam_id: UUID, version: int) -> Paper:
    """Asks exams for the paper of a frozen version, and stores it. Raises DependencyUnavailable, NotFound."""
    request = GetVersionRequest(exam_id=str(exam_id), version=version)
    try:
        message = await ExamsStub(runtime.channel("exams")).GetPaper(request)
    except grpc.aio.AioRpcError as error:
        raise domain_error_of(error, "exams") from error
    paper = read_paper(message)
    tx.add(ExamVersion(exam_id=exam_id, version=version, **msgspec.to_builtins(paper)))
    return paper


async def keep_exam(tx: AsyncSession, state: ExamState) -> None:
    """Stores an exam's state unless a newer one is there. One that is open again is analysed anew when it closes."""
    closes_at = moment_of(state.schedule, "closes_at")
    values: dict[str, Any] = {
        "id": UUID(state.exam_id),
        "revision": state.revision,
        "version": state.version,
        "status": state.status,
        "title": state.title,
        "subject": state.subject,
        "kind": state.kind,
        "instructor_id": UUID(state.instructor_id),
        "proctor_ids": [UUID(proctor_id) for proctor_id in state.proctor_ids],
        "opens_at": moment_of(state.schedule, "opens_at"),
        "closes_at": closes_at,
        "published_at": moment_of(state, "published_at"),
    }
    is_open = state.status != "archived" and (closes_at is None or closes_at > now())
    if await keep_newer(tx, Exam, values, "revision") and is_open:
        await open_again(tx, UUID(state.exam_id))


async def locked_exam(tx: AsyncSession, runtime: Runtime, exam_id: UUID) -> Exam:
    """The exam, its row locked; fetched when it is not here yet. Raises DependencyUnavailable, NotFound."""
    query = sa.select(Exam).where(col(Exam.id) == exam_id).with_for_update().execution_options(populate_existing=True)
    exam: Exam | None = await tx.scalar(query)
    if exam is None:
        try:
            state = await ExamsStub(runtime.channel("exams")).GetExam(GetExamRequest(exam_id=str(exam_id)))
        except grpc.aio.AioRpcError as error:
            raise domain_error_of(error, "exams") from error
        await keep_exam(tx, state)
        exam = (await tx.execute(query)).scalar_one()
    return exam


async def keep_people(tx: AsyncSession, states: Sequence[PersonState]) -> None:
    """Stores what boards and reports say of people."""
    rows = [
        {
            "id": UUID(state.person_id),
            "version": state.version,
            "is_deleted": False,
            "role": state.role,
            "name": state.name,
            "registration_number": state.registration_number,
            "centre_id": UUID(state.centre_id) if state.centre_id else None,
        }
        for state in states
    ]
    await keep_newest(tx, Person, rows)


async def forget_person(tx: AsyncSession, person_id: UUID, version: int) -> None:
    """Keeps that the person is gone, and nothing of how they type, move and behave. What people judged stays, under an id that names nobody."""
    values = {
        "id": person_id,
        "version": version,
        "is_deleted": True,
        "role": "",
        "name": "",
        "registration_number": "",
        "centre_id": None,
    }
    await keep_newer(tx, Person, values)
    await tx.execute(sa.delete(Baseline).where(col(Baseline.student_id) == person_id))
    await tx.execute(_FORGET_SIGNALS, {"person_id": person_id})


_NAMES = sa.text(
    "SELECT id, name FROM people WHERE id = ANY(CAST(:person_ids AS uuid[])) AND NOT is_deleted ORDER BY id"
).columns(id=sa.Uuid)


async def name_of(tx: AsyncSession, person_id: UUID) -> str | None:
    """The person's name; None for one who is not known here yet, or no more."""
    return (await names_of(tx, [person_id])).get(person_id)


async def names_of(tx: AsyncSession, person_ids: Collection[UUID]) -> dict[UUID, str]:
    """The names of those people who are known here."""
    rows = await tx.execute(_NAMES, {"person_ids": list(person_ids)})
    return {row.id: row.name for row in rows}
