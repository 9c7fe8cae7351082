"""Runs a real service for a test: own database from a template, real broker, loopback ports, tokens signed by a key of the test."""

import asyncio
import hashlib
import inspect
import json
import logging
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, get_args, get_type_hints
from uuid import UUID

import asyncpg
import httpx
import structlog
import uvicorn
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.structs import OffsetAndMetadata
from google.protobuf.message import Message
from google.protobuf.symbol_database import Default
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet
from prometheus_client.parser import text_string_to_metric_families
from pydantic import SecretStr
from sqlalchemy.engine import make_url

from chassis.counting import COUNTS
from chassis.ids import new_id
from chassis.kafka import LOG_GENERATION, new_admin, new_producer
from chassis.logs import set_up_logging
from chassis.migrating import ROOT, upgrade_async
from chassis.rpc import open_channel
from chassis.security import AUDIENCE, ISSUER, TOKEN_TYPE
from chassis.service import Runtime, Service, build_app, uvicorn_config
from chassis.settings import ServiceSettings
from proto.examhall.identity.v1.identity_pb2 import SecurityState

Commits = dict[TopicPartition, OffsetAndMetadata]

SECRET = "a secret of the tests"
SIGNING_KEY = ECKey.generate_key("P-256", {"kid": "test", "use": "sig", "alg": "ES256"})


def token_for(
    role: str,
    person_id: UUID | None = None,
    centre_id: UUID | None = None,
    *,
    session_id: UUID | None = None,
    seconds: int = 900,
    **claims: Any,
) -> str:
    """An access token as identity would sign it, by the test's key; `claims` override."""
    now = int(time.time())
    content = {
        "iss": ISSUER,
        "aud": AUDIENCE,
        "sub": str(person_id or new_id()),
        "role": role,
        "sid": str(session_id or new_id()),
        "jti": str(new_id()),
        "iat": now,
        "exp": now + seconds,
    }
    if centre_id is not None:
        content["centre"] = str(centre_id)
    return jwt.encode(
        {"alg": "ES256", "kid": "test", "typ": TOKEN_TYPE}, {**content, **claims}, SIGNING_KEY, algorithms=["ES256"]
    )


def security_state(*ended_sessions: UUID) -> SecurityState:
    """What identity would push: the test's key and these ended sessions."""
    keys = KeySet([SIGNING_KEY]).as_dict(private=False)
    return SecurityState(
        sequence=1,
        is_snapshot=True,
        jwks_json=json.dumps(keys),
        ended_session_ids=[str(session) for session in ended_sessions],
    )


@dataclass
class RunningService:
    """A service that runs in the test's loop."""

    service: Service
    runtime: Runtime
    address: str
    kafka: str
    http: httpx.AsyncClient
    _clients: list[httpx.AsyncClient] = field(default_factory=list)
    _producer: AIOKafkaProducer | None = None

    @property
    def grpc_address(self) -> str:
        """host:port of its gRPC server."""
        return self.runtime.grpc_address

    @property
    def database(self) -> Any:
        """Its database."""
        return self.runtime.database

    def as_(
        self, role: str, person_id: UUID | None = None, centre_id: UUID | None = None, **claims: Any
    ) -> httpx.AsyncClient:
        """A client signed in as such a person."""
        token = token_for(role, person_id, centre_id, **claims)
        client = httpx.AsyncClient(base_url=self.address, headers={"Authorization": f"Bearer {token}"}, timeout=30)
        self._clients.append(client)
        return client

    def channel(self) -> Any:
        """A gRPC channel to it with the installation's credential."""
        return open_channel(self.grpc_address, SECRET)

    async def metric(self, name: str, **labels: str) -> float | None:
        """What /metrics says of a metric with these labels; None when it says nothing of it."""
        for family in text_string_to_metric_families((await self.http.get("/metrics")).text):
            for sample in family.samples:
                if (sample.name, sample.labels) == (name, labels):
                    return float(sample.value)
        return None

    async def count_now(self) -> None:
        """Counts what its gauges tell, without waiting for the time."""
        for count in (*COUNTS, *self.service.counts):
            await count.once(self.runtime)

    async def publish(
        self,
        topic: str,
        key: str | UUID,
        message: Message,
        *,
        event_id: UUID | None = None,
        occurred_at: datetime | None = None,
    ) -> UUID:
        """Puts an event on the broker as another service's relay would; gives its id."""
        if self._producer is None:
            self._producer = new_producer(self.kafka)
            await self._producer.start()
        event_id = event_id or new_id()
        headers = [
            ("ce_specversion", b"1.0"),
            ("ce_id", str(event_id).encode()),
            ("ce_type", message.DESCRIPTOR.full_name.encode()),
            ("ce_source", b"/examhall/test"),
            ("ce_subject", str(key).encode()),
            ("ce_time", (occurred_at or datetime.now(UTC)).isoformat().encode()),
            ("content-type", b"application/protobuf"),
            (LOG_GENERATION, b"1"),
        ]
        await self._producer.send_and_wait(topic, message.SerializeToString(), key=str(key).encode(), headers=headers)
        return event_id

    async def recorded(self, topic: str) -> list[tuple[str, Any]]:
        """(type name without package, message) of every event in its outbox for a topic, oldest first."""
        rows = await self.runtime.database.pool.fetch(
            "SELECT type, payload FROM outbox WHERE topic = $1 ORDER BY id", topic
        )
        symbols = Default()
        return [
            (row["type"].rpartition(".")[2], symbols.GetSymbol(row["type"]).FromString(row["payload"])) for row in rows
        ]

    async def close(self) -> None:
        """Closes the clients."""
        for client in (self.http, *self._clients):
            await client.aclose()
        if self._producer is not None:
            await self._producer.stop()


@asynccontextmanager
async def running(
    build: Callable[[Any], Service],
    postgres_url: str,
    kafka: str,
    *,
    peers: Mapping[str, str] | None = None,
    settings: Mapping[str, Any] | None = None,
    database_url: str | None = None,
    ready: bool = True,
) -> AsyncIterator[RunningService]:
    """Starts a service from its `build` function on a fresh database (or `database_url`, to start it again on the same one).

    `peers` are the gRPC addresses of others by name. Tokens made by `token_for` are valid, unless the service watches identity itself
    (a peer "identity" is given).
    """
    settings_type = next(
        kind
        for kind in get_args(get_type_hints(build)["settings"])
        if isinstance(kind, type) and issubclass(kind, ServiceSettings)
    )
    url = database_url or await fresh_database(postgres_url, build.__module__.split(".")[1])
    values: dict[str, Any] = {
        "database_url": url,
        "kafka_bootstrap_servers": kafka,
        "service_secret": SecretStr(SECRET),
        "http_port": 0,
        "grpc_port": 0,
        **(settings or {}),
    }
    chosen = settings_type(**values)
    service = build(chosen)
    runtime = Runtime(service.name, chosen)
    for name, address in (peers or {}).items():
        runtime._channels[name] = open_channel(address, SECRET)
    if ready:
        service.watches_identity = "identity" in (peers or {}) and service.name != "identity"
        if not service.watches_identity and service.name != "identity":
            runtime.security.apply(security_state())
    server = uvicorn.Server(uvicorn_config(build_app(service, runtime), chosen))
    serving = asyncio.create_task(server.serve())
    try:
        await eventually(lambda: server.started or serving.done())
        if serving.done():
            await serving
            raise RuntimeError(f"{service.name} did not start; see the log above")
        port = server.servers[0].sockets[0].getsockname()[1]
        address = f"http://127.0.0.1:{port}"
        running_service = RunningService(
            service, runtime, address, kafka, httpx.AsyncClient(base_url=address, timeout=30)
        )
        try:
            yield running_service
        finally:
            await running_service.close()
    finally:
        server.should_exit = True
        await serving


async def fresh_database(postgres_url: str, service: str) -> str:
    """The URL of a new database with the service's tables, copied from a template that is made once for each state of the migrations."""
    folder = ROOT / "services" / service / "migrations" / "versions"
    state = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(folder.glob("*.py")))).hexdigest()[:12]
    template, name = f"template_{service}_{state}", f"test_{service}_{new_id().hex}"
    admin = await asyncpg.connect(postgres_url)
    try:
        await admin.execute("SELECT pg_advisory_lock(77001)")
        if not await admin.fetchval("SELECT 1 FROM pg_database WHERE datname = $1", template):
            building = f"{template}_building"
            await admin.execute(f'DROP DATABASE IF EXISTS "{building}"')
            await admin.execute(f'CREATE DATABASE "{building}"')
            await upgrade_async(service, _with_name(postgres_url, building))
            await admin.execute(f'ALTER DATABASE "{building}" RENAME TO "{template}"')
        await admin.execute(f'CREATE DATABASE "{name}" TEMPLATE "{template}" STRATEGY FILE_COPY')
    finally:
        await admin.close()
    return _with_name(postgres_url, name)


def _with_name(url: str, database: str) -> str:
    return make_url(url).set(database=database).render_as_string(hide_password=False)


async def eventually(check: Callable[[], Any] | Callable[[], Awaitable[Any]], timeout: float = 15.0) -> Any:
    """Waits until `check()` gives something true without raising AssertionError, and gives that; fails after `timeout` seconds."""
    end = time.monotonic() + timeout
    while True:
        try:
            result = check()
            if inspect.isawaitable(result):
                result = await result
            if result:
                return result
            failure: Exception = AssertionError(f"{check} was never true within {timeout} s")
        except AssertionError as error:
            failure = error
        if time.monotonic() > end:
            raise failure
        await asyncio.sleep(0.02)


@contextmanager
def logging_as_in_production(service: str) -> Iterator[None]:
    """Logs as the service's own process would, and as before afterwards."""
    root = logging.getLogger()
    handlers, level, config = root.handlers[:], root.level, structlog.get_config()
    set_up_logging(service)
    try:
        yield
    finally:
        root.handlers[:] = handlers
        root.setLevel(level)
        structlog.configure(**config)


async def committed(kafka: str, group: str, partitions: Iterable[TopicPartition]) -> Commits:
    """What a consumer group has committed of these partitions."""
    admin = new_admin(kafka)
    await admin.start()
    try:
        found = await admin.list_consumer_group_offsets(group, partitions=list(partitions))
        return {partition: commit for partition, commit in found.items() if commit.offset >= 0}
    finally:
        await admin.close()


async def commit_late(kafka: str, group: str, commits: Commits) -> None:
    """What a reader does that has events in hand while its broker dies, and commits them at the one that follows."""
    reader = AIOKafkaConsumer(bootstrap_servers=kafka, group_id=group, enable_auto_commit=False)
    await reader.start()
    try:
        reader.assign(list(commits))
        await reader.commit(commits)
    finally:
        await reader.stop()


def environment_without_ours() -> dict[str, str]:
    """The environment for a child process, without settings of ours."""
    return {name: value for name, value in os.environ.items() if not name.startswith("EXAMHALL_")}
