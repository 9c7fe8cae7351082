"""Publishing an outbox once more, so that a read model can be built from zero."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import grpc

from chassis.relay import publishing_lock
from chassis.rpc import domain_error_of
from proto.examhall.chassis.v1.outbox_pb2 import ReplayReply, ReplayRequest
from proto.examhall.chassis.v1.outbox_pb2_grpc import OutboxServicer, OutboxStub

if TYPE_CHECKING:
    from chassis.service import Runtime

_REPLAY_SECONDS = 60.0


class OutboxRpc(OutboxServicer):  # type: ignore[misc]
    """Lets the installation's own services ask for a replay."""

    def __init__(self, runtime: "Runtime") -> None:
        self._runtime = runtime

    async def Replay(self, request: ReplayRequest, context: Any) -> ReplayReply:
        """Marks the topics' events as not published; the relay does the rest. Consumers that had them drop them by their inbox."""
        database, name = self._runtime.database, self._runtime.name
        async with database.pool.acquire() as connection, connection.transaction():
            await connection.execute("SELECT pg_advisory_xact_lock($1)", publishing_lock(name), timeout=_REPLAY_SECONDS)
            changed = await connection.execute(
                "UPDATE outbox SET published_at = NULL"
                " WHERE published_at IS NOT NULL AND (cardinality($1::text[]) = 0 OR topic = ANY($1))"
                " AND (cardinality($2::text[]) = 0 OR key = ANY($2))",
                list(request.topics),
                list(request.keys),
                timeout=_REPLAY_SECONDS,
            )
        self._runtime.database.events_committed()
        return ReplayReply(events=int(changed.split()[-1]))


async def request_replay(runtime: "Runtime", producer: str, topics: Sequence[str], keys: Sequence[str] = ()) -> int:
    """Asks the service `producer` to publish these topics' events again, of these keys or of all; how many there are. Raises DependencyUnavailable."""
    try:
        reply = await OutboxStub(runtime.channel(producer)).Replay(
            ReplayRequest(topics=topics, keys=keys), timeout=_REPLAY_SECONDS
        )
    except grpc.aio.AioRpcError as error:
        raise domain_error_of(error, producer) from error
    return int(reply.events)
