"""Builds the grading service."""

from chassis.service import Service
from services.grading.consumers import SUBSCRIPTIONS
from services.grading.metrics import COUNTS
from services.grading.problems import PROBLEMS
from services.grading.routes import exams, marking, results
from services.grading.settings import Settings
from services.grading.submissions import mark_submissions


def build(settings: Settings | None = None) -> Service:
    """The grading service."""
    return Service(
        name="grading",
        description="Marks, grades, and their release.",
        settings=settings or Settings(),
        routers=[marking.router, exams.router, results.router],
        problems=PROBLEMS,
        subscriptions=SUBSCRIPTIONS,
        tasks=[mark_submissions],
        counts=COUNTS,
    )
