"""What an ordinary request costs the gateway."""

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import NamedTuple

import psutil

from benchmarks.hall import Hall, Load, hall_environment, until_ready
from benchmarks.load import REVISION_UNUSED
from benchmarks.results import Figure
from examhall.servers import HOST, free_port

CLIENTS = 16
SECONDS = 6


async def measure(hall: Hall) -> AsyncIterator[Figure]:
    """CPU of the gateway for each proxied call, above what it spends at rest: beside what the service spends on answering it, and when nothing but the
    gateway limits how many there are.
    """
    service = psutil.Process(hall.pid("identity"))
    before = _cpu(service)
    cost = await _cost(hall, psutil.Process(hall.pid("gateway")), hall.port)
    answering = (_cpu(service) - before) / cost.calls * 1e6
    behind = (
        f"above {cost.at_rest * 1000:.0f} ms a second at rest; {cost.spent / answering:.2f} of the {answering:.0f} µs that the service itself spends;"
        f" {cost.per_second:.0f} calls/s"
    )
    yield Figure("gateway CPU for a proxied call", f"{cost.spent:.0f} µs", "under 150 µs", behind)
    async with _gateway_alone(hall) as (gateway, port):
        cost = await _cost(hall, gateway, port)
    behind = f"{cost.per_second:.0f} calls/s through a gateway of its own"
    yield Figure(
        "gateway CPU for a proxied call, the service doing nothing", f"{cost.spent:.0f} µs", "under 150 µs", behind
    )


class _Cost(NamedTuple):
    """Of the gateway: seconds of CPU a second at rest, and microseconds for each call above that."""

    at_rest: float
    spent: float
    calls: int
    per_second: float


async def _cost(hall: Hall, gateway: psutil.Process, port: int) -> _Cost:
    clients = [{"method": "GET", "path": "/api/v1/specializations", "token": "", "body": REVISION_UNUSED}] * CLIENTS
    load = Load(hall)
    await load.requests(clients, 1, port=port)
    before = _cpu(gateway)
    await asyncio.sleep(SECONDS)
    at_rest = (_cpu(gateway) - before) / SECONDS
    before, began = _cpu(gateway), time.perf_counter()
    result = await load.requests(clients, SECONDS, port=port)
    calls, seconds = sum(result["statuses"].values()), time.perf_counter() - began
    return _Cost(at_rest, (_cpu(gateway) - before - at_rest * seconds) / calls * 1e6, calls, result["per_second"])


@asynccontextmanager
async def _gateway_alone(hall: Hall) -> AsyncIterator[tuple[psutil.Process, int]]:
    """A second gateway, whose identity does nothing but reply; its process and port."""
    port, service_port = free_port(), free_port()
    ports = hall.ports()
    environment = {
        **hall_environment(),
        "EXAMHALL_SERVICE_SECRET": (hall.folder / "secret").read_text().strip(),
        "EXAMHALL_HTTP_PORT": str(port),
        "EXAMHALL_IDENTITY_HTTP": f"{HOST}:{service_port}",
        "EXAMHALL_IDENTITY_GRPC": f"{HOST}:{ports['identity_grpc']}",
        "KAFKA_BOOTSTRAP_SERVERS": f"{HOST}:{ports['broker']}",
    }
    commands = (
        ["-m", "benchmarks.bare_service", str(service_port)],
        ["-m", "examhall.main", "serve", "gateway"],
    )
    started = [
        await asyncio.create_subprocess_exec(sys.executable, *command, env=environment, stdout=subprocess.DEVNULL)
        for command in commands
    ]
    try:
        await until_ready(port, lambda: all(process.returncode is None for process in started))
        yield psutil.Process(started[-1].pid), port
    finally:
        for process in started:
            if process.returncode is None:
                process.terminate()
            await process.wait()


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
