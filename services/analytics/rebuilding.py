"""Building the read models again from zero: everything is forgotten, every producer publishes its events once more."""

from collections.abc import Awaitable, Callable, Sequence

import sqlalchemy as sa
import structlog

from chassis.replay import request_replay
from chassis.service import Runtime
from proto.catalogue import TOPICS
from services.analytics.tables import READ_MODELS

log = structlog.get_logger()

RequestReplay = Callable[[Runtime, str, Sequence[str]], Awaitable[int]]


def producers() -> dict[str, list[str]]:
    """The services whose events analytics is made of, and the topics of each."""
    found: dict[str, list[str]] = {}
    for topic in TOPICS:
        if "analytics" in topic.consumers:
            for producer in topic.producers:
                found.setdefault(producer, []).append(topic.name)
    return found


async def rebuild(runtime: Runtime, replay: RequestReplay = request_replay) -> int:
    """Empties read models, inbox and dead letters, and asks for every event again; how many will come.

    All in one transaction: when a producer can't be reached (DependencyUnavailable), everything stays as it was, and events that are sent twice
    because of it are dropped by the inbox. The read models fill while the events come in; nobody else has to stop.
    """
    emptied = ", ".join(str(table.__tablename__) for table in READ_MODELS)
    async with runtime.database.session() as tx:
        # Whoever takes in events writes the inbox first: with this lock nobody is in the middle of it, and nobody begins.
        await tx.execute(sa.text("LOCK TABLE inbox IN EXCLUSIVE MODE"))
        await tx.execute(sa.text(f"TRUNCATE inbox, dead_letters, {emptied}"))
        counts = [await replay(runtime, producer, topics) for producer, topics in producers().items()]
    log.info("read_models_emptied", events_to_come=sum(counts))
    return sum(counts)
