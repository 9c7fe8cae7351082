"""What grading's REST routes take and give."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from chassis.http import Body
from services.grading.conversion import ExamKey, response_json, right_answer_json
from services.grading.human_marking import HumanMark
from services.grading.queue import WaitingAnswer
from services.grading.results import Result
from services.grading.tables import Grade, Integrity, QuestionMark

Status = Literal["waiting", "marked", "finalized"]
OutcomeName = Literal["correct", "partial", "wrong", "unanswered", "waiting"]
ResponseJson = dict[str, Any] | None
Points = Annotated[Decimal, Field(ge=0, max_digits=12, decimal_places=2, description="points, two places at most")]


class _Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class GivenMark(Body):
    question_id: Annotated[str, Field(min_length=1, max_length=64)]
    points: Points
    feedback: Annotated[str, StringConstraints(max_length=5000, pattern=r"^[^\x00]*$")] = ""

    def as_human_mark(self) -> HumanMark:
        """The mark as the use case takes it."""
        return HumanMark(self.question_id, self.points, self.feedback)


class GivenMarks(Body):
    marks: Annotated[list[GivenMark], Field(min_length=1, max_length=500)]


class MarkOut(BaseModel):
    """One answer with its mark, for staff."""

    question_id: str
    type: str
    text: str
    topic: str
    response: ResponseJson
    points_awarded: Decimal | None
    max_points: Decimal
    outcome: OutcomeName
    is_human: bool
    feedback: str
    marked_by: UUID | None
    marked_at: datetime

    @classmethod
    def of(cls, mark: QuestionMark, key: ExamKey) -> "MarkOut":
        """The view of a row, with the question's text."""
        shown = mark.model_dump(include=set(cls.model_fields) - {"response"})
        response = response_json(mark.type, mark.response)
        return cls(**shown, text=key.paper[mark.question_id].text, response=response)


class IntegrityOut(_Out):
    """What proctoring saw of an attempt that is over, as one number. It decides nothing: the reasons are in proctoring."""

    score: Decimal = Field(description="0 to 100; 100: nothing was seen")
    level: Literal["low", "medium", "high", "critical"] = Field(description="of risk")


class GradeBrief(_Out):
    """A grade in a list, for staff."""

    attempt_id: UUID
    exam_id: UUID
    exam_version: int
    student_id: UUID
    student_name: str | None
    attempt_number: int
    status: Status
    is_released: bool
    score: Decimal
    max_score: Decimal
    percentage: Decimal | None
    has_passed: bool
    waiting_count: int
    class_id: UUID | None
    centre_id: UUID | None
    revision: int
    submitted_at: datetime
    marked_at: datetime
    released_at: datetime | None
    is_invalidated: bool = Field(
        description="it counts nowhere and its student does not see it, also when it is released"
    )
    invalidation_reason: str
    integrity: IntegrityOut | None = Field(description="null: not proctored, or not over")

    @classmethod
    def of(cls, grade: Grade, student_name: str | None, integrity: Integrity | None) -> "GradeBrief":
        """The view of a row."""
        return cls(**grade.model_dump(), student_name=student_name, integrity=integrity)


class GradeOut(GradeBrief):
    """A grade with its marks, for staff."""

    marks: list[MarkOut]

    @classmethod
    def with_marks(
        cls,
        grade: Grade,
        student_name: str | None,
        integrity: Integrity | None,
        marks: Sequence[QuestionMark],
        key: ExamKey,
    ) -> "GradeOut":
        """The view of a grade and its marks, in the attempt's order."""
        brief = GradeBrief.of(grade, student_name, integrity)
        return cls(**brief.model_dump(), marks=[MarkOut.of(mark, key) for mark in marks])


class QueueItem(BaseModel):
    """An answer that waits for a human's mark, with what is needed to give it."""

    attempt_id: UUID
    revision: int = Field(description="of the grade; send it as If-Match to be sure nobody marked meanwhile")
    exam_id: UUID
    exam_title: str
    student_id: UUID
    student_name: str | None
    class_id: UUID | None
    attempt_number: int
    submitted_at: datetime
    question_id: str
    question_text: str
    response: ResponseJson
    max_points: Decimal
    rubric: str
    sample_answer: str
    descriptive_count: int = Field(description="essay questions in the attempt")
    waiting_count: int = Field(description="answers of the attempt that wait")
    automatic_score: Decimal = Field(description="points given by rule so far")
    pending_points: Decimal = Field(description="points that the waiting answers can still earn")

    @classmethod
    def of(cls, waiting: WaitingAnswer) -> "QueueItem":
        """The view of a waiting answer."""
        mark, grade = waiting.mark, waiting.grade
        note = waiting.key.notes[mark.question_id]
        return cls(
            attempt_id=grade.attempt_id,
            revision=grade.revision,
            exam_id=grade.exam_id,
            exam_title=waiting.exam_title,
            student_id=grade.student_id,
            student_name=waiting.student_name,
            class_id=grade.class_id,
            attempt_number=grade.attempt_number,
            submitted_at=grade.submitted_at,
            question_id=mark.question_id,
            question_text=waiting.key.paper[mark.question_id].text,
            response=response_json(mark.type, mark.response),
            max_points=mark.max_points,
            rubric=note.rubric,
            sample_answer=note.sample_answer,
            descriptive_count=waiting.attempt.descriptive_count,
            waiting_count=waiting.attempt.waiting_count,
            automatic_score=waiting.attempt.automatic_score,
            pending_points=waiting.attempt.pending_points,
        )


class GradeChangeOut(_Out):
    """One human mark in the history of an attempt."""

    question_id: str
    changed_by: UUID
    changed_at: datetime
    old_points: Decimal | None
    new_points: Decimal
    old_feedback: str
    new_feedback: str


class DifferenceOut(_Out):
    """An answer that the rules mark otherwise than it is stored."""

    question_id: str
    stored_points: Decimal | None
    points_by_rule: Decimal | None


class Check(BaseModel):
    """What marking again found."""

    is_same: bool
    differences: list[DifferenceOut]


class Count(BaseModel):
    """How many grades changed."""

    count: int


class OptionOut(BaseModel):
    id: str
    text: str
    image_url: str


class ReviewedQuestion(BaseModel):
    """A question after release. The student's own answer and its mark are there when the exam allows review, the right answer when it shows answers."""

    question_id: str
    type: str
    text: str
    image_url: str
    options: list[OptionOut]
    max_points: Decimal
    response: ResponseJson = None
    points_awarded: Decimal | None = None
    outcome: OutcomeName | None = None
    feedback: str | None = None
    right_answer: ResponseJson = None
    explanation: str | None = None


class ResultOut(BaseModel):
    """A student's submitted attempt; what is not released is null, and so is what a person declared invalid, with the reason told."""

    attempt_id: UUID
    exam_id: UUID
    exam_title: str
    subject: str
    attempt_number: int
    status: Literal["received", "released", "invalidated"]
    submitted_at: datetime
    invalidation_reason: str | None = None
    released_at: datetime | None = None
    score: Decimal | None = None
    max_score: Decimal | None = None
    percentage: Decimal | None = None
    has_passed: bool | None = None

    @classmethod
    def of(cls, result: Result) -> "ResultOut":
        """What the student may see of the result as a whole."""
        return cls(**_result_fields(result))


class ResultDetail(ResultOut):
    """A result with its questions, as far as the exam lets students review them; else null."""

    questions: list[ReviewedQuestion] | None = None

    @classmethod
    def with_questions(cls, result: Result, marks: Sequence[QuestionMark], key: ExamKey | None) -> "ResultDetail":
        """What the student may see of the result and of each question."""
        if key is None or not result.sight.questions:
            return cls(**_result_fields(result))
        return cls(**_result_fields(result), questions=[_reviewed(result, mark, key) for mark in marks])


def _result_fields(result: Result) -> dict[str, Any]:
    attempt, exam, grade = result.attempt, result.exam, result.grade
    fields = {
        "attempt_id": attempt.id,
        "exam_id": attempt.exam_id,
        "exam_title": exam.title if exam else "",
        "subject": exam.subject if exam else "",
        "attempt_number": attempt.number,
        "submitted_at": attempt.submitted_at,
        "status": "received",
    }
    if grade is not None and grade.is_invalidated:
        return fields | {"status": "invalidated", "invalidation_reason": grade.invalidation_reason}
    if grade is None or not result.sight.score:
        return fields
    return fields | {
        "status": "released",
        "released_at": grade.released_at,
        "score": grade.score,
        "max_score": grade.max_score,
        "percentage": grade.percentage,
        "has_passed": grade.has_passed,
    }


def _reviewed(result: Result, mark: QuestionMark, key: ExamKey) -> ReviewedQuestion:
    question, sight = key.paper[mark.question_id], result.sight
    fields: dict[str, Any] = {
        "question_id": mark.question_id,
        "type": mark.type,
        "text": question.text,
        "image_url": question.image_url,
        "options": [
            OptionOut(id=option.option_id, text=option.text, image_url=option.image_url) for option in question.options
        ],
        "max_points": mark.max_points,
    }
    if sight.own_answers:
        fields |= {
            "response": response_json(mark.type, mark.response),
            "points_awarded": mark.points_awarded,
            "outcome": mark.outcome,
            "feedback": mark.feedback,
        }
    if sight.right_answers:
        fields |= {
            "right_answer": right_answer_json(key.questions[mark.question_id]),
            "explanation": key.notes[mark.question_id].explanation,
        }
    return ReviewedQuestion(**fields)
