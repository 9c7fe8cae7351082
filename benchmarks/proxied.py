"""What an ordinary request costs the gateway."""

import asyncio
import time
from collections.abc import AsyncIterator

import psutil

from benchmarks.hall import Hall, Load
from benchmarks.results import Figure

CLIENTS = 16
SECONDS = 6


async def measure(hall: Hall) -> AsyncIterator[Figure]:
    """CPU of the gateway for each proxied call, above what it spends at rest, beside what the service spends on answering it."""
    request = {"method": "GET", "path": "/api/v1/specializations", "token": "", "body": ""}
    load = Load(hall)
    await load.requests([_anonymous(request)] * CLIENTS, 1)
    gateway, service = (psutil.Process(hall.pid(part)) for part in ("gateway", "identity"))
    before = _cpu(gateway)
    await asyncio.sleep(SECONDS)
    at_rest = (_cpu(gateway) - before) / SECONDS
    before, before_service, began = _cpu(gateway), _cpu(service), time.perf_counter()
    result = await load.requests([_anonymous(request)] * CLIENTS, SECONDS)
    calls, seconds = sum(result["statuses"].values()), time.perf_counter() - began
    spent = (_cpu(gateway) - before - at_rest * seconds) / calls * 1e6
    answering = (_cpu(service) - before_service) / calls * 1e6
    behind = (
        f"above {at_rest * 1000:.0f} ms a second at rest; {spent / answering:.2f} of the {answering:.0f} µs that the service itself spends;"
        f" {result['per_second']:.0f} calls/s"
    )
    yield Figure("gateway CPU for a proxied call", f"{spent:.0f} µs", "under 150 µs", behind)


def _anonymous(request: dict[str, str]) -> dict[str, str]:
    """The generator fills in a revision; a body of three format characters that give nothing keeps it content."""
    return {**request, "body": "%.0s"}


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
