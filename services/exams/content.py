"""What an exam is made of: questions with their keys, settings, and the places that questions take. Values only."""

from datetime import datetime
from decimal import ROUND_HALF_EVEN, Decimal
from enum import StrEnum
from uuid import UUID

from msgspec import Struct, structs

CENT = Decimal("0.01")


class QuestionType(StrEnum):
    """How a question is answered."""

    SINGLE_CHOICE = "single_choice"
    MULTIPLE_SELECT = "multiple_select"
    TRUE_FALSE = "true_false"
    SHORT_ANSWER = "short_answer"
    NUMERIC = "numeric"
    ESSAY = "essay"


class Difficulty(StrEnum):
    """How hard the author thinks a question is."""

    EASY = "easy"
    MEDIUM = "medium"
    HARD = "hard"


class Kind(StrEnum):
    """What an exam is for; only practice may be taken without limit."""

    QUIZ = "quiz"
    EXAM = "exam"
    ASSIGNMENT = "assignment"
    PRACTICE = "practice"


class Sensitivity(StrEnum):
    """How readily monitoring raises an alert."""

    LOW = "low"
    MEDIUM = "medium"
    HIGH = "high"


class MultipleSelectRule(StrEnum):
    """What a partly right choice of several options earns."""

    ALL_OR_NOTHING = "all_or_nothing"
    PARTIAL_CREDIT = "partial_credit"


class Option(Struct, frozen=True, kw_only=True):
    """One of the answers to choose from. `credit`: points for choosing it under partial credit; None: an equal share."""

    id: UUID
    text: str = ""
    image_url: str = ""
    is_correct: bool = False
    credit: Decimal | None = None


class NumericKey(Struct, frozen=True, kw_only=True):
    """The right number. The relative tolerance is a fraction of the value; either tolerance suffices."""

    value: Decimal
    absolute_tolerance: Decimal | None = None
    relative_tolerance: Decimal | None = None
    unit: str = ""
    unit_required: bool = False


class Question(Struct, frozen=True, kw_only=True):
    """A question with its key. `penalty`: points taken for a wrong answer; `max_characters` 0: the type's own limit."""

    id: UUID
    type: QuestionType
    text: str
    points: Decimal
    penalty: Decimal = Decimal(0)
    image_url: str = ""
    explanation: str = ""
    topic: str = ""
    difficulty: Difficulty | None = None
    is_required: bool = False
    options: tuple[Option, ...] = ()
    correct_truth: bool | None = None
    accepted_forms: tuple[str, ...] = ()
    case_sensitive: bool = False
    numeric: NumericKey | None = None
    max_characters: int = 0
    rubric: str = ""
    sample_answer: str = ""

    def worth(self, points: Decimal) -> "Question":
        """The question at other points; penalty and credits keep their proportion, so that guessing pays neither more nor less."""
        if points == self.points or self.points == 0:
            return structs.replace(self, points=points)
        factor = points / self.points
        options = tuple(
            option if option.credit is None else structs.replace(option, credit=option.credit * factor)
            for option in self.options
        )
        penalty = (self.penalty * factor).quantize(CENT, ROUND_HALF_EVEN)
        return structs.replace(self, points=points, penalty=penalty, options=options)


# The fields of a key, and the types of question that have them. A field given to another type would be ignored in silence.
FIELDS_OF_TYPE: dict[QuestionType, frozenset[str]] = {
    QuestionType.SINGLE_CHOICE: frozenset({"options"}),
    QuestionType.MULTIPLE_SELECT: frozenset({"options"}),
    QuestionType.TRUE_FALSE: frozenset({"correct_truth"}),
    QuestionType.SHORT_ANSWER: frozenset(
        {"accepted_forms", "case_sensitive", "max_characters", "rubric", "sample_answer"}
    ),
    QuestionType.NUMERIC: frozenset({"numeric"}),
    QuestionType.ESSAY: frozenset({"max_characters", "rubric", "sample_answer"}),
}
_EMPTY = {field.name: field.default for field in structs.fields(Question)}


def misplaced_fields(question: Question) -> list[str]:
    """The fields that are set though questions of this type do not have them."""
    foreign = frozenset().union(*FIELDS_OF_TYPE.values()) - FIELDS_OF_TYPE[question.type]
    return sorted(name for name in foreign if getattr(question, name) != _EMPTY[name])


class ExamSettings(Struct, frozen=True, kw_only=True):
    """How an exam is sat, watched, marked and released. Defaults are those of documents A and B; where neither has one, the stricter."""

    duration_seconds: int = 3600
    randomize_questions: bool = False
    randomize_options: bool = False
    allow_review_before_submit: bool = True
    allow_review_after_submit: bool = True
    show_answers_after_submit: bool = False
    passing_percentage: Decimal = Decimal(40)
    proctoring: bool = False
    camera: bool = False
    browser_lockdown: bool = False
    tab_switch_allowed: bool = False
    copy_paste_allowed: bool = False
    monitoring_sensitivity: Sensitivity = Sensitivity.MEDIUM
    violation_limit: int = 3
    release_automatically: bool = False
    multiple_select: MultipleSelectRule = MultipleSelectRule.ALL_OR_NOTHING
    floor_question_at_zero: bool = True
    floor_total_at_zero: bool = True


class Slot(Struct, frozen=True, kw_only=True):
    """A place in the exam: `draw` questions taken from those listed. A fixed question is a slot of one."""

    draw: int
    questions: tuple[Question, ...]

    @property
    def points(self) -> Decimal:
        """What the place gives at most; questions of a draw are all worth the same."""
        return self.draw * self.questions[0].points if self.questions else Decimal(0)


class ExamContent(Struct, frozen=True, kw_only=True):
    """Everything an author wrote for one exam: what publishing checks and freezes."""

    exam_id: UUID
    title: str
    subject: str
    kind: Kind
    instructions: str
    settings: ExamSettings
    slots: tuple[Slot, ...]

    @property
    def total_points(self) -> Decimal:
        """What one attempt gives at most."""
        return sum((slot.points for slot in self.slots), Decimal(0))

    @property
    def question_count(self) -> int:
        """How many questions one attempt gets."""
        return sum(slot.draw for slot in self.slots)


class Window(Struct, frozen=True):
    """When an exam may be started; None: at once, or for ever."""

    opens_at: datetime | None = None
    closes_at: datetime | None = None
