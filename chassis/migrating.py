"""Migrations: one history a service, in services/<name>/migrations/versions, applied by Alembic without an env.py.

    python -m chassis.migrating new <service> "what changes"     writes a migration from the difference to tables.py
    python -m chassis.migrating check <service>                  fails when tables.py and the migrations disagree
    python -m chassis.migrating upgrade <service>                brings DATABASE_URL up to date

`new` and `check` need DATABASE_URL of a server where a scratch database may be made.
"""

import asyncio
import importlib
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata, produce_migrations, render_python_code
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection, make_url

from chassis.database import new_engine
from chassis.ids import new_id

ROOT = Path(__file__).resolve().parent.parent
_LOCK = 0x6578616D  # one migration of a database at a time
_TEMPLATE = '''"""{message}"""

import sqlalchemy as sa
import sqlmodel
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "{revision}"
down_revision = {down!r}
branch_labels = None
depends_on = None


def upgrade() -> None:
    {upgrade}


def downgrade() -> None:
    {downgrade}
'''


def metadata_of(service: str) -> sa.MetaData:
    """The metadata of a service's tables."""
    metadata: sa.MetaData = importlib.import_module(f"services.{service}.tables").Table.metadata
    return metadata


def scripts_of(service: str) -> ScriptDirectory:
    """The service's history of migrations."""
    folder = ROOT / "services" / service / "migrations"
    return ScriptDirectory(str(folder), version_locations=[str(folder / "versions")])


def upgrade(service: str, database_url: str) -> None:
    """Brings a database up to date; does nothing when it is. Two at once wait for each other."""
    asyncio.run(_with_connection(database_url, lambda connection: _upgrade(service, connection)))


async def upgrade_async(service: str, database_url: str) -> None:
    """Like `upgrade`, inside a running loop."""
    await _with_connection(database_url, lambda connection: _upgrade(service, connection))


def _upgrade(service: str, connection: Connection) -> None:
    connection.execute(sa.text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _LOCK})
    scripts = scripts_of(service)
    context = MigrationContext.configure(
        connection, opts={"fn": lambda revision, _: scripts._upgrade_revs("head", revision)}
    )
    with Operations.context(context):
        context.run_migrations()


async def _with_connection(database_url: str, work: Callable[[Connection], Any]) -> Any:
    engine = new_engine(database_url, poolclass=sa.NullPool)
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(work)
    finally:
        await engine.dispose()


async def with_scratch_database(server_url: str, work: Callable[[str], Any]) -> Any:
    """Runs `work(url)` on a fresh database of the server, dropped afterwards."""
    name = f"scratch_{new_id().hex}"
    admin = new_engine(server_url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    try:
        async with admin.connect() as connection:
            await connection.execute(sa.text(f'CREATE DATABASE "{name}"'))
            try:
                return await work(make_url(server_url).set(database=name).render_as_string(hide_password=False))
            finally:
                await connection.execute(sa.text(f'DROP DATABASE "{name}" WITH (FORCE)'))
    finally:
        await admin.dispose()


def _differences(service: str, connection: Connection) -> list[Any]:
    _upgrade(service, connection)
    context = MigrationContext.configure(
        connection, opts={"compare_type": True, "target_metadata": metadata_of(service)}
    )
    return list(compare_metadata(context, metadata_of(service)))


def _render(service: str, connection: Connection, message: str) -> Path | None:
    scripts = scripts_of(service)
    head = scripts.get_current_head()
    if head is not None:
        _upgrade(service, connection)
    context = MigrationContext.configure(
        connection, opts={"compare_type": True, "target_metadata": metadata_of(service)}
    )
    produced = produce_migrations(context, metadata_of(service))
    if produced.upgrade_ops is None or produced.downgrade_ops is None or produced.upgrade_ops.is_empty():
        return None
    number = f"{len(list(scripts.walk_revisions())) + 1:04d}"
    folder = ROOT / "services" / service / "migrations" / "versions"
    folder.mkdir(parents=True, exist_ok=True)
    slug = re.sub(r"[^a-z0-9]+", "_", message.lower()).strip("_")[:50]
    path = folder / f"{number}_{slug}.py"
    path.write_text(
        _TEMPLATE.format(
            message=message,
            revision=number,
            down=head,
            upgrade=render_python_code(produced.upgrade_ops, migration_context=context),
            downgrade=render_python_code(produced.downgrade_ops, migration_context=context),
        )
    )
    return path


def main(arguments: list[str]) -> None:
    """The command line of this module."""
    match arguments:
        case ["upgrade", service]:
            upgrade(service, os.environ["DATABASE_URL"])
        case ["check", service]:
            server = os.environ["DATABASE_URL"]
            differences = asyncio.run(
                with_scratch_database(
                    server, lambda url: _with_connection(url, lambda connection: _differences(service, connection))
                )
            )
            if differences:
                sys.exit(f"{service}: tables.py and the migrations differ: {differences}")
        case ["new", service, message]:
            (ROOT / "services" / service / "migrations" / "versions").mkdir(parents=True, exist_ok=True)
            server = os.environ["DATABASE_URL"]
            path = asyncio.run(
                with_scratch_database(
                    server, lambda url: _with_connection(url, lambda connection: _render(service, connection, message))
                )
            )
            sys.stdout.write(f"{path.relative_to(ROOT) if path else 'nothing to do'}\n")
        case _:
            sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
