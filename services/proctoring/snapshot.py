"""Reading many things as of one instant."""

from sqlalchemy.ext.asyncio import AsyncSession


async def see_one_snapshot(tx: AsyncSession) -> None:
    """Lets everything that the transaction reads be of one instant. To be called before it reads anything."""
    await tx.connection(execution_options={"isolation_level": "REPEATABLE READ"})
