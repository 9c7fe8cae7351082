"""What the REST routes of questions and banks take and give. All of it is for authors: keys are in it."""

from collections.abc import Set
from datetime import datetime
from decimal import Decimal
from typing import Annotated, Any, Literal
from uuid import UUID

import msgspec
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field
from pydantic_core import PydanticCustomError

from chassis.http import Body
from chassis.ids import new_id
from services.exams import content
from services.exams.content import Difficulty, QuestionType
from services.exams.problems import RulesBroken
from services.exams.readiness import Fault
from services.exams.tables import QuestionBank, StoredQuestion
from services.exams.views.fields import (
    AcceptedForm,
    BankName,
    ImageUrl,
    Number,
    OptionText,
    Points,
    PointsOrNone,
    Prose,
    Tolerance,
    Topic,
    Unit,
)

_LATER = ("file_upload", "code")


def _not_yet(value: Any) -> Any:
    if value in _LATER:
        raise PydanticCustomError(
            "later_release", "Questions of type {type} come with a later release.", {"type": value}
        )
    return value


AskedType = Annotated[QuestionType, BeforeValidator(_not_yet)]


class OptionBody(Body):
    """An option to choose. `id` keeps an option of the question as it is known to answers and statistics; without one it is new."""

    id: UUID | None = None
    text: OptionText = ""
    image_url: ImageUrl = ""
    is_correct: bool = False
    credit: PointsOrNone | None = Field(None, description="points for choosing it under partial credit")


class NumericBody(Body):
    """The right number and how near is near enough; either tolerance suffices."""

    value: Number
    absolute_tolerance: Tolerance | None = None
    relative_tolerance: Tolerance | None = Field(None, description="a fraction of the value, such as 0.01")
    unit: Unit = ""
    unit_required: bool = False


class QuestionChange(Body):
    """The fields of a question that are to change; options are given as a whole. The type stays: another type is another question."""

    text: Prose = ""
    points: Points = Decimal("1.00")
    penalty: PointsOrNone = Field(Decimal("0.00"), description="points taken for a wrong answer")
    image_url: ImageUrl = ""
    explanation: Prose = ""
    topic: Topic = ""
    difficulty: Difficulty | None = None
    is_required: bool = False
    bank_id: UUID | None = None
    options: list[OptionBody] = Field(default=[], max_length=50)
    correct_truth: bool | None = None
    accepted_forms: list[AcceptedForm] = Field(default=[], max_length=50)
    case_sensitive: bool = False
    numeric: NumericBody | None = None
    max_characters: int = Field(0, ge=0, le=100_000, description="of a text answer; 0: the type's own limit")
    rubric: Prose = ""
    sample_answer: Prose = ""

    def values(self, question: content.Question) -> dict[str, Any]:
        """The sent fields as `question`'s own kinds of value. Raises RulesBroken for an option that the question does not have."""
        sent = self.model_dump(exclude_unset=True, exclude={"bank_id"})
        if "options" in sent:
            sent["options"] = _options(self.options, {option.id for option in question.options})
        changed = msgspec.convert(
            {"id": question.id, "type": question.type, "text": "", "points": 1, **sent}, content.Question
        )
        return {name: getattr(changed, name) for name in sent}


class QuestionBody(QuestionChange):
    """A new question. It may be unfinished: publishing an exam names what is missing."""

    type: AskedType
    text: Prose
    points: Points

    def question(self, question_id: UUID | None = None, option_ids: Set[UUID] = frozenset()) -> content.Question:
        """The question; `option_ids` are ids that its options may bring along (none over REST)."""
        values = self.model_dump(exclude={"bank_id"})
        values["options"] = _options(self.options, option_ids)
        return msgspec.convert({**values, "id": question_id or new_id()}, content.Question)


def _options(options: list[OptionBody], known: Set[UUID]) -> list[dict[str, Any]]:
    given = [option.id for option in options if option.id is not None]
    faults = [
        Fault(f"options.{place}.id", "unknown", "The question has no option with this id; leave it out for a new one.")
        for place, option in enumerate(options)
        if option.id is not None and (option.id not in known or given.count(option.id) > 1)
    ]
    if faults:
        raise RulesBroken(faults)
    return [{**option.model_dump(), "id": option.id or new_id()} for option in options]


class _Out(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class OptionOut(_Out):
    id: UUID
    text: str
    image_url: str
    is_correct: bool
    credit: Decimal | None


class NumericOut(_Out):
    value: Decimal
    absolute_tolerance: Decimal | None
    relative_tolerance: Decimal | None
    unit: str
    unit_required: bool


class AuthoredQuestion(_Out):
    """A question with its key."""

    id: UUID
    type: QuestionType
    text: str
    image_url: str
    explanation: str
    points: Decimal
    penalty: Decimal
    topic: str
    difficulty: Difficulty | None
    is_required: bool
    options: list[OptionOut]
    correct_truth: bool | None
    accepted_forms: list[str]
    case_sensitive: bool
    numeric: NumericOut | None
    max_characters: int
    rubric: str
    sample_answer: str


class QuestionOut(AuthoredQuestion):
    """A question as its author keeps it."""

    bank_id: UUID | None
    owner_id: UUID
    revision: int
    created_at: datetime

    @classmethod
    def of(cls, row: StoredQuestion) -> "QuestionOut":
        """The view of a row."""
        question = AuthoredQuestion.model_validate(row.question)
        kept = row.model_dump(include={"bank_id", "owner_id", "revision", "created_at"})
        return cls(**question.model_dump(), **kept)


class NewBank(Body):
    name: BankName
    description: Prose = ""
    subject: Topic = ""


class BankChange(Body):
    name: BankName | None = None
    description: Prose | None = None
    subject: Topic | None = None


class BankOut(_Out):
    id: UUID
    revision: int
    owner_id: UUID
    name: str
    description: str
    subject: str
    question_count: int
    created_at: datetime

    @classmethod
    def of(cls, bank: QuestionBank, question_count: int) -> "BankOut":
        """The view of a row."""
        return cls(**bank.model_dump(), question_count=question_count)


class Deleted(BaseModel):
    """Says that something is gone."""

    message: Literal["Deleted."] = "Deleted."
