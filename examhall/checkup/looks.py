"""Looking: each look asks one thing, within a bound of time, and never raises for what it finds."""

import asyncio
import shutil
import socket
import ssl
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from chassis.clock import now
from chassis.kafka import close_all, new_admin, new_log_reader
from chassis.migrating import scripts_of
from chassis.settings import WrongSetting
from examhall.backup.archives import listed
from examhall.checkup import rules
from examhall.checkup.findings import Finding, fine, watch, wrong
from proto.catalogue import TOPICS, consumer_groups

_SECONDS = 5.0

_OUTBOX = "SELECT count(*), clock_timestamp() - min(occurred_at) FROM outbox WHERE published_at IS NULL"
_WAITING = "SELECT count(*) FROM dead_letters WHERE resolved_at IS NULL"
_OLDEST = (
    "SELECT extract(epoch FROM clock_timestamp() - min(xact_start))::float8 FROM pg_stat_activity"
    " WHERE datname = current_database() AND pid <> pg_backend_pid() AND state LIKE 'idle in transaction%'"
)


async def database(service: str, url: str) -> list[Finding]:
    """A service's database: does it answer, is it up to date, does it keep time, what waits in it."""
    about = f"database of {service}"
    try:
        connection = await asyncpg.connect(url, timeout=_SECONDS, command_timeout=_SECONDS)
    except asyncpg.InvalidCatalogNameError:
        return [wrong(about, "does not exist", "Run `examhall migrate` (`examhall up` does it by itself).")]
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        return [
            wrong(
                about,
                f"does not answer: {error or type(error).__name__}",
                "See that PostgreSQL runs, and DATABASE_URL.",
            )
        ]
    try:
        is_at = None
        if await connection.fetchval("SELECT to_regclass('alembic_version')") is not None:
            is_at = await connection.fetchval("SELECT version_num FROM alembic_version")
        scripts = scripts_of(service)
        known = {script.revision for script in scripts.walk_revisions()}
        found = [rules.migrations(about, is_at, scripts.get_current_head(), known)]
        ahead = await connection.fetchval("SELECT clock_timestamp()") - now()
        found.append(rules.clock(f"clock of {service}'s PostgreSQL", ahead))
        if is_at is None:
            return found
        count, oldest = await connection.fetchrow(_OUTBOX)
        found.append(rules.outbox(f"outbox of {service}", count, oldest))
        found.append(rules.dead_letters(f"events for {service}", await connection.fetchval(_WAITING)))
        found.append(rules.idle_transactions(f"transactions of {service}", await connection.fetchval(_OLDEST)))
        return found
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        return [wrong(about, f"fails: {error or type(error).__name__}", "See PostgreSQL's log.")]
    finally:
        connection.terminate()


async def redis(url: str) -> list[Finding]:
    """Redis: does it answer."""
    from redis.asyncio import Redis  # only the gateway's image has it
    from redis.exceptions import RedisError

    client = Redis.from_url(url, socket_connect_timeout=_SECONDS, socket_timeout=_SECONDS)
    try:
        await client.ping()
        return [fine("Redis", "answers")]
    except (RedisError, OSError) as error:
        advice = "See that Redis runs, and REDIS_URL. Until then each gateway counts its rate limits alone."
        return [watch("Redis", f"does not answer: {error}", advice)]
    finally:
        await client.aclose()


async def kafka(servers: str, topics_wanted: Sequence[str]) -> list[Finding]:
    """Kafka: does it answer, are the topics there, who lags. `topics_wanted`: those that must be there; none where they come by themselves."""
    try:
        admin, reader = new_admin(servers), new_log_reader(servers)
    except WrongSetting as error:
        return [wrong("Kafka", str(error), "Nothing starts with these settings; set them right.")]
    try:
        async with asyncio.timeout(3 * _SECONDS):
            await admin.start()
            await reader.start()
            there = set(await admin.list_topics())
            found = [fine("Kafka", "answers"), *_missing(there, topics_wanted)]
            for topic in TOPICS:
                if topic.name in there:
                    found += await _lags(admin, reader, topic.name)
            return found
    except (KafkaError, OSError, TimeoutError) as error:
        advice = "See that Kafka runs, and KAFKA_BOOTSTRAP_SERVERS. Exams go on; events wait in the outboxes."
        return [wrong("Kafka", f"does not answer: {type(error).__name__}", advice)]
    finally:
        await close_all(admin.close, reader.stop)


def _missing(there: set[str], wanted: Sequence[str]) -> list[Finding]:
    missing = sorted(set(wanted) - there)
    if not missing:
        return [fine("topics", "all are there")] if wanted else []
    return [wrong("topics", f"missing: {', '.join(missing)}", "Make them: `examhall topics`.")]


async def _lags(admin: object, reader: object, topic: str) -> list[Finding]:
    numbers = sorted(reader.partitions_for_topic(topic) or await _partitions(admin, topic))  # type: ignore[attr-defined]
    partitions = [TopicPartition(topic, number) for number in numbers]
    ends = await reader.end_offsets(partitions)  # type: ignore[attr-defined]
    found = []
    for group in consumer_groups(topic):
        taken = await admin.list_consumer_group_offsets(group, partitions=partitions)  # type: ignore[attr-defined]
        behind = sum(max(0, ends[each] - max(0, taken[each].offset if each in taken else 0)) for each in partitions)
        found.append(rules.lag(f"{group} on {topic}", behind))
    return found


async def _partitions(admin: object, topic: str) -> list[int]:
    [described] = await admin.describe_topics([topic])  # type: ignore[attr-defined]
    return [partition["partition"] for partition in described["partitions"]]


async def processes(addresses: Mapping[str, str]) -> list[Finding]:
    """Each process's readiness, asked over HTTP. `addresses`: host:port by name."""
    return list(await asyncio.gather(*(_process(name, address) for name, address in addresses.items())))


async def _process(name: str, address: str) -> Finding:
    host, _, port = address.rpartition(":")
    try:
        async with asyncio.timeout(_SECONDS):
            reader, writer = await asyncio.open_connection(host, int(port))
            writer.write(f"GET /health/ready HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n".encode())
            answer = (await reader.read(65_536)).decode(errors="replace")
            writer.close()
    except (OSError, TimeoutError) as error:
        return wrong(
            name,
            f"does not answer on {address}: {error or type(error).__name__}",
            "See its log; it is started again by itself.",
        )
    status, body = answer.split(" ", 2)[1], answer.partition("\r\n\r\n")[2]
    if status == "200":
        return fine(name, "ready")
    return wrong(name, f"is not ready: {body.strip()[:300]}", "The parts that are not ok say what it waits for.")


async def disks(folders: Mapping[str, Path]) -> list[Finding]:
    """The disks that these folders lie on."""
    found = []
    for name, folder in folders.items():
        usage = shutil.disk_usage(folder)
        found.append(rules.disk(f"disk of the {name}", usage.used / usage.total, usage.free))
    return found


async def certificate(url: str) -> list[Finding]:
    """The certificate behind an https address."""
    parts = urlsplit(url)
    about = f"certificate of {parts.hostname}"
    try:
        ends = await asyncio.to_thread(_certificate_ends, parts.hostname or "", parts.port or 443)
    except ssl.SSLCertVerificationError as error:
        return [wrong(about, f"is refused: {error.verify_message}", "Renew it, or see that the whole chain is served.")]
    except OSError as error:
        return [wrong(about, f"can't be seen: {error}", "See that the address is right and answers.")]
    return [rules.certificate(about, ends - now())]


def _certificate_ends(host: str, port: int) -> datetime:
    context = ssl.create_default_context()
    with (
        socket.create_connection((host, port), timeout=_SECONDS) as plain,
        context.wrap_socket(plain, server_hostname=host) as secure,
    ):
        seen = secure.getpeercert()
    assert seen is not None
    return datetime.fromtimestamp(ssl.cert_time_to_seconds(str(seen["notAfter"])), UTC)


async def backups(place: Path) -> list[Finding]:
    """The newest backup."""
    found = listed(place)
    age: timedelta | None = now() - found[0].made_at if found else None
    return [rules.backup("backups", age)]
