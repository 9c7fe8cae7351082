"""What has to be there before the services start: their databases, up to date; topics on a Kafka of one's own; the demonstration."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import asyncpg

from chassis.kafka import PARTITIONS
from chassis.migrating import upgrade_async
from chassis.relay import publishing_lock
from examhall.places import SERVICES, database_of
from examhall.topics import make_all
from proto.catalogue import TOPICS


def prepare(postgres_url: str, services: Sequence[str], with_demo: bool, kafka: str) -> None:
    """Makes and migrates the services' databases on a server and loads the demonstration if wanted. `kafka` names the brokers that
    want their topics made; empty for one that makes topics on first use."""
    asyncio.run(_prepare(postgres_url, services, with_demo, kafka))


async def _prepare(postgres_url: str, services: Sequence[str], with_demo: bool, kafka: str) -> None:
    await migrate_all(postgres_url, services)
    if kafka:
        await make_all(kafka, PARTITIONS, replication=1)
    if with_demo:
        from examhall.demo.loading import load

        await load({service: database_of(postgres_url, service) for service in services})


async def migrate_all(postgres_url: str, services: Sequence[str]) -> None:
    """Makes the databases of these services on one server and brings them up to date.

    A service that an installation did not have before hears everything from its beginning: whoever records what it takes in publishes it again.
    """
    there = await databases_on(postgres_url)
    newcomers = [service for service in services if _name(service) not in there]
    # Before the newcomer's database is made: a start that is cut off in between does it once more.
    for producer in SERVICES:
        if _name(producer) in there:
            await _tell_again(database_of(postgres_url, producer), producer, topics_of(producer, newcomers))
    await make_databases(postgres_url, newcomers)
    for service in services:  # one after the other: Alembic's operations are global to a process
        await upgrade_async(service, database_of(postgres_url, service))


async def databases_on(postgres_url: str) -> set[str]:
    """The names of a server's databases."""
    async with _connected(postgres_url) as server:
        return {row["datname"] for row in await server.fetch("SELECT datname FROM pg_database")}


async def make_databases(postgres_url: str, services: Sequence[str]) -> None:
    """Makes the databases of services that have none yet."""
    async with _connected(postgres_url) as server:
        for service in services:
            await server.execute(f'CREATE DATABASE "{_name(service)}"')


def topics_of(producer: str, consumers: Sequence[str]) -> list[str]:
    """The topics of one service that any of these services takes in."""
    return [topic.name for topic in TOPICS if producer in topic.producers and set(consumers) & set(topic.consumers)]


async def _tell_again(database_url: str, producer: str, topics: Sequence[str]) -> None:
    """Has a service publish these topics from their beginning; those who had them drop them by their inbox."""
    if not topics:
        return
    async with _connected(database_url) as database, database.transaction():
        if await database.fetchval("SELECT to_regclass('outbox')") is None:  # the very first start was cut off
            return
        await database.execute("SELECT pg_advisory_xact_lock($1)", publishing_lock(producer))
        await database.execute(
            "UPDATE outbox SET published_at = NULL WHERE published_at IS NOT NULL AND topic = ANY($1)", topics
        )


def _name(service: str) -> str:
    return f"examhall_{service}"


@asynccontextmanager
async def _connected(database_url: str) -> AsyncIterator[asyncpg.Connection]:
    connection = await asyncpg.connect(database_url)
    try:
        yield connection
    finally:
        await connection.close()
