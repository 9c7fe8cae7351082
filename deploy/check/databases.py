"""A real PostgreSQL for the migrations, with TLS in front of it and a database and a role for each service, as an operator would make them."""

import asyncio
import ssl
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import asyncpg

from examhall.places import SERVICES
from examhall.servers import HOST, free_port, start_postgres

PASSWORD = "development"
_SSL_REQUEST = (80877103).to_bytes(4)  # of PostgreSQL's protocol


@dataclass(frozen=True)
class Databases:
    """Where the server is, with TLS for whoever asks for it, and the certificate of the authority that it shows."""

    address: str
    authority: str
    _superuser: str

    @property
    def superuser_url(self) -> str:
        """For the server itself, without TLS."""
        return self._superuser

    def url(self, service: str) -> str:
        """The database of a service, as its own role."""
        return f"postgresql://examhall_{service}:{PASSWORD}@{self.address}/examhall_{service}"

    def make_empty(self) -> None:
        """Makes every database anew, without any table."""
        asyncio.run(self._make_empty())

    def revisions(self) -> dict[str, str | None]:
        """Where each service's migrations are; None before the first."""
        return asyncio.run(self._revisions())

    async def _make_empty(self) -> None:
        server = await asyncpg.connect(f"{self._superuser}/postgres")
        try:
            known = {row["rolname"] for row in await server.fetch("SELECT rolname FROM pg_roles")}
            for service in SERVICES:
                name = f"examhall_{service}"
                if name not in known:
                    await server.execute(f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'")
                await server.execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
                await server.execute(f"CREATE DATABASE {name} OWNER {name}")
        finally:
            await server.close()

    async def _revisions(self) -> dict[str, str | None]:
        found: dict[str, str | None] = {}
        for service in SERVICES:
            database = await asyncpg.connect(f"{self._superuser}/examhall_{service}")
            try:
                is_there = await database.fetchval("SELECT to_regclass('alembic_version')") is not None
                found[service] = (
                    await database.fetchval("SELECT version_num FROM alembic_version") if is_there else None
                )
            finally:
                await database.close()
        return found


@contextmanager
def databases(folder: Path, address: str = HOST, at: int = 0, **settings: str) -> Iterator[Databases]:
    """Starts the server with its data in `folder`, and stops it; it is reached with TLS at this address and port (0: a free one).
    Raises ServerFailed."""
    port = free_port()
    server = start_postgres(folder / "postgres", port, **settings)
    try:
        key, certificate = folder / "server.key", folder / "server.crt"
        subject = ["-subj", f"/CN={address}", "-addext", f"subjectAltName=IP:{address}", "-days", "2"]
        written = ["-keyout", str(key), "-out", str(certificate)]
        command = ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", *subject, *written]
        subprocess.run(command, check=True, capture_output=True)
        with _tls_in_front_of(port, certificate, key, (address, at)) as front:
            yield Databases(f"{address}:{front}", certificate.read_text(), f"postgresql://postgres@{HOST}:{port}")
    finally:
        server.stop()


@contextmanager
def _tls_in_front_of(port: int, certificate: Path, key: Path, at: tuple[str, int]) -> Iterator[int]:
    """A port that speaks TLS to clients that ask for it and passes everything on: the wheel's PostgreSQL is built without."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(certificate, key)

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(asyncio.IncompleteReadError, ConnectionError, ssl.SSLError):
            first = await reader.readexactly(8)
            behind_reader, behind = await asyncio.open_connection(HOST, port)
            if first[4:] == _SSL_REQUEST:
                writer.write(b"S")
                await writer.drain()
                await writer.start_tls(context)
            else:
                behind.write(first)
            await asyncio.gather(_pass_on(reader, behind), _pass_on(behind_reader, writer))

    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="tls", daemon=True)
    thread.start()
    server = asyncio.run_coroutine_threadsafe(asyncio.start_server(serve, *at), loop).result()
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        asyncio.run_coroutine_threadsafe(_end(server), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()


async def _end(server: asyncio.Server) -> None:
    server.close()
    serving = asyncio.all_tasks() - {asyncio.current_task()}
    for each in serving:
        each.cancel()
    await asyncio.gather(*serving, return_exceptions=True)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError, ssl.SSLError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()
