"""What is away: errors that say that something is unreachable now, rather than that what was asked is bad."""

import asyncio

import asyncpg
import grpc
import sqlalchemy as sa

from chassis.errors import DependencyUnavailable

_TOO_LARGE = "larger than max"  # what gRPC's library says of a message that either side does not take
_STATUS_OF_ABSENCE = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.UNAUTHENTICATED,
}


def is_away(error: BaseException) -> bool:
    """Whether an error means that a service or server is away, so that trying later is right."""
    if isinstance(error, grpc.aio.AioRpcError):
        return error.code() in _STATUS_OF_ABSENCE and not is_too_large(error)
    if isinstance(error, sa.exc.DBAPIError):
        return bool(error.connection_invalidated) or (
            error.orig is not None and is_away(error.orig.__cause__ or error.orig)
        )
    return isinstance(
        error,
        DependencyUnavailable
        | OSError
        | asyncio.TimeoutError
        | asyncpg.PostgresConnectionError
        | asyncpg.InvalidAuthorizationSpecificationError  # a password that is being changed: who has the new one follows
        | asyncpg.InterfaceError
        | asyncpg.InternalClientError  # a connection that broke in the middle of a statement and was used once more
        | asyncpg.OperatorInterventionError
        | asyncpg.InsufficientResourcesError
        | asyncpg.TransactionRollbackError
        | asyncpg.QueryCanceledError
        | asyncpg.LockNotAvailableError,
    )


def is_too_large(error: grpc.aio.AioRpcError) -> bool:
    """Whether a call failed since a message is larger than the channel takes: it will be so the next time. The status is also that of who is overloaded."""
    return error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED and _TOO_LARGE in (error.details() or "")


def is_told_to_stop() -> bool:
    """Whether the running task was cancelled. A CancelledError alone does not say so: aiokafka lets out those of its own tasks."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
