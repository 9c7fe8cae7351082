"""What people and programs see of a rehearsal: the live table, the report, its JSON."""

import io
import json
from dataclasses import replace
from pathlib import Path

from rich.console import Console

from examhall.rehearsal.audit import Audit, Finding, Kind
from examhall.rehearsal.gateway import Measured
from examhall.rehearsal.report import as_json, show
from examhall.rehearsal.seats import Progress
from examhall.rehearsal.table import LiveTable

CLEAN = Audit(
    attempts=2,
    answers_acknowledged=7,
    answers_found=7,
    marked_once=2,
    scores_as_expected=2,
    scores_not_known=0,
    late_saves_refused=1,
    findings=(),
)
LOST = Finding(Kind.ANSWER_LOST, "revision 3 was acknowledged", "a1", "q1", "ana")
LEDGER = Path("the-ledger.jsonl")


def measured() -> dict[str, Measured]:
    """A hundred saves of 1 to 100 ms, the last one refused, and one log-in that failed."""
    save, log_in = Measured(), Measured()
    for milliseconds in range(1, 101):
        save.add(milliseconds / 1000, "200" if milliseconds < 100 else "409")
    log_in.add(0.5, "503")
    return {"log in": log_in, "save": save}


def printed(audit: Audit) -> str:
    console = Console(file=io.StringIO(), width=200)
    show(console, audit, measured(), LEDGER)
    return console.file.getvalue()


def test_a_clean_report_says_what_was_compared_and_how_long_it_took():
    told = printed(CLEAN)
    for said in (
        "Audit of 2 attempts",
        "7 of 7 acknowledged answers found with their latest revision",
        "2 of 2 attempts marked exactly once",
        "2 scores as worked out from the key",
        "1 saves after the deadline refused",
        "Everything is as it was promised.",
        "log in: 1 × 503, tried again",
    ):
        assert said in told
    (row,) = [line.split() for line in told.splitlines() if line.startswith("save ")]
    assert row == ["save", "100", "50.0", "95.0", "99.0"]


def test_a_refusal_that_was_meant_is_no_error():
    assert "409" not in printed(CLEAN)


def test_a_failure_that_is_believed_is_not_called_tried_again():
    failing = Measured()
    for outcome in ("200", "500", "503", "TimeoutError"):
        failing.add(0.1, outcome)
    console = Console(file=io.StringIO(), width=200)
    show(console, CLEAN, {"heartbeat": failing}, LEDGER)
    told = console.file.getvalue().splitlines()
    assert "heartbeat: 1 × 503, 1 × TimeoutError, tried again" in told
    assert "heartbeat: 1 × 500" in told


def test_a_difference_is_named_with_its_student_attempt_and_question():
    told = printed(replace(CLEAN, findings=(LOST,)))
    assert "1 × acknowledged answer is missing" in told
    assert "acknowledged answer is missing: revision 3 was acknowledged\n    ana a1 q1\n" in told
    assert "the-ledger.jsonl" in told
    assert "as it was promised" not in told


def test_of_many_differences_the_first_are_listed_and_all_are_counted():
    told = printed(replace(CLEAN, findings=(LOST,) * 50))
    assert "50 differences" in told
    assert told.count("    ana a1 q1\n") == 20


def test_nothing_to_audit_is_said():
    assert "There was nothing to audit." in printed(replace(CLEAN, attempts=0))


def test_scores_that_can_not_be_worked_out_are_counted():
    assert "0 scores as worked out from the key, 2 can't be" in printed(
        replace(CLEAN, scores_as_expected=0, scores_not_known=2)
    )


def test_programs_get_all_of_it():
    told = json.loads(as_json(replace(CLEAN, findings=(LOST,)), measured()))
    assert told["steps"]["save"] == {
        "requests": 100,
        "errors": 0,
        "outcomes": {"200": 99, "409": 1},
        "p50": 50.0,
        "p95": 95.0,
        "p99": 99.0,
    }
    assert told["steps"]["log in"]["errors"] == 1
    assert told["audit"]["answers_found"] == 7
    assert told["audit"]["findings"] == [
        {
            "kind": "acknowledged answer is missing",
            "detail": "revision 3 was acknowledged",
            "attempt_id": "a1",
            "question_id": "q1",
            "login": "ana",
        }
    ]


def test_the_live_table_shows_where_the_class_is_and_how_long_each_step_takes():
    progress = Progress(signed_in=9, started=8, finished=1, acknowledged=42, offline=2)
    table = LiveTable("Rivers [/bold]", 10, progress, measured())
    table.phase = "sitting"
    console = Console(file=io.StringIO(), width=200)
    console.print(table)
    shown = console.file.getvalue()
    assert "Rivers [/bold] · 0 s · sitting" in shown
    assert "9 of 10 signed in · 8 started · 2 without network · 1 finished · 42 saves acknowledged" in shown
    assert [line.split() for line in shown.splitlines() if line.startswith("log in")] == [
        ["log", "in", "1", "500.0", "500.0", "500.0", "1"]
    ]
