"""What an ordinary request costs the gateway."""

from collections.abc import AsyncIterator

import psutil

from benchmarks.hall import Hall, Load
from benchmarks.results import Figure

CLIENTS = 16
SECONDS = 6


async def measure(hall: Hall) -> AsyncIterator[Figure]:
    """CPU of the gateway for each proxied call, beside what the service spends on answering it."""
    request = {"method": "GET", "path": "/api/v1/specializations", "token": "", "body": ""}
    load = Load(hall)
    await load.requests([_anonymous(request)] * CLIENTS, 1)
    gateway, service = (psutil.Process(hall.pid(part)) for part in ("gateway", "identity"))
    before = [_cpu(gateway), _cpu(service)]
    result = await load.requests([_anonymous(request)] * CLIENTS, SECONDS)
    calls = sum(result["statuses"].values())
    spent = [(after - first) / calls * 1e6 for first, after in zip(before, [_cpu(gateway), _cpu(service)], strict=True)]
    behind = f"{spent[0] / spent[1]:.2f} of the {spent[1]:.0f} µs that the service itself spends; {result['per_second']:.0f} calls/s"
    yield Figure("gateway CPU for a proxied call", f"{spent[0]:.0f} µs", "under 150 µs", behind)


def _anonymous(request: dict[str, str]) -> dict[str, str]:
    """The generator fills in a revision; a body of three format characters that give nothing keeps it content."""
    return {**request, "body": "%.0s"}


def _cpu(process: psutil.Process) -> float:
    times = process.cpu_times()
    return float(times.user + times.system)
