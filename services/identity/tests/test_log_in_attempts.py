"""What becomes of tries to sign in: found by whoever may see them, forgotten when nothing depends on them any more."""

from datetime import timedelta

import pytest

from chassis.clock import now
from services.identity.app import tidy_up
from services.identity.logging_in import KNOWN_ADDRESS
from services.identity.tests.builders import School

CROWD = """
INSERT INTO login_attempts (id, account, person_id, centre_id, login, address, user_agent, kind, outcome, reason, at)
SELECT gen_random_uuid(), 'login:' || n, gen_random_uuid(), gen_random_uuid(), 'somebody', '198.51.100.7', '', 'login', 'succeeded', '',
    now() - n * interval '1 second' FROM generate_series(1, 20000) n
"""


async def test_a_try_is_forgotten_when_it_says_nothing_about_its_address_any_more(school: School) -> None:
    student = await school.person()
    for password in ("wrong password", "another wrong password"):
        await school.log_in(student, password)
    await school.log_in(student)
    pool, at = school.service.database.pool, now()
    for outcome, age in (("failed", KNOWN_ADDRESS), ("succeeded", KNOWN_ADDRESS - timedelta(minutes=1))):
        await pool.execute("UPDATE login_attempts SET at = $2 WHERE outcome = $1", outcome, at - age)
    await tidy_up(school.service.runtime, at)
    assert [row["outcome"] for row in await pool.fetch("SELECT outcome FROM login_attempts")] == ["succeeded"]


@pytest.mark.parametrize("column", ["at", "centre_id", "person_id"])
async def test_a_page_of_tries_is_found_without_sorting_those_of_all(school: School, column: str) -> None:
    pool = school.service.database.pool
    await pool.execute(CROWD)
    await pool.execute("VACUUM ANALYZE login_attempts")
    one = await pool.fetchval(f"SELECT {column} FROM login_attempts LIMIT 1")
    condition = "at <= $1" if column == "at" else f"{column} = $1"
    query = f"SELECT * FROM login_attempts WHERE {condition} ORDER BY at DESC, id LIMIT 20"
    plan = "\n".join(row[0] for row in await pool.fetch(f"EXPLAIN {query}", one))
    assert f"ix_login_attempts_{column.removesuffix('_id')}" in plan
    assert "Seq Scan" not in plan
