"""One snapshot for a whole answer: events that are taken in meanwhile can't make its parts disagree."""

from typing import Annotated

import sqlalchemy as sa
from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.http import Tx


async def in_one_snapshot(tx: Tx) -> AsyncSession:
    """The transaction, seeing the database from its first query on as it was then. Must be said before that query."""
    await tx.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
    return tx


Snapshot = Annotated[AsyncSession, Depends(in_one_snapshot, scope="function")]
