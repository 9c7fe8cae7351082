"""An exam's report as tables: the figures, the distribution, the questions."""

from typing import Any

from chassis.spreadsheets import Cell, Sheet
from services.analytics.views import EstimateOut, ExamReport, QuestionReport, WrongAnswer

_QUESTION_HEADER = (
    "question_id", "topic", "attempts", "max_points", "mean_points", "difficulty", "discrimination", "point_biserial",
    "correct", "partial", "wrong", "unanswered", "common_wrong_answers",
)  # fmt: skip


def sheets_of(report: ExamReport) -> list[Sheet]:
    """The report's tables. A figure that there is none of is told by its reason."""
    return [
        Sheet("Figures", ("figure", "value"), _figures(report)),
        Sheet("Distribution", ("from_percent", "to_percent", "attempts"), _bins(report)),
        Sheet("Questions", _QUESTION_HEADER, [_question(question) for question in report.questions]),
    ]


def _figures(report: ExamReport) -> list[tuple[Cell, ...]]:
    scores: dict[str, Any] = report.scores.model_dump(exclude={"count"}) if report.scores else {}
    return [
        ("exam", report.exam.title),
        ("subject", report.exam.subject),
        *report.figures.model_dump().items(),
        *scores.items(),
        ("alpha", _estimate(report.reliability.alpha)),
        ("standard_error_of_measurement", _estimate(report.reliability.standard_error)),
    ]


def _bins(report: ExamReport) -> list[tuple[Cell, ...]]:
    return [(one.start, one.end, one.count) for one in report.distribution]


def _question(question: QuestionReport) -> tuple[Cell, ...]:
    outcomes = question.outcomes
    return (
        question.question_id,
        question.topic,
        question.attempts,
        question.max_points,
        round(question.mean_points, 4),
        round(question.difficulty, 4),
        _estimate(question.discrimination),
        _estimate(question.point_biserial),
        outcomes.correct,
        outcomes.partial,
        outcomes.wrong,
        outcomes.unanswered,
        "; ".join(_wrong_answer(wrong) for wrong in question.common_wrong_answers),
    )


def _estimate(estimate: EstimateOut) -> Cell:
    return estimate.reason if estimate.value is None else round(estimate.value, 4)


def _wrong_answer(wrong: WrongAnswer) -> str:
    [answer] = wrong.response.values() if len(wrong.response) == 1 else [wrong.response["text"]]
    told = " + ".join(answer) if isinstance(answer, list) else str(answer)
    return f"{told} ({wrong.count})"
