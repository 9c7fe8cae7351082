"""What migrations make of the rows of before, and what no model says."""

import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations
from sqlalchemy.engine import Connection

from chassis.database import new_engine
from chassis.migrating import scripts_of
from services.analytics.tests.builders import School

_LINES = "SELECT kind, centre_id FROM activities ORDER BY occurred_at, event_id"


def _again(revision: str, connection: Connection) -> None:
    """Takes a migration back and makes it once more: what it then fills, it fills from the other tables."""
    script = scripts_of("analytics").get_revision(revision)
    assert script is not None
    with Operations.context(MigrationContext.configure(connection)):
        script.module.downgrade()
        script.module.upgrade()


async def test_lines_of_before_get_the_centre_that_their_events_named(school: School) -> None:
    centre_id = await school.centre()
    student_id = await school.person("student", centre_id=centre_id)
    await school.person("instructor")
    await school.graded(await school.exam(), {"q1": "1"}, student_id=student_id, centre_id=centre_id, is_released=True)
    pool = school.service.database.pool
    told = [tuple(row) for row in await pool.fetch(_LINES)]
    engine = new_engine(school.service.database.url, poolclass=sa.NullPool)
    try:
        async with engine.begin() as connection:
            await connection.run_sync(lambda at: _again("0004", at))
    finally:
        await engine.dispose()
    assert [tuple(row) for row in await pool.fetch(_LINES)] == told
    assert {kind for kind, centre in told if centre == centre_id} == {
        "person_registered",
        "attempt_started",
        "attempt_submitted",
        "grade_released",
    }


async def test_what_a_moment_tells_is_left_out_of_automatic_analyses(school: School) -> None:
    columns = await school.service.database.pool.fetch(
        "SELECT attname FROM pg_attribute WHERE attrelid = 'moments'::regclass AND attstattarget = 0"
    )
    assert [row["attname"] for row in columns] == ["details"]
