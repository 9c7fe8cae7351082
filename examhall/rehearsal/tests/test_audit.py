from dataclasses import replace
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from examhall.rehearsal.audit import Grade, HeldAttempt, Kind, ShownResult, StoredAnswer, audit, canonical
from examhall.rehearsal.ledger import Acknowledged, Answer, Ended, Sent, SentLate, Started, Surprised, account

RIGHT, WRONG = {"option_id": "r"}, {"option_id": "w"}
FIVE = Decimal("5.00")


def an_account(*more, saves=((1, WRONG, True), (2, RIGHT, True))):
    """One attempt with one question; each save is (revision, response, was it acknowledged)."""
    entries = [Started("ana", "a1", ("q1",))]
    for revision, response, is_acknowledged in saves:
        entries.append(Sent("a1", "q1", revision, response, False))
        if is_acknowledged:
            entries.append(Acknowledged("a1", "q1", revision, revision))
    return account([*entries, Ended("a1"), SentLate("a1", "q1", 99, 409), *more])


def held(revision=2, response=RIGHT, status="submitted"):
    answers = {} if revision is None else {"q1": StoredAnswer(revision, Answer(response, False))}
    return HeldAttempt("a1", "ana's id", status, answers)


def a_grade(score="5.00", percentage="100.00"):
    return Grade("a1", Decimal(score), FIVE, Decimal(percentage))


def five_when_right(question_ids, responses):
    return FIVE if responses.get("q1") == RIGHT else Decimal("0.00")


def kinds(told, attempts, grades, expected=five_when_right, is_single=True):
    return [finding.kind for finding in audit(told, attempts, grades, expected, is_single).findings]


def test_a_rehearsal_in_which_every_promise_was_kept_is_clean():
    result = audit(an_account(), [held()], [a_grade()], five_when_right, True)
    assert result.is_clean
    assert (result.attempts, result.answers_acknowledged, result.answers_found) == (1, 1, 1)
    assert (result.marked_once, result.scores_as_expected, result.late_saves_refused) == (1, 1, 1)


def test_a_rehearsal_in_which_nobody_sat_is_not_clean():
    assert not audit(account([]), [], [], five_when_right, True).is_clean


def test_a_lost_answer_is_named():
    assert kinds(an_account(), [held(None)], [a_grade()]) == [Kind.ANSWER_LOST]


def test_an_older_revision_than_acknowledged_is_named():
    assert kinds(an_account(), [held(1, WRONG)], [a_grade()]) == [Kind.ANSWER_OLD]


def test_a_later_save_whose_acknowledgement_was_lost_counts_as_the_answer():
    told = an_account(saves=((1, WRONG, True), (2, RIGHT, False)))
    assert kinds(told, [held()], [a_grade()]) == []


def test_a_later_save_that_never_arrived_does_not_count():
    told = an_account(saves=((1, RIGHT, True), (2, WRONG, False)))
    assert kinds(told, [held(1)], [a_grade()]) == []


def test_a_revision_that_was_never_sent_is_named():
    assert kinds(an_account(), [held(7)], [a_grade()]) == [Kind.ANSWER_UNKNOWN]


def test_an_answer_with_another_content_is_named():
    assert kinds(an_account(), [held(2, WRONG)], [a_grade()]) == [Kind.ANSWER_DIFFERS]


def test_a_late_save_that_was_taken_is_named():
    assert kinds(an_account(SentLate("a1", "q1", 100, 200)), [held()], [a_grade()]) == [Kind.LATE_SAVE_TAKEN]


def test_an_acknowledgement_of_nothing_we_sent_is_named():
    assert kinds(an_account(Acknowledged("a1", "q1", 2, 8)), [held()], [a_grade()]) == [Kind.ACKNOWLEDGED_WRONGLY]


@pytest.mark.parametrize(
    ("grades", "expected"),
    [
        ([], [Kind.NOT_MARKED]),
        ([a_grade(), a_grade()], [Kind.MARKED_TWICE]),
        ([a_grade("4.00", "80.00")], [Kind.SCORE_DIFFERS]),
        ([replace(a_grade(), score=None)], [Kind.SCORE_DIFFERS]),
        ([a_grade(percentage="99.00")], [Kind.GRADE_INCONSISTENT]),
        ([replace(a_grade(), max_score=Decimal(4), percentage=None)], [Kind.GRADE_INCONSISTENT]),
    ],
)
def test_a_grade_that_is_missing_doubled_or_wrong_is_named(grades, expected):
    assert kinds(an_account(), [held()], grades) == expected


def test_without_a_key_a_grade_has_to_be_there_and_agree_with_itself():
    result = audit(an_account(), [held()], [a_grade("3.00", "60.00")], lambda *_: None, True)
    assert result.is_clean
    assert (result.scores_as_expected, result.scores_not_known) == (0, 1)


def test_an_attempt_that_is_missing_or_still_open_is_named():
    assert kinds(an_account(), [], [a_grade()]) == [Kind.ATTEMPT_MISSING]
    assert kinds(an_account(), [held(status="in_progress")], [a_grade()]) == [Kind.NOT_SUBMITTED]


def test_a_second_attempt_of_the_same_student_is_named_where_one_is_allowed():
    both = [held(), replace(held(), attempt_id="a2")]
    assert kinds(an_account(), both, [a_grade()]) == [Kind.ATTEMPT_TWICE]
    assert kinds(an_account(), both, [a_grade()], is_single=False) == []


def test_attempts_of_people_outside_the_rehearsal_are_not_our_concern():
    assert kinds(an_account(), [held(), HeldAttempt("b1", "someone", "in_progress")], [a_grade()]) == []


def test_a_surprising_reply_is_a_finding():
    assert kinds(an_account(Surprised("ana", "save", "418", "a1")), [held()], [a_grade()]) == [Kind.SURPRISE]


@given(
    st.lists(st.sampled_from("abcd"), unique=True).flatmap(lambda ids: st.tuples(st.just(ids), st.permutations(ids)))
)
def test_the_order_of_chosen_options_means_nothing(both):
    first, second = both
    assert canonical(Answer({"option_ids": first}, False)) == canonical(Answer({"option_ids": second}, False))


def test_a_cleared_and_an_empty_answer_mean_the_same_but_a_flag_does_not():
    assert (
        canonical(Answer(None, False))
        == canonical(Answer({"text": " "}, False))
        == canonical(Answer({"option_ids": []}, False))
    )
    assert canonical(Answer(RIGHT, False)) != canonical(Answer(RIGHT, True))


responses = st.one_of(st.none(), st.fixed_dictionaries({"option_id": st.sampled_from(["r", "w", "x"])}))
tries = st.lists(st.tuples(responses, st.booleans(), st.booleans()), min_size=1, max_size=8)


@given(tries)
def test_an_honest_server_is_always_clean_and_one_that_forgets_a_promise_never(plan):
    """Each try is (response, did it arrive, did its acknowledgement come back); an honest server keeps the last that arrived."""
    saves = [(number, response, arrived and told) for number, (response, arrived, told) in enumerate(plan, start=1)]
    arrived = [(number, response) for number, (response, has_arrived, _) in enumerate(plan, start=1) if has_arrived]
    promised = [number for number, _, is_acknowledged in saves if is_acknowledged]
    revision, response = arrived[-1] if arrived else (None, None)
    marked = a_grade() if response == RIGHT else a_grade("0.00", "0.00")
    told = an_account(saves=saves)
    assert kinds(told, [held(revision, response)], [marked]) == []
    if promised:
        assert kinds(told, [held(None)], [marked])[0] == Kind.ANSWER_LOST


def seen(*shown):
    result = audit(an_account(), [held()], [a_grade()], five_when_right, True, shown)
    return [finding.kind for finding in result.findings]


def test_a_result_that_shows_the_marked_score_after_its_release_is_right():
    assert seen(ShownResult("a1", False, None), ShownResult("a1", True, FIVE)) == []


def test_a_score_before_the_release_is_named():
    assert seen(ShownResult("a1", False, FIVE)) == [Kind.RESULT_EARLY]


@pytest.mark.parametrize("score", [None, Decimal("4.00")])
def test_another_score_than_the_marked_one_is_named(score):
    assert seen(ShownResult("a1", True, score)) == [Kind.RESULT_DIFFERS]
