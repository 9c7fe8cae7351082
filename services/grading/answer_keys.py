"""Answer keys, asked of exams once and kept: a frozen version never changes, and marking must not wait for exams to be up."""

import asyncio
from collections import OrderedDict
from collections.abc import Iterable
from uuid import UUID

import sqlalchemy as sa
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import col

from chassis.service import Runtime
from proto.examhall.exams.v1.exams_pb2 import GetExamRequest, GetVersionRequest
from proto.examhall.exams.v1.exams_pb2_grpc import ExamsStub
from proto.examhall.exams.v1.keys_pb2 import AnswerKey
from services.grading.conversion import ExamKey
from services.grading.copies import keep_exam
from services.grading.tables import Exam, StoredKey

_MOST_IN_MEMORY = 64


class AnswerKeys:
    """The keys that a marking process has in use. Where there is a key, there is a copy of its exam too."""

    def __init__(self, runtime: Runtime) -> None:
        self._database = runtime.database
        self._exams = ExamsStub(runtime.channel("exams"))
        self._in_use: OrderedDict[tuple[UUID, int], asyncio.Task[ExamKey]] = OrderedDict()

    async def get(self, exam_id: UUID, exam_version: int) -> ExamKey:
        """The key of a version: in memory, stored, or else asked of exams, once for all who wait, while no transaction is open.

        Raises grpc.aio.AioRpcError when exams is asked and does not give it.
        """
        version = (exam_id, exam_version)
        if version not in self._in_use:
            self._in_use[version] = asyncio.create_task(self._fetch(exam_id, exam_version))
            if len(self._in_use) > _MOST_IN_MEMORY:
                self._in_use.popitem(last=False)
        fetching = self._in_use[version]
        self._in_use.move_to_end(version)
        try:
            return await asyncio.shield(fetching)
        except Exception:
            if self._in_use.get(version) is fetching:
                del self._in_use[version]
            raise

    async def _fetch(self, exam_id: UUID, exam_version: int) -> ExamKey:
        await self._make_exam_known(exam_id)
        async with self._database.session() as tx:
            if found := await tx.get(StoredKey, (exam_id, exam_version)):
                return _exam_key(found)
        message = await self._exams.GetAnswerKey(GetVersionRequest(exam_id=str(exam_id), version=exam_version))
        values = {"exam_id": exam_id, "exam_version": exam_version, "content": message.SerializeToString()}
        async with self._database.session() as tx:
            await tx.execute(insert(StoredKey).values(values).on_conflict_do_nothing())
        return ExamKey(message)

    async def _make_exam_known(self, exam_id: UUID) -> None:
        """Asks for the exam's state when its event has not come yet: it may be slower than the first attempt's."""
        async with self._database.session() as tx:
            if await tx.get(Exam, exam_id) is not None:
                return
        state = await self._exams.GetExam(GetExamRequest(exam_id=str(exam_id)))
        async with self._database.session() as tx:
            await keep_exam(tx, state)


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
