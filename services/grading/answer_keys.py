"""Answer keys, asked of exams once and kept: a frozen version never changes, and marking must not wait for exams to be up."""

from collections.abc import Iterable
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chassis.service import Runtime
from proto.examhall.exams.v1.exams_pb2 import GetVersionRequest
from proto.examhall.exams.v1.exams_pb2_grpc import ExamsStub
from proto.examhall.exams.v1.keys_pb2 import AnswerKey
from services.grading.conversion import ExamKey
from services.grading.tables import StoredKey


async def fetch_key(runtime: Runtime, exam_id: UUID, exam_version: int) -> ExamKey:
    """The key of a version, from the store or else from exams. No transaction is open while exams is asked.

    Raises grpc.aio.AioRpcError when it is not stored and exams does not give it.
    """
    async with runtime.database.session() as tx:
        if found := await tx.get(StoredKey, (exam_id, exam_version)):
            return _exam_key(found)
    request = GetVersionRequest(exam_id=str(exam_id), version=exam_version)
    message = await ExamsStub(runtime.channel("exams")).GetAnswerKey(request)
    values = {"exam_id": exam_id, "exam_version": exam_version, "content": message.SerializeToString()}
    async with runtime.database.session() as tx:
        await tx.execute(insert(StoredKey).values(values).on_conflict_do_nothing())
    return ExamKey(message)


async def stored_keys(tx: AsyncSession, versions: Iterable[tuple[UUID, int]]) -> dict[tuple[UUID, int], ExamKey]:
    """The keys of versions that something was marked by: those are always stored."""
    query = sa.select(StoredKey).where(
        sa.tuple_(col(StoredKey.exam_id), col(StoredKey.exam_version)).in_(set(versions))
    )
    return {(row.exam_id, row.exam_version): _exam_key(row) for row in (await tx.execute(query)).scalars()}


async def stored_key(tx: AsyncSession, exam_id: UUID, exam_version: int) -> ExamKey:
    """The key that an attempt of this version was marked by."""
    return (await stored_keys(tx, [(exam_id, exam_version)]))[exam_id, exam_version]


def _exam_key(row: StoredKey) -> ExamKey:
    return ExamKey(AnswerKey.FromString(row.content))
