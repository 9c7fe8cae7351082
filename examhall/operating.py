"""What an operator does with a service's data: look at dead letters, take them in again, rebuild a read model.

On the machine where `examhall up` runs, its environment is used; elsewhere (in a container of a service) that of the process.
"""

import importlib
import os
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

from chassis.database import Database
from chassis.dead_letters import DeadLetter, Replayed, discard, replay, waiting_letters
from chassis.service import Runtime, Service
from examhall.places import kept, naming
from examhall.running import running


class NoDatabase(Exception):
    """Nobody said which database is meant."""


def environment_of(service: str, folder: Path, given: Mapping[str, str]) -> dict[str, str]:
    """The environment of a service: from the installation that runs on the folder, else as given. Raises NoDatabase without either."""
    folder = folder.resolve()
    if record := running(folder):
        return kept(folder, record.gateway_port).environment_of(service, {**given, **naming(record.named)})
    if not given.get("DATABASE_URL"):
        raise NoDatabase("DATABASE_URL is not set, and no `examhall up` runs here.")
    return dict(given)


async def dead_letters_of(environment: Mapping[str, str]) -> list[DeadLetter]:
    """The events that a service could not take in, oldest first."""
    database = Database(environment["DATABASE_URL"], pool_size=1)
    try:
        return await waiting_letters(database)
    finally:
        await database.close()


async def discard_letter(environment: Mapping[str, str], event_id: UUID) -> DeadLetter | None:
    """Gives up the waiting letter of that event id; None when there is none."""
    database = Database(environment["DATABASE_URL"], pool_size=1)
    try:
        return await discard(database, event_id)
    finally:
        await database.close()


async def replay_letters(name: str, environment: Mapping[str, str], only: UUID | None) -> list[Replayed]:
    """Takes a service's dead letters in again, or only the one of that event id."""
    async with whole(name, environment) as (service, runtime):
        return [replayed async for replayed in replay(service, runtime, only)]


async def rebuild_analytics(environment: Mapping[str, str]) -> int:
    """Empties analytics' read models and has every event published again; how many will come. Raises DependencyUnavailable, with
    nothing changed, when a service that has to publish is away."""
    from services.analytics.rebuilding import rebuild

    async with whole("analytics", environment) as (_, runtime):
        return await rebuild(runtime)


@asynccontextmanager
async def whole(name: str, environment: Mapping[str, str]) -> AsyncIterator[tuple[Service, Runtime]]:
    """A service with all that its use cases need, which serves nobody. The environment becomes that of this process."""
    os.environ.update(environment)
    service: Service = importlib.import_module(f"services.{name}.app").build()
    runtime = Runtime(name, service.settings)
    await runtime.database.open()
    try:
        if service.on_start:
            await service.on_start(runtime)
        yield service, runtime
    finally:
        await runtime.close()
