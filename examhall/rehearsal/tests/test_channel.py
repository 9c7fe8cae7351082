"""A student's own socket against a real server: what is sent is taken once, what is told is heard once, whatever breaks in between."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from chassis.ids import new_id
from chassis.testing import eventually
from examhall.rehearsal import channel as module
from examhall.rehearsal.browser import batch
from examhall.rehearsal.channel import STEP, Channel
from examhall.rehearsal.gateway import BROKEN_OFF, Gateway, Refusal, Reply, Unreachable
from examhall.rehearsal.ledger import Ledger, Surprised, Told, read
from examhall.rehearsal.tests.desk import Desk
from examhall.rehearsal.tests.hall import Attempt, Hall, a_gateway, a_hall, problem

BODY = {"kind": "question_shown", "question_id": "", "position": 1}


@dataclass
class Seat:
    """A sitting as far as its channel cares."""

    gateway: Gateway
    ledger: Ledger
    attempt_id: str
    token: str
    login: str = "ana"
    heard: list[Mapping[str, Any]] = field(default_factory=list)
    renewed: str = ""

    async def call(self, step: str, method: str, path: str, body: Any = None) -> Reply:
        """A request of the student."""
        return await self.gateway.call(step, method, path, token=self.token, body=body)

    async def sign_in(self) -> None:
        """The new token is one that a test has put there."""
        self.token = self.renewed

    def hear(self, told: Mapping[str, Any]) -> None:
        """Something is told."""
        self.heard.append(told)


@dataclass
class Line:
    """Ana's channel, its hall and her ledger."""

    hall: Hall
    desk: Desk
    seat: Seat
    channel: Channel
    path: Path

    async def send(self, batch_id: str = "") -> Reply:
        """A batch goes out."""
        chosen = batch_id or str(new_id())
        now = datetime.now(UTC)
        return await self.channel.send(lambda: batch(chosen, [{**BODY, "at": now.isoformat()}], datetime.now(UTC)))

    def told(self) -> list[int]:
        """The numbers that were written down as told."""
        return [entry.message["number"] for entry in read(self.path) if isinstance(entry, Told)]

    def surprises(self) -> list[str]:
        """What no rule explains."""
        return [entry.detail for entry in read(self.path) if isinstance(entry, Surprised)]

    @property
    def outcomes(self) -> dict[str, int]:
        """How the tries to send came out."""
        return dict(self.seat.gateway.steps[STEP].outcomes)


@pytest.fixture
async def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Line]:
    monkeypatch.setattr(module, "_AGAIN_SECONDS", 0.02)
    monkeypatch.setattr(module, "_BREAKS_AT", frozenset())
    path = tmp_path / "ledger.jsonl"
    async with a_hall() as hall, a_gateway(hall) as gateway:
        exam = hall.exam(seconds=600)
        student_id = hall.account("student", "ana", "a-long-password")
        hall.tokens["ana's"] = hall.accounts["ana"]
        attempt = Attempt("a1", exam["id"], student_id, exam["question_ids"], datetime.max.replace(tzinfo=UTC))
        hall.attempts["a1"] = attempt
        desk = hall.desk(exam["id"])
        desk.begin("a1", student_id, seconds_ago=30)
        with Ledger(path) as ledger:
            seat = Seat(gateway, ledger, "a1", "ana's")
            channel = Channel(seat)
            channel.open()
            yield Line(hall, desk, seat, channel, path)
            await channel.hang_up()


async def test_a_batch_is_taken_and_answered_with_its_number(line: Line):
    assert [(await line.send()).body["number"] for _ in range(3)] == [1, 2, 3]
    assert (line.outcomes, line.hall.sockets) == ({"200": 3}, 1)


async def test_a_batch_whose_connection_breaks_before_the_answer_is_sent_again_under_its_id_and_taken_once(
    line: Line, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(module, "_BREAKS_AT", frozenset({1, 3}))
    line.hall.answers_on_sockets = False
    sending = asyncio.create_task(line.send("0190a000-0000-7000-8000-000000000001"))
    await eventually(lambda: line.hall.sockets == 2)
    line.hall.answers_on_sockets = True
    assert (await sending).body["number"] == 1
    assert len(line.desk.attempts["a1"].batches) == 1
    assert (line.outcomes, line.channel.dropped) == ({BROKEN_OFF: 1, "200": 1}, 1)
    assert line.seat.gateway.steps[STEP].errors == 0


async def test_what_is_told_is_heard_once_and_in_order_over_dropped_connections(line: Line):
    for count in range(1, 6):
        line.desk.tell("a1", "violation", count=count)
        await line.channel.catch_up(count if count % 2 else 0)
        line.channel.reconnect()
    await line.channel.catch_up(5)
    assert line.told() == [1, 2, 3, 4, 5]
    assert [each["count"] for each in line.seat.heard] == [1, 2, 3, 4, 5]
    assert line.hall.sockets > 1
    assert await line.channel.kept() == line.seat.heard


async def test_without_network_there_is_no_connection_and_afterwards_everything_is_made_up_for(line: Line):
    await line.send()
    line.channel.set_offline(True)
    await eventually(lambda: line.channel.dropped == 1)
    line.desk.tell("a1", "message", text="Ten minutes left.")
    sending = asyncio.create_task(line.send())
    await asyncio.sleep(0.2)
    assert (line.told(), sending.done(), line.hall.sockets) == ([], False, 1)
    line.channel.set_offline(False)
    assert (await sending).body["number"] == 2
    await line.channel.catch_up(1)
    assert line.told() == [1]


async def test_an_attempt_that_is_over_is_refused_as_in_a_request(line: Line):
    line.hall.attempts["a1"].is_submitted = True
    reply = await line.send()
    assert (reply.status, reply.problem) == (409, "attempt-closed")


async def test_a_token_that_is_not_valid_any_more_is_renewed_by_signing_in(line: Line):
    await line.send()
    line.seat.token, line.seat.renewed = "expired", "ana's"
    line.channel.reconnect()
    assert (await line.send()).is_success
    assert line.seat.token == "ana's"


async def test_who_can_not_be_reached_for_long_is_called_unreachable(line: Line, monkeypatch: pytest.MonkeyPatch):
    await line.send()
    line.channel.set_offline(True)
    await eventually(lambda: line.channel.dropped == 1)
    line.seat.gateway.patience = 0.1
    with pytest.raises(Unreachable, match="no connection"):
        await line.send()


@pytest.mark.parametrize("sent", [{"type": "incomplete", "text": "Gone."}, {"type": "refused", "refused": "ping"}])
async def test_a_message_that_was_not_to_be_expected_is_a_surprise(line: Line, sent: dict[str, Any]):
    feed: Callable[[dict[str, Any]], None] = line.desk.feeds["a1"].append
    feed(sent)
    await eventually(lambda: len(line.surprises()) == 1)
    assert sent["type"] in line.surprises()[0]


async def test_an_attempt_that_is_not_known_yet_is_waited_for(line: Line):
    line.hall.refuses_sockets_with = 4404
    sending = asyncio.create_task(line.send())
    await asyncio.sleep(0.2)
    line.hall.refuses_sockets_with = 0
    assert (await sending).is_success
    assert line.surprises() == []


@pytest.mark.parametrize("code", [4403, 4404])
async def test_a_refusal_that_stays_is_a_surprise(line: Line, code: int):
    line.seat.gateway.patience = 0.0
    line.hall.refuses_sockets_with = code
    await eventually(lambda: line.surprises() == [f"closed with {code}"])


async def test_a_feed_that_can_not_be_read_is_a_refusal(line: Line):
    line.hall.fails_once("GET", "/feed", lambda: problem(404, "not-found"))
    with pytest.raises(Refusal, match="read the feed: 404"):
        await line.channel.kept()


async def test_a_connection_that_is_broken_off_on_purpose_is_no_error(line: Line):
    line.hall.answers_on_sockets = False
    sending = asyncio.create_task(line.send())
    await eventually(lambda: len(line.desk.attempts["a1"].batches) == 1)
    line.channel.reconnect()
    await eventually(lambda: line.hall.sockets == 2)
    line.hall.answers_on_sockets = True
    line.channel.reconnect()
    assert (await sending).body["number"] == 1
    assert line.outcomes.keys() == {BROKEN_OFF, "200"}
    assert line.channel.dropped == 2


async def test_a_network_that_is_lost_while_the_connection_opens_leaves_none_open(line: Line):
    line.channel.set_offline(True)
    await eventually(lambda: line.hall.sockets == 1)
    line.desk.tell("a1", "message", text="Ten minutes left.")
    line.channel.set_offline(False)
    await line.channel.catch_up(1)
    assert (line.hall.sockets, line.told()) == (2, [1])
