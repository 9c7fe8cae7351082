"""What keeps an exam from being published: every rule, each fault named by field and question, all at once."""

from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime
from decimal import Decimal
from typing import NamedTuple
from uuid import UUID

from services.exams.audience import Audience
from services.exams.content import (
    ExamContent,
    ExamSettings,
    Kind,
    MultipleSelectRule,
    NumericKey,
    Option,
    Question,
    QuestionType,
    Slot,
    Window,
)

# What travels in one gRPC message (16 MiB, chassis/rpc.py): a version with its key, pools of draws included, and a submission with all of its answers.
# Each leaves room for ids and numbers: of 1,000 questions with 50 options each they take 5 MB.
MAX_QUESTIONS = 1000
MAX_PAPER_BYTES = 10_000_000
MAX_ANSWER_BYTES = 10_000_000
_MOST_BYTES_OF_A_CHARACTER = 4  # UTF-8, RFC 3629
# What a text may hold where the author set no limit, as attempts takes it (services/attempts/responses.py).
DEFAULT_CHARACTERS = {QuestionType.SHORT_ANSWER: 1_000, QuestionType.NUMERIC: 100, QuestionType.ESSAY: 50_000}


class Fault(NamedTuple):
    """A rule that is broken: where, which, and what to do."""

    field: str
    rule: str
    message: str
    question_id: UUID | None = None

    def inside(self, prefix: str, question_id: UUID | None = None) -> "Fault":
        """The same fault seen from outside: its field's path begins with `prefix`."""
        path = f"{prefix}.{self.field}" if self.field else prefix
        return self._replace(field=path, question_id=question_id or self.question_id)


def exam_faults(content: ExamContent) -> list[Fault]:
    """What is wrong with an exam's content."""
    faults = list(_settings_faults(content.settings))
    if not content.slots:
        faults.append(Fault("slots", "at_least_one", "The exam has no question; add one or draw some from a bank."))
    for place, slot in enumerate(content.slots):
        faults += [fault.inside(f"slots.{place}") for fault in _slot_faults(slot, content.settings)]
    return faults + list(_repeated_questions(content.slots)) + list(_size_faults(content))


def schedule_faults(
    kind: Kind, window: Window, max_attempts: int, audience: Audience, at: datetime | None
) -> list[Fault]:
    """What is wrong with when and for whom an exam is. `at` is the time of publishing; None for a later change, which may close the exam at once."""
    faults = []
    if window.opens_at and window.closes_at and window.closes_at <= window.opens_at:
        faults.append(Fault("schedule.closes_at", "order", "The exam must close after it opens."))
    elif at and window.closes_at and window.closes_at <= at:
        faults.append(Fault("schedule.closes_at", "past", "The window is over already; choose a later end."))
    if max_attempts == 0 and kind is not Kind.PRACTICE:
        faults.append(Fault("schedule.max_attempts", "practice_only", "Only practice may be taken without limit."))
    if not audience.keys:
        faults.append(Fault("schedule.audience", "empty", "Nobody may take the exam; name a class, students, or all."))
    return faults


def _settings_faults(settings: ExamSettings) -> Iterator[Fault]:
    if settings.duration_seconds <= 0:
        yield Fault("settings.duration_seconds", "positive", "The duration must be more than nothing.")
    if not 0 <= settings.passing_percentage <= 100:
        yield Fault("settings.passing_percentage", "range", "The pass mark lies between 0 and 100 percent.")


def _slot_faults(slot: Slot, settings: ExamSettings) -> Iterator[Fault]:
    if len(slot.questions) < slot.draw:
        message = f"{slot.draw} questions are to be drawn, but only {len(slot.questions)} fit; add some or draw fewer."
        yield Fault("draw", "pool_too_small", message)
    if len({question.points for question in slot.questions}) > 1:
        yield Fault("draw", "equal_points", "Questions of one draw must be worth the same, or luck decides the total.")
    for question in slot.questions:
        for fault in question_faults(question, settings.multiple_select):
            yield fault.inside("question", question.id)


def _repeated_questions(slots: Sequence[Slot]) -> Iterator[Fault]:
    seen: dict[UUID, int] = {}
    for place, slot in enumerate(slots):
        for question in slot.questions:
            if (first := seen.setdefault(question.id, place)) != place:
                message = (
                    f"This question may come in place {first + 1} as well; draws and fixed questions must not overlap."
                )
                yield Fault(f"slots.{place}", "repeated", message, question.id)


def _size_faults(content: ExamContent) -> Iterator[Fault]:
    questions = [question for slot in content.slots for question in slot.questions]
    if len(questions) > MAX_QUESTIONS:
        message = f"There are {len(questions)} questions, pools of draws included; {MAX_QUESTIONS} is the limit."
        yield Fault("slots", "too_many", message)
    if (paper := sum(map(_bytes_of_texts, questions))) > MAX_PAPER_BYTES:
        message = f"All texts together have {paper:,} bytes, pools of draws included; {MAX_PAPER_BYTES:,} is the limit."
        yield Fault("slots", "too_large", message)
    if (answers := sum(map(_most_bytes_of_answers, content.slots))) > MAX_ANSWER_BYTES:
        most = MAX_ANSWER_BYTES // _MOST_BYTES_OF_A_CHARACTER
        message = (
            f"The answers of one student may have {answers // _MOST_BYTES_OF_A_CHARACTER:,} characters together; {most:,} is the limit."
            " Set a lower max_characters where answers are texts, or ask fewer essays."
        )
        yield Fault("slots", "answers_too_large", message)


def _bytes_of_texts(question: Question) -> int:
    shown = (text for option in question.options for text in (option.text, option.image_url))
    own = (question.text, question.image_url, question.explanation, question.rubric, question.sample_answer)
    return sum(len(text.encode()) for text in (*own, *shown, *question.accepted_forms))


def _most_bytes_of_answers(slot: Slot) -> int:
    """What the texts that a slot asks for can have together, whichever questions are drawn."""
    longest = sorted((_most_characters(question) for question in slot.questions), reverse=True)
    return sum(longest[: slot.draw]) * _MOST_BYTES_OF_A_CHARACTER


def _most_characters(question: Question) -> int:
    default = DEFAULT_CHARACTERS.get(question.type, 0)
    return question.max_characters or default if default else 0


def question_faults(question: Question, rule: MultipleSelectRule) -> list[Fault]:
    """What is wrong with one question under the exam's rule for multiple select."""
    faults = []
    if not question.text.strip() and not question.image_url:
        faults.append(Fault("text", "required", "The question has neither text nor image."))
    if question.points <= 0:
        faults.append(Fault("points", "positive", "The question must be worth more than nothing."))
    if not 0 <= question.penalty <= question.points:
        faults.append(
            Fault("penalty", "range", "A wrong answer costs at least 0 and at most what the right one gives.")
        )
    return faults + list(_key_faults(question, rule))


def _key_faults(question: Question, rule: MultipleSelectRule) -> Iterable[Fault]:
    match question.type:
        case QuestionType.SINGLE_CHOICE:
            return [*_option_faults(question.options), *_single_choice_faults(question.options)]
        case QuestionType.MULTIPLE_SELECT:
            return [*_option_faults(question.options), *_multiple_select_faults(question, rule)]
        case QuestionType.TRUE_FALSE:
            if question.correct_truth is None:
                return [Fault("correct_truth", "required", "Say whether the statement is true or false.")]
        case QuestionType.SHORT_ANSWER:
            if not any(form.strip() for form in question.accepted_forms):
                return [Fault("accepted_forms", "at_least_one", "Give at least one form of the right answer.")]
        case QuestionType.NUMERIC:
            return _numeric_faults(question.numeric)
        case QuestionType.ESSAY:
            if question.penalty:
                return [Fault("penalty", "no_wrong_answer", "A person marks an essay; there is no penalty to take.")]
    return []


def _option_faults(options: Sequence[Option]) -> Iterator[Fault]:
    if len(options) < 2:
        yield Fault("options", "at_least_two", "There is nothing to choose: give two options or more.")
    shown = [(option.text.strip(), option.image_url) for option in options]
    for place, look in enumerate(shown):
        if not any(look):
            yield Fault(f"options.{place}.text", "required", "The option has neither text nor image.")
        elif look in shown[:place]:
            yield Fault(f"options.{place}.text", "repeated", "Two options look the same.")


def _single_choice_faults(options: Sequence[Option]) -> Iterator[Fault]:
    right = sum(option.is_correct for option in options)
    if right != 1:
        yield Fault("options", "exactly_one_correct", f"Exactly one option must be correct; {right} are.")
    for place, option in enumerate(options):
        if option.credit is not None:
            yield Fault(f"options.{place}.credit", "multiple_select_only", "Only multiple select has partial credit.")


def _multiple_select_faults(question: Question, rule: MultipleSelectRule) -> Iterator[Fault]:
    right = [option for option in question.options if option.is_correct]
    if not right:
        yield Fault("options", "at_least_one_correct", "At least one option must be correct.")
    for place, option in enumerate(question.options):
        if option.credit is not None and not (option.is_correct and option.credit >= 0):
            yield Fault(f"options.{place}.credit", "correct_only", "Credit is for correct options, and never negative.")
    credits = [option.credit for option in right if option.credit is not None]
    if rule is not MultipleSelectRule.PARTIAL_CREDIT or not credits:
        return
    if len(credits) < len(right):
        yield Fault("options", "credit_for_all", "Give credit to all correct options or to none (equal shares).")
    elif abs(sum(credits, Decimal(0)) - question.points) >= _DIVISION_REMAINDER:
        yield Fault("options", "credit_sum", f"The credits of the correct options must add up to {question.points}.")


# Credits that keep their proportion at other points (`Question.worth`) are quotients of 28 digits; nothing an author types is this small.
_DIVISION_REMAINDER = Decimal("0.001")


def _numeric_faults(key: NumericKey | None) -> Iterator[Fault]:
    if key is None:
        yield Fault("numeric", "required", "Give the right number.")
        return
    for name in ("absolute_tolerance", "relative_tolerance"):
        tolerance = getattr(key, name)
        if tolerance is not None and tolerance < 0:
            yield Fault(f"numeric.{name}", "not_negative", "A tolerance is not negative.")
    if key.unit_required and not key.unit:
        yield Fault("numeric.unit", "required", "A unit is asked for, so say which.")
