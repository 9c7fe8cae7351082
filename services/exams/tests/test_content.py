"""Rules of content: points, proportion, which field belongs to which type; audiences and access codes."""

import hashlib
from decimal import Decimal
from typing import Any
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st
from msgspec import structs

from chassis.ids import new_id
from services.exams.access_codes import ALPHABET, LENGTH, digest, new_access_code, new_salt
from services.exams.audience import Audience, student_keys
from services.exams.content import ExamContent, ExamSettings, Option, Question, QuestionType, Slot, misplaced_fields
from services.exams.tests.strategies import contents, points, questions


def a_question(points: str = "2", **values: Any) -> Question:
    return Question(
        **{"id": new_id(), "type": QuestionType.SINGLE_CHOICE, "text": "?", "points": Decimal(points), **values}
    )


@given(contents())
def test_the_total_counts_each_drawn_question_once_when_a_pool_is_worth_the_same(content: ExamContent) -> None:
    level = tuple(
        structs.replace(slot, questions=tuple(structs.replace(one, points=Decimal(3)) for one in slot.questions))
        for slot in content.slots
    )
    content = structs.replace(content, slots=level)
    assert content.total_points == 3 * content.question_count


def test_an_empty_pool_is_worth_nothing() -> None:
    assert Slot(draw=2, questions=()).points == 0


@given(questions(), points)
def test_a_question_at_other_points_keeps_everything_but_points_penalty_and_credits(
    question: Question, other: Decimal
) -> None:
    changed = question.worth(other)
    assert changed.points == other
    restored = structs.replace(changed, points=question.points, penalty=question.penalty, options=question.options)
    assert restored == question
    assert [option.id for option in changed.options] == [option.id for option in question.options]


def test_penalty_and_credits_keep_their_proportion_to_the_points() -> None:
    options = tuple(Option(id=new_id(), is_correct=True, credit=Decimal(credit)) for credit in ("0.5", "1.5"))
    question = a_question("2", penalty=Decimal("0.5"), options=options)
    assert question.worth(Decimal(3)).penalty == Decimal("0.75")
    assert [option.credit for option in question.worth(Decimal(3)).options] == [Decimal("0.75"), Decimal("2.25")]
    assert question.worth(question.points) == question


def test_every_field_of_a_key_belongs_to_some_types_and_is_misplaced_in_the_others() -> None:
    options = (Option(id=new_id()),)
    assert misplaced_fields(a_question(options=options)) == []
    essay = a_question(type=QuestionType.ESSAY, options=options, correct_truth=False, rubric="fine here")
    assert misplaced_fields(essay) == ["correct_truth", "options"]


def test_settings_default_to_the_documents_values() -> None:
    settings = ExamSettings()
    assert (settings.passing_percentage, settings.randomize_questions, settings.randomize_options) == (40, False, False)
    assert (settings.allow_review_before_submit, settings.allow_review_after_submit) == (True, True)
    assert (settings.show_answers_after_submit, settings.tab_switch_allowed, settings.copy_paste_allowed) == (
        False,
    ) * 3


belongings = st.fixed_dictionaries(
    {
        name: st.just("") | st.sampled_from([str(UUID(int=n)) for n in range(3)])
        for name in ("class_id", "specialization_id", "centre_id", "level")
    }
)
some_ids = st.lists(st.sampled_from([UUID(int=n) for n in range(3)]), max_size=2).map(tuple)


@given(
    student=st.sampled_from([UUID(int=n) for n in range(3)]),
    belongs=belongings,
    everyone=st.booleans(),
    classes=some_ids,
    specializations=some_ids,
    centres=some_ids,
    named=some_ids,
    levels=some_ids,
)
def test_an_exam_is_for_a_student_exactly_when_a_list_of_the_right_kind_names_them(
    student: UUID,
    belongs: dict[str, str],
    everyone: bool,
    classes: tuple[UUID, ...],
    specializations: tuple[UUID, ...],
    centres: tuple[UUID, ...],
    named: tuple[UUID, ...],
    levels: tuple[UUID, ...],
) -> None:
    audience = Audience(
        is_everyone=everyone,
        class_ids=classes,
        specialization_ids=specializations,
        centre_ids=centres,
        student_ids=named,
        levels=tuple(str(level) for level in levels),
    )
    expected = (
        everyone
        or student in named
        or belongs["class_id"] in map(str, classes)
        or belongs["specialization_id"] in map(str, specializations)
        or belongs["centre_id"] in map(str, centres)
        or belongs["level"] in map(str, levels)
    )
    assert bool(audience.keys & student_keys(student, **belongs)) == expected


def test_nobody_is_in_an_empty_audience_not_even_who_belongs_nowhere() -> None:
    assert not Audience(levels=("",)).keys & student_keys(new_id())


def test_access_codes_have_8_letters_that_are_not_misread_and_do_not_repeat() -> None:
    codes = {new_access_code() for _ in range(500)}
    assert len(codes) == 500
    assert {len(code) for code in codes} == {LENGTH}
    assert set("".join(codes)) == set(ALPHABET)
    assert not set("ILOU01") & set(ALPHABET)


def test_a_digest_is_of_salt_and_code_and_salts_differ() -> None:
    assert digest("5a17", "HALL-42") == hashlib.sha256(b"5a17HALL-42").hexdigest()
    assert new_salt() != new_salt()
