"""What the REST routes of exams give: one view for authors, one for other staff, one for students. Only the authors' has room for keys."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from proto.examhall.exams.v1.papers_pb2 import Paper
from proto.examhall.exams.v1.papers_pb2 import QuestionType as PaperQuestionType
from services.exams.content import ExamContent, ExamSettings, Kind, QuestionType
from services.exams.drafts import Place
from services.exams.readiness import Fault
from services.exams.tables import Exam, ExamVersion
from services.exams.views.exam_bodies import AudienceBody, Settings, SittingRules
from services.exams.views.questions import AuthoredQuestion

Status = Literal["draft", "published", "archived"]


class _Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class DrawOut(BaseModel):
    """`count` questions taken from a bank for each attempt; `pool_size` fit at the moment."""

    bank_id: UUID
    count: int
    topic: str | None
    difficulty: str | None
    pool_size: int


class SlotOut(BaseModel):
    """A place in the draft: a question as it counts in this exam, or a draw. `points` is what the place gives at most."""

    id: UUID
    points: Decimal
    question: AuthoredQuestion | None = None
    draw: DrawOut | None = None

    @classmethod
    def of(cls, place: Place) -> "SlotOut":
        """The view of a place."""
        row, slot = place
        if row.bank_id is None:
            question = AuthoredQuestion.model_validate(slot.questions[0])
            return cls(id=row.id, points=slot.points, question=question)
        draw = DrawOut(
            bank_id=row.bank_id,
            count=row.draw,
            topic=row.topic,
            difficulty=row.difficulty,
            pool_size=len(slot.questions),
        )
        return cls(id=row.id, points=slot.points, draw=draw)


class ScheduleOut(_Out):
    """When, for whom and watched by whom; for staff."""

    opens_at: datetime | None
    closes_at: datetime | None
    max_attempts: int
    access_code: str | None
    audience: AudienceBody
    proctor_ids: list[UUID]
    evaluator_ids: list[UUID]

    @classmethod
    def of(cls, exam: Exam) -> "ScheduleOut":
        """The schedule in force."""
        return cls.model_validate({**exam.model_dump(), "audience": exam.audience_value})


class ExamSummary(_Out):
    """An exam in its author's list: the draft as it is now. `version` is the frozen version in force, 0 before the first; `revision` is the ETag."""

    id: UUID
    revision: int
    status: Status
    version: int
    title: str
    subject: str
    kind: Kind
    instructor_id: UUID
    settings: Settings
    schedule: ScheduleOut
    created_at: datetime
    updated_at: datetime
    published_at: datetime | None

    @classmethod
    def of(cls, exam: Exam) -> "ExamSummary":
        """The view of a row."""
        return cls.model_validate(_summary(exam))


def _summary(exam: Exam) -> dict[str, Any]:
    return {**exam.model_dump(), "settings": exam.settings_value, "schedule": ScheduleOut.of(exam)}


class ExamOut(ExamSummary):
    """An exam as its author works on it, questions and keys included."""

    instructions: str
    question_count: int
    total_points: Decimal
    slots: list[SlotOut]

    @classmethod
    def of_draft(cls, exam: Exam, places: Sequence[Place], drafted: ExamContent) -> "ExamOut":
        """The view of a draft."""
        return cls.model_validate(
            {
                **_summary(exam),
                "question_count": drafted.question_count,
                "total_points": drafted.total_points,
                "slots": [SlotOut.of(place) for place in places],
            }
        )


class _Announced(BaseModel):
    """What everybody sees whom a published exam concerns: its window and rules; no question, no key, no access code."""

    id: UUID
    version: int
    status: Status
    title: str
    subject: str
    kind: Kind
    instructions: str
    opens_at: datetime | None
    closes_at: datetime | None
    max_attempts: int
    needs_access_code: bool
    question_count: int
    total_points: Decimal
    settings: SittingRules
    published_at: datetime | None


class PublishedExam(_Announced):
    """What a student sees of an exam before starting it, and where to sit it."""

    room: str | None = Field(description="your own, by the seating plan; null: none is planned")

    @classmethod
    def of(cls, exam: Exam, version: ExamVersion, room: str | None) -> "PublishedExam":
        """The view of an exam and its version in force."""
        return cls(**_published(exam, version), room=room)


class SupervisedExam(_Announced):
    """What proctors, evaluators and centres see besides: whose exam it is, for whom, and who else watches and marks."""

    revision: int
    instructor_id: UUID
    audience: AudienceBody
    proctor_ids: list[UUID]
    evaluator_ids: list[UUID]
    access_code: str | None = Field(description="for those who say it in the room: not for evaluators")

    @classmethod
    def of_staff(cls, exam: Exam, version: ExamVersion, *, shows_code: bool) -> "SupervisedExam":
        """The view of an exam and its version in force."""
        return cls(
            **_published(exam, version),
            revision=exam.revision,
            instructor_id=exam.instructor_id,
            audience=AudienceBody.model_validate(exam.audience_value),
            proctor_ids=exam.proctor_ids,
            evaluator_ids=exam.evaluator_ids,
            access_code=exam.access_code if shows_code else None,
        )


def _published(exam: Exam, version: ExamVersion) -> dict[str, Any]:
    return {
        "id": exam.id,
        "version": version.version,
        "status": exam.status,
        "title": version.title,
        "subject": version.subject,
        "kind": version.kind,
        "instructions": version.instructions,
        "opens_at": exam.opens_at,
        "closes_at": exam.closes_at,
        "max_attempts": exam.max_attempts,
        "needs_access_code": exam.access_code is not None,
        "question_count": version.question_count,
        "total_points": version.total_points,
        "settings": SittingRules.model_validate(version.settings_value),
        "published_at": exam.published_at,
    }


class VersionSummary(_Out):
    """A frozen version."""

    version: int
    title: str
    question_count: int
    total_points: Decimal
    published_at: datetime
    published_by: UUID | None


class FrozenSlot(_Out):
    draw: int
    questions: list[AuthoredQuestion]


class VersionOut(VersionSummary):
    """A frozen version as its author sees it, keys included: exactly what was sat and is marked."""

    exam_id: UUID
    subject: str
    kind: Kind
    instructions: str
    settings: Settings
    slots: list[FrozenSlot]

    @classmethod
    def of(cls, version: ExamVersion, frozen: ExamContent) -> "VersionOut":
        """The view of a version and the content that was frozen in it."""
        return cls.model_validate({**version.model_dump(), "settings": frozen.settings, "slots": list(frozen.slots)})


class PreviewOption(BaseModel):
    id: str
    text: str
    image_url: str


class PreviewQuestion(BaseModel):
    """A question as a student meets it."""

    id: str
    type: QuestionType
    text: str
    image_url: str
    points: Decimal
    topic: str
    difficulty: str
    is_required: bool
    options: list[PreviewOption]
    max_characters: int


class FaultOut(BaseModel):
    """What keeps the draft from being published."""

    field: str
    rule: str
    message: str
    question_id: UUID | None


class PreviewOut(BaseModel):
    """The draft as a student would meet it, in the author's order; of a draw, the first questions of the pool. With it, what is still missing."""

    title: str
    instructions: str
    settings: SittingRules
    questions: list[PreviewQuestion]
    faults: list[FaultOut]

    @classmethod
    def of(cls, paper: Paper, settings: ExamSettings, faults: Iterable[Fault]) -> "PreviewOut":
        """Made from the delivery form, so that nothing can be in it that is not on the paper."""
        return cls(
            title=paper.title,
            instructions=paper.instructions,
            settings=SittingRules.model_validate(settings),
            questions=[_preview(question) for slot in paper.slots for question in slot.questions[: slot.draw]],
            faults=[FaultOut(**fault._asdict()) for fault in faults],
        )


def _preview(question: Any) -> PreviewQuestion:
    return PreviewQuestion(
        id=question.question_id,
        type=QuestionType(PaperQuestionType.Name(question.type).lower()),
        text=question.text,
        image_url=question.image_url,
        points=question.points,
        topic=question.topic,
        difficulty=question.difficulty,
        is_required=question.is_required,
        options=[
            PreviewOption(id=option.option_id, text=option.text, image_url=option.image_url)
            for option in question.options
        ],
        max_characters=question.max_characters,
    )
