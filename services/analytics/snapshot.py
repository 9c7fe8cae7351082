"""One snapshot for a whole answer: events that are taken in meanwhile can't make its parts disagree."""

from typing import Annotated

import sqlalchemy as sa
from fastapi import Depends
from sqlalchemy.ext.asyncio import AsyncSession

from chassis.http import Tx


async def _snapshot(tx: Tx) -> AsyncSession:
    await tx.execute(sa.text("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY"))
    return tx


Snapshot = Annotated[AsyncSession, Depends(_snapshot, scope="function")]
