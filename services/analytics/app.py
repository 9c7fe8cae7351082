"""Builds the analytics service."""

from chassis.service import Service
from services.analytics.consumers import SUBSCRIPTIONS
from services.analytics.routes import activity, exams, overviews
from services.analytics.settings import Settings


def build(settings: Settings | None = None) -> Service:
    """The analytics service."""
    return Service(
        name="analytics",
        description="Figures of exams, questions, people, classes and centres; what happened in an attempt.",
        settings=settings or Settings(),
        routers=[exams.router, overviews.router, activity.router],
        subscriptions=SUBSCRIPTIONS,
        gather_seconds=0.1,
    )
