"""How far somebody has heard a feed of numbered events, and waiting until a number was heard."""

import asyncio
from contextlib import suppress


class Cursor:
    """`number` is the highest that was heard; 0: none yet."""

    def __init__(self) -> None:
        self.number = 0
        self._moved = asyncio.Event()

    def heard(self, number: int) -> None:
        """An event with that number came, maybe not for the first time."""
        self.number = max(self.number, number)
        self._moved.set()

    async def reach(self, number: int, within_seconds: float) -> None:
        """Waits until that number was heard; gives up after a while, and the audit says what is missing."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within_seconds):
                while self.number < number:
                    self._moved.clear()
                    await self._moved.wait()
