"""What is away: errors that say that something is unreachable now, rather than that what was asked is bad."""

import asyncio

import asyncpg
import grpc
import sqlalchemy as sa

from chassis.errors import DependencyUnavailable

_STATUS_OF_ABSENCE = {
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.UNAUTHENTICATED,
}


def is_away(error: BaseException) -> bool:
    """Whether an error means that a service or server is away, so that trying later is right."""
    if isinstance(error, grpc.aio.AioRpcError):
        return error.code() in _STATUS_OF_ABSENCE
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


def is_told_to_stop() -> bool:
    """Whether the running task was cancelled. A CancelledError alone does not say so: aiokafka lets out those of its own tasks."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
