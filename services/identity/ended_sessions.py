"""Tells every process that a session has ended, and waits until they know.

Each process of the installation follows `WatchSecurity` of one identity replica. The replica that ends a session tells all replicas by
NOTIFY; each pushes to its own watchers, waits for their acknowledgements, and notifies back. The log-out is answered when all replicas have, or after
`PATIENCE_SECONDS`: a process that is cut off can't hold up a log-out, and reads the whole state again when it comes back.
"""

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any
from uuid import UUID

import asyncpg
import sqlalchemy as sa
import structlog
from sqlmodel import col

from chassis.clock import now
from chassis.database import Database
from chassis.ids import new_id
from chassis.security import Security
from proto.examhall.identity.v1.identity_pb2 import SecurityAck, SecurityState
from services.identity.keys import public_keys
from services.identity.tables import Session

log = structlog.get_logger()

PATIENCE_SECONDS = 2.0
_ENDED = "identity_ended_sessions"
_DONE = "identity_ended_sessions_done"
_LISTENER = "identity-ended-sessions"
_NOTIFY = "SELECT pg_notify($1, $2)"
_REPLICAS = "SELECT count(*) FROM pg_stat_activity WHERE application_name = $1 AND datname = current_database()"
_MOST_IN_ONE_NOTE = 150  # a NOTIFY payload has at most 8000 bytes


@dataclass(eq=False)
class _Watcher:
    states: asyncio.Queue[SecurityState] = field(default_factory=asyncio.Queue)
    acknowledged: int = 0
    changed: asyncio.Event = field(default_factory=asyncio.Event)


class EndedSessions:
    """The watchers of this replica, and its line to the other replicas."""

    def __init__(self, database: Database, security: Security, remember: timedelta) -> None:
        self._database = database
        self._security = security
        self._remember = remember
        self._watchers: set[_Watcher] = set()
        self._sequence = 0
        self._awaited: dict[str, asyncio.Queue[None]] = {}
        self._pushing: set[asyncio.Task[None]] = set()
        self.is_listening = asyncio.Event()

    async def announce(self, session_ids: Iterable[UUID]) -> None:
        """Makes the end of these sessions known everywhere; call it after the commit that ended them."""
        ids = [str(session_id) for session_id in session_ids]
        for start in range(0, len(ids), _MOST_IN_ONE_NOTE):
            await self._announce({"ended": ids[start : start + _MOST_IN_ONE_NOTE]})

    async def announce_keys(self) -> None:
        """Makes a change of the signing keys known everywhere."""
        await self._announce({"keys": True})

    async def _announce(self, note: dict[str, Any]) -> None:
        note_id = new_id().hex
        done = self._awaited[note_id] = asyncio.Queue()
        try:
            replicas = await self._database.pool.fetchval(_REPLICAS, _LISTENER)
            await self._database.pool.execute(_NOTIFY, _ENDED, json.dumps({"note": note_id, **note}))
            async with asyncio.timeout(PATIENCE_SECONDS):
                for _ in range(replicas):
                    await done.get()
        except TimeoutError:
            log.warning("not_everyone_confirmed_in_time", note=note_id)
        finally:
            del self._awaited[note_id]

    async def listen(self) -> None:
        """Follows the notes of all replicas until the connection breaks; every watcher then gets the whole state again."""
        connection = await asyncpg.connect(
            self._database.url, server_settings={"application_name": _LISTENER}, timeout=5
        )
        broken = asyncio.Event()
        try:
            connection.add_termination_listener(lambda _: broken.set())
            await connection.add_listener(_ENDED, self._on_note)
            await connection.add_listener(_DONE, self._on_done)
            await self._push(await self.snapshot())
            self.is_listening.set()
            await broken.wait()
        finally:
            self.is_listening.clear()
            with suppress(OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await connection.close(timeout=1)
        raise ConnectionError("the line to the other replicas broke")

    def _on_note(self, _connection: Any, _pid: int, _channel: str, payload: object) -> None:
        task = asyncio.create_task(self._take_note(json.loads(str(payload))))
        self._pushing.add(task)
        task.add_done_callback(self._pushing.discard)

    def _on_done(self, _connection: Any, _pid: int, _channel: str, payload: object) -> None:
        if waiting := self._awaited.get(str(payload)):
            waiting.put_nowait(None)

    async def _take_note(self, note: dict[str, Any]) -> None:
        state = await self.snapshot() if "keys" in note else SecurityState(ended_session_ids=note["ended"])
        await self._push(state)
        await self._database.pool.execute(_NOTIFY, _DONE, note["note"])

    async def _push(self, state: SecurityState) -> None:
        self._sequence += 1
        state.sequence = self._sequence
        self._security.apply(state)
        for watcher in self._watchers:
            watcher.states.put_nowait(state)
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE_SECONDS):
                await asyncio.gather(*(self._confirmed(watcher, state.sequence) for watcher in list(self._watchers)))

    async def _confirmed(self, watcher: _Watcher, sequence: int) -> None:
        while watcher in self._watchers and watcher.acknowledged < sequence:
            watcher.changed.clear()
            await watcher.changed.wait()

    async def snapshot(self) -> SecurityState:
        """All that a process needs to check tokens: the keys, and the sessions that ended while their tokens may still run."""
        sequence = self._sequence  # who has this snapshot does not have what is pushed while it is read
        async with self._database.session() as tx:
            keys = await public_keys(tx)
            ended = await tx.execute(sa.select(col(Session.id)).where(col(Session.ended_at) > now() - self._remember))
            return SecurityState(
                sequence=sequence,
                is_snapshot=True,
                jwks_json=json.dumps(keys),
                ended_session_ids=[str(session_id) for session_id in ended.scalars()],
            )

    async def watch(self, acknowledgements: AsyncIterator[SecurityAck]) -> AsyncIterator[SecurityState]:
        """The stream of one watcher: a snapshot, then what is new."""
        await self.is_listening.wait()
        watcher = _Watcher()
        self._watchers.add(watcher)
        reading = asyncio.create_task(self._read(watcher, acknowledgements))
        try:
            yield await self.snapshot()
            while True:
                yield await watcher.states.get()
        finally:
            reading.cancel()
            self._watchers.discard(watcher)
            watcher.changed.set()

    async def _read(self, watcher: _Watcher, acknowledgements: AsyncIterator[SecurityAck]) -> None:
        async for ack in acknowledgements:
            watcher.acknowledged = max(watcher.acknowledged, ack.sequence)
            watcher.changed.set()
