"""What a worker of the stream tells at /metrics of the broker."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import httpx

from services.proctoring.stream.tests.workers import a_worker, soon


@asynccontextmanager
async def an_entry_to(kafka: str) -> AsyncIterator[tuple[str, asyncio.Server]]:
    """Another address of the broker, which can be closed; what has come in goes on with the broker's own."""
    host, _, port = kafka.rpartition(":")

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        behind_reader, behind_writer = await asyncio.open_connection(host, int(port))
        await asyncio.gather(_pass_on(reader, behind_writer), _pass_on(behind_reader, writer))

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    yield f"127.0.0.1:{server.sockets[0].getsockname()[1]}", server
    server.close()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while data := await reader.read(65_536):
            writer.write(data)
            await writer.drain()
    writer.close()


async def test_a_broker_that_answers_and_that_does_not_is_told(kafka: str, tmp_path: Path) -> None:
    async with an_entry_to(kafka) as (address, entry):
        with a_worker(address, tmp_path) as worker:

            async def told(value: str) -> bool:
                async with httpx.AsyncClient() as http:
                    text = (await http.get(f"http://127.0.0.1:{worker.port}/metrics")).text
                return f'examhall_dependency_up{{dependency="kafka"}} {value}' in text

            async def is_there() -> bool:
                with suppress(httpx.TransportError):
                    return await told("1.0")
                return False

            await soon(is_there)
            await worker.ready()
            entry.close()
            await soon(lambda: told("0.0"))
