"""Brings databases up to date as a command of its own, which may come before the database server does."""

import asyncio
from collections.abc import Callable, Sequence
from urllib.parse import urlsplit

import asyncpg

from chassis.migrating import upgrade_async
from chassis.settings import refuse_wrong_url
from examhall.preparing import migrate_all

_LONGEST_PAUSE_SECONDS = 2.0


class DatabaseAway(Exception):
    """The database did not answer in time; the message is one line."""


async def migrate(service: str, url: str, wait_seconds: float, say: Callable[[str], None]) -> None:
    """Migrates a service's database, once it is there. Raises DatabaseAway, WrongSetting."""
    await _wait_for(url, wait_seconds, say)
    await upgrade_async(service, url)


async def migrate_server(url: str, services: Sequence[str], wait_seconds: float, say: Callable[[str], None]) -> None:
    """Makes and migrates these services' databases on a server, once it is there. Raises DatabaseAway, WrongSetting."""
    await _wait_for(url, wait_seconds, say)
    await migrate_all(url, services)


async def _wait_for(url: str, seconds: float, say: Callable[[str], None]) -> None:
    """A server that starts, a database or a user that is still to be made, are all waited for: whoever makes them may be at it."""
    refuse_wrong_url(url)
    clock, pause = asyncio.get_running_loop().time, 0.1
    end = clock() + seconds
    while True:
        try:
            await (await asyncpg.connect(url, timeout=5)).close()
            return
        except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError) as error:
            why = (str(error) or type(error).__name__).splitlines()[0]
        if clock() >= end:
            raise DatabaseAway(f"The database of {_place(url)} did not answer within {seconds:g} s: {why}")
        if pause == 0.1:
            say(f"Waiting for the database of {_place(url)}: {why}")
        await asyncio.sleep(min(pause, max(0.0, end - clock())))
        pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)


def _place(url: str) -> str:
    """Host and database, never the password."""
    parts = urlsplit(url)
    return f"{parts.hostname or 'localhost'}{parts.path}"
