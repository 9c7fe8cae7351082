"""Builds the proctoring service."""

from chassis.service import Service
from services.proctoring.problems import PROBLEMS
from services.proctoring.routes import ROUTERS
from services.proctoring.settings import Settings


def build(settings: Settings | None = None) -> Service:
    """The proctoring service."""
    return Service(
        name="proctoring",
        description="Watching attempts: signals, alerts, reviews, and what the stream finds.",
        settings=settings or Settings(),
        routers=ROUTERS,
        problems=PROBLEMS,
    )
