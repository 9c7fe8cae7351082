"""The read models as values, to compare."""

from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession

from services.analytics.tables import READ_MODELS

Dump = dict[str, list[tuple[Any, ...]]]


async def dump(tx: AsyncSession) -> Dump:
    """Every row of every read model, in an order of its own."""
    return {
        table.__tablename__: sorted(map(tuple, await tx.execute(sa.select(*table.__table__.columns))), key=repr)
        for table in READ_MODELS
    }
