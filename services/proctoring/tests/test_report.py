"""The security report: what was seen of an exam and what people made of it, as JSON and as tables."""

import csv
import io
from typing import Any

from proto.examhall.proctoring.v1.events_pb2 import RiskAssessed
from services.proctoring.report_views import ReportedAttempt, ReportOut
from services.proctoring.signals import ExamRules
from services.proctoring.tables import Exam, Review
from services.proctoring.tests.desk import API, START, Desk, minutes

RULES = ExamRules(violation_limit=3, copy_paste_allowed=True)


def counted(**counts: int) -> bytes:
    return RiskAssessed(level="low", counts=counts).SerializeToString()


async def an_exam_with_everything(desk: Desk) -> Exam:
    exam = await desk.exam(RULES, title="=HYPERLINK(1)")
    limit = await desk.attempt(
        exam, "Ada", level="high", behaviour_score=70, violations=3, status="submitted", submitted_at=minutes(5),
        submit_reason="violation_limit", assessment=counted(tab_switch=9, focus_lost=4, paste_attempt=6, from_the_future=3),
    )  # fmt: skip
    calm = await desk.attempt(exam, "Bo", violations=1, started_at=minutes(1), assessment=counted(tab_switch=1))
    await desk.attempt(exam, "@Cy", status="paused", paused_at=minutes(3), started_at=minutes(2), is_proctored=False)
    for status, severity in (("open", "high"), ("resolved", "medium")):
        await desk.alert(limit, status=status, severity=severity)
    await desk.alert(calm, kind="devtools_open", severity="high", status="dismissed")
    await desk.pair(exam, calm, limit)
    await desk.group(exam, [calm, limit])
    await desk.progress(exam, candidates=3, answers=60, items=40, items_believed=20, pairs_tested=3, pairs_flagged=1)
    ids = {"exam_id": exam.id}
    await desk.keep(
        Review(attempt_id=limit.id, student_id=limit.student_id, is_reviewed=True, is_invalidated=True, is_student_told=True,
               replied_at=START, **ids),
        Review(attempt_id=calm.id, student_id=calm.student_id, needs_manual_review=True, **ids),
    )  # fmt: skip
    return exam


async def the_report(desk: Desk, exam: Exam) -> Any:
    return (await desk.instructor(exam).get(f"{API}/exams/{exam.id}/report")).json()


async def test_everything_is_counted(desk: Desk) -> None:
    exam = await an_exam_with_everything(desk)
    report = await the_report(desk, exam)
    assert report["is_whole"] is True
    assert report["attempts"] == {
        "total": 3, "in_progress": 1, "paused": 1, "submitted": 1, "proctored": 2, "submitted_by_limit": 1,
    }  # fmt: skip
    assert report["levels"] == {"low": 1, "medium": 0, "high": 1, "critical": 0}
    assert report["observations"] == {"tab_switch": 10, "paste_attempt": 6, "focus_lost": 4}
    assert report["violations"] == {
        "acts": 4, "attempts": 2, "attempts_over_limit": 1, "by_type": {"tab_switch": 10, "focus_lost": 4},
    }  # fmt: skip
    assert report["alerts"] == [
        {"kind": "tab_switch", "total": 2, "severities": {"high": 1, "medium": 1}, "statuses": {"open": 1, "resolved": 1}},
        {"kind": "devtools_open", "total": 1, "severities": {"high": 1}, "statuses": {"dismissed": 1}},
    ]  # fmt: skip
    assert report["reviews"] == {
        "reviewed": 1, "waiting_for_review": 1, "invalidated": 1, "students_told": 1, "students_replied": 1,
    }  # fmt: skip
    assert (report["collusion"]["pairs_flagged"], report["collusion"]["groups"]) == (1, 1)
    assert report["collusion"]["pairs"][0]["later_name"] == "Bo"
    assert report["collusion"]["progress"]["text"].startswith("So far 3 pairs")
    assert next(row["student_name"] for row in report["rows"]) == "Ada"
    first = report["rows"][0]
    assert (first["alerts"], first["open_alerts"], first["violation_limit"], first["is_invalidated"]) == (2, 1, 3, True)


async def test_the_report_is_given_as_it_is_described(desk: Desk) -> None:
    exam = await an_exam_with_everything(desk)
    shown = await the_report(desk, exam)
    assert ReportOut.model_validate(shown).model_dump(mode="json") == shown
    assert [row.keys() == ReportedAttempt.model_fields.keys() for row in shown["rows"]] == [True] * 3


async def test_an_empty_exam_has_a_report_too(desk: Desk) -> None:
    report = await the_report(desk, await desk.exam())
    assert (report["attempts"]["total"], report["observations"], report["alerts"], report["rows"]) == (0, {}, [], [])
    assert report["collusion"]["progress"]["text"].startswith("Not enough yet")


async def test_the_tables_hold_what_the_report_holds_and_no_formula(desk: Desk) -> None:
    exam = await an_exam_with_everything(desk)
    reply = await desk.instructor(exam).get(f"{API}/exams/{exam.id}/report", params={"format": "csv"})
    assert reply.headers["Content-Type"] == "text/csv; charset=utf-8"
    assert reply.headers["Content-Disposition"] == 'attachment; filename="HYPERLINK-1-security.csv"'
    tables = [list(csv.reader(io.StringIO(text))) for text in reply.text.split("\r\n\r\n")]
    summary, observations, alerts, pairs, attempts = tables
    figures = dict(summary[1:])
    assert figures["exam"] == "'=HYPERLINK(1)"
    assert (figures["attempts total"], figures["violations acts"], figures["reviews invalidated"]) == ("3", "4", "1")
    assert (figures["level high"], figures["flagged pairs"], figures["groups"]) == ("1", "1", "1")
    assert observations[1] == ["tab_switch", "10", "10"]
    assert observations[2] == ["paste_attempt", "6", "0"]
    assert alerts[1] == ["tab_switch", "2", "1", "0", "1", "0"]
    assert len(pairs) == 2
    names = [row[attempts[0].index("student_name")] for row in attempts[1:]]
    assert sorted(names) == ["'@Cy", "Ada", "Bo"]
    assert "yes" in attempts[1]


async def test_only_json_and_csv_are_known(desk: Desk) -> None:
    exam = await desk.exam()
    assert (
        await desk.instructor(exam).get(f"{API}/exams/{exam.id}/report", params={"format": "pdf"})
    ).status_code == 422
