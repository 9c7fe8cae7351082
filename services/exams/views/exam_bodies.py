"""What the REST routes of exams take."""

from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field, model_validator
from pydantic_core import PydanticCustomError

from chassis.http import Body
from services.exams import audience
from services.exams.access_codes import new_access_code
from services.exams.content import Difficulty, ExamSettings, Kind, MultipleSelectRule, Sensitivity, Window
from services.exams.placing import Draw
from services.exams.scheduling import Schedule
from services.exams.views.fields import AccessCode, Level, Moment, Percentage, Points, Prose, Subject, Title, Topic
from services.exams.views.questions import QuestionBody

Positive = Annotated[int, Field(ge=1, le=2**31 - 1)]
_DEFAULT = ExamSettings()
_DAY = 24 * 3600


class SittingRules(Body):
    """How an exam is sat and watched: what a student may know of its settings."""

    model_config = ConfigDict(from_attributes=True)

    duration_seconds: int = Field(_DEFAULT.duration_seconds, ge=60, le=30 * _DAY)
    randomize_questions: bool = _DEFAULT.randomize_questions
    randomize_options: bool = _DEFAULT.randomize_options
    allow_review_before_submit: bool = _DEFAULT.allow_review_before_submit
    allow_review_after_submit: bool = _DEFAULT.allow_review_after_submit
    show_answers_after_submit: bool = _DEFAULT.show_answers_after_submit
    passing_percentage: Percentage = _DEFAULT.passing_percentage
    proctoring: bool = _DEFAULT.proctoring
    camera: bool = _DEFAULT.camera
    browser_lockdown: bool = _DEFAULT.browser_lockdown
    tab_switch_allowed: bool = _DEFAULT.tab_switch_allowed
    copy_paste_allowed: bool = _DEFAULT.copy_paste_allowed
    monitoring_sensitivity: Sensitivity = _DEFAULT.monitoring_sensitivity
    violation_limit: int = Field(_DEFAULT.violation_limit, ge=0, le=200, description="0: none")
    release_automatically: bool = Field(
        _DEFAULT.release_automatically, description="results go out as soon as everything is marked"
    )


class Settings(SittingRules):
    """All settings: how an exam is sat, watched and marked."""

    multiple_select: MultipleSelectRule = _DEFAULT.multiple_select
    floor_question_at_zero: bool = _DEFAULT.floor_question_at_zero
    floor_total_at_zero: bool = _DEFAULT.floor_total_at_zero


class NewExam(Body):
    title: Title
    subject: Subject
    kind: Kind
    instructions: Prose = ""
    settings: Settings = Field(default_factory=Settings)


class ExamChange(Body):
    """The fields that are to change, settings one by one."""

    title: Title | None = None
    subject: Subject | None = None
    kind: Kind | None = None
    instructions: Prose | None = None
    settings: Settings = Field(default_factory=Settings)


class AudienceBody(Body):
    """Whom the exam is for; each list adds students."""

    model_config = ConfigDict(from_attributes=True)

    is_everyone: bool = False
    class_ids: list[UUID] = Field(default=[], max_length=500)
    specialization_ids: list[UUID] = Field(default=[], max_length=100)
    centre_ids: list[UUID] = Field(default=[], max_length=500)
    levels: list[Level] = Field(default=[], max_length=100)
    student_ids: list[UUID] = Field(default=[], max_length=2000)

    def value(self) -> audience.Audience:
        """The audience, each name once."""
        lists = self.model_dump(exclude={"is_everyone"})
        return audience.Audience(
            is_everyone=self.is_everyone, **{name: tuple(dict.fromkeys(values)) for name, values in lists.items()}
        )


class ScheduleBody(Body):
    """One occasion, as a whole. An access code that is not mentioned stays; null takes it away."""

    opens_at: Moment | None = Field(None, description="not set: at once")
    closes_at: Moment | None = Field(None, description="not set: never")
    max_attempts: int = Field(1, ge=0, le=1000, description="0: without limit, practice only")
    access_code: AccessCode | None = None
    generate_access_code: bool = Field(False, description="makes a new code and shows it in the reply")
    audience: AudienceBody = Field(default_factory=AudienceBody)
    proctor_ids: list[UUID] = Field(default=[], max_length=200)
    evaluator_ids: list[UUID] = Field(default=[], max_length=200)

    @model_validator(mode="after")
    def _check(self) -> "ScheduleBody":
        if self.opens_at and self.closes_at and self.closes_at <= self.opens_at:
            raise PydanticCustomError("order", "closes_at must come after opens_at")
        if self.generate_access_code and self.access_code is not None:
            raise PydanticCustomError("one_of", "give an access code or have one generated, not both")
        return self

    def schedule(self, current_code: str | None) -> Schedule:
        """The schedule; `current_code` stays unless another is given, asked for, or taken away."""
        code = self.access_code if "access_code" in self.model_fields_set else current_code
        return Schedule(
            window=Window(self.opens_at, self.closes_at),
            max_attempts=self.max_attempts,
            audience=self.audience.value(),
            access_code=new_access_code() if self.generate_access_code else code,
            proctor_ids=tuple(dict.fromkeys(self.proctor_ids)),
            evaluator_ids=tuple(dict.fromkeys(self.evaluator_ids)),
        )


class PlacedQuestion(Body):
    """A question for the exam: one that exists, or a new one written here."""

    question_id: UUID | None = None
    question: QuestionBody | None = None
    points: Points | None = Field(None, description="what it is worth in this exam, when not its own points")

    @model_validator(mode="after")
    def _check(self) -> "PlacedQuestion":
        if (self.question_id is None) == (self.question is None):
            raise PydanticCustomError("one_of", "give either question_id or question")
        return self


class PointsBody(Body):
    points: Points | None = Field(description="null: what the question is worth by itself")


class DrawBody(Body):
    bank_id: UUID
    count: int = Field(ge=1, le=500)
    topic: Topic | None = None
    difficulty: Difficulty | None = None

    def draw(self) -> Draw:
        """The draw."""
        return Draw(self.count, self.topic or None, self.difficulty)
