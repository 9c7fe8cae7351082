"""Attempts' gRPC service."""

from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col

from chassis.errors import Conflict, NotFound
from chassis.outbox import timestamp
from chassis.service import Runtime
from proto.examhall.attempts.v1.attempts_pb2 import GetSubmissionRequest, Submission
from proto.examhall.attempts.v1.attempts_pb2_grpc import AttemptsServicer
from proto.examhall.attempts.v1.events_pb2 import SavedAnswer
from services.attempts.app_state import parts_of
from services.attempts.events import attempt_state
from services.attempts.responses import message_of
from services.attempts.tables import Answer, Attempt


class AttemptsRpc(AttemptsServicer):  # type: ignore[misc]
    """What other services ask of attempts."""

    def __init__(self, runtime: Runtime) -> None:
        self._runtime = runtime

    async def GetSubmission(self, request: GetSubmissionRequest, context: Any) -> Submission:
        """The frozen answers of a submitted attempt. NOT_FOUND; FAILED_PRECONDITION while it is open."""
        async with self._runtime.database.session() as tx:
            attempt = await tx.get(Attempt, UUID(request.attempt_id))
            if attempt is None:
                raise NotFound("There is no such attempt.")
            if attempt.status != "submitted":
                raise Conflict("The attempt is open.")
            answers = await tx.scalars(
                sa.select(Answer).where(col(Answer.attempt_id) == attempt.id, col(Answer.response).is_not(None))
            )
            saved = {str(answer.question_id): _saved(answer) for answer in answers}
        paper = await parts_of(self._runtime).copies.paper(attempt.exam_id, attempt.exam_version)
        question_ids = paper.question_ids(attempt.seed)
        return Submission(
            attempt=attempt_state(attempt),
            question_ids=question_ids,
            answers=[saved[question] for question in question_ids if question in saved],
        )


def _saved(answer: Answer) -> SavedAnswer:
    return SavedAnswer(
        question_id=str(answer.question_id),
        revision=answer.revision,
        response=message_of(answer.response),
        is_flagged=answer.is_flagged,
        saved_at=timestamp(answer.saved_at),
    )
