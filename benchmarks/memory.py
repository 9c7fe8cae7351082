"""Memory of each process, at rest and under load."""

from collections.abc import AsyncIterator

import psutil

from benchmarks.hall import Hall, Load, seat
from benchmarks.results import Figure
from examhall.places import SERVICES

PARTS = (*SERVICES, "gateway")
_MEBIBYTE = 1024 * 1024


async def measure(hall: Hall) -> AsyncIterator[Figure]:
    """Proportional set size: services are forks of one process, and what they share counts once."""
    at_rest = _sizes(hall)
    clients = [sitter.save_request() for sitter in await seat(hall, 50)]
    await Load(hall).requests(clients, 5)
    under_load = _sizes(hall)
    behind = ", ".join(f"{part} {at_rest[part]:.0f} → {under_load[part]:.0f}" for part in PARTS)
    yield Figure("memory of the largest process at rest", f"{max(at_rest.values()):.0f} MiB", "under 80 MiB", behind)


def _sizes(hall: Hall) -> dict[str, float]:
    return {part: psutil.Process(hall.pid(part)).memory_full_info().pss / _MEBIBYTE for part in PARTS}
