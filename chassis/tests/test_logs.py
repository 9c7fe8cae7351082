"""What logs keep to themselves of an error, and what they tell."""

import json
from collections.abc import Awaitable, Callable
from uuid import uuid4

import asyncpg
import grpc
import pytest
import sqlalchemy as sa
import structlog
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from chassis.database import Database
from chassis.logs import without_details
from chassis.rpc import make_server, open_channel
from chassis.testing import logging_as_in_production
from chassis.tracing import span
from proto.examhall.chassis.v1.outbox_pb2 import ReplayRequest
from proto.examhall.chassis.v1.outbox_pb2_grpc import OutboxServicer, OutboxStub, add_OutboxServicer_to_server

SECRET = "a word\nof the student's"
REFUSING = "CREATE TEMPORARY TABLE refusing (word text CHECK (false))"


async def _refused_by_asyncpg(url: str) -> Exception:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(REFUSING)
        await connection.execute("INSERT INTO refusing VALUES ($1)", SECRET)
    except asyncpg.CheckViolationError as error:
        refused: Exception = error
        return refused
    finally:
        await connection.close()
    raise AssertionError("nothing was refused")


async def _refused_by_sqlalchemy(url: str) -> Exception:
    database = Database(url, name="sample")
    try:
        async with database.session() as tx:
            await tx.execute(sa.text(REFUSING))
            await tx.execute(sa.text("INSERT INTO refusing VALUES (:word)"), {"word": SECRET})
    except sa.exc.IntegrityError as error:
        return error
    finally:
        await database.close()
    raise AssertionError("nothing was refused")


@pytest.mark.parametrize("refused", [_refused_by_asyncpg, _refused_by_sqlalchemy])
async def test_a_row_that_postgresql_refuses_is_not_shown(
    refused: Callable[[str], Awaitable[Exception]], database_url: str, capfd: pytest.CaptureFixture[str]
) -> None:
    error = await refused(database_url)
    assert SECRET in str(error), "without this the test would prove nothing"
    with logging_as_in_production("sample"):
        log = structlog.get_logger()
        log.error("alone", exc_info=error)
        log.error("in_a_group", exc_info=ExceptionGroup("several", [error, ValueError("another")]))
        log.error("as_a_text", error=f"{type(error).__name__}: {error}", cause=error)
    written = capfd.readouterr().out
    for part in SECRET.split("\n"):
        assert part not in written
    for line in map(json.loads, written.splitlines()):
        told = line.get("exception", "") + line.get("error", "")
        assert "violates check constraint" in told, "what happened is told"
        assert "DETAIL: (not logged)" in told
    assert "another" in written, "what follows a detail stays"


plain = st.text().filter(lambda text: "DETAIL:" not in text)


@given(plain)
def test_a_text_without_details_stays_as_it_is(text: str) -> None:
    assert without_details(text) == text


@given(
    st.text(alphabet=st.characters(exclude_characters="\n")), st.sampled_from(["", "\nHINT:  ask", "\n[SQL: SELECT 1]"])
)
def test_a_detail_is_left_out_and_what_follows_it_stays(detail: str, after: str) -> None:
    assert without_details(f"refused\nDETAIL:  {detail}{after}") == f"refused\nDETAIL: (not logged){after}"


class _Broken(OutboxServicer):  # type: ignore[misc]
    """Fails at every call."""

    async def Replay(self, request: ReplayRequest, context: object) -> None:
        raise RuntimeError("a bug")


async def test_a_call_that_fails_for_a_bug_is_logged_with_its_trace() -> None:
    server = make_server("secret", {})
    add_OutboxServicer_to_server(_Broken(), server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    trace_id = uuid4().hex
    try:
        async with open_channel(f"127.0.0.1:{port}", "secret") as channel:
            with (
                capture_logs() as logged,
                span("asks", parent=f"00-{trace_id}-00f067aa0ba902b7-00"),
                pytest.raises(grpc.aio.AioRpcError),
            ):
                await OutboxStub(channel).Replay(ReplayRequest())
    finally:
        await server.stop(None)
    [line] = [line for line in logged if line["event"] == "grpc_call_failed"]
    assert line["trace_id"] == trace_id
