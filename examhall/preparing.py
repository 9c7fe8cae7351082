"""What has to be there before the services start: their databases, up to date; topics on a Kafka of one's own; the demonstration."""

import asyncio
from collections.abc import Sequence

import asyncpg

from chassis.kafka import make_topics
from chassis.migrating import upgrade_async
from examhall.places import database_of
from proto.catalogue import TOPICS


def prepare(postgres_url: str, services: Sequence[str], with_demo: bool, kafka: str) -> None:
    """Makes and migrates the services' databases on a server and loads the demonstration if wanted. `kafka` names the brokers that
    want their topics made; empty for one that makes topics on first use."""
    asyncio.run(_prepare(postgres_url, services, with_demo, kafka))


async def _prepare(postgres_url: str, services: Sequence[str], with_demo: bool, kafka: str) -> None:
    await migrate_all(postgres_url, services)
    if kafka:
        await make_topics(kafka, [topic.name for topic in TOPICS])
    if with_demo:
        from examhall.demo.loading import load

        await load({service: database_of(postgres_url, service) for service in services})


async def migrate_all(postgres_url: str, services: Sequence[str]) -> None:
    """Makes the databases of these services on one server and brings them up to date."""
    await make_databases(postgres_url, services)
    for service in services:  # one after the other: Alembic's operations are global to a process
        await upgrade_async(service, database_of(postgres_url, service))


async def make_databases(postgres_url: str, services: Sequence[str]) -> list[str]:
    """Makes the services' databases that are not there yet, and names them."""
    server = await asyncpg.connect(postgres_url)
    try:
        there = {row["datname"] for row in await server.fetch("SELECT datname FROM pg_database")}
        wanted = [name for name in (f"examhall_{service}" for service in services) if name not in there]
        for name in wanted:
            await server.execute(f'CREATE DATABASE "{name}"')
        return wanted
    finally:
        await server.close()
