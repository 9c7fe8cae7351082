"""Builds the proctoring service."""

from chassis.service import Service
from services.proctoring.app_state import start
from services.proctoring.consumers import SUBSCRIPTIONS
from services.proctoring.hot import hot_routes
from services.proctoring.leading import lead
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
        subscriptions=SUBSCRIPTIONS,
        tasks=[lead],
        on_start=start,
        hot_routes=hot_routes,
    )
