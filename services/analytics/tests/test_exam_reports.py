"""An exam's report: figures, spread, questions; in JSON, CSV and XLSX."""

import csv
import io

from openpyxl import load_workbook

from proto.examhall.grading.v1.events_pb2 import AttemptMarked
from services.analytics.tests.builders import AnExam, School, chose, typed

ALL_RIGHT = {"q1": "1", "q2": "1", "q3": "1"}
ALL_WRONG = {"q1": "0", "q2": "0", "q3": "0"}


async def test_a_report_tells_scores_rates_and_distribution(school: School) -> None:
    exam = await school.exam()
    await school.graded(exam, ALL_RIGHT)
    await school.graded(exam, {**ALL_RIGHT, "q3": "0"})
    await school.graded(exam, ALL_WRONG)
    await school.graded(exam, {**ALL_RIGHT, "q3": None})
    await school.started(exam)
    report = await school.get(school.instructor(exam), f"exams/{exam.exam_id}")
    assert report["exam"] == {
        "id": str(exam.exam_id),
        "title": "Circuits I",
        "subject": "Physics",
        "kind": "exam",
        "status": "published",
    }
    assert report["figures"] == {
        "started": 5,
        "in_progress": 1,
        "submitted": 4,
        "completion_rate": "80.00",
        "invalidated": 0,
        "waiting": 1,
        "marked": 3,
        "passed": 2,
        "failed": 1,
        "pass_rate": "66.67",
        "average_percentage": "55.56",
    }
    assert report["scores"] == {
        "count": 3,
        "mean": "55.56",
        "median": "66.67",
        "highest": "100.00",
        "lowest": "0.00",
        "standard_deviation": "50.92",
    }
    assert [one["count"] for one in report["distribution"]] == [1, 0, 0, 0, 0, 0, 1, 0, 0, 1]


async def test_a_question_is_told_by_difficulty_discrimination_and_its_most_frequent_wrong_answers(
    school: School,
) -> None:
    exam = await school.exam()
    for number in range(12):
        is_strong = number % 2 == 0
        points = {"q1": "1" if is_strong else "0", "q2": "1" if is_strong else "0", "q3": "1"}
        wrong = {} if is_strong else {"q1": chose("b", "a"), "q2": typed("  4  OHM ")}
        if number == 1:
            wrong = {"q1": chose("a", "b"), "q2": typed("4 Ohm")}
        if number == 3:
            wrong["q1"] = chose("c")
        await school.graded(exam, points, responses=wrong)
    report = await school.get(school.instructor(exam), f"exams/{exam.exam_id}")
    q1, q2, q3 = report["questions"]
    assert q1 == {
        "question_id": "q1",
        "topic": "Ohm",
        "attempts": 12,
        "max_points": "1.00",
        "mean_points": 0.5,
        "difficulty": 0.5,
        "discrimination": {"value": 1.0, "reason": None},
        "point_biserial": {"value": 1.0, "reason": None},
        "outcomes": {"correct": 6, "partial": 0, "wrong": 6, "unanswered": 0},
        "common_wrong_answers": [
            {"response": {"option_ids": ["a", "b"]}, "count": 5},
            {"response": {"option_ids": ["c"]}, "count": 1},
        ],
    }
    assert q2["common_wrong_answers"] == [{"response": {"text": "4 ohm"}, "count": 6}]
    assert q3["point_biserial"] == {"value": None, "reason": "everybody_got_the_same_points"}
    # Variances 3/11, 3/11 and 0 of the questions, 12/11 of the total.
    assert report["reliability"]["alpha"] == {"value": 0.75, "reason": None}
    assert report["reliability"]["standard_error"] == {"value": 0.5222, "reason": None}


async def test_few_attempts_give_reasons_in_place_of_statistics(school: School) -> None:
    exam = await school.exam()
    await school.graded(exam, ALL_RIGHT)
    report = await school.get(school.instructor(exam), f"exams/{exam.exam_id}")
    nothing = {"value": None, "reason": "not_enough_attempts"}
    assert report["reliability"] == {"alpha": nothing, "standard_error": nothing}
    assert [question["discrimination"] for question in report["questions"]] == [nothing] * 3
    assert report["scores"]["standard_deviation"] is None


async def test_an_exam_that_nobody_sat_has_a_report_without_scores(school: School) -> None:
    exam = await school.exam()
    report = await school.get(school.instructor(exam), f"exams/{exam.exam_id}")
    assert report["scores"] is None
    assert report["questions"] == []
    assert report["figures"]["completion_rate"] is None
    assert report["figures"]["started"] == 0


async def test_what_a_human_marked_is_nobody_elses_wrong_answer(school: School) -> None:
    exam = await school.exam()
    await school.graded(exam, {"q1": "0"}, responses={"q1": typed("My essay.")}, is_human=True)
    report = await school.get(school.instructor(exam), f"exams/{exam.exam_id}")
    assert report["questions"][0]["common_wrong_answers"] == []


async def test_a_centres_administrator_gets_the_figures_of_the_centres_attempts(school: School) -> None:
    exam, here, there = await school.exam(), await school.centre(), await school.centre()
    await school.graded(exam, ALL_RIGHT, centre_id=here)
    await school.graded(exam, ALL_WRONG, centre_id=there)
    report = await school.get(school.service.as_("centre_admin", centre_id=here), f"exams/{exam.exam_id}")
    assert report["figures"]["started"] == 1
    assert report["scores"]["mean"] == "100.00"
    assert report["questions"][0]["outcomes"]["wrong"] == 0


async def test_a_new_grade_takes_the_place_of_the_old_one(school: School) -> None:
    exam = await school.exam()
    attempt = await school.graded(exam, ALL_WRONG)
    better = AttemptMarked(grade=attempt.grade({"q1": "1", "q2": "1"}, revision=2))
    await school.tell("grading.grades.v1", attempt.attempt_id, better)
    report = await school.get(school.instructor(exam), f"exams/{exam.exam_id}")
    assert report["scores"]["mean"] == "100.00"
    assert [question["question_id"] for question in report["questions"]] == ["q1", "q2"]


async def _an_exam_with_formulas(school: School) -> AnExam:
    exam = await school.exam(title='=HYPERLINK("http://evil")', subject="Physics")
    await school.graded(exam, {"q1": "0"}, responses={"q1": typed("=cmd|'/c calc'!A0")})
    return exam


async def test_the_csv_holds_the_report_and_no_formula(school: School) -> None:
    exam = await _an_exam_with_formulas(school)
    reply = await school.instructor(exam).get(f"/api/v1/analytics/exams/{exam.exam_id}/export")
    assert reply.headers["content-type"] == "text/csv; charset=utf-8"
    assert reply.headers["content-disposition"] == 'attachment; filename="HYPERLINK-http-evil-analytics.csv"'
    rows = list(csv.reader(io.StringIO(reply.text)))
    assert ["exam", '\'=HYPERLINK("http://evil")'] in rows
    assert ["mean", "0.00"] in rows
    assert ["alpha", "not_enough_attempts"] in rows
    assert ["0", "10", "1"] in rows
    [question] = [row for row in rows if row and row[0] == "q1"]
    assert question[-1] == "'=cmd|'/c calc'!a0 (1)"


async def test_the_workbook_holds_numbers_as_numbers_and_formulas_as_text(school: School) -> None:
    exam = await _an_exam_with_formulas(school)
    reply = await school.instructor(exam).get(f"/api/v1/analytics/exams/{exam.exam_id}/export?format=xlsx")
    workbook = load_workbook(io.BytesIO(reply.content))
    assert workbook.sheetnames == ["Figures", "Distribution", "Questions"]
    figures = dict(workbook["Figures"].iter_rows(min_row=2, values_only=True))
    assert figures["exam"] == '\'=HYPERLINK("http://evil")'
    assert (figures["mean"], figures["started"]) == (0, 1)
    cells = [cell for sheet in workbook for row in sheet.iter_rows() for cell in row]
    assert not [cell for cell in cells if cell.data_type == "f"]


async def test_another_format_is_refused_by_name(school: School) -> None:
    exam = await school.exam()
    reply = await school.instructor(exam).get(f"/api/v1/analytics/exams/{exam.exam_id}/export?format=pdf")
    assert reply.status_code == 422
    assert reply.json()["errors"][0]["field"].endswith("format")
