"""From an exam's content to what is frozen: the paper, which has no place for a key, and the answer key; and back for the author's view."""

from decimal import Decimal
from uuid import UUID

from msgspec import structs

from proto.examhall.exams.v1 import keys_pb2, papers_pb2
from services.exams.content import (
    Difficulty,
    ExamContent,
    ExamSettings,
    Kind,
    MultipleSelectRule,
    NumericKey,
    Option,
    Question,
    QuestionType,
    Sensitivity,
    Slot,
)

_TYPES = {kind: papers_pb2.QuestionType.Value(kind.name) for kind in QuestionType}
_RULES = {rule: keys_pb2.MultipleSelectRule.Value(rule.name) for rule in MultipleSelectRule}
# These are marking rules, and so go with the key and not onto the paper.
_MARKING = {"multiple_select", "floor_question_at_zero", "floor_total_at_zero"}


def paper_of(content: ExamContent, version: int) -> papers_pb2.Paper:
    """The delivery form: all that a student may see while sitting the exam."""
    return papers_pb2.Paper(
        exam_id=str(content.exam_id),
        version=version,
        title=content.title,
        subject=content.subject,
        kind=content.kind,
        instructions=content.instructions,
        slots=[
            papers_pb2.Slot(draw=slot.draw, questions=[_question_on_paper(question) for question in slot.questions])
            for slot in content.slots
        ],
        settings=_settings_on_paper(content.settings),
    )


def _settings_on_paper(settings: ExamSettings) -> papers_pb2.ExamSettings:
    values = {name: value for name, value in structs.asdict(settings).items() if name not in _MARKING}
    return papers_pb2.ExamSettings(**{**values, "passing_percentage": _number(settings.passing_percentage)})


def _question_on_paper(question: Question) -> papers_pb2.Question:
    return papers_pb2.Question(
        question_id=str(question.id),
        type=_TYPES[question.type],
        text=question.text,
        image_url=question.image_url,
        points=_number(question.points),
        topic=question.topic,
        difficulty=question.difficulty or "",
        is_required=question.is_required,
        options=[
            papers_pb2.Option(option_id=str(option.id), text=option.text, image_url=option.image_url)
            for option in question.options
        ],
        max_characters=question.max_characters,
    )


def answer_key_of(content: ExamContent, version: int) -> keys_pb2.AnswerKey:
    """What marking needs, without the paper, which is stored beside it."""
    settings = content.settings
    return keys_pb2.AnswerKey(
        exam_id=str(content.exam_id),
        version=version,
        rules=keys_pb2.MarkingRules(
            multiple_select=_RULES[settings.multiple_select],
            floor_question_at_zero=settings.floor_question_at_zero,
            floor_total_at_zero=settings.floor_total_at_zero,
        ),
        questions=[_key(question) for slot in content.slots for question in slot.questions],
    )


def _key(question: Question) -> keys_pb2.QuestionKey:
    return keys_pb2.QuestionKey(
        question_id=str(question.id),
        type=_TYPES[question.type],
        points=_number(question.points),
        penalty=_number(question.penalty),
        options=[
            keys_pb2.OptionKey(option_id=str(option.id), is_correct=option.is_correct, credit=_number(option.credit))
            for option in question.options
        ],
        correct_truth=bool(question.correct_truth),
        accepted_forms=question.accepted_forms,
        case_sensitive=question.case_sensitive,
        numeric=_numeric_on_key(question.numeric),
        explanation=question.explanation,
        rubric=question.rubric,
        sample_answer=question.sample_answer,
    )


def _numeric_on_key(key: NumericKey | None) -> keys_pb2.NumericKey | None:
    if key is None:
        return None
    return keys_pb2.NumericKey(
        value=_number(key.value),
        absolute_tolerance=_number(key.absolute_tolerance),
        relative_tolerance=_number(key.relative_tolerance),
        unit=key.unit,
        unit_required=key.unit_required,
    )


def content_of(paper: papers_pb2.Paper, answer_key: keys_pb2.AnswerKey) -> ExamContent:
    """The content that was frozen. Nothing is lost on the way: `content_of(paper_of(c), answer_key_of(c)) == c` for all that can be published."""
    keys = {key.question_id: key for key in answer_key.questions}
    return ExamContent(
        exam_id=UUID(paper.exam_id),
        title=paper.title,
        subject=paper.subject,
        kind=Kind(paper.kind),
        instructions=paper.instructions,
        settings=_settings(paper.settings, answer_key.rules),
        slots=tuple(
            Slot(draw=slot.draw, questions=tuple(_question(shown, keys[shown.question_id]) for shown in slot.questions))
            for slot in paper.slots
        ),
    )


def _settings(shown: papers_pb2.ExamSettings, rules: keys_pb2.MarkingRules) -> ExamSettings:
    values = {name: getattr(shown, name) for name in ExamSettings.__struct_fields__ if name not in _MARKING}
    values["passing_percentage"] = Decimal(shown.passing_percentage)
    values["monitoring_sensitivity"] = Sensitivity(shown.monitoring_sensitivity)
    return ExamSettings(
        **values,
        multiple_select=MultipleSelectRule(keys_pb2.MultipleSelectRule.Name(rules.multiple_select).lower()),
        floor_question_at_zero=rules.floor_question_at_zero,
        floor_total_at_zero=rules.floor_total_at_zero,
    )


def _question(shown: papers_pb2.Question, key: keys_pb2.QuestionKey) -> Question:
    kind = QuestionType(papers_pb2.QuestionType.Name(shown.type).lower())
    return Question(
        id=UUID(shown.question_id),
        type=kind,
        text=shown.text,
        points=Decimal(key.points),
        penalty=Decimal(key.penalty),
        image_url=shown.image_url,
        explanation=key.explanation,
        topic=shown.topic,
        difficulty=Difficulty(shown.difficulty) if shown.difficulty else None,
        is_required=shown.is_required,
        options=tuple(
            Option(
                id=UUID(option.option_id),
                text=option.text,
                image_url=option.image_url,
                is_correct=option_key.is_correct,
                credit=_decimal(option_key.credit),
            )
            for option, option_key in zip(shown.options, key.options, strict=True)
        ),
        correct_truth=key.correct_truth if kind is QuestionType.TRUE_FALSE else None,
        accepted_forms=tuple(key.accepted_forms),
        case_sensitive=key.case_sensitive,
        numeric=_numeric(key.numeric) if key.HasField("numeric") else None,
        max_characters=shown.max_characters,
        rubric=key.rubric,
        sample_answer=key.sample_answer,
    )


def _numeric(key: keys_pb2.NumericKey) -> NumericKey:
    return NumericKey(
        value=Decimal(key.value),
        absolute_tolerance=_decimal(key.absolute_tolerance),
        relative_tolerance=_decimal(key.relative_tolerance),
        unit=key.unit,
        unit_required=key.unit_required,
    )


def _number(value: Decimal | None) -> str:
    return "" if value is None else str(value)


def _decimal(text: str) -> Decimal | None:
    return Decimal(text) if text else None
