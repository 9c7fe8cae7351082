"""Copies of what other services tell: of each thing the newest state, in whatever order its events come."""

from collections.abc import Mapping
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel


async def keep_newer(
    tx: AsyncSession, table: type[SQLModel], values: Mapping[str, Any], version: str = "version"
) -> bool:
    """Stores a row of `table` unless its state is as new as this one, told by the column `version`. Whether it was stored.

    Columns that are not given keep their value, or get their default in the database.
    """
    kept = await tx.scalar(_statement(table, tuple(values), version), dict(values))
    return kept is not None


@cache
def _statement(table: type[SQLModel], columns: tuple[str, ...], version: str) -> sa.TextClause:
    """Written out once: composing it anew for each event costs several times what the event itself does."""
    described: sa.Table = table.__table__  # type: ignore[attr-defined]
    name, key = described.name, ", ".join(column.name for column in described.primary_key)
    changed = ", ".join(f"{column} = excluded.{column}" for column in columns)
    statement = sa.text(
        f"INSERT INTO {name} ({', '.join(columns)}) VALUES ({', '.join(f':{column}' for column in columns)})"  # noqa: S608
        f" ON CONFLICT ({key}) DO UPDATE SET {changed} WHERE {name}.{version} < excluded.{version} RETURNING 1"
    )
    return statement.bindparams(*(sa.bindparam(column, type_=described.c[column].type) for column in columns))
