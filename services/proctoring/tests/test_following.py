"""A feed read while it goes on."""

from collections.abc import Awaitable, Callable
from typing import Any, cast

from sqlalchemy.ext.asyncio import AsyncSession

from services.proctoring.feeds import exam_feed
from services.proctoring.following import entries_after
from services.proctoring.tests.desk import Desk


class Interrupted:
    """A transaction in which something else happens after each statement."""

    def __init__(self, tx: AsyncSession, happens: Callable[[], Awaitable[None]]) -> None:
        self._tx = tx
        self._happens = happens

    async def execute(self, statement: Any) -> Any:
        """As the transaction does it."""
        result = await self._tx.execute(statement)
        await self._happens()
        return result

    async def scalar(self, statement: Any) -> Any:
        """As the transaction does it."""
        return (await self.execute(statement)).scalar()


async def test_what_is_told_while_a_feed_is_read_is_not_passed_over(desk: Desk) -> None:
    exam = await desk.exam()
    feed, number, read = exam_feed(exam.id), 0, []

    async def one_more() -> None:
        await desk.tell(feed, "more")

    for _ in range(3):
        async with desk.service.database.session() as tx:
            page = await entries_after(cast("AsyncSession", Interrupted(tx, one_more)), feed, number, limit=10)
        assert page.is_complete
        assert page.next == number + len(page.bodies)
        number = page.next
        read.append(number)
    assert read == [0, 1, 2]
