"""What analytics' REST routes give. Percentages and points are decimals, statistics are floats with four places."""

from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from services.analytics.tables import Attempt, Exam, Grade, Person

Statistic = Annotated[float, PlainSerializer(lambda value: round(value, 4), return_type=float)]


class _View(BaseModel):
    model_config = ConfigDict(from_attributes=True, frozen=True)


class Figures(_View):
    """What attempts came to. Rates are percentages of started attempts (completion) and of marked ones (passing); null of nothing."""

    started: int = 0
    in_progress: int = 0
    submitted: int = 0
    completion_rate: Decimal | None = None
    invalidated: Annotated[int, Field(description="submitted, and then declared invalid: counted in nothing below")] = 0
    waiting: Annotated[int, Field(description="submitted, but a human's mark is awaited")] = 0
    marked: int = 0
    passed: int = 0
    failed: int = 0
    pass_rate: Decimal | None = None
    average_percentage: Decimal | None = None


class PersonRef(_View):
    """Who it was; without a name when the person is deleted or not known yet."""

    id: UUID
    name: str | None = None
    registration_number: str | None = None

    @classmethod
    def of(cls, person_id: UUID, person: Person | None) -> "PersonRef":
        """The reference to a person, of whom the row may be missing."""
        if person is None or person.is_deleted:
            return cls(id=person_id)
        return cls(id=person_id, name=person.name, registration_number=person.registration_number or None)


class ExamRef(_View):
    id: UUID
    title: str
    subject: str
    kind: str
    status: str


class ScoreSummary(_View):
    """Percentages. `standard_deviation` is the sample's (n − 1), null for a single score."""

    count: int
    mean: Decimal
    median: Decimal
    highest: Decimal
    lowest: Decimal
    standard_deviation: Decimal | None


class BinOut(_View):
    """Scores from `start` up to, but not including, `end` percent; the last bin includes 100."""

    start: int
    end: int
    count: int


class EstimateOut(_View):
    """A figure, or null and the reason why there is none."""

    value: Statistic | None
    reason: str | None


class ReliabilityOut(_View):
    """Cronbach's alpha, and the standard error of measurement in points."""

    alpha: EstimateOut
    standard_error: EstimateOut


class OutcomeCounts(_View):
    correct: int = 0
    partial: int = 0
    wrong: int = 0
    unanswered: int = 0


class WrongAnswer(_View):
    """An answer that lost points, in the form shared by all who gave it, and how many did."""

    response: dict[str, Any]
    count: int


class QuestionReport(_View):
    """One question. `difficulty` is the mean share of its points that attempts earned: 1 when everybody got all, 0 when nobody got any."""

    question_id: str
    topic: str
    attempts: int
    max_points: Decimal
    mean_points: Statistic
    difficulty: Statistic
    discrimination: EstimateOut
    point_biserial: EstimateOut
    outcomes: OutcomeCounts
    common_wrong_answers: list[WrongAnswer]


class ExamReport(_View):
    """An exam's figures: of all its attempts, or of the caller's centre's."""

    exam: ExamRef
    figures: Figures
    scores: ScoreSummary | None
    distribution: list[BinOut]
    reliability: ReliabilityOut
    questions: list[QuestionReport]


class SubjectFigures(_View):
    subject: str
    figures: Figures


class ExamFigures(_View):
    exam: ExamRef
    figures: Figures


class ClassRef(_View):
    id: UUID
    name: str
    section: str
    academic_year: str


class ClassFigures(_View):
    school_class: ClassRef
    figures: Figures


class PersonFigures(_View):
    person: PersonRef
    figures: Figures


class ResultOut(_View):
    """One marked attempt."""

    attempt_id: UUID
    exam_id: UUID
    title: str | None
    subject: str | None
    student: PersonRef
    score: Decimal
    max_score: Decimal
    percentage: Decimal
    has_passed: bool
    is_released: bool
    submitted_at: datetime | None

    @classmethod
    def of(cls, grade: Grade, student: Person | None, exam: Exam | None) -> "ResultOut":
        """The view of a marked grade, of whose student and exam the rows may be missing."""
        return cls(
            attempt_id=grade.attempt_id,
            exam_id=grade.exam_id,
            title=exam.title if exam else None,
            subject=exam.subject if exam else None,
            student=PersonRef.of(grade.student_id, student),
            score=grade.score,
            max_score=grade.max_score,
            percentage=grade.percentage,
            has_passed=grade.has_passed,
            is_released=grade.is_released,
            submitted_at=grade.submitted_at,
        )


class StudentReport(_View):
    """A student's figures. `trend` holds the latest results, the oldest of them first."""

    student: PersonRef
    figures: Figures
    by_subject: list[SubjectFigures]
    trend: list[ResultOut]
    recent_results: list[ResultOut]


class AttemptBrief(_View):
    attempt_id: UUID
    exam_id: UUID
    title: str | None
    student: PersonRef
    status: str
    started_at: datetime | None
    submitted_at: datetime | None

    @classmethod
    def of(cls, attempt: Attempt, student: Person | None, exam: Exam | None) -> "AttemptBrief":
        """The view of an attempt, of whose student and exam the rows may be missing."""
        return cls(
            attempt_id=attempt.id,
            exam_id=attempt.exam_id,
            title=exam.title if exam else None,
            student=PersonRef.of(attempt.student_id, student),
            status=attempt.status,
            started_at=attempt.started_at,
            submitted_at=attempt.submitted_at,
        )


class InstructorReport(_View):
    """An instructor's figures; `waiting` in `figures` says how much there is to mark."""

    instructor: PersonRef
    exams: int
    active_exams: int
    classes: int
    students: int
    figures: Figures
    by_exam: list[ExamFigures]
    recent_attempts: list[AttemptBrief]


class ClassReport(_View):
    school_class: ClassRef
    students: int
    figures: Figures
    by_subject: list[SubjectFigures]
    by_exam: list[ExamFigures]
    by_student: list[PersonFigures]


class CentreRef(_View):
    id: UUID
    name: str
    code: str


class CentreReport(_View):
    centre: CentreRef
    people: dict[str, int]
    classes: int
    figures: Figures
    by_class: list[ClassFigures]
    by_subject: list[SubjectFigures]
    by_exam: list[ExamFigures]


class ActivityOut(_View):
    event_id: UUID
    occurred_at: datetime
    kind: str
    person: PersonRef | None
    exam_id: UUID | None
    title: str | None
    attempt_id: UUID | None


class ActivityPage(_View):
    """Newest first; `next_cursor` leads to older lines, null at the end."""

    items: list[ActivityOut]
    next_cursor: str | None


class AdminReport(_View):
    """The whole installation."""

    users: dict[str, int]
    centres: int
    classes: int
    exams: int
    active_exams: int
    figures: Figures
    top_students: list[PersonFigures]
    by_instructor: list[PersonFigures]
    recent_activity: list[ActivityOut]


class MomentOut(_View):
    """Something that happened in an attempt. `number` is the revision of an answer, else the version of attempt or grade that came of it."""

    occurred_at: datetime
    source: Literal["attempt", "answer", "grade"]
    kind: str
    question_id: str | None
    number: int
    flag: Literal["raised", "lowered"] | None
    details: dict[str, Any]


class Timeline(_View):
    """Oldest first; `next_cursor` leads on, null at the end."""

    attempt: AttemptBrief
    items: list[MomentOut]
    next_cursor: str | None
