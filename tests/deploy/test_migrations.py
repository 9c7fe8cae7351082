"""Migrations only add: the version before goes on with the tables of the next one, so pods may be replaced one by one, and rolled back.

What the version before says to its tables is any of: read its columns, insert them all, change them, delete. `make deploy-check` besides lets a
class sit an exam on the version before while the next one migrates.
"""

from dataclasses import dataclass
from itertools import pairwise

import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy.engine import Connection

from chassis.database import new_engine
from chassis.migrating import scripts_of, with_scratch_database
from examhall.places import SERVICES


@dataclass(frozen=True)
class Table:
    """What a statement can meet: columns with their types, those that an insertion must name, and what refuses rows."""

    columns: dict[str, str]
    must_be_said: frozenset[str]
    refuses: frozenset[str]


Tables = dict[str, Table]


def broken_by(before: Tables, after: Tables) -> list[str]:
    """What a program written for the tables before can't do with those after."""
    found = []
    for name, old in before.items():
        new = after.get(name)
        if new is None:
            found.append(f"{name} is gone")
            continue
        found += [
            f"{name}.{column} {'is gone' if column not in new.columns else 'has another type'}"
            for column, kind in old.columns.items()
            if new.columns.get(column) != kind
        ]
        found += [f"{name}.{column} must be said" for column in sorted(new.must_be_said - old.must_be_said)]
        found += [f"{name} refuses rows by {rule}" for rule in sorted(new.refuses - old.refuses)]
    return found


_COLUMNS = """
SELECT c.relname AS "table", a.attname AS "column", format_type(a.atttypid, a.atttypmod) AS kind,
       a.attnotnull AND NOT a.atthasdef AND a.attidentity = '' AS must_be_said
FROM pg_attribute a JOIN pg_class c ON c.oid = a.attrelid
WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p') AND a.attnum > 0 AND NOT a.attisdropped
"""
# Constraints, unique indexes and triggers, each as the database itself spells it.
_RULES = """
SELECT conrelid::regclass::text AS "table", pg_get_constraintdef(oid) AS rule FROM pg_constraint
WHERE connamespace = 'public'::regnamespace AND contype IN ('c', 'f', 'u', 'p', 'x')
UNION ALL
SELECT indrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index JOIN pg_class ON oid = indexrelid
WHERE relnamespace = 'public'::regnamespace AND indisunique
UNION ALL
SELECT tgrelid::regclass::text, pg_get_triggerdef(oid) FROM pg_trigger WHERE NOT tgisinternal
"""


def _tables(connection: Connection) -> Tables:
    columns = connection.execute(sa.text(_COLUMNS)).all()
    rules = connection.execute(sa.text(_RULES)).all()
    return {
        name: Table(
            {each.column: each.kind for each in columns if each.table == name},
            frozenset(each.column for each in columns if each.table == name and each.must_be_said),
            frozenset(each.rule for each in rules if each.table == name),
        )
        for name in {each.table for each in columns} - {"alembic_version"}
    }


def _after_each(service: str, connection: Connection) -> list[tuple[str, Tables]]:
    scripts, steps = scripts_of(service), []
    for revision in [script.revision for script in reversed([*scripts.walk_revisions()])]:
        context = MigrationContext.configure(
            connection, opts={"fn": lambda at, _, to=revision: scripts._upgrade_revs(to, at)}
        )
        with Operations.context(context):
            context.run_migrations()
        steps.append((revision, _tables(connection)))
    return steps


async def _history(url: str, service: str) -> list[tuple[str, Tables]]:
    engine = new_engine(url, poolclass=sa.NullPool)
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(lambda at: _after_each(service, at))
    finally:
        await engine.dispose()


# Rules that a later migration added and the version before never meets: nobody ever changed a frozen version.
_FROZEN = "exam_versions refuses rows by CREATE TRIGGER exam_versions_are_frozen"
_HARMLESS = {("exams", "0002"): _FROZEN}


@pytest.mark.parametrize("service", SERVICES)
async def test_the_version_before_goes_on_with_the_next_ones_tables(postgres_url: str, service: str) -> None:
    history = await with_scratch_database(postgres_url, lambda url: _history(url, service))
    assert history[0][1], "no table was found, so nothing was compared"
    for (_, before), (revision, after) in pairwise(history):
        harmless = _HARMLESS.get((service, revision), "\0")
        broken = [fault for fault in broken_by(before, after) if not fault.startswith(harmless)]
        assert not broken, f"{service} {revision}: expand in one release, contract in a later one"


_BEFORE: Tables = {
    "grades": Table({"id": "uuid", "score": "numeric"}, frozenset({"id"}), frozenset({"PRIMARY KEY (id)"}))
}


@pytest.mark.parametrize(
    ("after", "told"),
    [
        ({}, ["grades is gone"]),
        ({"grades": Table({"id": "uuid"}, frozenset({"id"}), frozenset())}, ["grades.score is gone"]),
        (
            {"grades": Table({"id": "bigint", "score": "numeric"}, frozenset({"id"}), frozenset())},
            ["grades.id has another type"],
        ),
        (
            {"grades": Table({"id": "uuid", "score": "numeric", "why": "text"}, frozenset({"id", "why"}), frozenset())},
            ["grades.why must be said"],
        ),
        (
            {"grades": Table({"id": "uuid", "score": "numeric"}, frozenset(), frozenset({"CHECK (score > 0)"}))},
            ["grades refuses rows by CHECK (score > 0)"],
        ),
        ({**_BEFORE, "reviews": Table({"id": "uuid"}, frozenset({"id"}), frozenset({"PRIMARY KEY (id)"}))}, []),
        ({"grades": Table({"id": "uuid", "score": "numeric", "why": "text"}, frozenset({"id"}), frozenset())}, []),
    ],
)
def test_what_takes_something_away_is_noticed_and_what_adds_is_not(after: Tables, told: list[str]) -> None:
    assert broken_by(_BEFORE, after) == told
