"""A small proctoring service for tests of sockets: feeds over HTTP, and their events on a real broker; and clients that listen."""

import asyncio
import json
import time
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import parse_qs, urlsplit

from aiohttp import web
from aiokafka import AIOKafkaProducer
from google.protobuf.timestamp_pb2 import Timestamp
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed

from chassis.kafka import LOG_GENERATION, new_producer
from chassis.testing import eventually, token_for
from gateway.tail import TOPIC
from gateway.tests.running import RunningGateway
from proto.examhall.proctoring.v1.live_pb2 import LiveEvent

EXAM = "0190a000-0000-7000-8000-000000000001"
ATTEMPT = "0190a000-0000-7000-8000-000000000002"
MONITOR = f"/ws/exams/{EXAM}/monitor"
SEAT = f"/ws/attempts/{ATTEMPT}"
EXAM_FEED = f"exam:{EXAM}"
ATTEMPT_FEED = f"attempt:{ATTEMPT}"


class Proctoring:
    """Feeds, numbered without gaps. `refuses` maps a token to the status it gets; `delay_seconds` holds replies back after they were made."""

    def __init__(self, producer: AIOKafkaProducer) -> None:
        self.feeds: dict[str, list[dict[str, Any]]] = defaultdict(list)
        self.refuses: dict[str, int] = {}
        self.tokens: list[str] = []
        self.delay_seconds = 0.0
        self.first_kept = 1
        self.fetches = 0
        self.generation = 1
        self._producer = producer

    async def tell(self, feed: str = EXAM_FEED, *, is_published: bool = True, **members: Any) -> dict[str, Any]:
        """Adds an entry and publishes it, unless it is to be lost on the way."""
        entries = self.feeds[feed]
        entry = {"type": "alert", "number": len(entries) + 1, "at": "2026-01-01T10:00:00Z", **members}
        entries.append(entry)
        if is_published:
            await self.publish(feed, entry)
        return entry

    async def tell_passing(self, feed: str = EXAM_FEED, *, age_seconds: float = 0, **members: Any) -> dict[str, Any]:
        """Publishes what is kept nowhere."""
        entry = {"type": "quiz_status", "number": 0, **members}
        await self.publish(feed, entry, age_seconds)
        return entry

    async def publish(self, feed: str, entry: dict[str, Any], age_seconds: float = 0) -> None:
        """Puts an entry on its way to the broker, once more perhaps."""
        at = Timestamp(seconds=int(time.time() - age_seconds))
        event = LiveEvent(feed=feed, number=entry["number"], type=entry["type"], at=at, body=json.dumps(entry))
        headers = [(LOG_GENERATION, str(self.generation).encode())]
        await self._producer.send(TOPIC, event.SerializeToString(), key=feed.encode(), headers=headers)

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """GET …/exams/{id}/feed and …/attempts/{id}/feed."""
        address = urlsplit(request.raw_path)
        *_, kind, thing, last_part = address.path.split("/")
        assert last_part == "feed"
        self.fetches += 1
        token = request.headers["Authorization"].removeprefix("Bearer ")
        self.tokens.append(token)
        if status := self.refuses.get(token):
            return web.json_response({"detail": f"refused with {status}"}, status=status)
        query = {name: int(value) for name, (value,) in parse_qs(address.query).items()}
        entries = self.feeds[f"{kind.removesuffix('s')}:{thing}"]
        kept = [entry for entry in entries if entry["number"] >= self.first_kept and entry["number"] > query["after"]]
        page = kept[: query["limit"]]
        is_complete = query["after"] + 1 >= self.first_kept
        following = page[-1]["number"] if page else query["after"]
        content = {"entries": page, "next": following, "last": len(entries), "is_complete": is_complete}
        await asyncio.sleep(self.delay_seconds)
        return web.json_response(content)


@asynccontextmanager
async def proctoring_behind(gateway: RunningGateway, kafka: str) -> AsyncIterator[Proctoring]:
    """The service behind a gateway that reads its events."""
    producer = new_producer(kafka)
    await producer.start()
    service = Proctoring(producer)
    gateway.upstream.answer = service.answer
    await eventually(lambda: gateway.app._tail.status == "ok")
    try:
        yield service
    finally:
        await producer.stop()


class Listener:
    """A client on a socket."""

    def __init__(self, connection: ClientConnection) -> None:
        self.connection = connection
        self.heard: list[dict[str, Any]] = []

    async def next(self) -> dict[str, Any]:
        """The next message."""
        message: dict[str, Any] = json.loads(await asyncio.wait_for(self.connection.recv(), 15))
        self.heard.append(message)
        return message

    async def say(self, **message: Any) -> None:
        """Sends a message."""
        await self.connection.send(json.dumps(message))

    async def closed(self) -> tuple[int, str]:
        """Reads to the end: code and reason of the close."""
        try:
            while True:
                await self.next()
        except ConnectionClosed:
            assert self.connection.close_code is not None
            return self.connection.close_code, self.connection.close_reason or ""

    def numbers(self) -> list[int]:
        """The numbers of the entries heard."""
        return [message["number"] for message in self.heard if message.get("number")]


@asynccontextmanager
async def listening(
    gateway: RunningGateway, path: str = MONITOR, *, token: str = "", after: int | None = None, **options: Any
) -> AsyncIterator[Listener]:
    """A client whose token is taken, as a proctor unless `token` says otherwise."""
    async with opened(gateway, path, **options) as listener:
        await listener.say(type="authenticate", token=token or token_for("proctor"), after=after)
        welcome = await listener.next()
        assert welcome["type"] == "authenticated", welcome
        yield listener


@asynccontextmanager
async def opened(gateway: RunningGateway, path: str = MONITOR, **options: Any) -> AsyncIterator[Listener]:
    """A client that has said nothing yet."""
    address = f"ws://127.0.0.1:{gateway.port}{path}"
    async with connect(address, compression=None, close_timeout=0.1, proxy=None, **options) as connection:
        yield Listener(connection)
