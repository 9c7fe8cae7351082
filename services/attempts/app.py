"""Builds the attempts service."""

from chassis.service import Runtime, Service
from proto.examhall.attempts.v1.attempts_pb2_grpc import add_AttemptsServicer_to_server
from services.attempts.app_state import make_parts
from services.attempts.consumers import SUBSCRIPTIONS
from services.attempts.hot import hot_routes
from services.attempts.metrics import COUNTS
from services.attempts.problems import PROBLEMS
from services.attempts.routes import router
from services.attempts.rpc import AttemptsRpc
from services.attempts.settings import Settings
from services.attempts.timekeeping import keep_time


def build(settings: Settings | None = None) -> Service:
    """The attempts service."""
    return Service(
        name="attempts",
        description="Starting, answering against the clock, submitting.",
        settings=settings or Settings(),
        routers=[router],
        problems=PROBLEMS,
        add_rpc=lambda server, runtime: add_AttemptsServicer_to_server(AttemptsRpc(runtime), server),
        subscriptions=SUBSCRIPTIONS,
        on_start=start,
        tasks=[keep_time],
        counts=COUNTS,
        hot_routes=hot_routes,
    )


async def start(runtime: Runtime) -> None:
    """Makes what the parts share."""
    assert isinstance(runtime.settings, Settings)
    runtime.state["attempts"] = make_parts(runtime, runtime.settings)
