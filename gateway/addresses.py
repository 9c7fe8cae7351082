"""Where a service is: its name looked up, kept for a moment, and its addresses used in turn."""

import asyncio
import socket
import time
from collections.abc import Awaitable, Callable

LookUp = Callable[[str], Awaitable[list[str]]]

_KEPT_SECONDS = 5.0  # so soon is a replica found that is new, and one forgotten that has gone


async def look_up_name(host: str) -> list[str]:
    """The IP addresses of a name, in the order of the system's preference. Raises OSError."""
    found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in found))


class Addresses:
    """The addresses of one name. Whoever asks while a look-up is under way waits for that one."""

    def __init__(self, host: str, look_up: LookUp = look_up_name) -> None:
        self._host = host
        self._look_up = look_up
        self._known: list[str] = []
        self._known_until = 0.0
        self._looking: asyncio.Task[list[str]] | None = None

    async def in_turn(self) -> list[str]:
        """All of them, each time another one first: connections spread over replicas. Raises OSError when the name has none."""
        if not self._known or time.monotonic() >= self._known_until:
            if self._looking is None or self._looking.done():
                self._looking = asyncio.create_task(self._renew())
            await asyncio.shield(self._looking)
        self._known = [*self._known[1:], self._known[0]]
        return self._known

    def forget(self) -> None:
        """Looks the name up anew next time: nobody answered at what is known."""
        self._known_until = 0.0

    async def _renew(self) -> list[str]:
        found = await self._look_up(self._host)
        if not found:
            raise OSError(f"{self._host} has no address")
        self._known, self._known_until = found, time.monotonic() + _KEPT_SECONDS
        return found
