"""Whether what the services recorded has reached those who are to know it: outboxes and inboxes, read from the databases.

The stream of proctoring has neither: what it knows is seen by what it tells.
"""

import asyncio
from importlib import import_module
from pathlib import Path

import asyncpg

from examhall.places import SERVICES, WORKERS, kept
from proto.catalogue import TOPICS


def untold_events(folder: Path) -> dict[str, int]:
    """How many recorded events each consumer has not taken in, as "topic → consumer"; empty when everybody knows everything."""
    return asyncio.run(_untold(folder))


def parked_events(folder: Path) -> dict[str, int]:
    """How many events each service could not take in."""
    return asyncio.run(_parked(folder))


def recorded_types(folder: Path) -> dict[str, set[str]]:
    """The types of all events recorded so far, by topic; dead letters apart."""
    return asyncio.run(_recorded(folder))


async def _untold(folder: Path) -> dict[str, int]:
    untold: dict[str, int] = {}
    for topic in TOPICS:
        for consumer in set(topic.consumers) - set(WORKERS):
            wanted = _types_taken_in(consumer, topic.name)
            # The inboxes are read last: an event recorded meanwhile can only be missing from both.
            recorded = [
                row
                for producer in set(topic.producers) - set(WORKERS)
                for row in await _outbox(folder, producer, topic.name)
            ]
            known = await _ids(folder, consumer, "SELECT event_id FROM inbox WHERE topic = $1", topic.name)
            if missing := sum(event_id not in known for event_id, kind in recorded if kind in wanted):
                untold[f"{topic.name} → {consumer}"] = missing
    return untold


def _types_taken_in(service: str, topic: str) -> set[str]:
    subscriptions = import_module(f"services.{service}.consumers").SUBSCRIPTIONS
    return {
        message.DESCRIPTOR.full_name
        for subscription in subscriptions
        if subscription.topic == topic
        for message in subscription.handlers
    }


async def _outbox(folder: Path, service: str, topic: str) -> list[tuple[object, str]]:
    rows = await _fetch(folder, service, "SELECT event_id, type FROM outbox WHERE topic = $1", topic)
    return [(row["event_id"], row["type"]) for row in rows]


async def _ids(folder: Path, service: str, query: str, topic: str) -> set[object]:
    return {row["event_id"] for row in await _fetch(folder, service, query, topic)}


async def _parked(folder: Path) -> dict[str, int]:
    services = {consumer for topic in TOPICS for consumer in topic.consumers} - set(WORKERS)
    query = "SELECT count(*) AS parked FROM dead_letters WHERE resolved_at IS NULL"
    counts = {service: (await _fetch(folder, service, query))[0]["parked"] for service in sorted(services)}
    return {service: count for service, count in counts.items() if count}


async def _recorded(folder: Path) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for service in SERVICES:
        for row in await _fetch(
            folder, service, "SELECT DISTINCT topic, type FROM outbox WHERE topic NOT LIKE '%.dlq'"
        ):
            found.setdefault(row["topic"], set()).add(row["type"].rpartition(".")[2])
    return found


async def _fetch(folder: Path, service: str, query: str, *arguments: str) -> list[asyncpg.Record]:
    connection = await asyncpg.connect(kept(folder, 0).servers({}).database(service))
    try:
        rows: list[asyncpg.Record] = await connection.fetch(query, *arguments)
        return rows
    finally:
        await connection.close()
