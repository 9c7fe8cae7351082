from math import nan

import pytest

from proto.examhall.proctoring.v1 import events_pb2 as told
from services.proctoring.collusion.standing import GroupStanding, PairStanding, SpokenItem, Statistic, Verdict
from services.proctoring.exam_messages import group_found, group_id, pair_assessed
from services.proctoring.tests.builders import START_MS
from services.proctoring.tests.sittings import statistic


def a_standing(copier: str = "b", source: str = "a", log10: float = 2.0, p_value: float = 0.01) -> PairStanding:
    statistics = (
        Statistic("e_process", "e_value", nan, log10, "assumed"),
        Statistic("omega", "p_value", p_value, nan, "assumed"),
    )
    items = (SpokenItem("question", 0.7, START_MS, START_MS + 1500),)
    return PairStanding(copier, source, Verdict.FLAGGED, True, ("centre", "time"), log10, 0.001, statistics, items, 1)


def a_pair(standing: PairStanding, revision: int = 7) -> told.PairAssessed:
    return pair_assessed("exam", standing, {"a": "ann", "b": "ben"}, revision, START_MS).message


def test_a_pair_is_told_with_students_numbers_and_items() -> None:
    pair = a_pair(a_standing())
    assert (pair.copier_student_id, pair.source_student_id, pair.revision) == ("ben", "ann", 7)
    assert (pair.family, list(pair.plausible_by), pair.verdict) == ("plausible", ["centre", "time"], "flagged")
    assert pair.expected_false_flags == "0.001"
    assert (statistic(pair, "e_process").value, statistic(pair, "e_process").log10_value) == ("100", "2.0000")
    assert (statistic(pair, "omega").value, statistic(pair, "omega").log10_value) == ("0.01", "")
    assert pair.items[0].log10_evidence == "0.7"
    assert pair.items[0].copier_answered_at.ToMilliseconds() == START_MS + 1500


@pytest.mark.parametrize(("log10", "value"), [(8.0, "100000000"), (40.0, ""), (-3.0, "0.001")])
def test_an_e_value_too_large_to_write_out_is_told_by_its_logarithm(log10: float, value: str) -> None:
    told_value = statistic(a_pair(a_standing(log10=log10)), "e_process")
    assert (told_value.value, float(told_value.log10_value)) == (value, log10)


def test_a_p_value_smaller_than_anybody_reads_is_rounded_up_never_down() -> None:
    assert float(statistic(a_pair(a_standing(p_value=1e-250)), "omega").value) == 1e-18


def test_a_pair_is_told_under_one_id_whichever_way_round_it_points() -> None:
    one, other = a_standing("a", "b"), a_standing("b", "a")
    ids = {pair_assessed("exam", each, {}, 7, START_MS).event_id for each in (one, other)}
    assert len(ids) == 1
    assert pair_assessed("exam", one, {}, 8, START_MS).event_id not in ids


def test_a_group_keeps_its_id_while_others_join_and_is_told_without_members_when_it_is_no_more() -> None:
    assert group_id("exam", ("a", "b")) == group_id("exam", ("a", "b", "c")) != group_id("other", ("a", "b"))
    there = group_found("exam", "group", GroupStanding(("a", "b"), "a"), 1, START_MS).message
    assert (list(there.attempt_ids), there.likely_source_attempt_id) == (["a", "b"], "a")
    gone = group_found("exam", "group", None, 2, START_MS).message
    assert (list(gone.attempt_ids), gone.revision) == ([], 2)
