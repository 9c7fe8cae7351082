"""What the server finds out itself."""

import random
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.proctoring.derived import (
    KEPT_SAVES,
    AnswerFacts,
    Save,
    Trail,
    address_changes,
    answer_facts,
    network_of,
    simultaneous_logins,
)


def trails(*saves: tuple[str, int, float, int], is_text: bool = False) -> dict[str, Trail]:
    """Saves as (question, revision, seconds, digest)."""
    found: dict[str, Trail] = {}
    for question, revision, seconds, digest in saves:
        save = Save(revision, int(seconds * 1000), digest)
        found[question] = found.get(question, Trail()).with_(save, is_text)
    return found


def references(facts: AnswerFacts) -> list[str]:
    return [item.reference for item in facts.rapid.evidence]


def test_an_answer_in_under_three_seconds_is_rapid_and_in_three_is_not() -> None:
    facts = answer_facts(0, trails(("q1", 1, 2.999, 5), ("q2", 1, 5.999, 5), ("q3", 1, 8.998, 5)))
    assert references(facts) == ["q1 r1", "q3 r1"]
    assert facts.times_ms == (2999, 2999, 3000)


def test_answers_saved_together_share_the_time_since_the_last_save() -> None:
    ten = [(f"q{number}", 1, 30.0, 5) for number in range(10)]
    assert answer_facts(0, trails(*ten)).rapid.count == 0
    eleven = [(f"q{number}", 1, 30.0, 5) for number in range(11)]
    assert answer_facts(0, trails(*eleven)).rapid.count == 11


def test_answers_that_a_browser_back_on_the_line_sends_one_after_the_other_share_the_time_since_the_last_save() -> None:
    before = ("q0", 1, 20.0, 5)
    queued = [(f"q{number}", 1, 320 + number * 0.2, 5) for number in range(1, 11)]
    facts = answer_facts(0, trails(before, *queued, ("q11", 1, 324.5, 5)))
    assert references(facts) == ["q11 r1"]
    assert facts.times_ms == (2_500, 20_000, *[30_200] * 10)


def test_one_after_the_other_without_time_to_have_read_them_is_rapid_all_the_same() -> None:
    clicked = [(f"q{number}", 1, 4 + number * 0.4, 5) for number in range(10)]
    assert answer_facts(0, trails(*clicked)).rapid.count == 10


def test_only_the_first_answer_to_a_question_is_timed() -> None:
    facts = answer_facts(0, trails(("q1", 1, 60, 5), ("q1", 2, 61, 6), ("q1", 3, 62, 5)))
    assert (facts.rapid.count, facts.times_ms) == (0, (60_000,))


def test_typed_answers_are_neither_timed_nor_counted_as_changed() -> None:
    facts = answer_facts(
        0, trails(*(("q1", revision, revision / 10, revision) for revision in range(1, 20)), is_text=True)
    )
    assert facts == AnswerFacts()


def test_time_is_not_counted_before_the_start_is_known() -> None:
    facts = answer_facts(None, trails(("q1", 1, 1, 5), ("q2", 1, 2, 5)))
    assert references(facts) == ["q2 r1"]


def test_a_pace_needs_five_answers() -> None:
    four = trails(*((f"q{number}", 1, 10.0 * number, 5) for number in range(1, 5)))
    assert answer_facts(0, four).seconds_per_question is None
    five = trails(*((f"q{number}", 1, 10.0 * number, 5) for number in range(1, 6)))
    assert answer_facts(0, five).seconds_per_question == Decimal("10.00")


def test_faster_than_30_and_slower_than_300_percent_of_the_usual_are_counted() -> None:
    facts = AnswerFacts(times_ms=(8_999, 9_000, 30_000, 90_000, 90_001))
    assert facts.off_pace(Decimal(30)) == (1, 1)


def test_a_change_is_from_one_answer_to_another_and_clearing_is_part_of_it() -> None:
    facts = answer_facts(
        0, trails(("q1", 1, 10, 5), ("q1", 2, 20, 0), ("q1", 3, 30, 6), ("q1", 4, 40, 6), ("q2", 1, 50, 7))
    )
    assert [item.reference for item in facts.changes.evidence] == ["q1 r3"]
    cleared = answer_facts(0, trails(("q1", 1, 10, 5), ("q1", 2, 20, 0), ("q1", 3, 30, 5)))
    assert cleared.changes.count == 0


@pytest.mark.parametrize(
    ("questions", "apart_seconds", "bursts"), [(5, 15, 1), (4, 1, 0), (5, 16, 0), (10, 1, 1), (10, 12, 1)]
)
def test_five_answers_changed_within_a_minute_are_a_burst(questions: int, apart_seconds: float, bursts: int) -> None:
    first = [(f"q{number}", 1, 10.0 * number, 5) for number in range(1, questions + 1)]
    second = [(f"q{number}", 2, 1000 + apart_seconds * number, 6) for number in range(1, questions + 1)]
    facts = answer_facts(0, trails(*first, *second))
    assert (facts.changes.count, facts.bursts.count) == (questions, bursts)


@pytest.mark.parametrize(("seconds_since_the_last_save", "bursts"), [(70, 1), (80, 0), (600, 0)])
def test_changes_that_were_sent_together_were_made_since_the_save_before(
    seconds_since_the_last_save: int, bursts: int
) -> None:
    first = [(f"q{number}", 1, 10.0 * number, 5) for number in range(1, 6)]
    back_on_the_line = 50 + seconds_since_the_last_save
    second = [(f"q{number}", 2, back_on_the_line + number / 10, 6) for number in range(1, 6)]
    facts = answer_facts(0, trails(*first, *second))
    assert (facts.changes.count, facts.bursts.count) == (5, bursts)


def test_one_answer_changed_to_and_fro_is_no_burst() -> None:
    facts = answer_facts(0, trails(*(("q1", revision, 10 + revision, revision % 2 + 1) for revision in range(1, 12))))
    assert (facts.changes.count, facts.bursts.count) == (10, 0)


@given(
    saves=st.lists(
        st.builds(Save, st.integers(0, 300), st.integers(0, 10_000), st.integers(0, 3)),
        unique_by=lambda save: save.revision,
        max_size=150,
    ),
    shuffled=st.randoms(use_true_random=False),
)
def test_a_trail_is_the_same_in_any_order_and_stays_small(saves: list[Save], shuffled: object) -> None:
    def trail(these: list[Save]) -> Trail:
        found = Trail()
        for save in these:
            found = found.with_(save, False)
        return found

    other = saves + saves[::2]
    shuffled.shuffle(other)
    assert trail(saves) == trail(other)
    assert len(trail(saves).saves) <= KEPT_SAVES + 1
    assert not saves or trail(saves).saves[-1].revision == max(save.revision for save in saves)


def test_of_many_saves_the_first_and_the_newest_are_kept_in_whatever_order_they_come() -> None:
    saves = [Save(revision, 1000 * revision, revision % 3) for revision in range(1, 201)]
    for seed in range(5):
        trail = Trail()
        for save in random.Random(seed).sample(saves, k=len(saves)):
            trail = trail.with_(save, False)
        assert trail.saves == (*saves[:KEPT_SAVES], saves[-1])
        assert trail.weight == KEPT_SAVES + 200


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("192.0.2.7", "192.0.2.7"),
        (" 192.0.2.7 ", "192.0.2.7"),
        ("::ffff:192.0.2.7", "192.0.2.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("unknown", ""),
        ("", ""),
    ],
)
def test_addresses_are_compared_by_what_a_machine_does_not_change_itself(address: str, network: str) -> None:
    assert network_of(address) == network


def test_every_network_beyond_the_first_is_a_change_and_families_are_counted_apart() -> None:
    tally = address_changes({"10.0.0.2": 50, "10.0.0.1": 0, "2001:db8::/64": 10, "10.0.0.3": 60})
    assert [(item.at_ms, item.reference) for item in tally.evidence] == [(50, "10.0.0.2"), (60, "10.0.0.3")]
    assert address_changes({"10.0.0.1": 0, "2001:db8::/64": 10}).count == 0


@pytest.mark.parametrize(
    ("spans", "count"),
    [
        ({"a": (0, 100_000)}, 0),
        ({"a": (0, 100_000), "b": (100_001, 200_000)}, 0),
        ({"a": (0, 100_000), "b": (90_000, 200_000)}, 0),  # ten seconds: a page loaded anew
        ({"a": (0, 100_000), "b": (89_999, 200_000)}, 1),
        ({"a": (0, 900_000), "b": (100_000, 200_000), "c": (300_000, 400_000)}, 2),
    ],
)
def test_log_ins_in_use_at_the_same_time_are_found(spans: dict[str, tuple[int, int]], count: int) -> None:
    assert simultaneous_logins(spans).count == count
