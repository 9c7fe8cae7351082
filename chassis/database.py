"""One service's PostgreSQL database: sessions for use cases, an asyncpg pool for statements that matter for speed."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

import asyncpg
import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine.interfaces import DBAPIConnection
from sqlalchemy.ext.asyncio import AsyncEngine, AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import Session

from chassis.outbox import PENDING, WRITTEN, write_pending_events
from chassis.settings import refuse_wrong_url

_DATABASE = "database"
# A forgotten transaction must not hold back vacuum and the relay; a runaway query must not hold a connection.
SESSION_SETTINGS = {"idle_in_transaction_session_timeout": "30s", "statement_timeout": "20s", "lock_timeout": "10s"}


def new_engine(url: str, *, connect: Mapping[str, Any] | None = None, **options: Any) -> AsyncEngine:
    """An engine whose connections asyncpg makes from the URL itself, options included, as it does for its own pool.

    `connect`: more for asyncpg.connect. Raises WrongSetting for a URL with options that would not be honoured.
    """
    refuse_wrong_url(url)

    async def connection() -> asyncpg.Connection:
        return await asyncpg.connect(url, **(connect or {}))

    # Errors end in logs, where the values of a statement have no place.
    return create_async_engine("postgresql+asyncpg://", async_creator=connection, hide_parameters=True, **options)


class _EventfulSession(Session):
    """Writes the events recorded during the transaction as its last statement before COMMIT."""


@event.listens_for(_EventfulSession, "before_commit")
def _write_events(session: Session) -> None:
    if PENDING in session.info:
        session.flush()
        write_pending_events(session)


@event.listens_for(_EventfulSession, "after_commit")
def _tell_relay(session: Session) -> None:
    if session.info.pop(WRITTEN, False):
        session.info[_DATABASE].events_committed()


async def _as_it_is(_: asyncpg.Connection) -> None:
    """A connection goes back to the pool without asking the server to reset it: no statement here leaves anything in its session."""


def _refuse_closed(connection: DBAPIConnection, *_: object) -> None:
    """Has the pool make a new connection for one that the server has closed, as when it was restarted.

    SQLAlchemy's own `pool_pre_ping` asks the server, which with asyncpg takes three statements (BEGIN, an empty one, ROLLBACK) before each
    transaction; asyncpg knows of a closed connection by itself, and neither helps when it closes a moment later. Raises DisconnectionError.
    """
    driver: asyncpg.Connection = connection.driver_connection  # type: ignore[attr-defined]
    if driver.is_closed():
        raise sa.exc.DisconnectionError("closed by the server")


class Database:
    """Connections to one database. `pool` is None until `open` and after `close`."""

    def __init__(self, url: str, *, pool_size: int = 10, name: str = "examhall") -> None:
        self.url = url
        self._name = name
        self._pool_size = pool_size
        self._pool: asyncpg.Pool | None = None
        self._on_events: list[Callable[[], None]] = []
        self.engine = new_engine(
            url,
            connect={"server_settings": {"application_name": name, **SESSION_SETTINGS}, "timeout": 5},
            # As many again for what asks a second session while it holds one. Not as overflow: those would be closed after each use, and opened anew.
            pool_size=2 * pool_size,
            max_overflow=0,
            pool_use_lifo=True,
        )
        event.listen(self.engine.sync_engine, "checkout", _refuse_closed)
        self._sessions = async_sessionmaker(
            self.engine,
            expire_on_commit=False,
            sync_session_class=_EventfulSession,
            info={_DATABASE: self, "service": name},
        )

    def on_events_committed(self, callback: Callable[[], None]) -> None:
        """Calls `callback()` after each transaction that recorded events, so that the relay need not wait for its next poll."""
        self._on_events.append(callback)

    def events_committed(self) -> None:
        """Says that events were committed; for statements that write the outbox themselves."""
        for callback in self._on_events:
            callback()

    async def open(self) -> None:
        """Makes the asyncpg pool. Raises OSError or asyncpg.PostgresError when the server does not answer."""
        self._pool = await asyncpg.create_pool(
            self.url,
            min_size=1,
            max_size=self._pool_size,
            server_settings={"application_name": self._name, **SESSION_SETTINGS},
            timeout=5,
            reset=_as_it_is,
        )

    async def close(self) -> None:
        """Closes every connection; running statements are cut off."""
        if self._pool is not None:
            self._pool.terminate()
            self._pool = None
        await self.engine.dispose()

    @property
    def pool(self) -> asyncpg.Pool:
        """The asyncpg pool, for hot statements."""
        if self._pool is None:
            raise RuntimeError("the database is not open")
        return self._pool

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """A session in one transaction: committed at the end, rolled back on any exception."""
        async with self._sessions() as session, session.begin():
            yield session

    async def answers(self) -> bool:
        """Whether the server answers a trivial query."""
        try:
            async with self.engine.connect() as connection:
                await connection.execute(sa.text("SELECT 1"))
        except (OSError, sa.exc.SQLAlchemyError, asyncpg.PostgresError):
            return False
        return True

    async def direct_connection(self) -> asyncpg.Connection:
        """A connection outside the pools, for session locks and LISTEN."""
        return await asyncpg.connect(self.url, server_settings={"application_name": f"{self._name}-direct"}, timeout=5)
