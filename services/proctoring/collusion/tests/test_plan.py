import numpy as np

from services.proctoring.collusion.arrays import UNANSWERED
from services.proctoring.collusion.facts import Candidate, Item, Save, WatchedExam, mark
from services.proctoring.collusion.plan import MOST_OPTIONS, Plan

PLAN = Plan.of(
    WatchedExam(
        "exam",
        1,
        1000,
        True,
        (
            Item("known", ("a", "b", "c"), (1.0, -0.5, -0.5), (0.2, 0.1, -0.3), 80),
            Item("new", ("true", "false")),
            Item("only one", ("a",)),
            Item("too many", tuple(str(option) for option in range(MOST_OPTIONS + 1))),
        ),
    )
)


def test_items_with_one_option_or_far_too_many_take_no_part() -> None:
    assert [item.question_id for item in PLAN.items] == ["known", "new"]
    assert PLAN.prior.model.offered.tolist() == [[True, True, True], [True, True, False]]


def test_the_bank_is_the_prior_of_what_it_knows_and_nothing_of_the_rest() -> None:
    prior = PLAN.prior
    assert prior.model.slopes[0].tolist() == [1.0, -0.5, -0.5]
    assert prior.has_direction.tolist() == [True, False]
    assert prior.answers.tolist() == [80, 0]
    assert prior.slope_precision[0] > prior.slope_precision[1] == 1.0


def test_an_answer_is_numbered_as_its_item_and_option_are() -> None:
    answer = PLAN.answer("attempt", mark("known"), Save(3, 5000, mark("c")))
    assert answer is not None
    assert (answer.item, answer.option, answer.revision, PLAN.seconds(answer.at_ms)) == (0, 2, 3, 4.0)
    cleared = PLAN.answer("attempt", mark("new"), Save(3, 5000, b""))
    assert cleared is not None
    assert (cleared.item, cleared.option) == (1, UNANSWERED)
    assert PLAN.answer("attempt", mark("essay"), Save(1, 5000, mark("c"))) is None
    assert PLAN.answer("attempt", mark("new"), Save(1, 5000, mark("c"))) is None


def test_answers_are_in_the_order_of_their_times_then_attempts_whoever_is_heard_of_first() -> None:
    random = np.random.default_rng(1)
    candidates = {
        f"attempt {each}": Candidate(
            "student",
            None,
            {mark("new"): (Save(1, int(random.integers(0, 300_000)), mark("true")), Save(2, 300_000, mark("false")))},
        )
        for each in range(200)
    }
    answers = PLAN.answers(candidates)
    assert len(answers) == 400
    assert answers == sorted(answers) == PLAN.answers(dict(reversed(candidates.items())))
