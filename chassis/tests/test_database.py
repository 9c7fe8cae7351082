"""A database's URL means the same to every connection that is made from it."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncConnection

from chassis.database import Database
from chassis.migrating import with_scratch_database
from chassis.testing import eventually
from chassis.tests.certificates import Certificates, make_certificates


@pytest.fixture
def certificates(tmp_path: Path) -> Certificates:
    return make_certificates(tmp_path)


@asynccontextmanager
async def tls_in_front_of(url: str, certificates: Certificates) -> AsyncIterator[tuple[str, list[bool]]]:
    """The URL of a server that speaks TLS for a PostgreSQL that does not, and whether each of its connections did."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificates.server, certificates.key)
    behind, encrypted = urlsplit(url), []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        first = await reader.readexactly(8)
        wants_tls = first[4:] == (80877103).to_bytes(4)  # PostgreSQL's SSLRequest
        encrypted.append(wants_tls)
        server_reader, server_writer = await asyncio.open_connection(behind.hostname, behind.port)
        if wants_tls:
            writer.write(b"S")
            await writer.drain()
            with suppress(ssl.SSLError, OSError):
                await writer.start_tls(context)
        else:
            server_writer.write(first)
        await asyncio.gather(_pass_on(reader, server_writer), _pass_on(server_reader, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    yield behind._replace(netloc=f"{behind.username}@127.0.0.1:{port}").geturl(), encrypted
    server.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ssl.SSLError, OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


async def test_pool_sessions_and_migrations_encrypt_when_the_url_says_so(
    postgres_url: str, certificates: Certificates
) -> None:
    async with tls_in_front_of(postgres_url, certificates) as (url, encrypted):
        safe = f"{url}?sslmode=verify-full&sslrootcert={certificates.authority}"
        database = Database(safe, pool_size=1)
        await database.open()
        assert await database.pool.fetchval("SELECT 1") == 1
        async with database.session() as tx:
            assert await tx.scalar(sa.text("SELECT 1")) == 1
        await (await database.direct_connection()).close()
        await database.close()

        async def take(scratch: str) -> str:
            return scratch

        assert "sslmode=verify-full" in await with_scratch_database(safe, take)
    assert encrypted == [True] * len(encrypted)
    assert len(encrypted) >= 4


async def test_a_stranger_in_the_databases_place_is_refused_by_pool_and_sessions(
    postgres_url: str, certificates: Certificates, tmp_path: Path
) -> None:
    other = make_certificates(tmp_path / "other")
    async with tls_in_front_of(postgres_url, certificates) as (url, _):
        database = Database(f"{url}?sslmode=verify-full&sslrootcert={other.authority}", pool_size=1)
        with pytest.raises(ssl.SSLCertVerificationError):
            await database.open()
        assert not await database.answers()
        await database.close()


async def test_nothing_is_encrypted_when_the_url_says_so(postgres_url: str, certificates: Certificates) -> None:
    async with tls_in_front_of(postgres_url, certificates) as (url, encrypted):
        database = Database(f"{url}?sslmode=disable", pool_size=1)
        await database.open()
        assert await database.answers()
        await database.close()
    assert set(encrypted) == {False}


async def test_connections_that_the_server_has_closed_are_made_anew(database_url: str) -> None:
    """Without a statement to find that out: beside prepared ones, which asyncpg's log leaves out, there are BEGIN and COMMIT."""
    database = Database(database_url, name="sample")
    asked: list[str] = []
    try:
        async with (
            database.engine.connect() as one,
            database.engine.connect() as two,
            database.engine.connect() as judge,
        ):
            held = [await _driver(connection) for connection in (one, two)]
            pids = [connection.get_server_pid() for connection in held]
            await judge.execute(
                sa.text("SELECT pg_terminate_backend(pid) FROM unnest(CAST(:pids AS int[])) AS pid"), {"pids": pids}
            )
            await eventually(lambda: _all_closed(held))
        async with database.session() as first, database.session() as second, database.session() as third:
            for session in (first, second, third):
                assert await session.scalar(sa.text("SELECT 1")) == 1
                (await _driver(await session.connection())).add_query_logger(lambda record: asked.append(record.query))
        asked.clear()
        async with database.session() as session:
            assert await session.scalar(sa.text("SELECT 2")) == 2
    finally:
        await database.close()
    assert [query.split()[0].rstrip(";") for query in asked] == ["BEGIN", "COMMIT"]


async def test_more_sessions_at_once_than_the_pool_is_meant_for_leave_their_connections_open(database_url: str) -> None:
    database = Database(database_url, pool_size=2, name="sample")

    async def four_at_once() -> set[int]:
        async with AsyncExitStack() as opened:
            sessions = [await opened.enter_async_context(database.session()) for _ in range(4)]
            return {await session.scalar(sa.text("SELECT pg_backend_pid()")) for session in sessions}

    try:
        first = await four_at_once()
        assert len(first) == 4
        assert await four_at_once() == first
    finally:
        await database.close()


async def _driver(connection: AsyncConnection) -> asyncpg.Connection:
    return (await connection.get_raw_connection()).driver_connection


async def _all_closed(connections: list[asyncpg.Connection]) -> bool:
    return all(connection.is_closed() for connection in connections)
