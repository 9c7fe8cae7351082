"""Copies of what other services tell: of each thing the newest state, in whatever order its events come."""

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import msgspec
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncSession
from sqlmodel import SQLModel

Row = Mapping[str, Any]
Key = tuple[Any, ...]


async def keep_newer(tx: AsyncSession, table: type[SQLModel], values: Row, version: str = "version") -> bool:
    """Stores a row of `table` unless its state is as new as this one, told by the column `version`. Whether it was stored.

    Columns that are not given keep their value, or get their default in the database.
    """
    kept = await tx.scalar(_one(table, tuple(values), version), dict(values))
    return kept is not None


async def keep_newest(
    tx: AsyncSession, table: type[SQLModel], rows: Sequence[Row], version: str = "version"
) -> set[Key]:
    """Stores many rows of the same columns with one statement, each as keep_newer would; the primary keys of those that were stored.

    Of several states of one thing the newest counts, wherever it stands. Rows are locked in the order of their keys.
    """
    if not rows:
        return set()
    newest = newest_of(rows, [column.name for column in _described(table).primary_key], version)
    ordered = [newest[key] for key in sorted(newest)]
    stored = await tx.execute(_many(table, tuple(rows[0]), version), {"rows": _in_json(table, ordered)})
    return {tuple(row) for row in stored}


async def keep_once(tx: AsyncSession, table: type[SQLModel], rows: Sequence[Row]) -> None:
    """Stores many rows of the same columns with one statement; one whose key is there already changes nothing."""
    if rows:
        await tx.execute(_once(table, tuple(rows[0])), {"rows": _in_json(table, rows)})


def newest_of(rows: Sequence[Row], key: Sequence[str], version: str) -> dict[Key, Row]:
    """Of each thing the row with the highest version, the first of equals: what keep_newer would leave, had the rows come one after the other."""
    newest: dict[Key, Row] = {}
    for row in rows:
        thing = tuple(row[name] for name in key)
        if thing not in newest or newest[thing][version] < row[version]:
            newest[thing] = row
    return newest


def _in_json(table: type[SQLModel], rows: Sequence[Row]) -> str:
    """The rows as PostgreSQL reads them from JSON, which unlike arrays can hold columns that are arrays; bytes in hexadecimal digits."""
    binary = [name for name in rows[0] if isinstance(_described(table).c[name].type, sa.LargeBinary)]
    if binary:
        rows = [{**row, **{name: _hexadecimal(row[name]) for name in binary}} for row in rows]
    return msgspec.json.encode(rows).decode()


def _hexadecimal(content: bytes | None) -> str | None:
    return None if content is None else f"\\x{content.hex()}"


def _described(table: type[SQLModel]) -> sa.Table:
    described: sa.Table = table.__table__  # type: ignore[attr-defined]
    return described


# Statements are written out once: composing one anew for each event costs several times what the event itself does.


@cache
def _one(table: type[SQLModel], columns: tuple[str, ...], version: str) -> sa.TextClause:
    described = _described(table)
    given = f"VALUES ({', '.join(f':{column}' for column in columns)})"
    statement = sa.text(f"{_insert(described, columns, given, version)} RETURNING 1")
    return statement.bindparams(*(sa.bindparam(column, type_=described.c[column].type) for column in columns))


@cache
def _many(table: type[SQLModel], columns: tuple[str, ...], version: str) -> sa.TextualSelect:
    described = _described(table)
    key = list(described.primary_key)
    returned = ", ".join(f"{described.name}.{column.name}" for column in key)
    statement = sa.text(f"{_insert(described, columns, _from_json(described, columns), version)} RETURNING {returned}")
    return statement.columns(*(sa.column(column.name, column.type) for column in key))


@cache
def _once(table: type[SQLModel], columns: tuple[str, ...]) -> sa.TextClause:
    described = _described(table)
    rows = _from_json(described, columns)
    return sa.text(f"INSERT INTO {described.name} ({', '.join(columns)}) {rows} ON CONFLICT DO NOTHING")


def _from_json(described: sa.Table, columns: Sequence[str]) -> str:
    rows = f"json_populate_recordset(CAST(NULL AS {described.name}), CAST(:rows AS json))"
    return f"SELECT {', '.join(columns)} FROM {rows}"  # noqa: S608


def _insert(described: sa.Table, columns: Sequence[str], given: str, version: str) -> str:
    """An INSERT of the rows in `given` that replaces a stored one with a newer one only."""
    name, key = described.name, ", ".join(column.name for column in described.primary_key)
    changed = ", ".join(f"{column} = excluded.{column}" for column in columns)
    return (
        f"INSERT INTO {name} ({', '.join(columns)}) {given}"
        f" ON CONFLICT ({key}) DO UPDATE SET {changed} WHERE {name}.{version} < excluded.{version}"
    )
