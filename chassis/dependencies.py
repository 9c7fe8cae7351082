"""Whether the servers that a process needs answer, as a metric that alerts stand on."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from chassis.metrics import DEPENDENCY_UP

LOOK_SECONDS = 5.0

Look = Callable[[], Awaitable[bool]]
"""Asks one server something trivial; False when it does not answer."""


async def watch_dependencies(looks: Mapping[str, Look]) -> None:
    """Looks at each dependency every five seconds, for ever. No answer within that time counts as none."""
    await asyncio.gather(*(_watch(name, look) for name, look in looks.items()))


async def _watch(name: str, look: Look) -> None:
    while True:
        try:
            answers = await asyncio.wait_for(look(), LOOK_SECONDS)
        except TimeoutError:
            answers = False
        DEPENDENCY_UP.labels(name).set(answers)
        await asyncio.sleep(LOOK_SECONDS)
