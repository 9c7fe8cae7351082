from hypothesis import given
from hypothesis import strategies as st

from examhall.rehearsal.ledger import (
    Acknowledged,
    Answer,
    Ended,
    Ledger,
    Refused,
    Sent,
    SentLate,
    Started,
    Surprised,
    account,
    read,
)

ENTRIES = (
    Started("ana", "a1", ("q1", "q2")),
    Sent("a1", "q1", 1, {"text": "18 kN·m\n"}, False),
    Acknowledged("a1", "q1", 1, 1),
    Sent("a1", "q2", 1, None, True),
    Refused("a1", "q2", 1, 409),
    Ended("a1"),
    SentLate("a1", "q1", 2, 409),
    Surprised("ana", "submit", "500", "a1"),
)


def test_what_was_written_is_read_back_also_by_a_second_opening(tmp_path):
    path = tmp_path / "ledger.jsonl"
    for entry in ENTRIES:
        with Ledger(path) as ledger:
            ledger.write(entry)
    assert tuple(read(path)) == ENTRIES


def test_a_line_cut_short_by_a_crash_is_left_out(tmp_path):
    path = tmp_path / "ledger.jsonl"
    with Ledger(path) as ledger:
        for entry in ENTRIES:
            ledger.write(entry)
    path.write_bytes(path.read_bytes()[:-7])
    assert tuple(read(path)) == ENTRIES[:-1]


def test_entries_come_together_by_attempt():
    told = account(ENTRIES)
    journey = told.journeys["a1"]
    assert journey.login == "ana"
    assert journey.question_ids == ("q1", "q2")
    assert journey.answer("q1", 1) == Answer({"text": "18 kN·m\n"}, False)
    assert journey.acknowledged == {"q1": 1}
    assert journey.late == [SentLate("a1", "q1", 2, 409)]
    assert journey.is_ended
    assert told.surprises == (ENTRIES[-1],)


def test_a_reply_that_names_a_newer_revision_of_ours_promises_that_one():
    sent = [Sent("a1", "q1", revision, None, False) for revision in (1, 2)]
    journey = account([ENTRIES[0], *sent, Acknowledged("a1", "q1", 1, 2)]).journeys["a1"]
    assert journey.acknowledged == {"q1": 2}
    assert journey.contradicted == []


def test_a_reply_that_names_an_older_or_a_foreign_revision_is_kept_as_a_contradiction():
    sent = [Sent("a1", "q1", revision, None, False) for revision in (1, 2)]
    wrong = [Acknowledged("a1", "q1", 2, 1), Acknowledged("a1", "q1", 2, 9)]
    journey = account([ENTRIES[0], *sent, *wrong]).journeys["a1"]
    assert journey.contradicted == wrong
    assert journey.acknowledged == {"q1": 2}


@given(st.permutations([Acknowledged("a1", "q1", revision, revision) for revision in range(1, 6)]))
def test_the_promise_does_not_depend_on_the_order_of_replies(replies):
    sent = [Sent("a1", "q1", revision, None, False) for revision in range(1, 6)]
    assert account([ENTRIES[0], *sent, *replies]).journeys["a1"].acknowledged == {"q1": 5}
