"""The exams service's gRPC side: state, paper and key of published exams, for the services that deliver and mark them."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from chassis.errors import NotFound
from chassis.service import Runtime
from proto.examhall.exams.v1.events_pb2 import ExamState
from proto.examhall.exams.v1.exams_pb2 import GetExamRequest, GetVersionRequest
from proto.examhall.exams.v1.exams_pb2_grpc import ExamsServicer
from proto.examhall.exams.v1.keys_pb2 import AnswerKey
from proto.examhall.exams.v1.papers_pb2 import Paper
from services.exams.events import exam_state
from services.exams.rights import in_force
from services.exams.tables import WITHOUT_PAPER, Exam, ExamVersion


class ExamsRpc(ExamsServicer):  # type: ignore[misc]
    """What other services ask of exams."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def GetExam(self, request: GetExamRequest, context: Any) -> ExamState:
        """The state of a published or archived exam. NOT_FOUND for a draft never published."""
        query = (
            sa.select(Exam, ExamVersion)
            .options(*WITHOUT_PAPER)
            .join(ExamVersion, in_force())
            .where(col(Exam.id) == _exam_id(request.exam_id))
        )
        async with self._runtime.database.session() as tx:
            found = (await tx.execute(query)).one_or_none()
        if found is None:
            raise NotFound("There is no such published exam.")
        return exam_state(*found)

    async def GetPaper(self, request: GetVersionRequest, context: Any) -> Paper:
        """The delivery form of a version, as it was frozen."""
        paper: Paper = Paper.FromString((await self._version(request)).paper)
        return paper

    async def GetAnswerKey(self, request: GetVersionRequest, context: Any) -> AnswerKey:
        """The key of a version with its paper, as they were frozen."""
        version = await self._version(request)
        answer_key: AnswerKey = AnswerKey.FromString(version.answer_key)
        answer_key.paper.ParseFromString(version.paper)
        return answer_key

    async def _version(self, request: GetVersionRequest) -> ExamVersion:
        query = sa.select(ExamVersion).where(
            col(ExamVersion.exam_id) == _exam_id(request.exam_id),
            col(ExamVersion.version) == sa.literal(request.version, sa.BigInteger),
        )
        async with self._runtime.database.session() as tx:
            version: ExamVersion | None = await tx.scalar(query)
        if version is None:
            raise NotFound("There is no such version of an exam.")
        return version


def _exam_id(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError as error:
        raise NotFound("An exam's id is a UUID.") from error
