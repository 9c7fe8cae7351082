"""The contracts' guard notices what would break a peer."""

import copy

from proto.breaking import breaking_changes, contracts


def test_unchanged_contracts_break_nobody() -> None:
    assert breaking_changes(contracts(), contracts()) == []


def test_an_added_field_breaks_nobody() -> None:
    old = contracts()
    new = copy.deepcopy(old)
    new["messages"]["examhall.attempts.v1.AttemptState"]["99"] = {
        "name": "seat",
        "type": 9,
        "repeated": False,
        "of": "",
        "oneof": "",
    }
    assert breaking_changes(old, new) == []


def test_a_removed_renumbered_or_retyped_field_is_named() -> None:
    old = contracts()
    new = copy.deepcopy(old)
    fields = new["messages"]["examhall.attempts.v1.AttemptState"]
    del fields["1"]
    fields["2"]["type"] = 9
    del new["methods"]["examhall.exams.v1.Exams.GetPaper"]
    assert breaking_changes(old, new) == [
        "examhall.attempts.v1.AttemptState: field 1 (attempt_id) is gone",
        "examhall.attempts.v1.AttemptState: field 2 (version) changed",
        "method examhall.exams.v1.Exams.GetPaper changed or is gone",
    ]
