"""Builds the exams service."""

from chassis.service import Service
from proto.examhall.exams.v1.exams_pb2_grpc import add_ExamsServicer_to_server
from services.exams.consumers import SUBSCRIPTIONS
from services.exams.problems import PROBLEMS
from services.exams.routes import banks, drafts, exams, questions, seating
from services.exams.rpc import ExamsRpc
from services.exams.settings import Settings


def build(settings: Settings | None = None) -> Service:
    """The exams service."""
    return Service(
        name="exams",
        description="Questions, banks, exams, schedules, and the frozen versions that are sat.",
        settings=settings or Settings(),
        routers=[exams.router, seating.router, drafts.router, questions.router, banks.router],
        problems=PROBLEMS,
        add_rpc=lambda server, runtime: add_ExamsServicer_to_server(ExamsRpc(runtime), server),
        subscriptions=SUBSCRIPTIONS,
    )
