"""Contents of exams as authors could write them, for properties."""

from decimal import Decimal
from typing import Any
from uuid import UUID

from hypothesis import strategies as st

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

texts = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), max_size=12)
points = st.decimals(Decimal("0.01"), Decimal("999.99"), places=2)
amounts = st.decimals(Decimal(0), Decimal("999.99"), places=2)
numbers = st.decimals(allow_nan=False, allow_infinity=False)
ids = st.uuids(version=4)


@st.composite
def options(draw: Any) -> tuple[Option, ...]:
    """Options with keys of any kind."""
    return tuple(
        Option(
            id=option_id,
            text=draw(texts),
            image_url=draw(texts),
            is_correct=draw(st.booleans()),
            credit=draw(st.none() | amounts),
        )
        for option_id in draw(st.lists(ids, max_size=4, unique=True))
    )


numeric_keys = st.builds(
    NumericKey,
    value=numbers,
    absolute_tolerance=st.none() | amounts,
    relative_tolerance=st.none() | amounts,
    unit=texts,
    unit_required=st.booleans(),
)


@st.composite
def questions(draw: Any, question_id: UUID | None = None) -> Question:
    """A question of any type, with the fields that its type has."""
    kind = draw(st.sampled_from(QuestionType))
    choice = kind in (QuestionType.SINGLE_CHOICE, QuestionType.MULTIPLE_SELECT)
    return Question(
        id=question_id or draw(ids),
        type=kind,
        text=draw(texts),
        points=draw(points),
        penalty=draw(amounts),
        image_url=draw(texts),
        explanation=draw(texts),
        topic=draw(texts),
        difficulty=draw(st.none() | st.sampled_from(Difficulty)),
        is_required=draw(st.booleans()),
        options=draw(options()) if choice else (),
        correct_truth=draw(st.booleans()) if kind is QuestionType.TRUE_FALSE else None,
        accepted_forms=tuple(draw(st.lists(texts, max_size=3))) if kind is QuestionType.SHORT_ANSWER else (),
        case_sensitive=draw(st.booleans()),
        numeric=draw(numeric_keys) if kind is QuestionType.NUMERIC else None,
        max_characters=draw(st.integers(0, 100_000)),
        rubric=draw(texts),
        sample_answer=draw(texts),
    )


@st.composite
def settings(draw: Any) -> ExamSettings:
    """Any settings."""
    flags = {name: draw(st.booleans()) for name, value in _DEFAULTS.items() if isinstance(value, bool)}
    return ExamSettings(
        **flags,
        duration_seconds=draw(st.integers(0, 2**31)),
        passing_percentage=draw(st.decimals(0, 100, places=2)),
        monitoring_sensitivity=draw(st.sampled_from(Sensitivity)),
        violation_limit=draw(st.integers(0, 1000)),
        multiple_select=draw(st.sampled_from(MultipleSelectRule)),
    )


_DEFAULTS = {name: getattr(ExamSettings(), name) for name in ExamSettings.__struct_fields__}


@st.composite
def contents(draw: Any) -> ExamContent:
    """The content of a whole exam; no question comes twice."""
    pools = draw(st.lists(st.integers(1, 3), max_size=3))
    question_ids = iter(draw(st.lists(ids, min_size=sum(pools), max_size=sum(pools), unique=True)))
    return ExamContent(
        exam_id=draw(ids),
        title=draw(texts),
        subject=draw(texts),
        kind=draw(st.sampled_from(Kind)),
        instructions=draw(texts),
        settings=draw(settings()),
        slots=tuple(
            Slot(
                draw=draw(st.integers(1, size)),
                questions=tuple(draw(questions(next(question_ids))) for _ in range(size)),
            )
            for size in pools
        ),
    )
