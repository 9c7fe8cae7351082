"""The read models built again from zero are the same; when they can't be, the old ones stay."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
import sqlalchemy as sa
from google.protobuf.symbol_database import Default

from chassis.errors import DependencyUnavailable
from chassis.inbox import Event
from chassis.replay import request_replay
from chassis.rpc import make_server
from chassis.service import Runtime
from chassis.testing import SECRET, RunningService, eventually, running
from proto.examhall.chassis.v1.outbox_pb2 import ReplayReply, ReplayRequest
from proto.examhall.chassis.v1.outbox_pb2_grpc import OutboxServicer, add_OutboxServicer_to_server
from services.analytics.app import build
from services.analytics.rebuilding import producers, rebuild
from services.analytics.tests.builders import School, chose
from services.analytics.tests.dumps import dump


@dataclass
class Producer(OutboxServicer):  # type: ignore[misc]
    """The other services' outboxes: everything that was told to the school, published again when asked."""

    told: list[Event] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)
    service: RunningService | None = None

    async def Replay(self, request: ReplayRequest, context: Any) -> ReplayReply:
        assert self.service is not None
        self.asked.extend(request.topics)
        again = [event for event in self.told if event.topic in request.topics]
        for event in again:
            message = Default().GetSymbol(event.type).FromString(event.payload)
            await self.service.publish(
                event.topic, event.key, message, event_id=event.event_id, occurred_at=event.occurred_at
            )
        return ReplayReply(events=len(again))


@asynccontextmanager
async def a_school_with_producers(postgres_url: str, kafka: str) -> AsyncIterator[tuple[School, Producer]]:
    producer, server = Producer(), make_server(SECRET, {})
    add_OutboxServicer_to_server(producer, server)
    address = f"127.0.0.1:{server.add_insecure_port('127.0.0.1:0')}"
    await server.start()
    try:
        peers = {name: address for name in producers() if name != "identity"}
        async with running(build, postgres_url, kafka, peers=peers) as service:
            # Named as a peer, identity would also be asked for keys, which the test has signed itself.
            service.runtime._channels["identity"] = service.runtime.channel("exams")
            school = School(service)
            producer.told, producer.service = school.told, service
            yield school, producer
    finally:
        await server.stop(grace=None)


async def _something_happened(school: School) -> None:
    teacher_id = await school.person("instructor")
    class_id = await school.school_class(teacher_id)
    exam = await school.exam(instructor_id=teacher_id)
    attempt = await school.graded(exam, {"q1": "1", "q2": "0"}, class_id=class_id, is_released=True)
    await school.saved(attempt, "q1", 1, chose("a"), flag=True)
    await school.started(exam)


async def _dump(school: School) -> Any:
    async with school.service.database.session() as tx:
        return await dump(tx)


async def test_read_models_built_again_from_zero_are_the_same(postgres_url: str, kafka: str) -> None:
    async with a_school_with_producers(postgres_url, kafka) as (school, producer):
        await _something_happened(school)
        before = await _dump(school)
        async with school.service.database.session() as tx:
            await tx.execute(sa.text("UPDATE grades SET score = 0"))
            await tx.execute(sa.text("DELETE FROM moments WHERE kind = 'answered'"))
        assert await rebuild(school.service.runtime, request_replay) == len(school.told)
        assert sorted(producer.asked) == sorted(topic for topics in producers().values() for topic in topics)

        async def is_same() -> bool:
            return await _dump(school) == before

        await eventually(is_same, timeout=30)


async def test_what_could_not_be_taken_in_gets_another_try(postgres_url: str, kafka: str) -> None:
    async with a_school_with_producers(postgres_url, kafka) as (school, _):
        exam = await school.exam()
        async with school.service.database.session() as tx:
            await tx.execute(
                sa.text(
                    "INSERT INTO dead_letters (event_id, topic, key, type, payload, reason, occurred_at)"
                    " VALUES (:id, 'exams.exams.v1', :key, 't', '', 'a fault that is mended', now())"
                ),
                {"id": school.told[0].event_id, "key": str(exam.exam_id)},
            )
        await rebuild(school.service.runtime, request_replay)

        async def is_back() -> bool:
            return bool((await _dump(school))["exams"])

        await eventually(is_back, timeout=30)


async def test_the_old_read_models_stay_when_a_producer_is_away(school: School) -> None:
    await _something_happened(school)
    before = await _dump(school)

    async def replay(_: Runtime, producer: str, topics: Sequence[str]) -> int:
        if producer == "grading":
            raise DependencyUnavailable("grading does not answer")
        return len(topics)

    with pytest.raises(DependencyUnavailable):
        await rebuild(school.service.runtime, replay)
    assert await _dump(school) == before


def test_every_topic_that_analytics_takes_in_is_asked_for() -> None:
    asked = {topic for topics in producers().values() for topic in topics}
    assert asked == {subscription.topic for subscription in build().subscriptions}
