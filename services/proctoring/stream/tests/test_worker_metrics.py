"""What a worker of the stream tells at /metrics: of the broker, and of the traces behind what it took in."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from uuid import uuid4

import httpx

from chassis.kafka import LOG_GENERATION
from services.proctoring.stream.tests.tapes import lifecycle, name
from services.proctoring.stream.tests.workers import a_broker, a_worker, soon


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


async def test_the_time_until_an_event_is_taken_in_leads_to_its_trace(kafka: str, tmp_path: Path) -> None:
    trace_id = uuid4().hex
    event = lifecycle(name("exam"), name("attempt"), 0)
    headers = {
        "ce_specversion": "1.0",
        "ce_id": str(event.event_id),
        "ce_type": event.message.DESCRIPTOR.full_name,
        "ce_source": "/examhall/test",
        "ce_subject": event.key,
        "ce_time": event.at.isoformat(),
        "content-type": "application/protobuf",
        "traceparent": f"00-{trace_id}-00f067aa0ba902b7-01",
        LOG_GENERATION: "1",
    }
    with a_worker(kafka, tmp_path) as worker:
        await worker.ready()
        async with a_broker(kafka) as hand, httpx.AsyncClient() as http:
            sent = [(key, value.encode()) for key, value in headers.items()]
            await hand.publish_raw(event.topic, event.key, event.message.SerializeToString(), sent)

            async def told(accept: str) -> str:
                return (await http.get(f"http://127.0.0.1:{worker.port}/metrics", headers={"Accept": accept})).text

            async def leads_to_it() -> bool:
                return f'# {{trace_id="{trace_id}"}}' in await told("application/openmetrics-text")

            await soon(leads_to_it)
            assert trace_id not in await told("text/plain")
